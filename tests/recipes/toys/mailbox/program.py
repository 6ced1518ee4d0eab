"""A platform in a page: a folder. People leave letters in it, and the bot keeps its messages beside them.

A letter is `<name>.in.json`; it is deleted once what it asks for is written down, so that a kill loses none. A message
of the bot's is `<id>.out.json`, with its clip as `<id>.mp4`. The token is the folder's path.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import msgspec

from unstill_bots.actions.commands import Answers, Caller
from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.actions.job_actions import JobActions
from unstill_bots.actions.presses import Thing, commands_of
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.delivery.chat import ChatUncertain, FetchError, MessageGone
from unstill_bots.delivery.message import Message, Urgency
from unstill_bots.host.assembly import ways_of
from unstill_bots.host.frontend import Services
from unstill_bots.host.lifecycle import hand_back
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.rules import no_rules
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester
from unstill_queue.ledger.ledger import Record

PLATFORM = "mailbox"


class Letter(msgspec.Struct, frozen=True):
    """A photo `source` beside it with words, a command, or a press of a button of `job`'s under `message`."""

    name: str
    user: str
    words: str = ""
    source: str = ""
    aspect: float = 1.0
    spoiler: bool = False
    command: str = ""
    press: str = ""
    job: str = ""
    message: str = ""


class Pending(PendingRequest, frozen=True, kw_only=True):
    letter: Letter

    @property
    def id(self) -> str:
        return f"{PLATFORM}:{self.user}:{self.letter.name}"

    @property
    def who(self) -> Requester:
        return Requester(PLATFORM, self.user, self.user, self.language)

    @property
    def picture(self) -> Letter:
        return self.letter

    def address(self, job: str = "") -> ReplyAddress:
        return ReplyAddress(PLATFORM, self.user, self.letter.name)


class MailboxChat:
    """The port's side of the mailbox. A ref is a message's id."""

    platform = PLATFORM

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, ref: str, kind: str = "out.json") -> Path:
        return self.folder / f"{ref}.{kind}"

    async def fetch(self, request: Request) -> bytes:
        try:
            return (self.folder / Path(request.source).name).read_bytes()
        except OSError as error:
            raise FetchError("picture_gone", str(error)) from error

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return True

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        return self._write(str(time.time_ns()), message.text.plain(), message)

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        if not self.file(ref).exists():
            raise MessageGone(ref)
        if message.clip is not None:
            await asyncio.to_thread(shutil.copyfile, message.clip.file, self.file(ref, "mp4"))
        return self._write(ref, message.text.plain(), message)

    async def react(self, to: ReplyAddress) -> bool:
        return False

    async def ping(self, request: Request, ref: str, text: str) -> str:
        return await self.tell(request.reply_to, text)

    async def remove(self, ref: str) -> None:
        for kind in ("out.json", "mp4"):
            self.file(ref, kind).unlink(missing_ok=True)

    def is_public(self, to: ReplyAddress) -> bool:
        return False

    async def tell(self, to: ReplyAddress, text: str) -> str:
        return self._write(str(time.time_ns()), text)

    def _write(self, ref: str, text: str, message: Message | None = None) -> str:
        buttons = [(button.action, button.text, button.job) for button in message.buttons] if message else []
        shown = {"text": text, "buttons": buttons, "clip": message is not None and message.clip is not None}
        try:
            self.file(ref, "new").write_bytes(msgspec.json.encode(shown))
            self.file(ref, "new").replace(self.file(ref))
        except OSError as error:
            raise ChatUncertain(str(error)) from error
        return ref


class MailboxActor:
    """Who wrote a letter about a message. Nobody but its owner may do anything to a job."""

    def __init__(self, letter: Letter, chat: MailboxChat) -> None:
        self.user = self.chat = letter.user
        self.person = f"{PLATFORM}:{letter.user}"
        self.message, self.press, self._chat = letter.message, letter.name, chat

    async def owns(self, user: str) -> bool | None:
        return user == self.user

    async def moderates(self) -> bool:
        return False

    manages = moderates

    async def thing_of(self, record: Record) -> Thing:
        return Thing(record.request.requester.user, record.request.reply_to.chat, record.note or "")

    async def shown(self) -> Thing | None:
        return None

    async def remove(self) -> bool:
        await self._chat.remove(self.message)
        return True


class MailboxFrontEnd:
    """The front end that the registry names. `run` returns when `stopping` is set and what was in hand is done or
    handed back.
    """

    platform = PLATFORM

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        token = getattr(services.settings, PLATFORM).token
        client, settings = services.client, services.settings
        self._chat = MailboxChat(Path(token.get_secret_value() if token else "."))
        self._pipeline, way_out = ways_of(self._chat, self._chat.tell, services, no_rules)
        forgetting = Forgetting(client, services.storage, self._pipeline.preferences, self)
        self._answers = Answers(client, self._pipeline.serving, settings, UserJobs(self._pipeline), forgetting)
        self._jobs = JobActions(self._pipeline)
        async with asyncio.TaskGroup() as group:
            courier = group.create_task(way_out.run())
            reader = group.create_task(self._read())
            await stopping.wait()
            reader.cancel()
            await hand_back(self._pipeline.background, self._pipeline.background)
            courier.cancel()

    async def forget(self, user: str) -> None:
        """Do nothing: nothing is kept of people besides the ledger."""

    async def _read(self) -> None:
        while True:
            for path in sorted(self._chat.folder.glob("*.in.json")):
                await self._take(msgspec.json.decode(path.read_bytes(), type=Letter))
                path.unlink()
            await asyncio.sleep(0.05)

    async def _take(self, letter: Letter) -> None:
        """Write down what a letter asks for before this returns. Raises RedisError."""
        pending = Pending(user=letter.user, language="en", sent_at=time.time(), letter=letter)
        if letter.press:
            await self._chat.tell(pending.address(), await self._press(letter, pending))
        elif letter.command in commands_of(PLATFORM):
            answer = await self._answers.run(letter.command, Caller(pending.who.person, pending.replies))
            await self._chat.tell(pending.address(), str(await answer))
        else:
            await self._pipeline.take(pending, letter.words)

    async def _press(self, letter: Letter, pending: Pending) -> str:
        record = await self._pipeline.record(letter.job)
        attempt = await self._jobs.look(letter.press, record, MailboxActor(letter, self._chat))
        return (await self._jobs.attempt(attempt, pending.replies)).said
