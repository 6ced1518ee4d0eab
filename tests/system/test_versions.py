"""Engines that know different things on one queue: each makes what it can, and nothing fails for what one lacks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.system.processes import CATALOG, PATIENCE, House
from tests.system.test_survival import Person, begun

from unstill_queue.contract.codec import decode
from unstill_queue.contract.jobs import EngineInfo, Succeeded

CINEMA = """
[finishes.cinema]
title = "21:9"
width = 336
height = 144
fill = "pad"
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as house:
        yield house


@pytest.fixture
async def person(house: House) -> AsyncIterator[Person]:
    person = Person(house)
    yield person
    await person.client.close()


async def test_a_shape_that_the_engine_lacks_waits_for_an_engine_that_has_it(house: House, person: Person) -> None:
    # Given an engine whose catalogue lacks a shape that the front end's has
    house.start_engine("--device", "cpu:0", log="old")
    wide, plain = await person.ask("wide", shape="cinema"), await person.ask("plain")
    # When it has made all that it can
    assert isinstance(await person.outcome(plain), Succeeded)
    # Then the other job waits: not answered, not begun, and at its first try
    async with asyncio.timeout(PATIENCE):
        while not await person.client.ledger.parked():
            await asyncio.sleep(0.02)
    assert (await person.client.ledger.place(wide)).parked
    assert begun(house, "wide") == []
    warnings = [json.loads(line) for line in house.log("old").splitlines() if '"warning"' in line]
    assert [(line["job"], line["lacks"]) for line in warnings if "lacks" in line] == [(wide, ["shape:cinema"])]
    # When an engine comes that has the shape
    (house.folder / "newer.toml").write_text(CATALOG + CINEMA)
    house.settings["UNSTILL_CATALOG__FILE"] = str(house.folder / "newer.toml")
    house.start_engine("--device", "cpu:1", log="new")
    # Then it makes it
    outcome = await person.outcome(wide)
    assert isinstance(outcome, Succeeded) and (outcome.width, outcome.height) == (336, 144)
    assert await person.attempt(wide) == 1
    assert [device for _, device, _, event, prompt in house.events() if (event, prompt) == ("begin", "wide")] == [
        "cpu:1"
    ]
    # and both have said what they can
    said: list[EngineInfo] = [decode(info, EngineInfo) for _, info in (await person.client.ledger.engines())["journal"]]
    assert sorted("shape:cinema" in engine.can for engine in said) == [False, True]
    assert all("codec:1" in engine.can and engine.version.startswith("Unstill ") for engine in said)
