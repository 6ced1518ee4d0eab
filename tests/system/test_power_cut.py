"""When the power fails, a request that was acknowledged is still there; and how this would look if it were not."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import count
from pathlib import Path

from redis.exceptions import RedisError
from tests.system.power import Cut, PoweredValkey
from tests.system.processes import until

from unstill_config.settings import Queue
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

CLIENTS = 8
ENOUGH = 100
"""Requests that are acknowledged before the power fails."""


async def accept_until_the_power_fails(url: str, client: int, acknowledged: list[Request]) -> None:
    redis = connect(url, patience=0)
    ledger = Ledger(redis, Queue())
    who = Requester("test", f"u{client}", f"c{client}")
    with contextlib.suppress(RedisError):
        for n in count():
            to = ReplyAddress("test", who.chat, str(n))
            request = Request(f"test:{client}:{n}", who, to, "photo", "waves roll in, slow motion", 1_000_000)
            if await ledger.accept(request):
                acknowledged.append(request)
    with contextlib.suppress(RedisError):
        await redis.aclose()


async def power_cut(folder: Path, *, appendfsync: str) -> tuple[Cut, set[str], set[str]]:
    """What the cut left of the file; ids of the requests that were acknowledged, and of those a new start finds due."""
    acknowledged: list[Request] = []
    # Given clients that send requests as fast as they are acknowledged
    async with PoweredValkey(folder, appendfsync=appendfsync) as valkey, asyncio.TaskGroup() as clients:
        for client in range(CLIENTS):
            clients.create_task(accept_until_the_power_fails(valkey.url, client, acknowledged))
        await until(lambda: len(acknowledged) > ENOUGH)
        await valkey.hold_fsyncs()
        # and, where the server does not wait for its disk, go on while an fsync is about to begin
        held_at = len(acknowledged)
        if appendfsync != "always":
            await until(lambda: len(acknowledged) > held_at + CLIENTS)
        # When the power fails
        cut = await valkey.cut()
    # and comes back
    async with EmbeddedValkey(folder) as again:
        redis = connect(again.url)
        ledger = Ledger(redis, Queue())
        kept = set(await ledger.open_ids())
        for request in acknowledged:
            if request.id in kept:
                assert (await ledger.read(request.id)).request == request
        await redis.aclose()
    return cut, {request.id for request in acknowledged}, kept


async def test_no_accepted_request_is_lost(tmp_path: Path) -> None:
    cut, acknowledged, kept = await power_cut(tmp_path, appendfsync="always")
    # Then every request that was acknowledged is there
    assert acknowledged <= kept
    assert len(acknowledged) > ENOUGH
    assert 0 < cut.synced <= cut.written


async def test_the_same_cut_loses_requests_where_the_server_does_not_wait_for_its_disk(tmp_path: Path) -> None:
    # What shows that the test above could fail: the server's own default
    cut, acknowledged, kept = await power_cut(tmp_path, appendfsync="everysec")
    assert acknowledged - kept
    # though what an fsync had covered is there
    assert 0 < cut.synced < cut.written
    assert acknowledged & kept
