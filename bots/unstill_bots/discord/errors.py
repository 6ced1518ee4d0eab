"""Discord's refusals, by their codes, as what they mean to a chat.

Codes: Discord's documentation, "Opcodes and Status Codes", JSON error codes.
"""

from __future__ import annotations

import aiohttp
import discord

from unstill_bots.delivery.chat import (
    ChatError,
    ChatFlooded,
    ChatGone,
    ChatRefused,
    ChatUnavailable,
    ChatUncertain,
    ClipTooLarge,
    MessageGone,
)
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.host.breaker import Tripped

NOT_THE_API, UNFORESEEN, UNREACHABLE = 60.0, 5.0, 2.0
"""Seconds until a call is tried again: after an answer that is none of the API's, or where the token is not taken;
after a refusal that nobody foresaw; without a connection.
"""


class PermissionMissing(ChatGone):
    """The bot may not do that there; something smaller may be allowed."""


class ThreadArchived(ChatError):
    """The thread has to be opened again first."""


class ReplyImpossible(ChatError):
    """The message to reply to cannot be referred to; a message that is no reply can be sent."""


CODES: dict[int, type[ChatError]] = {
    10003: ChatGone,  # unknown channel
    10004: ChatGone,  # unknown guild
    10008: MessageGone,  # unknown message
    10013: ChatGone,  # unknown user
    10015: MessageGone,  # unknown webhook: nothing was answered by this token
    10062: MessageGone,  # unknown interaction
    40005: ClipTooLarge,  # request entity too large
    40060: MessageGone,  # interaction already acknowledged
    50001: ChatGone,  # missing access
    50005: MessageGone,  # authored by somebody else
    50007: ChatGone,  # this person takes no messages
    50008: ChatGone,  # a channel without text
    50009: ChatGone,  # the channel's verification level
    50013: PermissionMissing,
    50027: MessageGone,  # invalid webhook token: it is over
    50045: ClipTooLarge,  # file exceeds the maximum size
    50083: ThreadArchived,
    50278: ChatGone,  # this person takes no messages, as 50007
    160002: ReplyImpossible,  # no permission to read the history
    160005: ChatGone,  # thread locked
    160006: ThreadArchived,  # most active threads reached
}
LATER: dict[int, float] = {
    20028: 10.0,  # the channel's write rate limit
    20029: 10.0,  # the server's
    30046: 120.0,  # edits of messages older than an hour
    130000: 5.0,  # overloaded
}
"""Refused for now, and surely nothing was shown; seconds."""


def chat_error(error: Exception) -> ChatError:
    """What happened, as the courier knows it."""
    match error:
        case ChatError():
            return error
        case discord.RateLimited():
            return ChatFlooded(PLATFORM, error.retry_after)
        case Tripped():
            return ChatUnavailable(str(error), error.seconds)
        case discord.HTTPException():
            return _refused(error)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return ChatUnavailable(f"no connection: {type(error).__name__}", UNREACHABLE)
    return ChatUncertain(f"{type(error).__name__}: {error}")


def _refused(error: discord.HTTPException) -> ChatError:
    said = error.text or f"HTTP {error.status}"
    if error.code in CODES:
        return CODES[error.code](said)
    if error.code in LATER:
        later = LATER[error.code]
        return ChatFlooded(PLATFORM, later) if error.status == 429 else ChatUnavailable(said, later)
    if error.status == 413:
        return ClipTooLarge(said)
    if error.status >= 500:
        return ChatUncertain(said)
    if error.status == 401 or said.lstrip().startswith("<"):
        return ChatUnavailable(f"HTTP {error.status}: {said[:200]}", NOT_THE_API)
    return ChatRefused(f"HTTP {error.status}, code {error.code}: {said[:200]}", UNFORESEEN)
