"""The file through which frames go from the child to the encoder: raw RGB, no frame passes a pipe or the worker."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from unstill_engine.renderers.base import Frames, Plan, RenderError
from unstill_queue.storage.folder import code_of, explain

CHANNELS = 3
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class WrongFrames(Exception):
    """A renderer made other frames than it had planned: a fault of the renderer, for the operator to read."""


class Spool:
    """Takes exactly the frames of a plan: num_frames of (height, width, 3) uint8, one after the other.

    Raises:
        RenderError: there is no room on the disk, or it cannot be written to.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self._path = path
        try:
            self._expect(plan)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RenderError(code_of(error), explain(str(path.parent), error)) from error

    def restart(self, plan: Plan) -> None:
        """Forget the frames so far, and take those of this plan instead. Raises RenderError."""
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self._expect(plan)

    def _expect(self, plan: Plan) -> None:
        self._plan = plan
        self._shape = (plan.height, plan.width, CHANNELS)
        self._count = 0
        needed = plan.num_frames * plan.height * plan.width * CHANNELS
        if shutil.disk_usage(self._path.parent).free < needed:
            raise no_room(needed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def write(self, chunk: Frames) -> None:
        """Append one or more frames, (T, H, W, 3) uint8.

        Raises:
            WrongFrames: not of the plan's shape or type, or more than planned.
            RenderError: there is no room on the disk.
        """
        if not isinstance(chunk, np.ndarray):
            raise WrongFrames(f"frames are {type(chunk).__name__}, not a numpy array")
        if chunk.dtype != np.uint8:
            raise WrongFrames(f"frames are {chunk.dtype}, not uint8")
        if chunk.ndim != 4 or chunk.shape[1:] != self._shape or not len(chunk):
            raise WrongFrames(f"frames are of shape {chunk.shape}, planned was (T, {', '.join(map(str, self._shape))})")
        if self._count + len(chunk) > self._plan.num_frames:
            raise WrongFrames(f"frame {self._count + len(chunk)} came, planned were {self._plan.num_frames}")
        data = np.ascontiguousarray(chunk).data.cast("B")
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            if error.errno in FULL:
                raise no_room(data.nbytes) from error
            raise
        self._count += len(chunk)

    def check_complete(self) -> None:
        """Raises WrongFrames where fewer frames came than planned."""
        if self._count != self._plan.num_frames:
            raise WrongFrames(f"{self._count} frames came, planned were {self._plan.num_frames}")


def no_room(needed: int) -> RenderError:
    return RenderError("disk_full", f"the frames need {needed / 1e6:.0f} MB more than the engine's disk has")
