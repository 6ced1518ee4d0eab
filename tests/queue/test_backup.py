"""A backup of a queue with jobs in every state, and its way onto another server."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.queue.values import DONE, a_job, a_request
from tests.waiting import until

from unstill_config.catalog import Catalog
from unstill_config.settings import Queue, Quota, Settings
from unstill_queue.backup import transfer
from unstill_queue.backup.archive import FORMAT, BackupError, Reader
from unstill_queue.backup.snapshot import LEFT_OUT, write
from unstill_queue.contract.abilities import abilities
from unstill_queue.contract.jobs import Failed, Job, Request, State
from unstill_queue.ledger.ledger import Claim, Ledger
from unstill_queue.ledger.pseudonyms import Pseudonyms
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

SETTINGS = Queue(lease=10, beat=3)
CAN = abilities(Catalog.load())
TOKEN = Settings.load({"UNSTILL_TELEGRAM__TOKEN": "1:a"}, Path("/nowhere"))
KEPT_BY_THE_FRONT_ENDS: dict[str, Any] = {
    "unstill:preferences:test:ann": b"\x01\x80",
    "unstill:web:keys": [b"newest", b"older"],
    "unstill:telegram:moved": {b"-1": b"-1001"},
    "unstill:discord:channels": {b"7": 1.5},
}


class House:
    """A server and a storage."""

    def __init__(self, folder: Path, redis: Any) -> None:
        self.redis = redis
        self.ledger = Ledger(redis, SETTINGS, names=Pseudonyms.of(TOKEN))
        self.storage = Storage.open(
            Settings.load({"UNSTILL_STORAGE__URL": f"file://{folder}/storage"}, Path("/nowhere")).storage
        )

    async def accepted(self, n: int, user: str = "ann") -> Request:
        request = a_request(n, user=user)
        assert await self.ledger.accept(request)
        return request

    async def queued(self, n: int, user: str = "ann") -> Job:
        request = await self.accepted(n, user)
        picture = self.storage.new_key("pictures")
        await self.ledger.picture(request.id, picture)
        await self.storage.put(f"picture {n}".encode(), key=picture)
        job = msgspec.structs.replace(a_job(request), picture=picture)
        assert await self.ledger.queue(job, cost=10.0, quota=Quota(person_jobs=50))
        return job

    async def claimed(self, n: int, user: str = "ann") -> Claim:
        job = await self.queued(n, user)
        claim = await self.ledger.claim("camera", f"owner {n}", "engine", CAN)
        assert claim and claim.job.id == job.id
        return claim

    async def made(self, n: int, user: str = "ann") -> str:
        claim = await self.claimed(n, user)
        clip = self.storage.new_key("clips")
        assert await self.ledger.clip(claim, clip) == "ok"
        await self.storage.put(f"clip {n}".encode(), key=clip)
        assert await self.ledger.finish(claim, msgspec.structs.replace(DONE, clip=clip))
        return claim.job.id

    async def sent(self, n: int, user: str = "ann") -> str:
        id = await self.made(n, user)
        assert await self.ledger.send(id, "courier")
        assert await self.ledger.sent(id, "courier")
        return id

    async def backup(self, file: Path, **changed: Any) -> transfer.Summary:
        options: dict[str, Any] = {"files": "owed", "version": "1", "tokens": transfer.tokens_of(TOKEN), **changed}
        with file.open("wb") as out:
            return await transfer.backup(self.redis, self.storage, out, **options)

    async def restore(self, file: Path, settings: Settings = TOKEN) -> transfer.Summary:
        return await transfer.restore(self.redis, self.storage, Reader(file, file.name), settings, server="here")

    async def everything(self) -> dict[bytes, Any]:
        """All that is kept, by key."""
        found = {}
        async for key in self.redis.scan_iter("*"):
            kind = (await self.redis.type(key)).decode()
            read = {
                "string": self.redis.get,
                "hash": self.redis.hgetall,
                "set": self.redis.smembers,
                "list": lambda key: self.redis.lrange(key, 0, -1),
                "zset": lambda key: self.redis.zrange(key, 0, -1, withscores=True),
                "stream": lambda key: self.redis.xrange(key),
            }[kind]
            found[key] = await read(key)
        return found


@pytest.fixture
async def old(tmp_path: Path, server_url: str) -> AsyncIterator[House]:
    redis = connect(server_url)
    await redis.flushdb()
    yield House(tmp_path / "old", redis)
    await redis.aclose()


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[House]:
    with EmbeddedValkey(tmp_path / "new-valkey", options={"appendfsync": "no"}) as server:
        redis = connect(server.url)
        yield House(tmp_path / "new", redis)
        await redis.aclose()


async def in_every_state(house: House) -> dict[str, str]:
    """Ids of jobs by what they are."""
    ledger = house.ledger
    ids = {"sent": await house.sent(1), "done": await house.made(2), "sending": await house.made(3)}
    assert await ledger.send(ids["sending"], "courier 3")
    refused = await house.accepted(4)
    assert await ledger.refuse(refused.id, Failed("x", "y"))
    refit = await house.made(5)
    assert await ledger.send(refit, "courier 5")
    record = await ledger.read(refit)
    assert record.job
    assert await ledger.refit(msgspec.structs.replace(record.job, upload_limit=5), "courier 5") == "ok"
    running = await house.claimed(6)
    unwanted = await house.claimed(7)
    assert await ledger.cancel(unwanted.job.id, "ann") == "cancelling"
    third = await house.claimed(8)
    for again in range(2):
        assert await ledger.retry(third)
        claim = await ledger.claim("camera", f"try {again}", "engine", CAN)
        assert claim is not None and claim.job.id == third.job.id
        third = claim
    forgotten = await house.sent(9, user="bob")
    running_forgotten = await house.claimed(10, user="bob")
    await ledger.forget("test:bob")
    queued, second = await house.queued(11), await house.queued(12, user="cid")
    cancelled = await house.queued(13)
    assert await ledger.cancel(cancelled.id, "ann") == "cancelled"
    accepted = await house.accepted(14)
    return ids | {
        "refused": refused.id, "refit": refit, "running": running.job.id, "unwanted": unwanted.job.id,
        "third": third.job.id, "forgotten": forgotten, "running_forgotten": running_forgotten.job.id,
        "queued": queued.id, "second": second.id, "cancelled": cancelled.id, "accepted": accepted.id,
    }  # fmt: skip


async def test_jobs_in_every_state_go_on_on_another_server(old: House, new: House, tmp_path: Path) -> None:
    # Given a queue with jobs in every state, and what front ends keep beside it
    await old.ledger.engine("engine", "camera", b"", CAN)
    ids = await in_every_state(old)
    for key, value in KEPT_BY_THE_FRONT_ENDS.items():
        match value:
            case bytes():
                await old.redis.set(key, value, ex=1000)
            case list():
                await old.redis.rpush(key, *value)
            case dict() if isinstance(next(iter(value.values())), float):
                await old.redis.zadd(key, value)
            case _:
                await old.redis.hset(key, mapping=value)
    places = {id: await old.ledger.place(id) for id in (ids["queued"], ids["second"])}
    used = await old.ledger.used("test:ann", "test:c1")
    before = await old.everything()

    # When it is backed up, which changes nothing, and restored on an empty server
    summary = await old.backup(tmp_path / "backup")
    assert await old.everything() == before
    restored = await new.restore(tmp_path / "backup")

    # Then both count the same: two that are over are neither open nor owed a file
    assert (summary.jobs, summary.open, summary.missing) == (13, 12, 0)
    assert restored == summary
    # and all that was kept is there, with its age
    ledger = new.ledger
    assert await ledger.find(ids["forgotten"]) is None
    assert await new.redis.lrange("unstill:web:keys", 0, -1) == [b"newest", b"older"]
    assert await new.redis.get("unstill:preferences:test:ann") == b"\x01\x80"
    assert 0 < await new.redis.ttl("unstill:preferences:test:ann") <= 1000
    assert await new.redis.hget("unstill:telegram:moved", "-1") == b"-1001"
    assert await new.redis.zrange("unstill:discord:channels", 0, -1, withscores=True) == [(b"7", 1.5)]
    # and nothing of engines, which are not here
    assert await new.redis.keys("unstill:engine*") == []
    # and what ran was handed back without costing a try, or has ended as somebody wanted
    states = {name: (record.state, record.attempt) for name, id in ids.items() if (record := await ledger.find(id))}
    assert states == {
        "sent": (State.SENT, 1), "done": (State.DONE, 1), "sending": (State.SENDING, 1), "refused": (State.FAILED, 0),
        "refit": (State.QUEUED, 1), "running": (State.QUEUED, 1), "unwanted": (State.CANCELLED, 1),
        "third": (State.QUEUED, 3), "running_forgotten": (State.CANCELLED, 1), "queued": (State.QUEUED, 1),
        "second": (State.QUEUED, 1), "cancelled": (State.CANCELLED, 1), "accepted": (State.ACCEPTED, 0),
    }  # fmt: skip
    # and places in the line behind them, and quotas, are what they were
    assert (await ledger.place(ids["second"])).position >= places[ids["second"]].position
    assert (await ledger.used("test:ann", "test:c1")).person_jobs == used.person_jobs - 1
    # and a request that was forgotten is still not new
    assert not await ledger.accept(a_request(9, user="bob"))
    # and the auditor finds nothing to mend, and nobody's record unreadable
    assert await ledger.audit() == []
    assert await ledger.unreadable() == {}

    # When all is looked at, an engine makes what waits, and a courier shows what is answered
    await ledger.engine("another", "camera", b"", CAN)
    await ledger.reap()
    for lane in ("camera", "~refit"):
        while claim := await ledger.claim(lane, random.randbytes(8).hex(), "another", CAN):
            assert claim.job.id not in (ids["unwanted"], ids["running_forgotten"])
            picture = claim.made.clip if claim.made else claim.job.picture
            assert (await new.storage.get(picture)).split()[0] == (b"clip" if claim.made else b"picture")
            assert await ledger.finish(claim, DONE)
    assert await ledger.refuse(ids["accepted"], Failed("x", "y"))
    owed = [id for name, id in ids.items() if name not in ("sent", "forgotten")]
    for id in owed:
        if await ledger.send(id, f"a courier of {id}"):
            assert await ledger.sent(id, f"a courier of {id}")
    # Then everything has come to its end, and no quota is held
    assert await ledger.open_ids() == []
    assert await new.redis.hgetall("unstill:jobs") == {}
    assert await ledger.find(ids["running_forgotten"]) is None


async def test_what_belongs_together_is_together_however_much_goes_on_meanwhile(
    old: House, new: House, tmp_path: Path
) -> None:
    # Given people who ask, and engines and couriers that work, all at once
    ending = asyncio.Event()
    numbers, shown = itertools.count(1), itertools.count(1)
    last = 0

    async def people() -> None:
        while not ending.is_set():
            await old.queued(n := next(numbers), user=f"u{n % 7}")

    async def engines() -> None:
        nonlocal last
        while not ending.is_set():
            claim = await old.ledger.claim("camera", random.randbytes(8).hex(), "engine", CAN)
            if claim and random.random() < 0.8:
                await old.ledger.finish(claim, DONE)
                await old.ledger.send(claim.job.id, "courier")
                await old.ledger.sent(claim.job.id, "courier")
                last = next(shown)

    working = [asyncio.create_task(one()) for one in (people, people, engines, engines)]
    # When backups are taken meanwhile
    files = [tmp_path / f"backup-{n}" for n in range(5)]
    for file in files:
        before = last
        await until(lambda before=before: last > before)
        await old.backup(file)
    ending.set()
    await asyncio.gather(*working)
    # Then in each of them index, lines, quotas and records agree, to the last job
    for file in files:
        await new.redis.flushdb()
        summary = await new.restore(file)
        assert summary.missing == 0
        assert await new.ledger.audit() == []
        open_ids = await new.ledger.open_ids()
        assert len(open_ids) == summary.open
        # what was just being shown is shown by another courier, as all that did not run is due at once
        await new.ledger.reap(10_000)
        while claim := await new.ledger.claim("camera", random.randbytes(8).hex(), "another", CAN):
            assert await new.storage.get(claim.job.picture)
            await new.ledger.finish(claim, DONE)
        for id in open_ids:
            if (await new.ledger.read(id)).state is State.ACCEPTED:
                await new.ledger.refuse(id, Failed("x", "y"))
            assert await new.ledger.send(id, f"courier of {id}")
            assert await new.ledger.sent(id, f"courier of {id}")
        assert await new.redis.hgetall("unstill:jobs") == {}
        assert await new.redis.hgetall("unstill:work:camera") == {}


async def test_only_what_is_owed_is_copied_unless_all_or_nothing_is_wanted(old: House, tmp_path: Path) -> None:
    # Given one clip that was shown, and one that is to be shown; and a shown one that a page still shows
    await old.sent(1)
    owed = await old.made(2)
    shown = await old.sent(3)
    record = await old.ledger.read(shown)
    await old.redis.hset("unstill:cards:test:ann", shown, b"\x01" + record.clips[0].encode())

    def files() -> set[bytes]:
        return {data.read() for _, data in Reader(tmp_path / "backup", "backup").files()}

    assert (await old.backup(tmp_path / "backup")).files == 3
    assert files() == {b"picture 2", b"clip 2", b"clip 3"}
    assert (await old.backup(tmp_path / "backup", files="all")).files == 6
    assert (await old.backup(tmp_path / "backup", files="none")).files == 0
    assert files() == set()
    # and nothing that was thrown away is taken along, though it is not deleted yet
    await old.sent(4, user="bob")
    await old.ledger.forget("test:bob")
    assert (await old.backup(tmp_path / "backup", files="all")).files == 6
    # and what is gone from the storage is told
    picture = (await old.ledger.read(owed)).job
    assert picture
    await old.storage.delete(picture.picture)
    assert (await old.backup(tmp_path / "backup")).missing == 1


async def test_what_has_gone_meanwhile_does_not_come_back(old: House, new: House, tmp_path: Path) -> None:
    # Given something that goes soon, and something that stays
    await old.redis.set("unstill:gone:soon", 1, px=40)
    await old.redis.set("unstill:gone:later", 1, px=100_000)
    await old.backup(tmp_path / "backup")
    while await old.redis.exists("unstill:gone:soon"):
        pass
    await new.restore(tmp_path / "backup")
    assert [key async for key in new.redis.scan_iter("unstill:*")] == [b"unstill:gone:later"]


async def test_it_is_restored_onto_an_empty_server_only_and_may_be_repeated(
    old: House, new: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await old.queued(1)
    await old.backup(tmp_path / "backup")
    # Given a server that somebody uses; a container's own check of it does not count
    await new.redis.set("unstill:healthcheck", "ok")
    await new.redis.set("unstill:leader:telegram", "somebody")
    with pytest.raises(BackupError) as caught:
        await new.restore(tmp_path / "backup")
    assert (caught.value.why, caught.value.what) == ("not_empty", "here")
    await new.redis.delete("unstill:leader:telegram")

    # When a restore is killed half way
    class Killed(Exception):
        pass

    async def killed(redis: Any, snapshot: Any) -> None:
        await write(redis, msgspec.structs.replace(snapshot, entries=snapshot.entries[::2]))
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(transfer, "write", killed)
        await new.restore(tmp_path / "backup")
    # Then the same backup may be restored again, and no other one
    await old.queued(2)
    await old.backup(tmp_path / "other")
    with pytest.raises(BackupError, match="not_empty"):
        await new.restore(tmp_path / "other")
    assert (await new.restore(tmp_path / "backup")).open == 1
    with pytest.raises(BackupError, match="not_empty"):
        await new.restore(tmp_path / "backup")


async def test_another_token_is_told_as_names_are_made_by_it(old: House, new: House, tmp_path: Path) -> None:
    await old.backup(tmp_path / "backup")
    other = Settings.load({"UNSTILL_TELEGRAM__TOKEN": "2:b"}, Path("/nowhere"))
    assert (await new.restore(tmp_path / "backup", other)).other_tokens == ("telegram",)
    await new.redis.flushdb()
    assert (await new.restore(tmp_path / "backup")).other_tokens == ()
    # and where none is set, as in a container of the terminal's own, nobody can tell
    await new.redis.flushdb()
    assert (await new.restore(tmp_path / "backup", Settings.load({}, Path("/nowhere")))).other_tokens == ()


async def test_a_damaged_a_foreign_and_a_newer_file_is_refused_before_anything_is_written(
    old: House, tmp_path: Path
) -> None:
    await old.made(1)
    await old.queued(2)
    file = tmp_path / "backup"
    await old.backup(file)
    whole = file.read_bytes()

    def why(data: bytes) -> str:
        file.write_bytes(data)
        with pytest.raises(BackupError) as caught:
            Reader(file, "backup")
        return caught.value.why

    # Given what is cut off, anywhere
    for end in range(1024, len(whole) - 10_240, 512):
        assert why(whole[:end]) == "damaged"
    # or has one other byte in what it holds
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        members = [(member.offset_data, member.size) for member in tar]
    for start, size in members:
        for at in {start, start + size // 2, start + size - 1}:
            assert why(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]) in ("damaged", "no_backup")
    # or is something else
    for data in (b"", b"a picture" * 100, bytes(20_000)):
        assert why(data) == "no_backup"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("files/../../etc/passwd")
        tar.addfile(info, io.BytesIO())
    assert why(out.getvalue()) == "no_backup"
    # or was made by a newer version, which may have written all else in another way
    newer = f'{{"format":{FORMAT + 1},'.encode()
    assert why(whole.replace(f'{{"format":{FORMAT},'.encode(), newer)) == "newer"


def test_what_is_left_out_is_a_key_of_the_ledger() -> None:
    page = (Path(transfer.__file__).parents[1] / "ledger" / "KEYS.md").read_text("utf-8")
    named = [*page.splitlines(), "unstill:healthcheck", "unstill:restoring"]
    for pattern in LEFT_OUT:
        assert any(f"unstill:{pattern.strip('$').replace('?', '')}" in line for line in named), pattern
