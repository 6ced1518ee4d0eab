"""Stops asking a platform that refuses too much, before it shuts us out for that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace

import aiohttp

WINDOW = 600.0
BUDGET = 500

Counts = Callable[[int, Mapping[str, str]], bool]
"""Says whether an answer, by its status and headers, is a refusal that the platform holds against us."""


class Tripped(aiohttp.ClientError):
    """The request was not made. `seconds` until there is room again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"too many requests were refused; none for {seconds:.0f} s")


class Breaker:
    """Lets no request of one client begin after `budget` refusals in `window` seconds, its library's own retries
    included. `counts` says which answers are refusals.
    """

    def __init__(self, counts: Counts, *, budget: int = BUDGET, window: float = WINDOW) -> None:
        self._counts = counts
        self._window = window
        self._budget = budget
        self._refused: deque[float] = deque(maxlen=budget)

    @property
    def seconds(self) -> float:
        """The seconds until requests are made again; 0 while they are."""
        if len(self._refused) < self._budget:
            return 0.0
        return max(0.0, self._refused[0] + self._window - time.monotonic())

    def count(self, status: int, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        if self._counts(status, headers):
            self._refused.append(time.monotonic())

    def trace(self) -> aiohttp.TraceConfig:
        """Return what the client's HTTP session has to be opened with."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._before)
        config.on_request_end.append(self._after)
        return config

    async def _before(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        if self.seconds:
            raise Tripped(self.seconds)

    async def _after(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        self.count(params.response.status, params.response.headers)
