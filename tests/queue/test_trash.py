"""A file's key is on record before its bytes are, and what nobody may need any more is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.jobs import Cancelled, Failed
from unstill_queue.ledger.ledger import REFIT_LANE, Claim, Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.storage.base import Storage
from unstill_queue.storage.trash import Trash

NO_QUOTA = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)
LOST = Failed("engine_lost", "")


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Redis]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, Queue())


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open(StorageSettings(url=f"file://{tmp_path}/storage"))


def stored(tmp_path: Path) -> set[str]:
    """Every file there is, half written ones too."""
    folder = tmp_path / "storage"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def with_picture(ledger: Ledger, storage: Storage, n: int = 1) -> str:
    """A request that is accepted and whose picture is stored; the key."""
    await ledger.accept(a_request(n))
    keys = await ledger.picture(a_request(n).id, key := storage.new_key("pictures"))
    assert keys == [key]
    return await storage.put(b"picture", key=key)


async def running(ledger: Ledger, storage: Storage, n: int = 1) -> tuple[Claim, str]:
    key = await with_picture(ledger, storage, n)
    job = replace(a_job(a_request(n)), picture=key)
    assert await ledger.queue(job, cost=1, quota=NO_QUOTA)
    claim = await ledger.claim("camera", f"owner{n}", "engine")
    assert claim is not None
    return claim, key


async def clip(ledger: Ledger, storage: Storage, claim: Claim) -> str:
    key = storage.new_key("clips")
    assert await ledger.clip(claim, key) == "ok"
    return await storage.put(b"clip", key=key)


async def test_what_was_never_queued_leaves_no_picture(ledger: Ledger, storage: Storage, tmp_path: Path) -> None:
    # Given requests whose pictures are stored: one is refused, one cancelled, one is still to be queued
    refused, cancelled, kept = [await with_picture(ledger, storage, n) for n in (1, 2, 3)]
    assert stored(tmp_path) == {refused, cancelled, kept}
    assert await ledger.refuse(a_request(1).id, LOST)
    assert await ledger.cancel(a_request(2).id, "ann") == "cancelled"
    # When the trash is emptied
    await Trash(ledger, storage).empty()
    # Then only that of the third is there
    assert stored(tmp_path) == {kept}
    # and nothing may be stored for those that have ended, or were never accepted
    for id in (a_request(1).id, a_request(2).id, "none"):
        assert await ledger.picture(id, storage.new_key("pictures")) is None
    # and one that is tried again is stored under the same key
    assert await ledger.picture(a_request(3).id, storage.new_key("pictures")) == [kept]


async def test_what_a_lost_try_stored_goes_when_the_job_is_done(
    ledger: Ledger, storage: Storage, tmp_path: Path
) -> None:
    # Given a try that stored its clip and was lost, and a second one
    first, picture = await running(ledger, storage)
    await clip(ledger, storage, first)
    assert await ledger.retry(first, LOST)
    second = await ledger.claim("camera", "another", "engine")
    assert second is not None
    # Then the first may store nothing more
    assert await ledger.clip(first, storage.new_key("clips")) == "lost"
    # When the second is done
    good, original = [await clip(ledger, storage, second) for _ in range(2)]
    assert await ledger.finish(second, replace(DONE, clip=good, original=original))
    await Trash(ledger, storage).empty()
    # Then what it made is there, and the first one's clip is not
    assert stored(tmp_path) == {picture, good, original}


async def test_a_clip_that_was_made_smaller_goes_when_the_smaller_one_is_there(
    ledger: Ledger, storage: Storage, tmp_path: Path
) -> None:
    claim, picture = await running(ledger, storage)
    large, original = [await clip(ledger, storage, claim) for _ in range(2)]
    await ledger.finish(claim, replace(DONE, clip=large, original=original))
    assert await ledger.send(claim.job.id, "courier") and await ledger.refit(claim.job, "courier") == "ok"
    refit = await ledger.claim(REFIT_LANE, "smaller", "engine")
    assert refit is not None
    small = await clip(ledger, storage, refit)
    await ledger.finish(refit, replace(DONE, clip=small, original=original))
    await Trash(ledger, storage).empty()
    assert stored(tmp_path) == {picture, original, small}


async def test_a_clip_that_is_stored_after_its_cancel_is_deleted(
    ledger: Ledger, storage: Storage, redis: Redis, tmp_path: Path
) -> None:
    # Given a render that is cancelled between the key of its clip and the clip
    claim, _ = await running(ledger, storage)
    late = storage.new_key("clips")
    assert await ledger.clip(claim, late) == "ok"
    assert await ledger.cancel(claim.job.id, "ann") == "cancelling"
    assert await ledger.clip(claim, storage.new_key("clips")) == "cancel"
    assert await ledger.finish(claim, Cancelled("ann"))
    trash = Trash(ledger, storage)
    await trash.empty()
    # When its bytes come all the same
    await storage.put(b"clip", key=late)
    # Then they are deleted when it is looked again
    assert await redis.zscore("unstill:trash", late)
    await redis.zadd("unstill:trash", {late: 0})
    await trash.empty()
    assert stored(tmp_path) == set()
    # and after ten minutes nobody looks any more
    await redis.hset("unstill:thrown", late, "1")  # type: ignore[misc]  # redis-py's types leave async open
    await redis.zadd("unstill:trash", {late: 0})
    await trash.empty()
    assert await redis.zscore("unstill:trash", late) is None and not await redis.hexists("unstill:thrown", late)  # type: ignore[misc]


async def test_an_engine_that_dies_while_it_stores_a_cancelled_clip_leaves_nothing(
    ledger: Ledger, storage: Storage, tmp_path: Path
) -> None:
    # Given a clip half written by an engine that was killed, of a job that is cancelled
    ledger = Ledger(ledger.redis, Queue(lease=0.2, beat=0.1))
    claim, _ = await running(ledger, storage)
    key = storage.new_key("clips")
    assert await ledger.clip(claim, key) == "ok"
    half = tmp_path / "storage" / ".incoming" / f"{Path(key).name}.0123"
    half.write_bytes(b"half a clip")
    await ledger.cancel(claim.job.id, "ann")
    # When its lease is over
    while (await ledger.read(claim.job.id)).outcome is None:
        await asyncio.sleep(0.05)
        await ledger.reap()
    await Trash(ledger, storage).empty()
    # Then no byte of it is left
    assert stored(tmp_path) == set()


async def test_one_word_that_is_no_key_does_not_hold_up_the_trash(
    ledger: Ledger, storage: Storage, redis: Redis, tmp_path: Path
) -> None:
    key = await with_picture(ledger, storage)
    await redis.zadd("unstill:trash", {"../../etc/passwd": 0})
    await ledger.refuse(a_request().id, LOST)
    await Trash(ledger, storage).empty()
    assert key not in stored(tmp_path)


async def test_what_could_not_be_deleted_is_tried_again(
    ledger: Ledger, storage: Storage, redis: Redis, tmp_path: Path
) -> None:
    # Given a storage that is away when the trash is emptied
    key = await with_picture(ledger, storage)
    await ledger.refuse(a_request().id, LOST)
    away = Storage.open(StorageSettings(url=f"file://{tmp_path}/away"))
    (tmp_path / "away" / "pictures").write_bytes(b"a file in the way")
    with pytest.raises(Exception, match="away"):
        await Trash(ledger, away).empty()
    # Then it is still to be deleted, a minute later at the latest
    assert await redis.zscore("unstill:trash", key)
    await redis.zadd("unstill:trash", {key: 0})
    await Trash(ledger, storage).empty()
    assert stored(tmp_path) == set()


async def test_both_pictures_of_a_clip_go_with_it(ledger: Ledger, storage: Storage, tmp_path: Path) -> None:
    # Given a request of two pictures, whose first was stored by a version that knows of one
    key = await with_picture(ledger, storage)
    keys = await ledger.picture(a_request().id, *(storage.new_key("pictures") for _ in range(2)))
    assert keys and keys[0] == key and len(set(keys)) == 2
    await storage.put(b"last", key=keys[1])
    # and that is tried again by either version
    again = [storage.new_key("pictures") for _ in range(2)]
    assert await ledger.picture(a_request().id, *again) == keys
    assert await ledger.picture(a_request().id, again[0]) == [key]
    assert stored(tmp_path) == set(keys)
    # When it is queued and its person has it forgotten
    job = replace(a_job(a_request()), picture=keys[0], last_picture=keys[1])
    assert await ledger.queue(job, cost=1, quota=NO_QUOTA)
    forgotten = await ledger.forget(a_request().requester.person)
    # Then both are named and deleted
    assert set(forgotten.files) == set(keys)
    await Trash(ledger, storage).empty()
    assert stored(tmp_path) == set()
