"""What the Bot API can do wrong."""

from __future__ import annotations

from typing import Literal

from wire_doubles import trouble
from wire_doubles.telegram.errors import ApiError, Page, bad_request

Mishap = Literal["lost", "dropped", "slow", "bad gateway", "unavailable", "gateway page"]


class Trouble(trouble.Trouble[ApiError]):
    """Operations are the Bot API's methods. A "gateway page" is the HTML of what stands before the Bot API."""

    def __init__(self, seed: int = 0) -> None:
        refusals = {
            "bad gateway": ApiError(502, "Bad Gateway"),
            "unavailable": ApiError(503, "Service Unavailable"),
            "gateway page": Page(502, "Bad Gateway"),
        }
        super().__init__(refusals, seed)

    def next(self, method: str, mishap: Mishap, *, seconds: float = 1.0, times: int = 1) -> None:
        """The next calls of a method that have no fate yet meet this one."""
        self.meet(method, mishap, seconds, times)

    def refuse(self, method: str, description: str, *, times: int = 1) -> None:
        """The next calls of a method that have no fate yet are a bad request in these words."""
        self.await_with(method, trouble.Fate(refused=bad_request(description)), times)
