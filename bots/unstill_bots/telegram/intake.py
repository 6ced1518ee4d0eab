"""Pictures on their way in: written down first, then prepared, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import Message

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.variations import derived
from unstill_bots.delivery.message import REVISED
from unstill_bots.intake.reception import Reception
from unstill_bots.intake.studio import Terms
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.media import Picture
from unstill_bots.telegram.message_ref import Note
from unstill_bots.telegram.pending import PLATFORM, PendingRequest, pending_of
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Cancelled, Failed, Request
from unstill_queue.ledger.ledger import Record


class Intake:
    """One front end's way in. Whatever is taken is in the ledger when `take` returns."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.reception = Reception(context.client, context.studio, context.errands, self._terms, context.tell)

    async def pending_of(self, message: Message, picture: Picture) -> PendingRequest:
        user = message.from_user if message.sender_chat is None else None
        return pending_of(message, picture, await self._context.language(message.chat, user))

    async def take(self, ask: PendingRequest, words: str) -> bool:
        """One request, by a message. False: it was here before, or it is one too many."""
        return await self.reception.take(await self._request(ask, words), ask.age)

    async def pressed(self, ask: PendingRequest, words: str, note: str) -> bool:
        """One request, by a press on a message of ours, which becomes the status message. False: it was here before.

        Raises TooManyRequests.
        """
        return await self.reception.accept(await self._request(ask, words), ask.age, note=note)

    async def _request(self, ask: PendingRequest, words: str) -> Request:
        own = await self._preferences(ask)
        return ask.request(" ".join(filter(None, (own.options, words))), self._context.upload_limit)

    async def again(self, request: Request) -> bool:
        """One that was made out of another, now. Raises TooManyRequests."""
        return await self.reception.accept(request, 0.0)

    async def _terms(self, request: Request) -> Terms:
        """A group's own rules. Raises ChatUnavailable where Telegram cannot say now who its admins are."""
        who = request.requester
        if not who.chat.startswith("-"):
            return Terms()
        today = await self._context.memory.current(who.chat)
        rules = await self._context.preferences.get(f"{PLATFORM}:{today}")
        replies = ChatReplies(who.language)
        if rules.who == "admins" and not await self._context.admin(today, await self._context.memory.current(who.user)):
            return Terms(replies.only_admins())
        return Terms(jobs=rules.jobs, full=replies.chat_full(rules.jobs))

    async def _preferences(self, ask: PendingRequest) -> Preferences:
        return await self._context.preferences.get(f"{PLATFORM}:{ask.user}")

    # -- pictures without words

    async def wait_for_words(self, asks: Sequence[PendingRequest]) -> None:
        """Keep the pictures, and ask; whoever has a preset of their own is not asked."""
        if (await self._preferences(asks[0])).preset:
            for ask in asks:
                await self.take(ask, "")
            return
        known = {ask.id for ask in await self._context.memory.waiting(asks[0].chat, asks[0].user)}
        await self._context.memory.let_wait(list(asks))
        if asks[0].id not in known:
            self._context.spawn(self._ask(asks[0], len(asks)))

    async def _ask(self, ask: PendingRequest, pictures: int) -> None:
        replies = ChatReplies(ask.language)
        buttons = keyboards.presets(replies, self._context.catalog)
        message = await self._context.tell(ask.address(), replies.ask_words(pictures), buttons)
        if message is not None:
            await self._context.memory.asked(ask, str(Note(str(message.chat.id), message.message_id)))

    async def words_came(self, asks: Sequence[PendingRequest], words: str) -> None:
        """For pictures that waited. The question goes: the status message says all from now on."""
        for ask in asks:
            await self.take(ask, words)
        for ask in asks:
            question = await self._context.memory.question(ask)
            if question is not None:
                self._context.spawn(self._unask(Note.of(question)))
        await self._context.memory.no_longer(list(asks))

    async def _unask(self, note: Note) -> None:
        await self._context.bot.delete_message(int(note.chat), note.message)

    # -- new words for a picture that was sent before

    async def revise(self, ask: PendingRequest, words: str) -> bool:
        """The caption was edited: what waits or runs, or failed, is made with the new words. False: nothing to revise.

        Each step may be repeated, as the update comes again when we die between two of them.
        """
        memory, ledger = self._context.memory, self._context.client.ledger
        latest = await memory.latest(ask)
        record = await self.record(latest)
        if record is None:
            return False
        own = await self._preferences(ask)
        request = ask.request(
            " ".join(filter(None, (own.options, words))),
            self._context.upload_limit,
            id=derived(latest, f"edit {words}"),
        )
        if request.words == record.request.words or _is_answered(record):
            return True
        # before the cancel, as what is cancelled so is shown by what comes after it
        if not await self.reception.may_ask(request):
            return True
        await ledger.cancel(latest, REVISED)
        record = await ledger.read(latest)
        if _is_answered(record):
            return True
        await self.reception.accept(request, ask.age, note=record.note, paced=True)
        await memory.revised(ask, request.id)
        return True

    async def record(self, id: str) -> Record | None:
        return await self.reception.record(id)


def _is_answered(record: Record) -> bool:
    """With a clip, or cancelled by somebody."""
    if record.outcome is None or isinstance(record.outcome, Failed):
        return False
    return not (isinstance(record.outcome, Cancelled) and record.outcome.by == REVISED)
