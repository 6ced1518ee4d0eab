"""What the engine's tests share: an ffmpeg that works, and a tiny model."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg


@pytest.fixture(scope="session")
def binary() -> Ffmpeg:
    """By the setting's environment variable where it is given."""
    setting = os.environ.get("UNSTILL_ENGINE__FFMPEG")
    return asyncio.run(find_ffmpeg(Path(setting) if setting else None))


@pytest.fixture(scope="session")
def tiny_i2vgen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random I2VGen-XL."""
    from tests.engine.i2vgen_tiny import save_tiny  # torch, for those alone who need it

    return save_tiny(tmp_path_factory.mktemp("i2vgen") / "model")
