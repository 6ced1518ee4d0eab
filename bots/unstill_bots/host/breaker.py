"""Stops asking a platform that refuses too much, before it shuts us out for that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType, SimpleNamespace

import aiohttp
import yarl

WINDOW = 600.0
BUDGET = 500

Counts = Callable[[int, Mapping[str, str]], bool]
"""Says whether an answer, by its status and headers, is a refusal that the platform holds against us."""
PlaceOf = Callable[[yarl.URL], str]
"""Names the place, such as a channel, that a request is for; empty where it is for none."""


class Tripped(aiohttp.ClientError):
    """The request was not made. `seconds` until there is room again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"too many requests were refused; none for {seconds:.0f} s")


def nowhere(_: yarl.URL) -> str:
    """Name no place: all requests count alike."""
    return ""


class Breaker:
    """Lets no request of one client begin after `budget` refusals in `window` seconds, its library's own retries
    included. `counts` says which answers are refusals. After half of them it asks nothing more where it was refused in
    that time, so that places which refuse everything leave room for the others. `place_of` tells them apart.
    """

    def __init__(
        self, counts: Counts, place_of: PlaceOf = nowhere, *, budget: int = BUDGET, window: float = WINDOW
    ) -> None:
        self._counts = counts
        self._place_of = place_of
        self._window = window
        self._budget = budget
        self._refused: deque[tuple[float, str]] = deque(maxlen=budget)

    @property
    def seconds(self) -> float:
        """The seconds until requests are made again, wherever that is; 0 while they are."""
        return self._seconds_to(self._budget)

    def seconds_at(self, place: str) -> float:
        """Return the seconds until requests are made again at a place; 0 while they are."""
        if place and any(place == refused for _, refused in self._refused):
            return max(self.seconds, self._seconds_to(max(1, self._budget // 2)))
        return self.seconds

    def count(self, status: int, headers: Mapping[str, str] = MappingProxyType({}), place: str = "") -> None:
        if self._counts(status, headers):
            self._refused.append((time.monotonic(), place))

    def _seconds_to(self, most: int) -> float:
        """Return the seconds until there are less than `most` refusals."""
        now = time.monotonic()
        while self._refused and self._refused[0][0] <= now - self._window:
            self._refused.popleft()
        if len(self._refused) < most:
            return 0.0
        return self._refused[len(self._refused) - most][0] + self._window - now

    def trace(self) -> aiohttp.TraceConfig:
        """Return what the client's HTTP session has to be opened with."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._before)
        config.on_request_end.append(self._after)
        return config

    async def _before(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        if seconds := self.seconds_at(self._place_of(params.url)):
            raise Tripped(seconds)

    async def _after(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        self.count(params.response.status, params.response.headers, self._place_of(params.url))
