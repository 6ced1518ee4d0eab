"""How soon a clip is there on the page, what open pages cost, and 500 clips that are posted in one burst.

`python -m tests.bench.bench_web`. Real processes: the page, an engine with its child, Valkey; people come over HTTP.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from tests.bench.figures import Figure, at_least, at_most, plain, table
from tests.bench.one_clip import REST, TIMES, WARM
from tests.bench.page_load import page_load
from tests.system.backlog import picture
from tests.system.web_house import WebHouse, web_house

from unstill_queue.contract.jobs import State, Succeeded

WORDS = "zoom in --preset preview"
PAGES, IDLE = 100, 20.0
BURST, AT_ONCE = 500, 50
WITHIN = 600.0
TICK = os.sysconf("SC_CLK_TCK")


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    figures = [*asyncio.run(preview()), *asyncio.run(open_pages()), *asyncio.run(burst())]
    print(table(figures))
    return figures


# -- one clip


async def preview() -> list[Figure]:
    """Measure a preview from an idle engine: from the post to the first bytes of its clip."""
    with TemporaryDirectory() as name, web_house(Path(name), UNSTILL_ENGINE__MODEL="camera") as web:
        async with _browser(web) as client:
            photo, seen = picture(1280, 960), []
            for _ in range(WARM + TIMES):
                seen.append(await _one(client, photo))
                await asyncio.sleep(REST)
            page = await asyncio.to_thread(page_load, f"{web.url}/")
        made = await _made(web)
    beyond = [whole - busy for whole, busy in zip(seen, made, strict=True)][WARM:]
    return [
        plain("web: post to first frame of a preview, idle engine, median", statistics.median(seen[WARM:]), "s"),
        at_most(
            "web: of it beyond render and encode, as the engine has it in hand, median",
            statistics.median(beyond),
            "s",
            0.3,
        ),
        *page,
    ]


async def _one(client: aiohttp.ClientSession, photo: bytes) -> float:
    """Return the seconds from a post to the first bytes of its clip."""
    form = aiohttp.FormData({"prompt": WORDS})
    form.add_field("picture", photo, filename="photo.jpg")
    started = time.perf_counter()
    async with client.post("api/v1/clips", data=form) as answer:
        asked = await answer.json()
    async with client.get(f"api/v1/clips/{asked['id']}/events") as events:
        async for line in events.content:
            if line.startswith(b"data: ") and json.loads(line[6:])["state"] == "done":
                break
    async with client.get(f"api/v1/clips/{asked['id']}/clip.mp4") as clip:
        await clip.content.readany()
    return time.perf_counter() - started


async def _made(web: WebHouse) -> list[float]:
    """Return the seconds that the engine had each request in hand, in the order in which they were asked for."""
    ledger, fields = web.ledger(), ["accepted_at", "started_at", "finished_at"]
    try:
        keys = [key async for key in ledger.redis.scan_iter("unstill:job:*")]
        moments: list[list[bytes]] = [await ledger.redis.hmget(key, fields) for key in keys]  # type: ignore[misc]
    finally:
        await ledger.redis.aclose()
    return [
        (float(filed) - float(claimed)) / 1000 for _, claimed, filed in sorted(moments, key=lambda one: float(one[0]))
    ]


# -- pages that are open


async def open_pages() -> list[Figure]:
    """Measure what pages cost that are open and see nothing happen."""
    with TemporaryDirectory() as name, web_house(Path(name), engine=False) as web:
        assert web.bot is not None
        await asyncio.sleep(3)
        memory, idle = _memory(web.bot.pid), await _cpu(web.bot.pid)
        # a cookie jar each: they are people of their own
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            f"{web.url}/", connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        ) as client:
            streams = []
            for _ in range(PAGES):
                async with client.get("") as page:
                    cookie = page.cookies["unstill"].value
                streams.append(await client.get("events", headers={"Cookie": f"unstill={cookie}"}))
                await streams[-1].content.readuntil(b"data: []\n")
            busy = await _cpu(web.bot.pid)
            grown = _memory(web.bot.pid) - memory
            for one in streams:
                one.close()
    return [
        at_most(f"web: {PAGES} open pages, of a core", 100 * max(0.0, busy - idle), "%", 3),
        at_most(f"web: {PAGES} open pages, memory", grown, "MiB", 10),
    ]


async def _cpu(pid: int) -> float:
    """Return the share of a core that a process takes."""
    before = _ticks(pid)
    await asyncio.sleep(IDLE)
    return (_ticks(pid) - before) / TICK / IDLE


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _memory(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# -- a burst


async def burst() -> list[Figure]:
    """Measure 500 clips that are posted in a burst: each is answered, once."""
    unlimited = {
        f"UNSTILL_QUOTA__{name}": "0" for name in ("PERSON_JOBS", "CHAT_JOBS", "PERSON_SECONDS", "CHAT_SECONDS")
    }
    with TemporaryDirectory() as name, web_house(Path(name), JOURNAL_STEP_SECONDS="0", **unlimited) as web:  # type: ignore[arg-type]  # texts
        photo, slots = picture(640, 480), asyncio.Semaphore(AT_ONCE)
        ids: set[str] = set()
        started = time.perf_counter()
        async with _browser(web) as client:
            async with client.get("") as page:
                await page.read()

            async def post(number: int) -> int:
                form = aiohttp.FormData({"prompt": f"clip {number}"})
                form.add_field("picture", photo, filename="photo.jpg")
                async with slots, client.post("api/v1/clips", data=form) as answer:
                    ids.add((await answer.json())["id"])
                    return answer.status

            statuses = await asyncio.gather(*map(post, range(BURST)))
        taken = time.perf_counter() - started
        while (told := await _answered(web)) < BURST and time.perf_counter() - started < WITHIN:
            await asyncio.sleep(1)
        whole = time.perf_counter() - started
    return [
        at_least(f"web: of {BURST} posts in a burst accepted", sum(status == 202 for status in statuses), "", BURST),
        at_least("web: requests of them, each with its clip delivered", told, "", BURST),
        at_most("web: requests that nobody posted", len(ids) - BURST, "", 0),
        plain("web: first post to last 202", taken, "s"),
        plain("web: first post to last clip", whole, "s"),
    ]


async def _answered(web: WebHouse) -> int:
    """Return how many requests on record have their clip, and it was delivered."""
    ledger = web.ledger()
    try:
        keys = [key async for key in ledger.redis.scan_iter("unstill:job:*", count=1000)]
        records = [await ledger.read(key.decode().removeprefix("unstill:job:")) for key in keys]
    finally:
        await ledger.redis.aclose()
    return sum(record.state is State.SENT and isinstance(record.outcome, Succeeded) for record in records)


def _browser(web: WebHouse) -> aiohttp.ClientSession:
    """Return a client that keeps its cookie, also of an address without a name."""
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(
        f"{web.url}/", cookie_jar=jar, connector=aiohttp.TCPConnector(limit=0), raise_for_status=True
    )


if __name__ == "__main__":
    run()
