"""Tests what a bot and an engine ask of the server while nobody asks anything of them: counted by the server itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis
from tests.system.telegram_house import has_clips, photo, telegram_house
from tests.system.test_metrics_end_to_end import free_ports

from unstill_config.settings import Queue
from unstill_config.telemetry import ENGINES_FROM
from unstill_queue.redis.connection import connect

MOST = 15.0
"""Commands a second of one bot and one engine."""
SECONDS = 20
SCRAPE_EVERY = 15.0
DEFAULTS: dict[str, Any] = {
    f"UNSTILL_QUEUE__{name.upper()}": str(Queue.model_fields[name].default)
    for name in ("lease", "beat", "reap", "audit")
}
"""Settings as a host runs it, and not as the other tests do."""


def what(command: str) -> str:
    """Name a command by itself and its key, or by the transition of the ledger."""
    words = command.split(" ")
    return " ".join([words[0], *(words[3:4] if words[0] == "EVALSHA" else words[1:2])])


async def commands(redis: Redis, seconds: float) -> Counter[str]:
    """Count what clients send in so many seconds by the server's clock; what scripts call is not theirs."""
    asked: Counter[str] = Counter()
    async with redis.monitor() as monitor:
        first = None
        async for said in monitor.listen():
            first = first or float(said["time"])
            if float(said["time"]) - first > seconds:
                return asked
            if said["client_type"] != "lua":
                asked[what(said["command"])] += 1
    raise AssertionError("the server ended")


async def scrape(port: int) -> None:
    async with httpx.AsyncClient() as http:
        while True:
            assert (await http.get(f"http://127.0.0.1:{port}/metrics")).status_code == 200
            await asyncio.sleep(SCRAPE_EVERY)


async def test_an_idle_bot_and_engine_ask_little_of_the_server(tmp_path: Path) -> None:
    # Given one bot and one engine, which have served somebody, and tell their figures
    port = free_ports((0, ENGINES_FROM))
    with telegram_house(tmp_path, UNSTILL_METRICS__PORT=str(port), **DEFAULTS) as telegram:
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        ann.send_photo(chat, photo(), "waves")
        await chat.until(has_clips())
        redis = connect(telegram.house.valkey.url)
        # When nobody asks for anything but, as often as it usually does, a Prometheus
        asking = asyncio.create_task(scrape(port))
        asked = await commands(redis, SECONDS)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await redis.aclose()
        told = "\n".join(f"{count / SECONDS:6.2f} {one}" for one, count in asked.most_common())
        print(f"{sum(asked.values()) / SECONDS:.1f} commands a second\n{told}")
        # Then all that they do is to look, which both do
        assert sum(asked.values()) / SECONDS <= MOST, told
        assert asked["EVALSHA tally"], told
        assert asked["EVALSHA reap"] and asked["EVALSHA engine"] and asked["ZRANGEBYSCORE unstill:arq:journal"], told
        assert any(one.startswith("XREADGROUP") for one in asked), told
