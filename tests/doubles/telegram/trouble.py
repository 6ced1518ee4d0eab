"""Misbehaviour on demand, the same way for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal

Mishap = Literal["lost", "dropped", "slow", "bad gateway", "unavailable"]


@dataclass(frozen=True)
class Fate:
    """What becomes of one call. `lost`: the deed is done and the connection is cut instead of an answer;
    `dropped`: cut before the deed; `gateway`: an HTTP status that is answered without the deed;
    `wait`: seconds that the answer takes after the deed.
    """

    lost: bool = False
    dropped: bool = False
    gateway: int = 0
    wait: float = 0.0


class Trouble:
    """`lost`, `bad_gateway` and `slow` are shares of the calls, of `only` these methods if that is set.

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

    def next(self, method: str, mishap: Mishap, *, seconds: float = 1.0) -> None:
        """The next call of a method that has no fate yet meets this one."""
        self._next[method.lower()].append(
            {
                "lost": Fate(lost=True),
                "dropped": Fate(dropped=True),
                "slow": Fate(wait=seconds),
                "bad gateway": Fate(gateway=502),
                "unavailable": Fate(gateway=503),
            }[mishap]
        )

    def fate(self, method: str) -> Fate:
        fate = self._draw(method)
        self.happened += fate != Fate()
        return fate

    def _draw(self, method: str) -> Fate:
        if self.outage:
            return Fate(dropped=True)
        if waiting := self._next.get(method.lower()):
            return waiting.popleft()
        if self.only is not None and method not in self.only:
            return Fate()
        luck = self._random.random()
        if luck < self.lost:
            return Fate(lost=True)
        if luck < self.lost + self.bad_gateway:
            return Fate(gateway=502)
        if luck < self.lost + self.bad_gateway + self.slow:
            return Fate(wait=self.slow_seconds)
        return Fate()
