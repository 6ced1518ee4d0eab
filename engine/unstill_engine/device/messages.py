"""What crosses the pipes between worker and child: typed values in msgpack, each with its length in front."""

from __future__ import annotations

import signal
import struct
from pathlib import Path
from typing import Final, Self

import msgspec

from unstill_engine.renderers.base import Photos, Plan
from unstill_queue.contract import jobs
from unstill_queue.contract.jobs import Parameters

HEADER: Final = struct.Struct(">I")
"""Length of the message that follows, in bytes."""

LARGEST: Final = 1 << 20
"""Bytes. Pictures and frames go by file, so anything near to this is no message of ours."""


LOOK_MOST: Final = 48 << 10
"""Bytes of an early look at most: what an idle pipe holds, so that nobody who sends one waits."""

STACKS_SIGNAL: Final = signal.SIGUSR1
"""Makes the child write where each of its threads stands to stderr, even inside C code."""


class Load(msgspec.Struct, frozen=True, tag="load"):
    """The first command. `model` is the catalogue's entry as JSON, `state` the folder of the device locks, `queue`
    where the queue is that is served.
    """

    name: str
    model: str
    device: str
    state: str
    lock_timeout: float
    queue: str = ""


class Render(msgspec.Struct, frozen=True, tag="render"):
    """`run` numbers this attempt, so that nothing said about another one can be taken for it.

    `picture` and `last_picture` are the files of the photos that the clip begins and ends with, "" where there is none.
    `frame` is the size of the finished clip, where the photo is cropped to that shape unless that loses what matters.
    `look`: an early look is wanted.
    `continues` as in `Photos`.
    """

    run: int
    parameters: Parameters
    picture: str
    spool: str
    frame: tuple[int, int] | None = None
    last_picture: str = ""
    look: bool = False
    continues: bool = False

    @classmethod
    def of(
        cls,
        run: int,
        parameters: Parameters,
        photos: Photos,
        spool: Path,
        frame: tuple[int, int] | None = None,
        *,
        look: bool = False,
    ) -> Self:
        """Return the command to render these photos to the file `spool`."""
        first, last = str(photos.first or ""), str(photos.last or "")
        return cls(run, parameters, first, str(spool), frame, last, look, photos.continues)

    @property
    def photos(self) -> Photos:
        """The photos as a renderer is given them."""
        first, last = (Path(name) if name else None for name in (self.picture, self.last_picture))
        return Photos(first, last, self.continues)


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    run: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End after what is being rendered."""


class Locked(msgspec.Struct, frozen=True, tag="locked"):
    """The device is this child's alone; loading begins."""


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    seconds: float


class NotLoaded(msgspec.Struct, frozen=True, tag="not_loaded"):
    """`reason` is for the operator: what happened, and what to do."""

    code: str
    reason: str


class Planned(msgspec.Struct, frozen=True, tag="planned"):
    """Comes again where the plan could not be kept; the last one holds."""

    run: int
    plan: Plan


class Stepped(msgspec.Struct, frozen=True, tag="stepped"):
    run: int
    step: int
    steps: int


class Looked(msgspec.Struct, frozen=True, tag="looked"):
    """An early look at the clip, a JPEG of at most LOOK_MOST bytes; at most one a run."""

    run: int
    picture: bytes


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """All frames stand in the spool file, and the sound, where there is one, `beside` it.

    `seconds` is the render without its plan.
    """

    run: int
    seconds: float
    sound: bool = False


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """`outcome` is the person's answer, `reason` is for the operator."""

    run: int
    outcome: jobs.Failed
    reason: str


class Interrupted(msgspec.Struct, frozen=True, tag="interrupted"):
    run: int


class Poisoned(msgspec.Struct, frozen=True, tag="poisoned"):
    """The device answers no more; the child ends right after this. `code` as in renderers.base.DevicePoisoned."""

    run: int
    message: str
    code: str = "engine_lost"


def beside(spool: Path) -> Path:
    """Return the file for what the frames in `spool` sound like."""
    return spool.with_suffix(".wav")


Command = Load | Render | Cancel | Stop
Report = Locked | Loaded | NotLoaded | Planned | Stepped | Looked | Finished | Failed | Interrupted | Poisoned

_commands = msgspec.msgpack.Decoder(Command)
_reports = msgspec.msgpack.Decoder(Report)


class MessageError(Exception):
    """Bytes that are not a message of ours, or a value too large to be one."""


def pack(message: Command | Report) -> bytes:
    """The message with its length in front.

    Raises:
        MessageError: larger than `LARGEST`.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > LARGEST:
        raise MessageError(f"a message of {len(body)} bytes is over {LARGEST}")
    return HEADER.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """How many bytes follow a `HEADER`. Raises MessageError where it is more than `LARGEST`."""
    length: int = HEADER.unpack(header)[0]
    if length > LARGEST:
        raise MessageError(f"a message of {length} bytes is over {LARGEST}")
    return length


def unpack_command(body: bytes) -> Command:
    """Raises MessageError."""
    try:
        command: Command = _commands.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError(str(error)) from error
    return command


def unpack_report(body: bytes) -> Report:
    """Raises MessageError."""
    try:
        report: Report = _reports.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MessageError(str(error)) from error
    return report


class ReportStream:
    """Turns bytes as they come into reports, whatever the cuts between them."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Report]:
        """The reports that are complete now. Raises MessageError."""
        self._buffer += data
        reports = []
        while len(self._buffer) >= HEADER.size:
            end = HEADER.size + body_length(bytes(self._buffer[: HEADER.size]))
            if len(self._buffer) < end:
                break
            reports.append(unpack_report(bytes(self._buffer[HEADER.size : end])))
            del self._buffer[:end]
        return reports
