"""One person posts 8 x 25 photos in eight groups: the others are served as if that were a few."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.system.processes import wait_for
from tests.system.telegram_house import ANIMATE, TelegramHouse, ours, photo, telegram_house

from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Ledger

GROUPS, EACH, QUOTA = 8, 25, 5


@pytest.fixture
def telegram(tmp_path: Path) -> Iterator[TelegramHouse]:
    with telegram_house(
        tmp_path,
        UNSTILL_BOTS__NOTIFY_AFTER="3600",
        UNSTILL_QUOTA__PERSON_JOBS=str(QUOTA),
        UNSTILL_QUOTA__PERSON_REQUESTS="0",
    ) as house:
        yield house


@pytest.fixture
async def ledger(telegram: TelegramHouse) -> AsyncIterator[Ledger]:
    ledger = telegram.ledger()
    yield ledger
    await ledger.redis.aclose()


async def in_state(ledger: Ledger, state: State) -> int:
    return sum(count for (each, _), count in (await ledger.counts()).items() if each is state)


async def until_queued(ledger: Ledger, jobs: int) -> None:
    async with asyncio.timeout(300):
        while await in_state(ledger, State.QUEUED) < jobs:
            await asyncio.sleep(0.05)


def pictures(folder: Path) -> int:
    return sum(path.is_file() for path in (folder / "storage" / "pictures").rglob("*.*"))


@pytest.mark.timeout(600)
async def test_a_flood_costs_another_person_less_than_two_jobs(
    telegram: TelegramHouse, ledger: Ledger, tmp_path: Path
) -> None:
    api, gate = telegram.api, telegram.house.gate()
    ann, bob, cyd, zoe = (api.person(name) for name in ("Ann", "Bob", "Cyd", "Zoe"))
    groups = [api.group(f"G{n}", [ann, bob]) for n in range(GROUPS)]
    # Given a device that is at work for somebody, and goes on when the test lets it
    zoe.send_photo(api.private(zoe), photo(), f"{gate} zoe")
    wait_for(gate.reached, what="the render that is held")
    # When Ann posts eight times 25 photos, and each of her requests is decided on
    for n in range(EACH):
        for group in groups:
            ann.send_photo(group, photo(), f"{ANIMATE} ann {n}")
    await until_queued(ledger, QUOTA)
    # and Bob posts one in one of those groups, and Cyd, after his is queued, one in private
    asked = bob.send_photo(groups[-1], photo(), f"{ANIMATE} bob")
    await until_queued(ledger, QUOTA + 1)
    cyd.send_photo(api.private(cyd), photo(), "cyd")
    await until_queued(ledger, QUOTA + 2)
    async with asyncio.timeout(300):
        while await in_state(ledger, State.ACCEPTED):
            await asyncio.sleep(0.05)
    # Then all of hers were taken, five are queued, and storage holds no more pictures than jobs are in hand
    assert len([key async for key in ledger.redis.scan_iter("unstill:job:*")]) == GROUPS * EACH + 3
    assert await in_state(ledger, State.QUEUED) == QUOTA + 2
    assert pictures(tmp_path) == QUOTA + 3
    # and Bob is told that he is next, or next but one, while hers are being refused
    assert (await ledger.place(f"telegram:{groups[-1].id}:{asked.id}")).position <= 2
    # When the device goes on, then Bob's clip comes though hundreds of her answers are still to be told
    gate.open()
    await groups[-1].until(
        lambda history: any(one.kind == "animation" and one.reply_to == asked.id for one in ours(history)), 240
    )
    # and of hers fewer than two were rendered before his, and before Cyd's
    wait_for(lambda: any(e == "begin" and p == "cyd" for *_, e, p in telegram.house.events()), what="cyd")
    order = [prompt.split()[0] for _, _, _, event, prompt in telegram.house.events() if event == "begin"][1:]
    for name in ("bob", "cyd"):
        assert order[: order.index(name)].count("ann") < 2, order
