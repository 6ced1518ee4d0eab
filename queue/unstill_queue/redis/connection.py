"""Connections that outlive a restart of their server, and a check of what that server promises.

redis-py 5.3 retries in several places that do not know of each other. A login that is cut off on TCP
escapes the retry of its connection; a lost command retries a health check that retries a connection,
so that the counts multiply; and a wrong password counts as a lost connection. `Patience` has the
outermost place retry alone, and by the clock.

It also keeps the time of an answer. redis-py's own `socket_timeout` sends through `asyncio.wait_for`,
which before Python 3.12 can swallow a cancellation, after which a cancelled command goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import EqualJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from unstill_config import metrics
from unstill_queue.contract.errors import QueueError
from unstill_queue.redis.trouble import is_away, refusal, trouble

PATIENCE = 600.0
"""Seconds without a server after which a command gives up."""
CONNECT_WITHIN = 5.0
ANSWER_WITHIN = 10.0
"""Seconds without an answer after which a connection counts as dead and the command is sent again."""
LONGEST_BLOCK = 5.0
"""The most seconds that a blocking command (XREAD, XREADGROUP, BLPOP) may ask for; more looks like a dead server."""

SCHEMES = ("redis://", "rediss://", "unix://")
OLDEST_VERSION = (6, 2)

AWAY = (RedisConnectionError, RedisTimeoutError, OSError)
"""BusyLoadingError, a server that still reads its file, is a ConnectionError."""
STAYS_CONNECTED = ("OOM", "BUSY", "MISCONF", "NOREPLICAS")
"""Troubles that another connection would meet as well."""

T = TypeVar("T")
_retrying: ContextVar[bool] = ContextVar("unstill_redis_retrying", default=False)


def where(url: str) -> str:
    """Return a server's url without its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def connect(url: str, *, patience: float = PATIENCE, answer_within: float = ANSWER_WITHIN) -> Redis:
    """A client whose commands wait for a server that is away, up to `patience` seconds; 0: none waits.

    The url is redis://, rediss:// or unix:///path. A command whose answer was lost is sent again, so
    commands must be safe to repeat. Where one was cut off under WATCH, WatchError says so.
    A blocking command asks for `LONGEST_BLOCK` at most. A server with a trouble of its own (`trouble.py`) is away too.

    Raises:
        QueueError: not such a url. Commands raise redis.exceptions.ConnectionError, TimeoutError or ResponseError
            when patience is over; a password that is not taken raises AuthenticationError at once, unless it had
            been taken before.
    """
    return Redis.from_pool(connection_pool(url, patience=patience, answer_within=answer_within))


def connection_pool(url: str, *, patience: float = PATIENCE, answer_within: float = ANSWER_WITHIN) -> ConnectionPool:
    """What `connect` stands on, for clients that are made otherwise, as arq's is: `ArqRedis(pool)`."""
    if not url.startswith(SCHEMES):
        raise QueueError("The queue's server is given as redis://, rediss:// or unix://. Set UNSTILL_REDIS__URL.")
    alive: dict[str, Any] = {} if url.startswith("unix://") else {"socket_keepalive": True}
    try:
        return PatientPool.from_url(
            url,
            retry=Patience(patience, answer_within),
            retry_on_error=list(AWAY),
            socket_connect_timeout=CONNECT_WITHIN,
            health_check_interval=30,
            **alive,
        )
    except ValueError:
        # the url may hold a password, and redis-py's message parts of the url
        raise QueueError("The queue's server is not a complete url. Set UNSTILL_REDIS__URL.") from None


class Patience(Retry):
    """Retries for some seconds rather than some times, and only where no caller retries already."""

    def __init__(self, seconds: float, answer_within: float) -> None:
        super().__init__(EqualJitterBackoff(cap=1.0, base=0.02), retries=-1, supported_errors=AWAY)  # type: ignore[arg-type]
        self._seconds = seconds
        self._answer_within = answer_within
        self._worked = False

    def __deepcopy__(self, memo: object) -> Patience:
        """Connections copy it; what one of them knows, all know."""
        return self

    async def call_with_retry(
        self, do: Callable[[], Awaitable[T]], fail: Callable[[Any], Any], *, command: bool = True
    ) -> T:
        """`command`: it shows that the server does what we ask, and not only that it takes a connection."""
        if _retrying.get():
            try:
                return await do()
            except AWAY as error:
                await fail(error)
                raise
        clock = asyncio.get_running_loop().time
        ends = clock() + self._seconds
        failures = 0
        token = _retrying.set(True)
        try:
            while True:
                try:
                    answer = await self._attempt(do)
                    self._worked |= command
                    return answer
                except (*AWAY, ResponseError) as error:
                    if not is_away(error):
                        raise
                    if trouble(error) not in STAYS_CONNECTED:
                        # closing a dead connection may fail too
                        with contextlib.suppress(RedisError, OSError):
                            await fail(error)
                    failures += 1
                    metrics.count("server_attempts_failed", trouble=trouble(error) or "connection")
                    refused = refusal(error)
                    if refused is not None and not self._worked:
                        raise refused from None
                    left = ends - clock()
                    if left <= 0:
                        raise
                    # past 2 ** 10 the backoff has long met its cap
                    await asyncio.sleep(min(left, self._backoff.compute(min(failures, 10))))
        finally:
            _retrying.reset(token)

    async def _attempt(self, do: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._answer_within):
                return await do()
        except TimeoutError as error:
            raise RedisTimeoutError(f"no answer in {self._answer_within:g} s") from error


class PatientPool(ConnectionPool):
    """Covers the login too, which redis-py does not retry."""

    async def get_connection(self, command_name: object = None, *keys: object, **options: object) -> Any:
        async def get() -> Any:
            return await super(PatientPool, self).get_connection()

        async def fail(error: Exception) -> None:
            """The pool has taken the connection back already."""

        return await self.connection_kwargs["retry"].call_with_retry(get, fail, command=False)


async def server_check(redis: Redis) -> list[str]:
    """What keeps this server from holding the queue's promises, one sentence each, with the mend. Empty: nothing."""
    info: dict[str, Any] = await redis.info()
    try:
        appendfsync = (await redis.config_get("appendfsync")).get("appendfsync")
    except ResponseError:
        # hosted servers refuse CONFIG
        appendfsync = None
    found = shortcomings(info, appendfsync)
    if info.get("aof_enabled") and not await may_rewrite(redis):
        found.append("What is forgotten stays in the server's file for long; let us use its command BGREWRITEAOF.")
    return found


async def may_rewrite(redis: Redis) -> bool:
    """Whether the server keeps an append-only file and lets us have it written anew. It is not written by this."""
    if not (await redis.info("persistence")).get("aof_enabled"):
        return False
    async with redis.client() as one:
        ask: Callable[[str], Awaitable[Any]] = one.execute_command
        await ask("MULTI")
        try:
            await ask("BGREWRITEAOF")
        except ResponseError:
            return False
        finally:
            await ask("DISCARD")
    return True


def shortcomings(info: Mapping[str, Any], appendfsync: str | None) -> list[str]:
    """`info` is INFO's answer, `appendfsync` the setting, or None where the server does not tell it."""
    found = []
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_VERSION:
        found.append(f"The server speaks Redis {version}; update it to Redis 6.2 or newer, or to Valkey.")
    if info.get("redis_mode") == "cluster":
        found.append("The server is part of a cluster, which the queue does not use; give it a server of its own.")
    if info.get("role", "master") != "master":
        found.append("The server is a read-only replica; set UNSTILL_REDIS__URL to its primary.")
    if not info.get("aof_enabled"):
        found.append("The server forgets the queue when it stops; set 'appendonly yes'.")
    elif appendfsync is None:
        found.append("The server does not tell its appendfsync; without 'always' a power cut loses accepted requests.")
    elif appendfsync != "always":
        found.append(f"A power cut loses accepted requests (appendfsync {appendfsync}); set 'appendfsync always'.")
    if info.get("aof_last_write_status", "ok") != "ok":
        found.append("The server cannot write its file, so it refuses requests; free space on its disk.")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        found.append(f"A full server throws jobs away (maxmemory-policy {policy}); set 'maxmemory-policy noeviction'.")
    return found
