"""A file that a person sent, made into a picture that is safe to keep and to render.

Each file is decoded in a process of its own (`picture.child`), bounded in time and memory, so a bomb, a truncated or
a hostile file costs one sentence and nothing else. One such process is kept started, as starting takes 0.1 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self

import msgspec

from unstill_bots.intake.media import sniff
from unstill_bots.text.sentences import PICTURES
from unstill_config import metrics
from unstill_config.children import child_environ
from unstill_queue.contract.codes import NONE, NOTES


class PictureError(Exception):
    """The file is no picture that we take. `code` and `details` are for `replies`; the text is the same in English."""

    def __init__(self, code: str, details: Mapping[str, str] | None = None) -> None:
        self.code = code
        self.details = dict(details or {})
        super().__init__(PICTURES[code].format_map(self.details))


class SafePicture(msgspec.Struct, frozen=True):
    """PNG or JPEG: upright, sRGB, 8 bits, opaque, no metadata. Sizes in pixels; `notes` are codes for `replies`."""

    data: bytes
    format: Literal["png", "jpg"]
    width: int
    height: int
    notes: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        return f".{self.format}"


FORMAT_PIXELS = {
    "JPEG": 200_000_000,  # reduced while it is decoded; but see `Limits.coefficients`
    "WEBP": 24_000_000,  # its decoder holds up to 20 bytes a pixel
    "AVIF": 25_000_000,  # up to 16
    "HEIC": 64_000_000,  # 5 to 6: a phone's, of 8 bits
    "HEIC 10-bit": 50_000_000,  # up to 8
    "HEIC 4:2:2": 20_000_000,
    "HEIC 4:4:4": 20_000_000,  # up to 16
    "HEIC RGBA": 20_000_000,  # up to 20
}
"""The most pixels of a format where they are not `Limits.pixels`: measured, so that `Limits.memory` holds them."""


class Limits(msgspec.Struct, frozen=True):
    """What a picture may be, and what its process may spend on it.

    Sizes are in bytes and pixels. Of a larger picture `area` pixels are kept, and a long side of `longest`. A short
    side under `short_side` shows nothing when enlarged, and a shape beyond `aspect` to 1 fits no model. `coefficients`
    are those of a progressive JPEG, which its decoder holds all at once, in two bytes each. `memory` bounds the peak of
    the whole process in bytes, and `cpu` the seconds that it computes, however busy the machine is.
    """

    bytes: int = 40 * 1024**2
    pixels: int = 40_000_000
    format_pixels: dict[str, int] = msgspec.field(default_factory=FORMAT_PIXELS.copy)
    coefficients: int = 200_000_000
    side: int = 65_535
    short_side: int = 16
    aspect: int = 16
    area: int = 4_194_304
    longest: int = 8192
    memory: int = 512 * 1024**2
    cpu: float = 5.0

    @property
    def wall(self) -> float:
        """Seconds by the clock after which a process counts as hung: a busy machine may be ten times as slow."""
        return 10 * self.cpu


class _Reply(msgspec.Struct, frozen=True):
    code: str | None = None
    details: dict[str, str] = {}
    format: Literal["png", "jpg"] = "jpg"
    width: int = 0
    height: int = 0
    notes: tuple[str, ...] = ()


_COMMAND = (sys.executable, "-P", "-m", "unstill_bots.intake.picture.child")
_HEAD_MAX = 4096
_CHUNK = 1 << 18
_ENDING = 5.0
_MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff"}
_OVERSPENT = {signal.SIGKILL, signal.SIGXCPU, signal.SIGPROF, signal.SIGALRM}
_NOT_STARTED = 1


class Pictures:
    """Makes pictures safe, `at_once` of them at the same time. An async context manager."""

    def __init__(self, limits: Limits | None = None, at_once: int = 2) -> None:
        self.limits = limits or Limits()
        self._places = asyncio.Semaphore(at_once)
        self._next: asyncio.Task[asyncio.subprocess.Process] | None = None

    async def __aenter__(self) -> Self:
        self._next = asyncio.create_task(_start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting, self._next = self._next, None
        if waiting is not None:
            with contextlib.suppress(OSError):
                await _end(await waiting)

    async def make_safe(self, data: bytes) -> SafePicture:
        """The picture in `data`, safe.

        Raises:
            PictureError: not a picture that we take; nothing else, whatever the bytes.
        """
        try:
            return await self._make_safe(data)
        except PictureError as error:
            metrics.count("pictures_refused", code=error.code)
            raise

    async def _make_safe(self, data: bytes) -> SafePicture:
        limits = self.limits
        if not data:
            raise PictureError("picture_empty")
        if len(data) > limits.bytes:
            raise PictureError("picture_too_many_bytes", {"megabytes": f"{limits.bytes / 1024**2:g}"})
        sniffed = sniff(data)
        if sniffed.kind != "picture":
            raise PictureError(f"picture_{sniffed.kind}", {"format": sniffed.name})
        task = {"format": sniffed.name, "limits": msgspec.to_builtins(limits) | {"wall": limits.wall + 2}}
        async with self._places:
            try:
                child = await self._take()
            except OSError as error:  # no process or memory to be had at this moment
                raise PictureError("picture_unavailable", {"reason": str(error)}) from error
            try:
                async with asyncio.timeout(limits.wall):
                    reply = await _ask(child, msgspec.json.encode(task) + b"\n", data, _reply_limit(limits))
            except TimeoutError:
                raise PictureError("picture_too_heavy", {"reason": "deadline"}) from None
            finally:
                status = await _end(child)
        return _read(reply, status, limits)

    async def _take(self) -> asyncio.subprocess.Process:
        """The process that waits, if it still lives, else a new one; the next is started meanwhile."""
        while (ready := self._next) is not None:
            await asyncio.wait([ready])
            if self._next is ready:
                self._next = asyncio.create_task(_start())
                child = ready.result()
                return child if child.returncode is None else await _start()
        return await _start()


_shared: tuple[asyncio.AbstractEventLoop, Pictures] | None = None


async def make_safe(data: bytes, *, limits: Limits | None = None) -> SafePicture:
    """One picture, in a process started for it; as many at a time as `Pictures` allows. Raises PictureError."""
    global _shared
    if limits is not None:
        return await Pictures(limits).make_safe(data)
    loop = asyncio.get_running_loop()
    if _shared is None or _shared[0] is not loop:
        _shared = loop, Pictures()
    return await _shared[1].make_safe(data)


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=child_environ("picture"),
        start_new_session=True,  # Ctrl-C in a terminal is for the parent, which ends it
    )


async def _ask(child: asyncio.subprocess.Process, head: bytes, data: bytes, most: int) -> bytes:
    assert child.stdin is not None and child.stdout is not None  # noqa: S101  both were asked for as pipes
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(head)
        child.stdin.write(data)
        await child.stdin.drain()
        child.stdin.close()
    reply = bytearray()
    while len(reply) <= most and (chunk := await child.stdout.read(_CHUNK)):
        reply += chunk
    return bytes(reply)


async def _end(child: asyncio.subprocess.Process) -> int:
    """Its status; killed if it still runs, and its pipes read empty, so that nothing of it is left."""
    assert child.stdin is not None and child.stdout is not None  # noqa: S101
    child.stdin.close()
    if child.stdout.at_eof():  # it said all and is ending: Popen.kill would take its status away from asyncio
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(child.wait(), _ENDING)
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    while await child.stdout.read(_CHUNK):
        pass
    return await child.wait()


def _reply_limit(limits: Limits) -> int:
    return _HEAD_MAX + 4 * limits.area


def _read(reply: bytes, status: int, limits: Limits) -> SafePicture:
    """What the process said, believed only where it can be true: it has read a stranger's file."""
    head, _, picture = reply.partition(b"\n")
    try:
        said = msgspec.json.decode(head[:_HEAD_MAX], type=_Reply)
    except (msgspec.DecodeError, msgspec.ValidationError):
        if status == _NOT_STARTED:
            raise PictureError("picture_unavailable", {"reason": "its process could not be started"}) from None
        overspent = -status in _OVERSPENT
        reason = f"ended with {status}"
        raise PictureError("picture_too_heavy" if overspent else "picture_broken", {"reason": reason}) from None
    if said.code is not None:
        details = {name: value[:200] for name, value in said.details.items()}
        try:
            raise PictureError(said.code, details)
        except KeyError:
            raise PictureError("picture_broken", {"reason": "unknown answer"}) from None
    sound = picture.startswith(_MAGIC[said.format]) and len(reply) <= _reply_limit(limits)
    whole = 0 < said.width <= limits.longest and 0 < said.height <= limits.longest
    if not (sound and whole and said.width * said.height <= limits.area):
        raise PictureError("picture_broken", {"reason": "unlikely answer"})
    # people read them: only codes pass, and nothing that could hold words
    notes = tuple(note for note in said.notes if NOTES.get(note) == NONE)
    return SafePicture(picture, said.format, said.width, said.height, notes)
