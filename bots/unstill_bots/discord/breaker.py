"""Discord shuts out whoever makes 10,000 invalid requests in ten minutes: we stop asking long before."""

from __future__ import annotations

import time
from collections import deque
from types import SimpleNamespace

import aiohttp

WINDOW = 600.0
BUDGET = 500
INVALID = (401, 403, 429)
"""What counts as invalid (Discord's documentation, "Invalid Request Limit"), but for 429s of a shared scope."""


class Tripped(aiohttp.ClientError):
    """The request was not made. `seconds` until there is room again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"too many requests were refused; none for {seconds:.0f} s")


class Breaker:
    """Counts what every request of one client came to, its library's own retries included."""

    def __init__(self, *, budget: int = BUDGET, window: float = WINDOW) -> None:
        self._budget = budget
        self._window = window
        self._refused: deque[float] = deque(maxlen=budget)

    @property
    def seconds(self) -> float:
        """Until requests are made again; 0 while they are."""
        if len(self._refused) < self._budget:
            return 0.0
        return max(0.0, self._refused[0] + self._window - time.monotonic())

    def count(self, status: int, scope: str = "") -> None:
        if status in INVALID and not (status == 429 and scope == "shared"):
            self._refused.append(time.monotonic())

    def trace(self) -> aiohttp.TraceConfig:
        """For the client's HTTP session."""
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
        self.count(params.response.status, params.response.headers.get("X-RateLimit-Scope", ""))
