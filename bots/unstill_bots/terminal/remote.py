"""Photos to clips on a server elsewhere, by its API."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unstill_bots.terminal.chat import save
from unstill_bots.terminal.display import Display, Moment
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.inputs import STDIN
from unstill_bots.terminal.interrupt import Interrupt
from unstill_bots.terminal.order import Order, Photo, photos_of
from unstill_bots.terminal.results import Result, code_of, near
from unstill_bots.terminal.server import Refusal, Server, Told
from unstill_bots.terminal.wording import Wording
from unstill_queue.contract.jobs import Cancelled, Failed, Outcome, State, Succeeded

AT_ONCE = 4
"""Photos on the server at a time, unless it allows fewer."""
CANCEL_WITHIN = 10.0
WRONG_WORDS = ("wrong_option", "unknown_option", "words_too_long", "words_refused")
"""The server's codes for words that it cannot do."""


class RemoteAnimation:
    """One run of `unstill animate --server`. `most` is the bytes of a photo that is read."""

    def __init__(self, server: Server, order: Order, most: int, display: Display, wording: Wording) -> None:
        self._server = server
        self._order = order
        self._most = most
        self._photos = photos_of(order)
        self._display = display
        self._wording = wording
        self._interrupt = Interrupt()
        self._ids: dict[str, str] = {}
        self._open: set[str] = set()
        self._ended = asyncio.Event()
        self._cancelled = False
        self._intake = asyncio.Lock()

    async def run(self) -> tuple[list[Result], Code]:
        """Bring all photos to their ends.

        Raises:
            Stop: the server is away, does not let us in, or cannot do what the words say; nothing is left there.
        """
        with self._interrupt.heard():
            async with self._server:
                await self._server.check()
                return await self._run()

    async def _run(self) -> tuple[list[Result], Code]:
        slots = asyncio.Semaphore(AT_ONCE)
        going = [asyncio.create_task(self._go(photo, slots)) for photo in self._photos]
        interrupted = asyncio.create_task(self._interrupt.came())
        arrived = asyncio.gather(*going)
        ending: list[asyncio.Future[Any]] = [arrived, interrupted]
        try:
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            if arrived.done():
                results = arrived.result()
                return results, code_of(results)
            self._display.say(self._wording.cancelling())
            left = await self._end(going)
            results = [
                task.result() if task in left[0] else Result(photo.label, self._ids.get(photo.message, ""))
                for photo, task in zip(self._photos, going, strict=True)
            ]
            if left[1]:
                self._display.say(self._wording.still_cancelling(left[1]))
            return results, Code.CANCELLED
        except Stop:
            await self._end(going)
            raise
        finally:
            for task in (*going, interrupted):
                task.cancel()
            await asyncio.gather(*going, interrupted, arrived, return_exceptions=True)

    async def _end(self, going: Sequence[asyncio.Task[Result]]) -> tuple[set[asyncio.Task[Result]], int]:
        """Cancel what is under way; return what came to its end, and how many were not seen to in time."""
        self._cancelled = True
        self._ended.set()
        await asyncio.gather(*(self._server.end(id) for id in list(self._open)))
        done, pending = await asyncio.wait(going, timeout=CANCEL_WITHIN)
        return {task for task in done if task.exception() is None}, len(pending)

    async def _go(self, photo: Photo, slots: asyncio.Semaphore) -> Result:
        async with slots:
            result = await self._result(photo)
        self._display.end(photo.label, near(result.file) if result.file else result.text)
        return result

    async def _result(self, photo: Photo) -> Result:
        try:
            picture, last = [
                await asyncio.to_thread(self._read, source) if source else b""
                for source in (photo.source, photo.last_source)
            ]
            # one after the other, so that a batch keeps its order, and the first answer says who we are
            async with self._intake:
                id = self._ids[photo.message] = await self._ask(picture, last)
            if not id:
                return Result(photo.label, id)
            told = await self._follow(photo, id)
            return await self._saved(photo, told) if told.clip else self._without(photo, told)
        except Refusal as error:
            return self._failed(photo, Failed(error.code), str(error))
        except _Unread as error:
            return self._failed(photo, error.failed, self._wording.failed(error.failed))

    def _failed(self, photo: Photo, failed: Failed, text: str) -> Result:
        return Result(photo.label, self._ids.get(photo.message, ""), None, failed, None, text)

    def _read(self, source: str) -> bytes:
        """Return a photo's bytes. Raises _Unread."""
        if source == STDIN:
            data = self._order.stdin
        else:
            try:
                with Path(source).open("rb") as file:
                    data = file.read(self._most + 1)
            except OSError as error:
                raise _Unread("picture_gone") from error
        if len(data) > self._most:
            raise _Unread("picture_too_big")
        return data

    async def _ask(self, picture: bytes, last: bytes) -> str:
        """Ask for a clip, once there is room for it, and return its id; none where that was cancelled before.

        Raises Refusal, Stop.
        """
        once = secrets.token_hex(16)
        while True:
            self._ended.clear()
            if self._cancelled:
                return ""
            try:
                id = await self._server.ask(picture, self._order.words, once, last=last)
            except Refusal as error:
                if error.code in WRONG_WORDS:
                    # it is wrong for all photos alike
                    raise Stop(Code.USAGE, str(error)) from error
                if error.status != 429 or (error.retry_after is None and not self._open):
                    raise
                # until there may be room: in that time, or when one of ours has ended
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), error.retry_after)
                continue
            self._open.add(id)
            if self._cancelled:
                # it came while the request was on its way
                await self._server.end(id)
            return id

    async def _follow(self, photo: Photo, id: str) -> Told:
        try:
            async for told in self._server.follow(id):
                if told.is_over:
                    return told
                if told.text:
                    moment = Moment(told.state, told.share or 0.0, steady=told.share is not None)
                    self._display.show(photo.label, moment, told.text)
            raise AssertionError("it ends when it is over")
        finally:
            self._open.discard(id)
            self._ended.set()

    async def _saved(self, photo: Photo, told: Told) -> Result:
        """Load a clip and put it in its place. Raises Refusal, Stop."""
        assert told.clip is not None  # noqa: S101
        clip, parameters = told.clip, await self._server.parameters(told.id)
        outcome = Succeeded(
            "",
            clip.size,
            clip.width,
            clip.height,
            clip.duration,
            clip.fps,
            parameters,
            clip.synthetic,
            clip.render_seconds,
            filled=clip.filled,
        )
        self._display.show(photo.label, Moment("saving", 1.0), self._wording.saving())
        try:
            with tempfile.TemporaryDirectory(prefix="unstill-") as folder:
                file = Path(folder) / "clip.mp4"
                await self._server.load(told.id, file, clip.size)
                place = await asyncio.to_thread(save, file, photo.target)
        except OSError as error:
            text = self._wording.not_saved(str(photo.target.folder), error.strerror or str(error))
            return Result(photo.label, told.id, State.UNDELIVERABLE, outcome, None, text, told.notes)
        return Result(photo.label, told.id, State.SENT, outcome, str(place), told.text, told.notes)

    def _without(self, photo: Photo, told: Told) -> Result:
        outcome: Outcome = Cancelled("") if told.state == "cancelled" else Failed(told.code or "unknown")
        return Result(photo.label, told.id, State.SENT, outcome, None, told.text, told.notes)


class _Unread(Exception):
    """A photo's file cannot be sent."""

    def __init__(self, code: str) -> None:
        self.failed = Failed(code)
        super().__init__(code)
