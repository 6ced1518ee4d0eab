"""What can become of a render, as the worker sees it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from unstill_queue.contract.errors import JobError
from unstill_queue.contract.jobs import Failed, Parameters


class EngineError(JobError):
    """No renderer can be had. The text says in one sentence what happened, and in one what to do."""


class Rendered(msgspec.Struct, frozen=True):
    """`spool` holds num_frames * height * width * 3 bytes: frames one after the other, RGB, 8 bits a channel.

    `sound` is a WAV file of what they sound like, where the model made that.
    `render_seconds` is the render itself; `parameters` are those that were used.
    """

    spool: Path
    width: int
    height: int
    num_frames: int
    fps: int
    parameters: Parameters
    render_seconds: float
    notes: tuple[str, ...] = ()
    sound: Path | None = None


class RenderFailed(msgspec.Struct, frozen=True):
    """The job cannot be rendered; the device is sound. `failed` is the person's answer, `reason` for the operator."""

    failed: Failed
    reason: str


class RenderStopped(msgspec.Struct, frozen=True):
    """It was cancelled."""


class ChildDied(msgspec.Struct, frozen=True):
    """The child ended in the middle. `reason` and `stderr_tail` are for the operator, never for the person."""

    reason: str
    stderr_tail: str


class ChildHung(msgspec.Struct, frozen=True):
    """The child was past the job's deadline and was killed; `stderr_tail` ends with where its threads stood."""

    reason: str
    stderr_tail: str


class DevicePoisoned(msgspec.Struct, frozen=True):
    """The device answered no more; the child gave itself up. `code` is the answer's where this was the last try."""

    reason: str
    stderr_tail: str
    code: str = "engine_lost"


ChildLost = ChildDied | ChildHung | DevicePoisoned
"""The job is not to blame for certain: it may be tried again, on the child that replaces this one."""

RenderOutcome = Rendered | RenderFailed | RenderStopped | ChildLost
