"""The port that a platform implements: fetch a picture, keep one message, turn it into the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from unstill_queue.contract.jobs import ReplyAddress, Request, Succeeded


class ChatError(Exception):
    """The root of what a platform can answer instead of doing what it was asked."""


class ChatUnavailable(ChatError):
    """Not now, and surely nothing was shown. `retry_after` in seconds."""

    def __init__(self, reason: str, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class ChatUncertain(ChatError):
    """No answer came: it may have been shown, or not."""


class ChatGone(ChatError):
    """The chat takes nothing from us any more: blocked, kicked, deleted."""


class NoteGone(ChatError):
    """The status message was deleted, or cannot be edited any more."""


class ClipTooLarge(ChatError):
    """The platform refused the clip's size."""


class FetchError(ChatError):
    """The picture cannot be had. `code` is for replies: 'picture_gone' or 'picture_too_big'."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class Chat(Protocol):
    """One platform, as the studio and the courier see it.

    A note is the platform's reference to a message of ours, as text. `revise` and `deliver` onto a
    note show the same however often they are repeated. All of them raise ChatError.
    """

    platform: str

    async def fetch(self, request: Request) -> bytes:
        """The picture's bytes as they were sent. Raises FetchError, ChatUnavailable."""
        ...

    async def say(self, to: ReplyAddress, text: str) -> str:
        """A new message, a reply to the request's; returns its note."""
        ...

    async def revise(self, to: ReplyAddress, note: str, text: str) -> None:
        """Change what the note says."""
        ...

    async def deliver(self, to: ReplyAddress, note: str, clip: Path, about: Succeeded, text: str) -> str:
        """Turn the note into the clip. Returns the receipt to keep."""
        ...

    async def call(self, to: ReplyAddress, text: str) -> None:
        """Draw the person's attention by a short new reply; may get lost."""
        ...
