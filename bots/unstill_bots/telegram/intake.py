"""Pictures on their way in: written down first, then prepared, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from telegram import Message
from telegram.constants import ChatType

from unstill_bots.chat_replies import ChatReplies
from unstill_bots.preferences import Preferences
from unstill_bots.studio import SAID
from unstill_bots.telegram import keyboards
from unstill_bots.telegram.asking import PLATFORM, Ask, ask_of, derived
from unstill_bots.telegram.desk import Desk
from unstill_bots.telegram.findings import Picture
from unstill_bots.telegram.memory import DAY
from unstill_bots.telegram.notes import REVISED, Note
from unstill_queue.errors import UnknownJob
from unstill_queue.jobs import Cancelled, Failed, Request, State
from unstill_queue.ledger import Record

AT_ONCE, CHAT_AT_ONCE = 24, 4
"""Pictures being prepared: what bounds the memory they take, and what one chat may take of that."""
GRACE, GRACE_EACH = 10.0, 0.5
"""Seconds until a request that is not prepared comes back: a base, and for each that waits before it."""


class Intake:
    """One front end's way in. Whatever is taken is in the ledger when `take` returns."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._chats: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._in_hand = 0

    async def ask_of(self, message: Message, picture: Picture) -> Ask:
        user = message.from_user if message.sender_chat is None else None
        return ask_of(message, picture, await self._desk.language(message.chat, user))

    async def take(self, ask: Ask, words: str, *, note: str | None = None) -> bool:
        """One request. `note`: a message of ours that becomes the status message.

        False: it was here before.
        """
        own = await self._preferences(ask)
        request = ask.request(" ".join(filter(None, (own.options, words))), self._desk.upload_limit)
        return await self.accept(request, ask.age, note=note)

    async def accept(self, request: Request, age: float, *, note: str | None = None) -> bool:
        """Write it down, and have it prepared."""
        new = await self._desk.client.ledger.accept(request, grace=GRACE + GRACE_EACH * self._in_hand)
        if note is not None and await self._desk.client.ledger.note_begin(request.id) == "go":
            await self._desk.client.ledger.note_set(request.id, note)
        if not new:
            return False
        if age > DAY:
            text = ChatReplies(request.requester.language).too_old()
            await self._desk.client.refuse(request.id, Failed(SAID, text))
        else:
            self._in_hand += 1
            self._desk.spawn(self._prepare(request))
        return True

    async def _prepare(self, request: Request) -> None:
        chat = request.requester.chat
        own = self._chats.setdefault(chat, asyncio.Semaphore(CHAT_AT_ONCE))
        try:
            async with own, self._slots:
                refusal = await self._refusal(request)
                if refusal is None:
                    await self._desk.studio.prepare(request)
                else:
                    await self._desk.client.refuse(request.id, Failed(SAID, refusal))
        finally:
            self._in_hand -= 1

    async def _refusal(self, request: Request) -> str | None:
        """What a group's own rules say against it."""
        if not request.requester.chat.startswith("-"):
            return None
        rules = await self._desk.preferences.get(f"{PLATFORM}:{request.requester.chat}")
        replies = ChatReplies(request.requester.language)
        if rules.who == "admins" and not await self._desk.is_admin(request.requester.chat, request.requester.user):
            return replies.only_admins()
        if rules.jobs and await self._in_the_making(request) >= rules.jobs:
            return replies.chat_full(rules.jobs)
        return None

    async def _in_the_making(self, request: Request) -> int:
        prefix = f"{PLATFORM}:{request.requester.chat}:"
        count = 0
        for id in await self._desk.client.ledger.open_ids():
            if id.startswith(prefix) and id != request.id:
                record = await self.record(id)
                count += record is not None and record.state in (State.QUEUED, State.RUNNING)
        return count

    async def _preferences(self, ask: Ask) -> Preferences:
        return await self._desk.preferences.get(f"{PLATFORM}:{ask.user}")

    # -- pictures without words

    async def wait_for_words(self, asks: Sequence[Ask]) -> None:
        """Keep the pictures, and ask; whoever has a preset of their own is not asked."""
        if (await self._preferences(asks[0])).preset:
            for ask in asks:
                await self.take(ask, "")
            return
        known = {ask.id for ask in await self._desk.memory.waiting(asks[0].chat, asks[0].user)}
        await self._desk.memory.let_wait(list(asks))
        if asks[0].id not in known:
            self._desk.spawn(self._ask(asks[0], len(asks)))

    async def _ask(self, ask: Ask, pictures: int) -> None:
        replies = ChatReplies(ask.language)
        buttons = keyboards.presets(replies, self._desk.catalog)
        message = await self._desk.tell(ask.address(), replies.ask_words(pictures), buttons)
        if message is not None:
            await self._desk.memory.asked(ask, str(Note(str(message.chat.id), message.message_id)))

    async def words_came(self, asks: Sequence[Ask], words: str) -> None:
        """For pictures that waited. The question goes: the status message says all from now on."""
        for ask in asks:
            await self.take(ask, words)
        for ask in asks:
            question = await self._desk.memory.question(ask)
            if question is not None:
                self._desk.spawn(self._unask(Note.of(question)))
        await self._desk.memory.no_longer(list(asks))

    async def _unask(self, note: Note) -> None:
        await self._desk.bot.delete_message(int(note.chat), note.message)

    # -- new words for a picture that was sent before

    async def revise(self, ask: Ask, words: str) -> bool:
        """The caption was edited: what waits or runs, or failed, is made with the new words. False: nothing to revise.

        Each step may be repeated, as the update comes again when we die between two of them.
        """
        memory, ledger = self._desk.memory, self._desk.client.ledger
        latest = await memory.latest(ask.id)
        record = await self.record(latest)
        if record is None:
            return False
        own = await self._preferences(ask)
        request = ask.request(
            " ".join(filter(None, (own.options, words))), self._desk.upload_limit, id=derived(latest, f"edit {words}")
        )
        if request.words == record.request.words or _is_answered(record):
            return True
        await ledger.cancel(latest, REVISED)
        record = await ledger.read(latest)
        if _is_answered(record):
            return True
        await self.accept(request, ask.age, note=record.note)
        await memory.revised(ask.id, request.id)
        return True

    async def record(self, id: str) -> Record | None:
        try:
            return await self._desk.client.ledger.read(id)
        except UnknownJob:
            return None


def _is_answered(record: Record) -> bool:
    """With a clip, or cancelled by somebody."""
    if record.outcome is None or isinstance(record.outcome, Failed):
        return False
    return not (isinstance(record.outcome, Cancelled) and record.outcome.by == REVISED)


def is_private(message: Message) -> bool:
    return message.chat.type == ChatType.PRIVATE
