"""Where each update goes. Whatever `take` has returned for is written down, and the platform may forget it."""

from __future__ import annotations

from telegram import ChatMemberUpdated, Message, Update
from telegram.constants import ChatMemberStatus, ChatType

from unstill_bots.actions.commands import is_wish
from unstill_bots.actions.preferences import InForce
from unstill_bots.intake.albums import Part
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.rules import is_heard, wants_every_photo
from unstill_bots.intake.said import Said
from unstill_bots.telegram.addressing import Addressed, addressed
from unstill_bots.telegram.commands import Commands
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.inline import Inline
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.pending import TelegramRequest, scope_of, thread_of, user_of
from unstill_bots.telegram.presses import Buttons
from unstill_bots.telegram.replying import is_reply_to_own, replied_to
from unstill_bots.telegram.summons import Summons

KINDS = ("message", "edited_message", "callback_query", "inline_query", "guest_message", "my_chat_member")
"""The updates that are asked for."""
_GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)


class Router:
    """One front end's dispatcher."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._conversation = context.conversation
        self._commands = Commands(context)
        self._buttons = Buttons(context)
        self._inline = Inline(context)
        self._summons = Summons(context)

    async def take(self, update: Update) -> None:
        """Raises RedisError and OSError when it could not be written down; nothing for what an update holds."""
        memory = self._context.memory
        if await memory.seen(update.update_id):
            return
        if update.message is not None:
            await self._message(update.message)
        elif update.edited_message is not None:
            await self._edited(update.edited_message)
        elif update.callback_query is not None:
            await self._buttons.pressed(update.callback_query)
        elif update.inline_query is not None:
            self._context.spawn(self._inline.answer(update.inline_query))
        elif update.guest_message is not None:
            await self._summons.take(update.guest_message)
        elif update.my_chat_member is not None:
            await self._membership(update.my_chat_member)
        await memory.saw(update.update_id)

    # -- messages

    async def _message(self, message: Message) -> None:
        if message.migrate_to_chat_id is not None:
            await self._context.chat.moved(str(message.chat.id), str(message.migrate_to_chat_id))
            return
        if not self._is_a_persons(message):
            return
        said = addressed(message, self._context.me)
        if said.elsewhere:
            return
        in_force = await self._context.in_force(message)
        if message.chat.type in _GROUPS:
            if not is_heard(in_force.chat, thread_of(message), said.command):
                return
            if wants_every_photo(in_force.chat) and not said.ours:
                await self._every_photo(message, said, in_force)
                return
        if is_wish(said.command):
            await self._asked(message, said, in_force)
        else:
            await self._commands.run(said, message)

    async def _asked(self, message: Message, said: Addressed, in_force: InForce) -> None:
        found = find(message, self._context.download_limit)
        if found is not None and message.media_group_id:
            await self._gather(message, said, found, in_force)
            return
        if found is None:
            if said.ours or is_reply_to_own(message):
                await self._context.follow_ups.take(self._said(message, said, in_force))
        elif not await self._is_for_us(message, said, in_force):
            return
        elif isinstance(found, Picture):
            pending = self._context.pending_of(message, found, in_force)
            await self._conversation.said([pending], said.words, in_force.own)
        else:
            pending = self._context.pending_of(message, Picture(""), in_force)
            self._context.refuse(message, pending.replies.picture_error(found))

    async def _is_for_us(self, message: Message, said: Addressed, in_force: InForce) -> bool:
        """Tell whether a picture is sent to us: by what it says, or after words that were."""
        if not said.ours:
            return await self._context.memory.words(str(message.chat.id), user_of(message)) is not None
        talk = self._said(message, said, in_force)
        return not talk.by_reply or await self._context.follow_ups.concerns(talk)

    def _said(self, message: Message, said: Addressed, in_force: InForce) -> Said[TelegramRequest]:
        return Said(
            self._context.pending_of(message, Picture(""), in_force),
            said.words,
            in_force,
            private=message.chat.type == ChatType.PRIVATE,
            explicit=said.explicit,
            command=bool(said.command),
            replied=replied_to(self._context, message, in_force),
        )

    async def _every_photo(self, message: Message, said: Addressed, in_force: InForce) -> None:
        """In a group that wants it so: what is no picture, or has no words, draws no talk."""
        found = find(message, self._context.download_limit)
        if isinstance(found, Picture) and found.named and not message.sticker:
            if message.media_group_id:
                await self._gather(message, Addressed(said.words, True), found, in_force)
            else:
                pending = self._context.pending_of(message, found, in_force)
                await self._context.pipeline.take(pending, said.words, own=in_force.own)
        elif found is None:
            await self._asked(message, said, in_force)

    async def _gather(self, message: Message, said: Addressed, found: Picture | Unfit, in_force: InForce) -> None:
        picture = found if isinstance(found, Picture) else Picture("")
        ask = self._context.pending_of(message, picture, in_force)
        unfit = found.code if isinstance(found, Unfit) else ""
        await self._context.memory.gather(Part(ask, said.words, said.ours, unfit))

    # -- edited captions

    async def _edited(self, message: Message) -> None:
        if not self._is_a_persons(message):
            return
        said = addressed(message, self._context.me)
        found = find(message, self._context.download_limit)
        if isinstance(found, Unfit) or not said.words or said.elsewhere or not is_wish(said.command):
            return
        # words without a picture are for that of their request, if there is one
        ask = self._context.pending_of(message, found or Picture(""), await self._context.in_force(message))
        await self._context.edits.take([ask], said.words, (message.edit_date or message.date).timestamp())

    # -- coming and going

    async def _membership(self, change: ChatMemberUpdated) -> None:
        gone = change.new_chat_member.status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
        if gone:
            await self._context.pipeline.leave(scope_of(change.chat), forget=change.chat.type in _GROUPS)
        elif change.old_chat_member.status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED):
            self._context.spawn(self._context.pipeline.back(scope_of(change.chat)))
            if change.chat.type in _GROUPS:
                self._context.spawn(self._commands.greet_group(change))

    def _is_a_persons(self, message: Message) -> bool:
        """Not another bot's, nor what we shared, nor a channel's post that was copied into its discussion group."""
        shared = message.via_bot is not None and message.via_bot.id == self._context.me.id
        if message.chat.type not in (ChatType.PRIVATE, *_GROUPS) or shared or message.is_automatic_forward:
            return False
        return message.sender_chat is not None or (message.from_user is not None and not message.from_user.is_bot)
