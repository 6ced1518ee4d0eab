"""What the engine's tests share: an ffmpeg that works."""

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
