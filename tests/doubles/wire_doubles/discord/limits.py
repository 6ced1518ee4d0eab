"""How often a bot may call: per route, overall, and how often it may be wrong."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from dataclasses import dataclass

from wire_doubles.clock import Clock
from wire_doubles.discord.errors import RateLimited

INVALID_SECONDS = 600.0


@dataclass
class Bucket:
    """One window of one route for one channel, server or token."""

    name: str
    limit: int
    seconds: float
    used: int = 0
    began: float = 0.0

    def headers(self, now: float) -> dict[str, str]:
        after = max(0.0, self.began + self.seconds - now)
        return {
            "X-RateLimit-Bucket": self.name, "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "X-RateLimit-Reset": f"{now + after:.3f}", "X-RateLimit-Reset-After": f"{after:.3f}",
        }  # fmt: skip


class Limits:
    """`overall` calls a second with the bot's token; `invalid` 401, 403 and 429 answers in ten minutes, after which
    the platform's gate refuses everything. Both are the documented figures; those of the routes stand at the routes
    and are the ones that were observed, as the platform documents none. `hurry` makes their windows so many times
    shorter. Set while it runs, everything counts at once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.on = True
        self.overall = 50
        self.invalid = 10_000
        self.hurry = 1.0
        self.refused = 0
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._recent: deque[float] = deque()
        self._wrong: deque[float] = deque()
        self._forced: dict[str, deque[RateLimited]] = {}

    def spend(self, operation: str, major: str, allowed: tuple[int, float], *, exempt: bool = False) -> Bucket | None:
        """Count a call, or raise 429 and count none; `exempt` from the overall limit."""
        if waiting := self._forced.get(operation):
            self.refused += 1
            raise waiting.popleft()
        if not self.on:
            return None
        now = self._clock.now()
        if not exempt:
            while self._recent and self._recent[0] <= now - 1.0:
                self._recent.popleft()
            if len(self._recent) >= self.overall:
                self.refused += 1
                raise RateLimited(max(0.05, self._recent[0] + 1.0 - now), "global")
        bucket = self._bucket(operation, major, allowed, now)
        if bucket.used >= bucket.limit:
            self.refused += 1
            raise RateLimited(max(0.05, bucket.began + bucket.seconds - now), "user")
        bucket.used += 1
        if not exempt:
            self._recent.append(now)
        return bucket

    def next(self, operation: str, *, retry_after: float = 1.0, scope: str = "user", times: int = 1) -> None:
        """The next calls of this operation are refused; `scope` shared is counted as nobody's fault."""
        self._forced.setdefault(operation, deque()).extend([RateLimited(retry_after, scope)] * times)

    def calm(self) -> None:
        """No call is refused any more because it was said so."""
        self._forced.clear()

    def wrong(self) -> None:
        """Count an answer that says that the call should not have been made."""
        self._wrong.append(self._clock.now())

    @property
    def wrongs(self) -> int:
        """In the last ten minutes."""
        while self._wrong and self._wrong[0] <= self._clock.now() - INVALID_SECONDS:
            self._wrong.popleft()
        return len(self._wrong)

    @property
    def banned(self) -> bool:
        return self.wrongs >= self.invalid

    def _bucket(self, operation: str, major: str, allowed: tuple[int, float], now: float) -> Bucket:
        limit, seconds = allowed
        bucket = self._buckets.get((operation, major))
        if bucket is None:
            bucket = Bucket(bucket_name(operation), limit, seconds / self.hurry, began=now)
            self._buckets[operation, major] = bucket
        if now >= bucket.began + bucket.seconds:
            bucket.used, bucket.began = 0, now
        return bucket


def bucket_name(operation: str) -> str:
    return hashlib.md5(operation.encode(), usedforsecurity=False).hexdigest()


def retry_headers(error: RateLimited, bucket: str) -> dict[str, str]:
    """What a 429 of the platform's own carries; the gate before it sends none of them."""
    headers = {
        "Retry-After": str(math.ceil(error.retry_after)), "X-RateLimit-Scope": error.scope, "Via": "1.1 google",
        "X-RateLimit-Bucket": bucket, "X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset-After": f"{error.retry_after:.3f}",
    }  # fmt: skip
    if error.scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return headers
