"""Telegram's refusals, by their texts, as what they mean to a chat.

The texts are those of the Bot API server's source; it gives no other way to tell one 400 from another.
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from unstill_bots.delivery.chat import (
    ChatError,
    ChatFlooded,
    ChatGone,
    ChatRefused,
    ChatUnavailable,
    ChatUncertain,
    ClipForbidden,
    ClipTooLarge,
    MessageGone,
)
from unstill_bots.telegram.pending import PLATFORM

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_MESSAGE_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message to delete not found",
    "message can't be deleted",
    "message_id_invalid",
    "message identifier is not",
)
_CHAT_GONE = (
    "chat not found",
    "have no rights to send a message",
    "not enough rights to send text messages",
    "chat_write_forbidden",
    "chat_send_plain_forbidden",
    "chat_restricted",
    "need administrator rights",
    "group chat was deactivated",
    "bot is not a member",
    "peer_id_invalid",
    "user_is_blocked",
    "topic_closed",
)
_NO_MEDIA = (
    "not enough rights to send",
    "chat_send_media_forbidden",
    "chat_send_gifs_forbidden",
    "chat_send_videos_forbidden",
    "voice_messages",
)
_TOO_LARGE = ("request entity too large", "file is too big", "file_parts_invalid")
_NO_THREAD = ("message thread not found", "topic_deleted", "topic_id_invalid")
WRONG_TOKEN, UNFORESEEN = 60.0, 5.0
"""Seconds until a call is tried again: with a token that is not taken any more, after a refusal that nobody foresaw."""


class ThreadGone(ChatError):
    """The topic was deleted; the rest of the chat is there."""


def is_unchanged(error: TelegramError) -> bool:
    """An edit that changed nothing: what should stand there stands there."""
    return isinstance(error, BadRequest) and "message is not modified" in error.message.lower()


def is_media_already(error: TelegramError) -> bool:
    """An edit of a text where a clip stands by now."""
    return isinstance(error, BadRequest) and "there is no text in the message to edit" in error.message.lower()


def retry_after(error: RetryAfter) -> float:
    """Seconds."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


def chat_error(error: TelegramError) -> ChatError:
    """What happened, as the courier knows it."""
    said = error.message.lower()
    if isinstance(error, RetryAfter):
        return ChatFlooded(PLATFORM, retry_after(error))
    if isinstance(error, Forbidden):
        return ChatGone(error.message)
    if any(text in said for text in _TOO_LARGE):
        return ClipTooLarge(error.message)
    if isinstance(error, BadRequest):
        return _refused(error.message, said)
    if isinstance(error, InvalidToken):
        return ChatUnavailable("the token is not taken any more", WRONG_TOKEN)
    if isinstance(error.__cause__, _NOT_SENT):
        return ChatUnavailable(f"no connection: {type(error.__cause__).__name__}", 2.0)
    return ChatUncertain(error.message)


def _refused(message: str, said: str) -> ChatError:
    kinds: tuple[tuple[tuple[str, ...], type[ChatError]], ...] = (
        (_MESSAGE_GONE, MessageGone),
        (_CHAT_GONE, ChatGone),
        (_NO_THREAD, ThreadGone),
        (_NO_MEDIA, ClipForbidden),
    )
    for texts, kind in kinds:
        if any(text in said for text in texts):
            return kind(message)
    return ChatRefused(message, UNFORESEEN)
