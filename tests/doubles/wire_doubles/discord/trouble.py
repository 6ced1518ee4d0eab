"""What Discord can do wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from wire_doubles import trouble
from wire_doubles.discord import errors
from wire_doubles.discord.errors import ApiError

Refusal = Literal[
    "internal",
    "bad gateway",
    "unavailable",
    "overloaded",
    "too large",
    "file too large",
    "slow mode",
    "too many edits",
    "unforeseen",
]
Mishap = Literal["lost", "dropped", "slow"] | Refusal

_REFUSALS: dict[str, Callable[[], ApiError]] = {
    "internal": errors.internal,
    "bad gateway": errors.bad_gateway,
    "unavailable": errors.unavailable,
    "overloaded": errors.overloaded,
    "too large": errors.too_large,
    "file too large": errors.file_too_large,
    "slow mode": errors.too_fast_here,
    "too many edits": errors.too_many_edits,
    "unforeseen": errors.unforeseen,
}


class Trouble(trouble.Trouble[Callable[[], ApiError]]):
    """Operations are named as in `Answered.operation`: create_message, edit_message, answer_interaction, ..."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(_REFUSALS, seed)

    def next(self, operation: str, mishap: Mishap, *, seconds: float = 1.0, times: int = 1) -> None:
        """The next calls of an operation that have no fate yet meet this one."""
        self.meet(operation, mishap, seconds, times)
