"""Where frames stand between renderer and clip: a folder for each job, gone afterwards, also after a kill."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from unstill_config.errors import ConfigError
from unstill_queue.storage import temporary
from unstill_queue.storage.folder import explain

log = structlog.get_logger(__name__)

PREFIX = "unstill-engine-"
ROOM_LEAST = 16_000_000
"""Bytes without which no job is begun: the frames of a small clip."""
LOOK_EVERY = 1.0
TELL_EVERY = 60.0
MEND = "set UNSTILL_ENGINE__SCRATCH to another one"


def prepare(base: Path | None) -> None:
    """Make `base` if need be, and delete what killed engines left there.

    Raises:
        ConfigError: the folder cannot be made.
    """
    if base is not None:
        try:
            base.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"UNSTILL_ENGINE__SCRATCH={base}: {error.strerror}. Set a folder to write to.") from error
    temporary.sweep(PREFIX, base)


@contextmanager
def folder(base: Path | None) -> Iterator[Path]:
    """A new folder in `base`, or in the system's own for temporary files. Raises OSError."""
    with temporary.folder(PREFIX, base) as made:
        yield made


def trouble(base: Path | None) -> str | None:
    """What would keep a job from its work there, in a sentence of what is wrong and one of what to do."""
    where = base or Path(tempfile.gettempdir())
    try:
        with folder(base) as made:
            (made / "probe").write_bytes(b"unstill")
            free = shutil.disk_usage(made).free
    except OSError as error:
        return explain(str(where), error, MEND)
    if free < ROOM_LEAST:
        return f"The folder {where} has {free / 1e6:.0f} MB left. Free some space, or {MEND}."
    return None


async def until_usable(base: Path | None) -> None:
    """Wait until a job could work there. The log says what is wrong, at first and then every TELL_EVERY seconds."""
    told = None
    while (wrong := await asyncio.to_thread(trouble, base)) is not None:
        if told is None or time.monotonic() - told > TELL_EVERY:
            log.error("this engine takes no jobs", reason=wrong)
            told = time.monotonic()
        await asyncio.sleep(LOOK_EVERY)
    if told is not None:
        log.info("this engine takes jobs again")
