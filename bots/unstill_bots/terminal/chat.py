"""The terminal as a chat: photos are read from files, and clips are written to them."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from unstill_bots.delivery.chat import ChatGone, FetchError
from unstill_bots.delivery.message import Message, Urgency
from unstill_bots.terminal.inputs import STDIN, Target
from unstill_bots.terminal.naming import claim_path
from unstill_bots.terminal.wording import Wording
from unstill_bots.text.replies import CAPTION_LENGTH
from unstill_queue.contract.jobs import ReplyAddress, Request

PLATFORM = "terminal"


class TerminalChat:
    """Implements `chat.Chat`. What was said of a request is in `said`, where its clip is in `files`, both by message.

    `limit` is the most bytes of a photo; `bell` draws attention after a long wait.
    """

    platform = PLATFORM

    def __init__(
        self, wording: Wording, limit: int, stdin: bytes = b"", bell: Callable[[], None] | None = None
    ) -> None:
        self.said: dict[str, str] = {}
        self.files: dict[str, Path] = {}
        self._wording = wording
        self._limit = limit
        self._stdin = stdin
        self._bell = bell

    async def fetch(self, request: Request) -> bytes:
        if request.source == STDIN:
            data = self._stdin
        else:
            try:
                data = await asyncio.to_thread(_read, Path(request.source), self._limit + 1)
            except OSError as error:
                raise FetchError("picture_gone", str(error)) from error
        if len(data) > self._limit:
            raise FetchError("picture_too_big", f"more than {self._limit} bytes")
        return data

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return True

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        self.said[to.message] = message.text.plain()
        return to.message

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        if message.clip is None:
            self.said[to.message] = message.text.plain()
            return ref
        if to.message not in self.files:
            target = target_of(to)
            try:
                self.files[to.message] = await asyncio.to_thread(save, message.clip.file, target)
            except OSError as error:
                self.said[to.message] = self._wording.not_saved(str(target.folder), error.strerror or str(error))
                raise ChatGone(f"the clip cannot be written: {error}") from error
        self.said[to.message] = message.text.plain(CAPTION_LENGTH)
        return str(self.files[to.message])

    async def react(self, to: ReplyAddress) -> bool:
        return False

    async def ping(self, request: Request, ref: str, text: str) -> None:
        if self._bell:
            self._bell()

    async def remove(self, ref: str) -> None:
        """Leave the file where it is: nothing that was printed is taken back."""

    def is_public(self, to: ReplyAddress) -> bool:
        return False


def address(user_place: str, message: str, target: Target) -> ReplyAddress:
    """Where to put the clip of one request, and who waits for it: a later process can read it."""
    extra = {"folder": str(target.folder), "pid": str(os.getpid())}
    if target.file is not None:
        extra |= {"file": target.file, "force": "yes" if target.force else ""}
    if target.stem:
        extra["stem"] = target.stem
    return ReplyAddress(PLATFORM, user_place, message, extra=extra)


def target_of(to: ReplyAddress) -> Target:
    return Target(
        Path(to.extra.get("folder", ".")), to.extra.get("file"), bool(to.extra.get("force")), to.extra.get("stem", "")
    )


def save(clip: Path, target: Target) -> Path:
    """Copy the clip to its place, whole or not at all; nothing is overwritten unless the target says so.

    Raises:
        OSError: it cannot be written.
    """
    target.folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.folder)
    part, place = Path(name), None
    try:
        with clip.open("rb") as source, os.fdopen(handle, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        part.chmod(0o666 & ~_umask())
        place = _claim(target)
        return part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        if place is not None and not target.force:
            place.unlink(missing_ok=True)
        raise


def _claim(target: Target) -> Path:
    """A path that may be replaced: the one asked for, or a new name where somebody was faster."""
    if target.file is not None:
        path = target.folder / target.file
        try:
            os.close(os.open(path, os.O_CREAT | (0 if target.force else os.O_EXCL) | os.O_WRONLY, 0o644))
            return path
        except FileExistsError:
            pass
    return claim_path(target.folder, datetime.now().astimezone(), target.stem)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)
