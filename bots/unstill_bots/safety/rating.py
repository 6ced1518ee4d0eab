"""How likely pictures are for adults only, by a network in one lasting process of its own (`rater`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from types import TracebackType
from typing import Self

import msgspec
import structlog

from unstill_config.children import child_environ

log = structlog.get_logger(__name__)

TRIES = 2
"""Processes that are asked for one picture: one that was killed is followed by another, and that is enough."""
START_WITHIN = 60.0
"""Seconds by the clock in which a process has to be ready, however busy the machine is."""
_COMMAND = (sys.executable, "-P", "-m", "unstill_bots.safety.rater")


class Bounds(msgspec.Struct, frozen=True):
    """Bounds what the process may spend: bytes of memory in all; for each task, seconds that it computes, and
    seconds by the clock, after which it counts as hung.
    """

    memory: int = 512 * 1024**2
    cpu: float = 10.0
    wall: float = 100.0


class RatingUnavailable(Exception):
    """No process could rate it just now. The text is for the operator."""


class _Reply(msgspec.Struct, frozen=True):
    scores: tuple[float, ...] = ()
    ready: bool = False


class Rating:
    """Rates pictures, one after the other. An async context manager, which starts its process.

    One that has died, or was killed as it spent too much, is followed by another at the next picture. `is_away`: the
    last one that was started never got ready.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self.is_away = False

    @property
    def pid(self) -> int | None:
        """The number of the process, where one runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def __aenter__(self) -> Self:
        async with self._turn:
            try:
                await self._ready()
            except RatingUnavailable as error:
                log.error("pictures cannot be rated, and unstill doctor says why", error=str(error))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def picture(self, data: bytes) -> float:
        """Return the probability, from 0 to 1, that a PNG or JPEG is for adults only. Raises RatingUnavailable."""
        return max(await self._rate(data, 0, 1))

    async def frames(self, data: bytes, count: int) -> float:
        """Return the highest probability among frames as `rater` takes them. Raises RatingUnavailable."""
        return max(await self._rate(data, count, count))

    async def _rate(self, data: bytes, frames: int, count: int) -> tuple[float, ...]:
        head = json.dumps({"bytes": len(data), "frames": frames}).encode() + b"\n"
        async with self._turn:
            for _ in range(TRIES):
                process = await self._ready()
                try:
                    async with asyncio.timeout(self._bounds.wall + 5):
                        scores = (await _ask(process, head + data)).scores
                except (TimeoutError, OSError, ValueError) as error:
                    log.warning("the process that rates pictures did not answer", error=repr(error))
                except BaseException:
                    # its answer to this would be taken for that to the next
                    await self._end()
                    raise
                else:
                    # it has read a stranger's picture: believed only where it can be true
                    if len(scores) == count and all(0 <= score <= 1 for score in scores):
                        return scores
                    log.warning("the process that rates pictures gave an unlikely answer")
                await self._end()
        raise RatingUnavailable(f"{TRIES} processes ended without a rating")

    async def _ready(self) -> asyncio.subprocess.Process:
        """Return the process; a new one where it has ended. Raises RatingUnavailable."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._end()
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                json.dumps(msgspec.to_builtins(self._bounds)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=child_environ("rating"),
                start_new_session=True,  # Ctrl-C in a terminal is for the parent, which ends it
            )
            async with asyncio.timeout(START_WITHIN):
                await _answer(process)
        except (TimeoutError, OSError, ValueError) as error:
            self.is_away = True
            await self._end()
            raise RatingUnavailable(f"the process that rates pictures does not start: {error!r}") from error
        self.is_away = False
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None  # noqa: S101  both were asked for as pipes
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.stdin.close()
        while await process.stdout.read(1 << 16):
            pass
        await process.wait()


async def _ask(process: asyncio.subprocess.Process, task: bytes) -> _Reply:
    assert process.stdin is not None  # noqa: S101
    process.stdin.write(task)
    await process.stdin.drain()
    return await _answer(process)


async def _answer(process: asyncio.subprocess.Process) -> _Reply:
    """Read one line. Raises ValueError for what is none, as at the end of a process."""
    assert process.stdout is not None  # noqa: S101
    line = await process.stdout.readline()
    return msgspec.json.decode(line, type=_Reply)
