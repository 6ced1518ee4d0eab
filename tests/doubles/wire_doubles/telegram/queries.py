"""A pressed button, an inline query, a message to a guest: asked by a person, answered by the bot, once and soon."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wire_doubles.waiting import PATIENCE

if TYPE_CHECKING:
    from wire_doubles.telegram.messages import Message
    from wire_doubles.telegram.people import Person


@dataclass(eq=False)
class _Query:
    id: str
    person: Person
    asked_at: float
    answered: bool = False

    async def wait(self, seconds: float = PATIENCE) -> None:
        """Until the bot answers. Raises AssertionError."""
        ends = time.monotonic() + seconds
        while not self.answered:
            assert time.monotonic() < ends, f"no answer to {self} in {seconds:g} s"
            await asyncio.sleep(0.01)


@dataclass(eq=False)
class CallbackQuery(_Query):
    """`text` is what the person reads, `alert` whether in a window of its own."""

    message: Message | None = None
    data: str = ""
    text: str = ""
    alert: bool = False

    async def answer(self, seconds: float = PATIENCE) -> str:
        """The text that the bot answers with, empty if none. Raises AssertionError."""
        await self.wait(seconds)
        return self.text


@dataclass(eq=False)
class GuestQuery(_Query):
    """A message that names the bot in a chat that it is not in. `shown` is what it answers with."""

    message: Message | None = None
    shown: Message | None = None


@dataclass(eq=False)
class InlineQuery(_Query):
    """`results` are InlineQueryResult as the bot sent them."""

    query: str = ""
    results: list[dict[str, Any]] = field(default_factory=list)
    next_offset: str = ""
    button: dict[str, Any] | None = None
    cache_seconds: int = 300
    personal: bool = False

    async def answer(self, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """Raises AssertionError."""
        await self.wait(seconds)
        return self.results
