"""What the engine's tests share: an ffmpeg that works, by the setting's environment variable where it is given."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg


@pytest.fixture(scope="session")
def binary() -> Ffmpeg:
    setting = os.environ.get("UNSTILL_ENGINE__FFMPEG")
    return asyncio.run(find_ffmpeg(Path(setting) if setting else None))
