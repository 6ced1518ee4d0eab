"""What people type after a slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from telegram import ChatMemberUpdated, Message
from telegram.constants import ChatType

from unstill_bots.chat_replies import ChatReplies
from unstill_bots.telegram.asking import PLATFORM, user_of
from unstill_bots.telegram.desk import Desk
from unstill_bots.telegram.intake import Intake
from unstill_bots.telegram.notes import Note
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_queue.errors import StorageError
from unstill_queue.jobs import ReplyAddress, State, Succeeded
from unstill_queue.ledger import Record

LISTED = 10
OPEN = (State.ACCEPTED, State.QUEUED, State.RUNNING)


class Commands:
    """All but /animate, which asks for a clip."""

    def __init__(self, desk: Desk, intake: Intake) -> None:
        self._desk = desk
        self._intake = intake
        self._settings = SettingsMenu(desk)
        self._all: dict[str, Callable[[Message, ChatReplies], Awaitable[str | None]]] = {
            "start": self._start,
            "help": self._help,
            "presets": self._presets,
            "queue": self._queue,
            "status": self._status,
            "privacy": self._privacy,
            "forgetme": self._forget,
        }

    async def run(self, name: str, words: str, message: Message) -> None:
        """What changes something is done when this returns; what is said follows."""
        if name == "cancel":
            await self._cancel(message, words)
        elif name == "settings":
            self._desk.spawn(self._settings.show(message))
        elif name in self._all:
            self._desk.spawn(self._answer(name, message))
        elif message.chat.type == ChatType.PRIVATE:
            self._desk.spawn(self._answer("help", message))

    async def greet_group(self, change: ChatMemberUpdated) -> None:
        """On being added."""
        replies = await self._desk.replies(change.chat, change.from_user)
        to = ReplyAddress(PLATFORM, str(change.chat.id), "")
        await self._desk.tell(to, replies.welcome_group(self._desk.me.username or ""))

    async def _answer(self, name: str, message: Message) -> None:
        replies = await self._desk.replies(message.chat, message.from_user)
        text = await self._all[name](message, replies)
        if text:
            await self._desk.reply(message, text)

    async def _start(self, message: Message, replies: ChatReplies) -> str:
        if message.chat.type == ChatType.PRIVATE:
            return replies.welcome()
        return replies.welcome_group(self._desk.me.username or "")

    async def _help(self, message: Message, replies: ChatReplies) -> str:
        return replies.help(self._desk.catalog)

    async def _presets(self, message: Message, replies: ChatReplies) -> str:
        return replies.presets(self._desk.catalog)

    async def _privacy(self, message: Message, replies: ChatReplies) -> str:
        settings = self._desk.settings
        return replies.privacy(settings.storage.keep_hours, settings.queue.keep_hours)

    async def _status(self, message: Message, replies: ChatReplies) -> str:
        ledger = self._desk.client.ledger
        engines = sum(len(infos) for infos in (await ledger.engines()).values())
        return replies.status(engines, len(await ledger.open_ids()))

    # -- one's own jobs

    async def _own(self, message: Message) -> list[Record]:
        """The newest first."""
        ids = await self._desk.client.ledger.ids_of(f"{PLATFORM}:{user_of(message)}")
        records = [await self._intake.record(id) for id in ids]
        return [record for record in records if record is not None]

    async def _queue(self, message: Message, replies: ChatReplies) -> str:
        waiting = [record for record in reversed(await self._own(message)) if record.state in OPEN]
        if message.chat.type != ChatType.PRIVATE:
            waiting = [record for record in waiting if record.request.requester.chat == str(message.chat.id)]
        lines = [await self._line(record, replies) for record in waiting[:LISTED]]
        return "\n".join(lines) or replies.queue_empty()

    async def _line(self, record: Record, replies: ChatReplies) -> str:
        words = record.job.parameters.prompt if record.job else record.request.words
        if record.progress is not None:
            return replies.queue_line(words, replies.progress(record.progress))
        if record.state is State.RUNNING:
            return replies.queue_line(words, replies.running())
        place = await self._desk.client.ledger.place(record.id)
        return replies.queue_line(words, replies.queued(place.position or None, place.eta))

    async def _cancel(self, message: Message, words: str) -> None:
        waiting = [record for record in await self._own(message) if record.state in OPEN]
        replied = message.reply_to_message
        if replied is not None:
            number = replied.message_id
            waiting = [record for record in waiting if _is_about(record, str(message.chat.id), number)]
        by = f"{PLATFORM}:{user_of(message)}"
        chosen = waiting if words.strip().lower() in ("all", "全部") else waiting[:1]
        done = [await self._desk.client.cancel(record.id, by) for record in chosen]
        if not any(answer in ("cancelled", "cancelling") for answer in done):
            replies = await self._desk.replies(message.chat, message.from_user)
            self._desk.spawn(self._desk.reply(message, replies.nothing_to_cancel()))

    async def _forget(self, message: Message, replies: ChatReplies) -> str:
        user = user_of(message)
        for record in await self._own(message):
            if record.state in OPEN:
                await self._desk.client.cancel(record.id, f"{PLATFORM}:{user}")
            keys = [record.job.picture] if record.job else []
            keys += [record.outcome.clip] if isinstance(record.outcome, Succeeded) else []
            for key in keys:
                try:
                    await self._desk.studio.storage.delete(key)
                except StorageError:
                    continue
        waiting = await self._desk.memory.waiting(str(message.chat.id), user)
        if waiting:
            await self._desk.memory.no_longer(waiting)
        await self._desk.preferences.forget(f"{PLATFORM}:{user}")
        await self._desk.client.redis.delete(f"unstill:mine:{PLATFORM}:{user}")
        return replies.forgotten(self._desk.settings.queue.keep_hours)


def _is_about(record: Record, chat: str, message: int) -> bool:
    """Whether that message is the request, or shows how it stands."""
    if record.request.reply_to.chat == chat and record.request.reply_to.message == str(message):
        return True
    return record.note is not None and Note.of(record.note) == Note(chat, message)
