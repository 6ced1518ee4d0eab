"""What a host is told by message: each cause once, over kills, restarts and races, and once that it is well again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.bots.test_courier import FrontEnd
from tests.waiting import until

from unstill_bots.host import reachability, troubles
from unstill_bots.host.frontend import Services
from unstill_bots.host.leader import Leader, leader_key
from unstill_bots.host.troubles import CHECKS, CheckResult
from unstill_bots.host.watch import WELL_AFTER, Cause, Watch
from unstill_bots.safety import rating
from unstill_bots.safety.checks import Safety
from unstill_bots.safety.rating import Rating
from unstill_config.safety import Safety as SafetySettings
from unstill_config.settings import Bots, Settings
from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import EngineInfo, Failed, State
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

HOSTS = ("telegram:1", "discord:2")
SETTINGS = Settings(bots=Bots(hosts=HOSTS, tell_after=0.001))


class House:
    """What a front end's process has, and what it has told its hosts."""

    def __init__(self, front: FrontEnd) -> None:
        self.front = front
        self.ledger = front.ledger
        self.services = Services(SETTINGS, front.pipeline.catalog, front.client, front.storage, None)  # type: ignore[arg-type]
        self.bad = True

    async def check(self, _: Services) -> list[CheckResult]:
        return [CheckResult("kettle", self.bad, lambda r: "It is cold.", lambda r: "It is warm.", 0.0, "telegram")]

    def watch(self) -> Watch:
        return Watch(self.services, every=0.01, checks=[self.check])

    async def told(self) -> list[tuple[str, str]]:
        """Return who was told what, in the order of their names."""
        found = []
        for id in await self.ledger.open_ids():
            record = await self.ledger.read(id)
            assert isinstance(record.outcome, Failed) and record.state is State.FAILED
            found.append((record.request.requester.person, record.outcome.message))
        return sorted(found)


@pytest.fixture
async def house(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[House]:
    front = FrontEnd(valkey.url, SETTINGS, storage)
    yield House(front)
    await front.client.close()


async def test_a_cause_is_told_once_by_however_many_that_look(house: House) -> None:
    # When three processes look at once, and again and again
    watches = [house.watch() for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(*(watch.look() for watch in watches))
    # Then it is told once, to the host whose platform it is not about
    assert await house.told() == [("discord:2", "It is cold.")]
    # When it is well for a look, then nothing is told, and nothing when it is bad again
    house.bad = False
    await house.watch().look()
    house.bad = True
    await house.watch().look()
    assert len(await house.told()) == 1
    # When it stays well, then that is told once
    house.bad = False
    for _ in range(2 * WELL_AFTER):
        await house.watch().look()
    assert await house.told() == [("discord:2", "It is cold."), ("discord:2", "It is warm.")]
    # and the next time is another cause
    house.bad = True
    await house.watch().look()
    assert len(await house.told()) == 3


async def test_who_is_killed_between_finding_and_telling_has_it_told_once(house: House) -> None:
    class Killed(Watch):
        async def _keep(self, cause: str, known: Cause, before: bytes | None) -> None:
            raise asyncio.CancelledError

    # Given a process that dies when it has told, and before it has noted that
    with pytest.raises(asyncio.CancelledError):
        await Killed(house.services, checks=[house.check]).look()
    # When others look, then the hosts were told once
    for _ in range(3):
        await house.watch().look()
    assert await house.told() == [("discord:2", "It is cold.")]


async def test_what_lasts_too_short_is_not_told(house: House) -> None:
    # Given something that is told after an hour
    async def check(_: Services) -> list[CheckResult]:
        return [CheckResult("kettle", house.bad, lambda r: "cold", lambda r: "warm", 3600.0)]

    watch = Watch(house.services, checks=[check])
    await watch.look()
    # When it is well before, then neither is told
    house.bad = False
    for _ in range(2 * WELL_AFTER):
        await watch.look()
    assert await house.told() == []
    # When the hour is over, as the server knows, then each host is told
    house.bad = True
    await watch.look()
    known = (await house.front.client.redis.hgetall("unstill:causes")).keys()  # type: ignore[misc]
    assert list(known) == [b"kettle"]
    seconds, _ = await house.front.client.redis.time()
    await house.front.client.redis.hset("unstill:causes", "kettle", encode(Cause(seconds - 3601)))  # type: ignore[misc, arg-type]
    await watch.look()
    assert await house.told() == [("discord:2", "cold"), ("telegram:1", "cold")]


async def test_each_check_finds_its_trouble_and_its_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    redis, ledger = house.front.client.redis, house.ledger
    monkeypatch.setattr(troubles, "DISK_BYTES", 2**60)
    # Given an engine that was there and went, a platform that is not served, and a disk that is nearly full
    await ledger.engine("engine", "camera", b"")
    await ledger.engine_gone("engine", "camera")
    await redis.sadd("unstill:platforms", "discord")  # type: ignore[misc]
    watch = Watch(house.services)

    async def is_told(count: int) -> bool:
        await watch.look()
        return len(await house.told()) >= count

    # as soon as each has lasted so long
    await until(lambda: is_told(6))
    # Then each is told, the platform's trouble by the other one
    said = await house.told()
    for host, words in (("telegram:1", "The disk of"), ("discord:2", "No engine has been running"),
                        ("telegram:1", "The front end of Discord")):  # fmt: skip
        assert [one for one in said if one[0] == host and one[1].startswith(words)], (words, said)
    assert not [one for one in said if one[0] == "discord:2" and "Discord" in one[1]]
    # who is to be told on a platform where no bot runs is told so by the other
    assert [one for one in said if one[0] == "discord:2" and one[1].startswith("The front end of Telegram")]
    assert len(said) == 6

    # When a front end serves and says that its platform refuses, then that is told; and when all is well, that too
    assert await Leader(redis, "discord", term=60).leads()
    reachability.lost("discord")
    await watch._report()
    monkeypatch.setattr(troubles, "DISK_BYTES", 0)
    await ledger.engine("engine", "camera", b"")

    async def both_are_told() -> bool:
        await watch.look()
        words = [one[1] for one in await house.told()]
        return "An engine is running again." in words and any("Discord has refused its bot" in one for one in words)

    await until(both_are_told)
    said = await house.told()
    assert [one for one in said if "Discord has refused its bot" in one[1]]
    assert [one for one in said if one == ("discord:2", "An engine is running again.")]
    reachability.found("discord")
    await watch._report()
    for _ in range(WELL_AFTER):
        await watch.look()
    assert ("telegram:1", "Discord is served again.") in await house.told()
    # only what is still so is kept: there is no bot on Telegram here
    causes = await redis.hgetall("unstill:causes")  # type: ignore[misc]
    assert (list(causes), await redis.hgetall("unstill:trouble")) == ([b"bot telegram"], {})  # type: ignore[misc]
    await redis.delete(leader_key("discord"))


async def test_a_certificate_that_ends_soon_is_told_until_all_engines_have_another(house: House) -> None:
    watch = Watch(house.services, checks=[troubles.certificates])

    async def look(**days: float) -> list[tuple[str, str]]:
        """Look while engines tell of certificates that end in so many days, or of none."""
        for name, left in days.items():
            until = (datetime.now(UTC) + timedelta(days=left, hours=1)).timestamp() if left else 0.0
            info = EngineInfo(name, "camera", "cpu", "host", 1, signs_until=until)
            await house.ledger.engine(name, "camera", encode(info))
        for _ in range(WELL_AFTER):
            await watch.look()
        return [one for one in await house.told() if one[0] == "telegram:1"]

    # Given engines with a certificate that is good for long, with none, and of a version that tells none
    await house.ledger.engine("old", "camera", encode({"name": "old", "model": "camera"}))
    assert await look(one=40, other=0) == []
    # When one has another that ends in 29 days, then the hosts are told, once, in their own language
    day = f"{datetime.now(UTC) + timedelta(days=29, hours=1):%Y-%m-%d}"
    told = await look(other=29)
    assert (
        told
        == await look()
        == [
            (
                "telegram:1",
                f"The certificate that signs clips is valid until {day}. Set a new one, and start the engines again.",
            )
        ]
    )
    # When it has a new one, then that is told
    assert [text[:46] for _, text in await look(other=300)] == [
        "Clips are signed with a certificate that is va", "The certificate that signs clips is valid unti",
    ]  # fmt: skip


async def test_that_pictures_cannot_be_rated_is_told_and_that_they_can_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a front end that is to rate pictures, whose process for that does not start
    safety = Safety(SafetySettings(rating=True), rating=Rating())
    services = msgspec.structs.replace(house.services, safety=safety)
    watch = Watch(services, every=0.01, checks=[troubles.rating])
    with monkeypatch.context() as broken:
        broken.setattr(rating, "_COMMAND", (sys.executable, "-c", ""))
        async with safety:
            # Then the hosts are told
            await watch.look()
            assert {told.split(",")[0] for _, told in await house.told()} == {"Pictures cannot be rated"}
    # When it starts again, Then that is told, too
    async with safety:
        for _ in range(WELL_AFTER):
            await watch.look()
    assert [told for _, told in await house.told()].count("Pictures can be rated again.") == len(HOSTS)


async def test_one_of_all_processes_looks(house: House) -> None:
    # Given two processes that watch
    looked: list[int] = []

    def counting(n: int) -> Watch:
        async def check(_: Services) -> list[CheckResult]:
            looked.append(n)
            return []

        return Watch(house.services, every=0.05, checks=[check])

    tasks = [asyncio.create_task(counting(n).run()) for n in range(2)]
    await until(lambda: len(looked) >= 3)
    # Then one of them looks; when that is gone, the other does
    assert len(set(looked)) == 1
    tasks[looked[0]].cancel()
    await until(lambda: len(set(looked)) > 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_all_checks_are_looked_at() -> None:
    assert {check.__name__ for check in CHECKS} == {
        "engines",
        "certificates",
        "disks",
        "storage",
        "rating",
        "prompts",
        "records",
        "platforms",
    }
