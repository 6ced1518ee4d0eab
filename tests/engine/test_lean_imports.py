"""Single classes of diffusers, imported without the library, are its own, and are in nobody's way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from unstill_engine.renderers.torch.lean_imports import lean_imports, load_classes

DDIM = "diffusers.schedulers.scheduling_ddim:DDIMScheduler"
UNET = "diffusers.models.unets.unet_i2vgen_xl:I2VGenXLUNet"
(first,), (again, unet) = load_classes(DDIM), load_classes(DDIM, UNET)
assert first is again
with lean_imports():
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    made = first.from_config(first().config)
assert DDIMScheduler is first and made.config == first().config
heavy = {"diffusers", "transformers", "accelerate", "peft", "torch._dynamo", "diffusers.models.unets"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()

# whoever imports the library afterwards has all of it
import diffusers, torch._dynamo
from diffusers import AutoencoderKL, I2VGenXLPipeline
assert torch._dynamo.optimize and I2VGenXLPipeline.from_pretrained and AutoencoderKL.from_pretrained
assert diffusers.utils.is_transformers_available() and diffusers.utils.is_accelerate_available()
# and where it is there already, its own classes are taken
(own,) = load_classes(DDIM)
assert own is diffusers.DDIMScheduler and own is not first
assert own().config == first().config
print("whole")
"""


def test_a_class_alone_is_imported_and_the_library_is_whole_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:unstill_engine", "-c", PROGRAM],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("whole\n", 0), done.stderr
