"""What the Bot API can do wrong."""

from __future__ import annotations

from typing import Literal

from wire_doubles import trouble

Mishap = Literal["lost", "dropped", "slow", "bad gateway", "unavailable"]


class Trouble(trouble.Trouble[int]):
    """Operations are the Bot API's methods; a refusal is the HTTP status of what stands before it."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__({"bad gateway": 502, "unavailable": 503}, seed)

    def next(self, method: str, mishap: Mishap, *, seconds: float = 1.0) -> None:
        """The next call of a method that has no fate yet meets this one."""
        self.meet(method, mishap, seconds, 1)
