"""What people type after a slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from telegram import ChatMemberUpdated, Message
from telegram.constants import ChatType

from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.actions.presses import (
    ACTIONS,
    CANCEL,
    DELETE,
    FORGET,
    SETTINGS,
    TELEGRAM,
    Verdict,
    cancel,
    commands_of,
    judge,
    refusal,
)
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.telegram.actors import TelegramActor, presses_of, shown_by, thing_of
from unstill_bots.telegram.buttons import ON_JOBS
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.intake import Intake
from unstill_bots.telegram.message_ref import Note
from unstill_bots.telegram.pending import PLATFORM, scope_of, user_of
from unstill_bots.telegram.presses import delete
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import ReplyAddress
from unstill_queue.ledger.ledger import Forgotten, Record


class Commands:
    """All but /animate, which asks for a clip."""

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._settings = SettingsMenu(context)
        self._own = UserJobs(context.client, intake.reception)
        self._forgetting = Forgetting(context.client, context.studio.storage, context.preferences, context.memory)
        self._all: dict[str, Callable[[Message, ChatReplies], Awaitable[str | None]]] = {
            "start": self._start,
            "help": self._help,
            "presets": self._presets,
            "queue": self._queue,
            "status": self._status,
            "privacy": self._privacy,
        }

    async def run(self, name: str, words: str, message: Message) -> None:
        """What changes something is done when this returns; what is said follows."""
        if name not in commands_of(TELEGRAM):
            if message.chat.type == ChatType.PRIVATE:
                self._context.spawn(self._answer("help", message))
        elif name == CANCEL:
            await self._cancel(message, words)
        elif name == FORGET:
            await self._forget(message)
        elif name == DELETE:
            self._context.spawn(self._delete(message))
        elif name == SETTINGS:
            self._context.spawn(self._settings.show(message))
        else:
            self._context.spawn(self._answer(name, message))

    async def greet_group(self, change: ChatMemberUpdated) -> None:
        """On being added."""
        replies = await self._context.replies(change.chat, change.from_user)
        to = ReplyAddress(PLATFORM, str(change.chat.id), "")
        await self._context.tell(to, replies.welcome_group(self._context.me.username or ""))

    async def _answer(self, name: str, message: Message) -> None:
        replies = await self._context.replies(message.chat, message.from_user)
        text = await self._all[name](message, replies)
        if text:
            await self._context.reply(message, text)

    async def _start(self, message: Message, replies: ChatReplies) -> str:
        if message.chat.type == ChatType.PRIVATE:
            return replies.welcome()
        return replies.welcome_group(self._context.me.username or "")

    async def _help(self, message: Message, replies: ChatReplies) -> str:
        return replies.help(self._context.catalog)

    async def _presets(self, message: Message, replies: ChatReplies) -> str:
        return replies.presets(self._context.catalog)

    async def _privacy(self, message: Message, replies: ChatReplies) -> str:
        settings = self._context.settings
        return replies.privacy(settings.storage.keep_hours, settings.queue.keep_hours)

    async def _status(self, message: Message, replies: ChatReplies) -> str:
        ledger = self._context.client.ledger
        engines = sum(len(infos) for infos in (await ledger.engines()).values())
        return replies.status(engines, len(await ledger.open_ids()))

    # -- one's own jobs

    async def _queue(self, message: Message, replies: ChatReplies) -> str:
        person = f"{PLATFORM}:{user_of(message)}"
        private = message.chat.type == ChatType.PRIVATE
        return await self._own.listing(person, replies, place=None if private else scope_of(message.chat))

    async def _cancel(self, message: Message, words: str) -> None:
        person = f"{PLATFORM}:{user_of(message)}"
        waiting = await self._own.open(person)
        replied = message.reply_to_message
        if replied is not None:
            number = replied.message_id
            waiting = [record for record in waiting if _is_about(record, str(message.chat.id), number)]
            if not waiting:
                self._context.spawn(self._cancel_anothers(message, replied))
                return
        if not await self._own.cancel(person, waiting, words):
            replies = await self._context.replies(message.chat, message.from_user)
            self._context.spawn(self._context.reply(message, replies.nothing_to_cancel()))

    async def _cancel_anothers(self, message: Message, replied: Message) -> None:
        """For admins, who may end what others asked for; its status message shows that it has ended."""
        replies = await self._context.replies(message.chat, message.from_user)
        actor = await TelegramActor.of_reply(self._context, message, replied)
        record = await self._shown_in(replied, actor)
        if record is None:
            await self._context.reply(message, replies.nothing_to_cancel())
            return
        verdict = await judge(ACTIONS[CANCEL], actor, await thing_of(self._context, record))
        if verdict is not Verdict.ALLOWED:
            await self._context.reply(message, refusal(verdict, ACTIONS[CANCEL], replies))
            return
        done, said = await cancel(self._context.client, record, f"{PLATFORM}:{actor.user}", replies)
        if not done:
            await self._context.reply(message, said)

    async def _delete(self, message: Message) -> None:
        """What the button does, for who cannot press it: a person who writes as a channel sends commands as it, too."""
        replies = await self._context.replies(message.chat, message.from_user)
        replied = message.reply_to_message
        if replied is None or replied.from_user is None or replied.from_user.id != self._context.me.id:
            await self._context.reply(message, replies.nothing_to_delete())
            return
        actor = await TelegramActor.of_reply(self._context, message, replied)
        record = await self._shown_in(replied, actor)
        thing = shown_by(replied, actor) if record is None else await thing_of(self._context, record)
        verdict = await judge(ACTIONS[DELETE], actor, thing)
        if verdict is not Verdict.ALLOWED:
            said = refusal(verdict, ACTIONS[DELETE], replies)
        elif record is not None and record.outcome is None:
            _, said = await cancel(self._context.client, record, f"{PLATFORM}:{actor.user}", replies)
        else:
            said = await delete(self._context, Note.of(actor.message), record, replies)
        await self._context.reply(message, said)

    async def _shown_in(self, replied: Message, actor: TelegramActor) -> Record | None:
        """The job that a message of ours shows: by the buttons that we put there, or as one of the person's own."""
        if replied.from_user is None or replied.from_user.id != self._context.me.id:
            return None
        jobs = {press.job for press in presses_of(replied) if press.action in ON_JOBS}
        known = [await self._intake.record(job) for job in jobs]
        known += await self._own.records(f"{PLATFORM}:{actor.user}")
        shown = (one for one in known if one is not None and one.note and str(Note.of(one.note)) == actor.message)
        return next(shown, None)

    async def _forget(self, message: Message) -> None:
        forgotten = await self._forgetting.begin(f"{PLATFORM}:{user_of(message)}")
        self._context.spawn(self._forgotten(message, forgotten))

    async def _forgotten(self, message: Message, forgotten: Forgotten) -> None:
        left = await self._forgetting.finish(forgotten)
        replies = await self._context.replies(message.chat, message.from_user)
        await self._context.reply(message, replies.forgotten(left))


def _is_about(record: Record, chat: str, message: int) -> bool:
    """Whether that message is the request, or shows how it stands."""
    if record.request.reply_to.chat == chat and record.request.reply_to.message == str(message):
        return True
    return record.note is not None and Note.of(record.note) == Note(chat, message)
