"""Misbehaviour on demand, the same way for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.doubles.discord import errors
from tests.doubles.discord.errors import ApiError

Refusal = Literal[
    "internal", "bad gateway", "unavailable", "overloaded", "too large", "file too large", "slow mode", "too many edits"
]
Mishap = Literal["lost", "dropped", "slow"] | Refusal


@dataclass(frozen=True)
class Fate:
    """What becomes of one call. `lost`: the deed is done and the connection is cut instead of an answer;
    `dropped`: cut before the deed; `refused`: what is answered without the deed;
    `wait`: seconds that the answer takes after the deed.
    """

    lost: bool = False
    dropped: bool = False
    refused: Callable[[], ApiError] | None = None
    wait: float = 0.0


_REFUSALS: dict[str, Callable[[], ApiError]] = {
    "internal": errors.internal,
    "bad gateway": errors.bad_gateway,
    "unavailable": errors.unavailable,
    "overloaded": errors.overloaded,
    "too large": errors.too_large,
    "file too large": errors.file_too_large,
    "slow mode": errors.too_fast_here,
    "too many edits": errors.too_many_edits,
}


class Trouble:
    """`lost`, `bad_gateway` and `slow` are shares of the calls, of `only` these operations if that is set.

    Operations are named as in `Answered.operation`: create_message, edit_message, answer_interaction, ...
    `outage` cuts every connection before the deed. Set while it runs, everything counts at once.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._next: dict[str, deque[Fate]] = defaultdict(deque)
        self.lost = 0.0
        self.bad_gateway = 0.0
        self.slow = 0.0
        self.slow_seconds = 1.0
        self.outage = False
        self.only: frozenset[str] | None = None
        self.happened = 0

    def next(self, operation: str, mishap: Mishap, *, seconds: float = 1.0, times: int = 1) -> None:
        """The next calls of an operation that have no fate yet meet this one."""
        if mishap == "slow":
            fate = Fate(wait=seconds)
        elif mishap in _REFUSALS:
            fate = Fate(refused=_REFUSALS[mishap])
        else:
            fate = Fate(lost=mishap == "lost", dropped=mishap == "dropped")
        self._next[operation].extend([fate] * times)

    def fate(self, operation: str) -> Fate:
        fate = self._draw(operation)
        self.happened += fate != Fate()
        return fate

    def _draw(self, operation: str) -> Fate:
        if self.outage:
            return Fate(dropped=True)
        if waiting := self._next.get(operation):
            return waiting.popleft()
        if self.only is not None and operation not in self.only:
            return Fate()
        luck = self._random.random()
        if luck < self.lost:
            return Fate(lost=True)
        if luck < self.lost + self.bad_gateway:
            return Fate(refused=errors.bad_gateway)
        if luck < self.lost + self.bad_gateway + self.slow:
            return Fate(wait=self.slow_seconds)
        return Fate()
