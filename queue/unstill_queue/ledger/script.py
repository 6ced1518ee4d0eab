"""The ledger's one script: the files of `lua/` one after another, in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from unstill_config.settings import Queue as QueueSettings
from unstill_queue.ledger.counters import BUCKETS
from unstill_queue.ledger.pseudonyms import Pseudonyms
from unstill_queue.ledger.times import Times

log = structlog.get_logger(__name__)

LUA = (
    "base",
    "metrics",
    "words",
    "turns",
    "estimate",
    "gates",
    "quotas",
    "files",
    "unreadable",
    "jobs",
    "intake",
    "engine",
    "delivery",
    "forget",
    "clock",
    "reaper",
    "streams",
    "views",
    "dispatch",
)
"""The files, without their endings. Each may use what those before it define, and none what comes after."""


@cache
def script_text(times: Times) -> str:
    """Return the script as the server is given it: `TIMES` and `BUCKETS`, in milliseconds, and then the files."""
    folder = resources.files("unstill_queue") / "ledger" / "lua"
    table = ", ".join(f"{name} = {ms(seconds)}" for name, seconds in msgspec.structs.asdict(times).items())
    buckets = ", ".join(str(ms(most)) for most in BUCKETS)
    tables = [f"local TIMES = {{ {table} }}", f"local BUCKETS = {{ {buckets} }}"]
    return "\n".join([*tables, *((folder / f"{name}.lua").read_text("utf-8") for name in LUA)])


class Script:
    """Runs the script on one Redis or Valkey, 6.2 or newer.

    `names` are those of the front end that accepts, or looks at quotas; `times`, where given, stand for what would
    be made from the settings, and `script` for the text.
    """

    def __init__(
        self,
        redis: Redis,
        settings: QueueSettings,
        script: str | None = None,
        names: Pseudonyms | None = None,
        times: Times | None = None,
    ) -> None:
        self.redis = redis
        self.settings = settings
        self.names = names or Pseudonyms()
        self.times = times or Times.of(settings)
        self._script = redis.register_script(script or script_text(self.times))

    async def _run(self, op: str, *args: str | bytes | float) -> list[Any]:
        result: list[Any] = await self._script(args=[op, *args])
        if len(result) == 3 and result[0] == b"unreadable":
            report(result[1:])
        return result


def report(bad: list[bytes]) -> None:
    """Log what was set aside: ids, each followed by what is wrong with it."""
    for id, wrong in zip(bad[::2], bad[1::2], strict=True):
        log.error(
            "a record cannot be read and is set aside; unstill doctor shows it",
            job=id.decode(errors="replace"),
            wrong=wrong.decode(errors="replace"),
        )


def awaited(answer: Any) -> Awaitable[Any]:
    """redis-py's types leave open whether its client is the asynchronous one."""
    awaitable: Awaitable[Any] = answer
    return awaitable


def ms(seconds: float) -> int:
    return round(seconds * 1000)
