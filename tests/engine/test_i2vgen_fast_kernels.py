"""Each Triton kernel is its reference in plain torch, and the fast forward with them is the stock UNet's.

They run in Triton's interpreter, on the processor: the arithmetic is that of the device, its speed is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOLERANCES = {
    "sums": 1e-6,
    "norms": 1e-6,
    "attention": 1e-6,
    "gated": 2e-5,  # the polynomial for GELU is 1e-5 off at most, of values about 1
    "temporal": 1e-6,
    "winograd": 1e-2,  # what goes in and comes out has 16 bits, and so has what lies between
    "unet": 1e-4,
    "decoder": 1e-4,
}
Compared = dict[str, list[tuple[str, float]]]


@pytest.fixture(scope="module")
def compared() -> Compared:
    """From a process in which Triton interprets: it reads that from its environment, once."""
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "tests.engine.i2vgen_fast_kernels", *TOLERANCES]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Compared = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", TOLERANCES)
def test_what_the_kernels_compute(compared: Compared, name: str) -> None:
    # Then everything that was compared is as near as its arithmetic allows; NaN is not
    assert compared[name]
    assert [(told, far) for told, far in compared[name] if not far <= TOLERANCES[name]] == []
