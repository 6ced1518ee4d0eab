"""What the engine's tests share: an ffmpeg that works, and a host who signs clips."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from tests.engine.signing import Papers, papers

from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg
from unstill_engine.clip.credentials import Signer


@pytest.fixture(scope="session")
def binary() -> Ffmpeg:
    """By the setting's environment variable where it is given."""
    setting = os.environ.get("UNSTILL_ENGINE__FFMPEG")
    return asyncio.run(find_ffmpeg(Path(setting) if setting else None))


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Return a host's certificate and key, and the root that vouches for it."""
    return papers(tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="session")
def signer(host: Papers) -> Signer:
    """Return what signs clips by that certificate."""
    return Signer(host.certificate, host.key, "es256")
