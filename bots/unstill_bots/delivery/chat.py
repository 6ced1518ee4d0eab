"""The port that a platform implements: fetch a picture, post a message, edit it, ping the person."""

from __future__ import annotations

from typing import ClassVar, Protocol

from unstill_bots.delivery.message import Message, Urgency
from unstill_config import metrics
from unstill_queue.contract.jobs import ReplyAddress, Request


class ChatError(Exception):
    """The root of what a platform can answer instead of doing what it was asked. `word`: by which it is counted."""

    word: ClassVar[str] = "other"


class ChatUnavailable(ChatError):
    """Not now, and surely nothing was shown. `retry_after` in seconds."""

    word = "unavailable"

    def __init__(self, reason: str, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class ChatFlooded(ChatUnavailable):
    """The platform takes no more from us for a while, and surely nothing was shown."""

    word = "flood"

    def __init__(self, platform: str, retry_after: float) -> None:
        metrics.count("platform_floods", platform=platform)
        super().__init__("flood limit", retry_after)


class ChatRefused(ChatUnavailable):
    """Refused in a way that nobody foresaw, and surely nothing was shown. Whoever asks again does so a few times."""

    word = "refused"


class ChatUncertain(ChatError):
    """No answer came: it may have been shown, or not."""

    word = "uncertain"


class ChatGone(ChatError):
    """The chat takes nothing from us any more: blocked, kicked, deleted."""


class MessageGone(ChatError):
    """The message was deleted, or cannot be edited any more."""

    word = "message_gone"


class Dropped(ChatError):
    """There is no room for it now, and it is not worth waiting."""


class ClipTooLarge(ChatError):
    """The platform refused the clip's size."""


class ClipForbidden(ChatError):
    """The chat takes text from us, but no clips."""


class FetchError(ChatError):
    """The picture cannot be had. `code` is for replies: 'picture_gone' or 'picture_too_big'."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class Chat(Protocol):
    """One platform, as the shared layers see it.

    It is handed whole messages, and never asks the ledger. A message ref is the platform's own reference to a message
    of ours, as text that other processes can read. All methods raise ChatError.
    """

    platform: str

    async def fetch(self, request: Request) -> bytes:
        """Return the picture's bytes as they were sent. Raises FetchError, ChatUnavailable."""
        ...

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        """Tell, without asking anybody, whether an edit of that urgency would be shown now rather than dropped."""
        ...

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        """Send a new message in reply to the request's. Returns its ref.

        `replaces` is the ref of the job's message that is gone. Without it the platform may take a message of the job
        that stands there already, and edit it.
        """
        ...

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        """Turn a message of ours into `message`; the same again, however often, shows the same. Returns its ref.

        Raises:
            Dropped: there is no room for it now, and by its urgency it is not worth waiting.
            ClipForbidden: there is a clip in it, and only text may be shown there.
        """
        ...

    async def react(self, to: ReplyAddress) -> bool:
        """Mark the request's message as seen, by a reaction that rings at nobody's. False: there it cannot be done."""
        ...

    async def ping(self, request: Request, ref: str, text: str) -> str | None:
        """Draw the person's attention to the message at `ref` by a short new one; it may get lost. Returns its ref, or
        None where there is none.
        """
        ...

    async def remove(self, ref: str) -> None:
        """Delete a message of ours."""
        ...

    def is_public(self, to: ReplyAddress) -> bool:
        """Tell whether others than the person read what is said there."""
        ...
