"""Misbehaviour on demand, the same way for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Fate(Generic[R]):
    """What becomes of one call. `lost`: the deed is done and the connection is cut instead of an answer;
    `dropped`: cut before the deed; `refused`: what is answered without the deed;
    `wait`: seconds that the answer takes after the deed.
    """

    lost: bool = False
    dropped: bool = False
    refused: R | None = None
    wait: float = 0.0


class Trouble(Generic[R]):
    """`lost`, `bad_gateway` and `slow` are shares of the calls, of `only` these operations if that is set.

    `outage` cuts every connection before the deed. Set while it runs, everything counts at once. `refusals` are the
    platform's own, by name; "bad gateway" is one of them.
    """

    def __init__(self, refusals: Mapping[str, R], seed: int = 0) -> None:
        self._refusals = refusals
        self._random = random.Random(seed)
        self._next: dict[str, deque[Fate[R]]] = defaultdict(deque)
        self.lost = 0.0
        self.bad_gateway = 0.0
        self.slow = 0.0
        self.slow_seconds = 1.0
        self.outage = False
        self.only: frozenset[str] | None = None
        self.happened = 0

    def meet(self, operation: str, mishap: str, seconds: float, times: int) -> None:
        """The next calls of an operation that have no fate yet meet this one: lost, dropped, slow, or a refusal."""
        fate: Fate[R]
        match mishap:
            case "lost":
                fate = Fate(lost=True)
            case "dropped":
                fate = Fate(dropped=True)
            case "slow":
                fate = Fate(wait=seconds)
            case _:
                fate = Fate(refused=self._refusals[mishap])
        self.await_with(operation, fate, times)

    def await_with(self, operation: str, fate: Fate[R], times: int = 1) -> None:
        """The next calls of an operation that have no fate yet meet this one."""
        self._next[operation.lower()].extend([fate] * times)

    def calm(self) -> None:
        """No call has a fate of its own any more."""
        self._next.clear()

    def fate(self, operation: str) -> Fate[R]:
        fate = self._draw(operation)
        self.happened += fate != Fate()
        return fate

    def _draw(self, operation: str) -> Fate[R]:
        if self.outage:
            return Fate(dropped=True)
        if waiting := self._next.get(operation.lower()):
            return waiting.popleft()
        if self.only is not None and operation not in self.only:
            return Fate()
        luck = self._random.random()
        if luck < self.lost:
            return Fate(lost=True)
        if luck < self.lost + self.bad_gateway:
            return Fate(refused=self._refusals["bad gateway"])
        if luck < self.lost + self.bad_gateway + self.slow:
            return Fate(wait=self.slow_seconds)
        return Fate()
