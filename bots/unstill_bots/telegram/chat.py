"""Telegram as the shared layers see it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
import telegram
from telegram import Bot, ForceReply, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, User
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter, TelegramError

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.chat import ChatError, ChatUnavailable, ClipForbidden, FetchError
from unstill_bots.delivery.message import SEEN, Clip, EarlyLook, Message, Urgency
from unstill_bots.delivery.poster import poster
from unstill_bots.delivery.talk import tell
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram.api import MEDIA_WITHIN
from unstill_bots.telegram.calls import Calls, Place
from unstill_bots.telegram.clip import THUMBNAIL, Kind, file_in, kinds_of, media
from unstill_bots.telegram.errors import chat_error, is_media_already, is_unchanged
from unstill_bots.telegram.guests import Guests
from unstill_bots.telegram.looks import Looks
from unstill_bots.telegram.marks import Html
from unstill_bots.telegram.media import Picture
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.message_ref import ClipRef, MessageRef
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.telegram.send_limit import SendLimit
from unstill_bots.text.pages import Answer, drawn
from unstill_bots.text.parts import units
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import ReplyAddress, Request
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)

PLAIN = LinkPreviewOptions(is_disabled=True)
Markup = InlineKeyboardMarkup | ForceReply
"""Buttons, or that the person's app opens an answer to the message."""


class TelegramChat:
    """The port's Telegram side. What is asked of it waits for its turn in its chat."""

    platform = PLATFORM

    def __init__(
        self,
        bot: Bot,
        storage: Storage,
        catalog: Catalog,
        memory: Memory,
        send_limit: SendLimit,
        preferences: PreferenceStore,
    ) -> None:
        self.bot = bot
        self.guests = Guests(bot, memory)
        self._looks = Looks(bot, memory.looks)
        self._calls = Calls(memory, send_limit, preferences)
        self._storage = storage
        self._download_limit = catalog.platforms[PLATFORM].download_limit
        self._text_length = catalog.platforms[PLATFORM].text_length

    # -- the port

    async def fetch(self, request: Request) -> bytes:
        """The picture's bytes as they were sent. Raises FetchError, ChatUnavailable."""
        picture = Picture.of(request.source)
        if picture.size > self._download_limit:
            raise FetchError("picture_too_big", "larger than may be downloaded")
        try:
            file = await self.bot.get_file(picture.file)
            if (file.file_size or 0) > self._download_limit:
                raise FetchError("picture_too_big", "larger than may be downloaded")
            return bytes(await file.download_as_bytearray())
        except RetryAfter as error:
            raise chat_error(error) from error
        except BadRequest as error:
            large = "file is too big" in error.message.lower()
            raise FetchError("picture_too_big" if large else "picture_gone", error.message) from error
        except InvalidToken as error:
            # python-telegram-bot says so of every 404, a file's included
            raise FetchError("picture_gone", "not found") from error
        except (NetworkError, OSError) as error:
            raise ChatUnavailable(str(error), 2.0) from error

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return self._calls.has_room(to.chat, urgency)

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        keyboard = self._under(message)
        text = message.text.plain()
        return await self.send(to, text, message.urgency, keyboard, message.account, silent=message.silent)

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        shown = await self._edit(to, ref, message)
        await self.guests.show(to, message, shown)
        return shown

    async def _edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        if message.clip is not None:
            return await self._edit_clip(to, ref, message, message.clip)
        keyboard = self._under(message)
        await self.change(to, MessageRef.of(ref), message.text.plain(), message.urgency, keyboard, message.look)
        return ref

    async def _edit_clip(self, to: ReplyAddress, ref: str, message: Message, clip: Clip) -> str:
        *others, last = kinds_of(clip)
        for kind in others:
            try:
                return await self._edit_clip_as(kind, to, ref, message, clip)
            except ClipForbidden as error:
                log.info("a clip goes as something else", job=message.job, kind=kind, error=str(error))
        return await self._edit_clip_as(last, to, ref, message, clip)

    async def _edit_clip_as(self, kind: Kind, to: ReplyAddress, ref: str, message: Message, clip: Clip) -> str:
        shown_at, cover = MessageRef.of(ref), await poster(self._storage, clip, THUMBNAIL)

        async def edit(chat: str) -> telegram.Message | bool:
            with clip.file.open("rb") as file:
                return await self.bot.edit_message_media(
                    media(file, kind, clip, message.text, cover),
                    chat_id=int(chat),
                    message_id=shown_at.within(chat),
                    reply_markup=self._under(message),
                    read_timeout=MEDIA_WITHIN,
                    write_timeout=MEDIA_WITHIN,
                )

        try:
            shown = await self._calls.do(to.chat, message.urgency, edit)
        except ChatError as error:
            if isinstance(error.__cause__, TelegramError) and is_unchanged(error.__cause__):
                return ref
            raise
        await self._looks.kept.end(str(shown_at))
        file = file_in(shown) if isinstance(shown, telegram.Message) else None
        return str(ClipRef(shown_at, kind, file)) if file else ref

    def _under(self, message: Message) -> InlineKeyboardMarkup | None:
        return keyboards.under(message, inline=self.bot.supports_inline_queries)

    async def react(self, to: ReplyAddress) -> bool:
        try:
            return bool(to.message) and await self.bot.set_message_reaction(int(to.chat), int(to.message), SEEN)
        except TelegramError as error:
            # a group may forbid reactions, or allow only others
            log.info("a message could not be marked", error=str(error))
            return False

    async def ping(self, request: Request, ref: str, text: str) -> str:
        """Reply to the clip. In a group that notifies nobody, so the sentence itself mentions the person."""
        at, who = MessageRef.of(ref), request.requester
        mention = MessageEntity(MessageEntity.TEXT_MENTION, 0, units(text), user=User(int(who.user), "", is_bot=False))
        marked = [mention] if self.is_public(request.reply_to) and not who.persona else []
        to = ReplyAddress(PLATFORM, at.chat, str(at.message), request.reply_to.thread)
        return await self.send(to, text, Urgency.CALL, marked=marked)

    async def remove(self, ref: str) -> None:
        at = MessageRef.of(ref)
        try:
            await self.bot.delete_message(int(at.chat), at.message)
        except TelegramError as error:
            raise chat_error(error) from error

    def is_public(self, to: ReplyAddress) -> bool:
        return to.chat.startswith("-")

    # -- what commands and buttons use besides

    async def send(
        self,
        to: ReplyAddress,
        text: str,
        urgency: Urgency,
        buttons: Markup | None = None,
        account: str = "",
        *,
        silent: bool = False,
        marked: Sequence[MessageEntity] = (),
        parse_mode: str | None = None,
    ) -> str:
        """Send a reply, and return its ref. `account` as in `SendLimit.turn`. Raises ChatError."""

        async def send(chat: str, place: Place) -> str:
            sent = await self.bot.send_message(
                int(chat),
                text,
                parse_mode=parse_mode,
                reply_markup=buttons,
                link_preview_options=PLAIN,
                reply_parameters=place.reply,
                message_thread_id=place.thread,
                disable_notification=silent,
                entities=marked,
            )
            return str(MessageRef(str(sent.chat.id), sent.message_id))

        return await self._calls.reply(to, urgency, send, account)

    async def tell(self, to: ReplyAddress, text: Answer, buttons: Markup | None = None) -> str | None:
        """Reply with a text that is about no job, and return the last part's ref. Raises nothing."""

        async def send(part: str, number: int, last: bool) -> str:
            return await self.send(to, part, Urgency.TALK, buttons if last else None, parse_mode="HTML")

        return await tell(drawn(text, Html()), self._text_length, send)

    async def change(
        self,
        to: ReplyAddress,
        ref: MessageRef,
        text: str,
        urgency: Urgency,
        buttons: InlineKeyboardMarkup | None,
        look: EarlyLook | None = None,
    ) -> None:
        """Change a message's text and buttons. One that stands there as it should, or that shows a clip by now, needs
        no edit. Raises ChatError.
        """

        async def edit(chat: str) -> None:
            if look is not None or str(ref) in self._looks.kept:
                return await self._looks.show(chat, ref, look, text, buttons)
            try:
                await self.bot.edit_message_text(
                    text,
                    chat_id=int(chat),
                    message_id=ref.within(chat),
                    reply_markup=buttons,
                    link_preview_options=PLAIN,
                )
            except BadRequest as error:
                if is_media_already(error) and await self._looks.kept.known(str(ref)):
                    await self._looks.show(chat, ref, None, text, buttons)
                elif not (is_unchanged(error) or is_media_already(error)):
                    raise

        await self._calls.do(to.chat, urgency, edit)

    async def moved(self, old: str, new: str) -> None:
        """A group became a supergroup, under another id."""
        await self._calls.moved(old, new)
