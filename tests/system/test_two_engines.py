"""Several engines on one queue: they share the work, and `--device all` keeps one on each card."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.system.backlog import submit
from tests.system.processes import PATIENCE, House, child_of, kill, until

from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage

TWO_CARDS = """#!/bin/sh
echo 'GPU 0: NVIDIA H200 (UUID: GPU-aaaaaaaa-0000-0000-0000-000000000000)'
echo 'GPU 1: NVIDIA H200 (UUID: GPU-bbbbbbbb-0000-0000-0000-000000000000)'
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, JOURNAL_STEP_SECONDS="0.1") as house:
        yield house


@pytest.fixture
def two_cards(house: House) -> None:
    """A machine whose driver lists two cards; what renders on them here needs none."""
    folder = house.folder / "driver"
    folder.mkdir()
    program = folder / "nvidia-smi"
    program.write_text(TWO_CARDS)
    program.chmod(0o700)
    house.settings["PATH"] = f"{folder}:{os.environ['PATH']}"


class Queue:
    def __init__(self, house: House) -> None:
        settings = Settings.load(
            {name: value for name, value in house.settings.items() if name.startswith("UNSTILL_")}, house.folder
        )
        self.client = Client.open(house.valkey.url, settings)
        self._storage = Storage.open(settings.storage)
        self._count = 0

    async def fill(self, count: int) -> list[str]:
        ids = [await submit(self.client, self._storage, self._count + n) for n in range(count)]
        self._count += count
        return ids

    async def done(self, ids: list[str]) -> None:
        """Wait until each has ended well."""
        async with asyncio.timeout(PATIENCE):
            for id in ids:
                async for update in self.client.watch(id):
                    if update.outcome is not None:
                        assert isinstance(update.outcome, Succeeded)
                        break


@pytest.fixture
async def queue(house: House) -> AsyncIterator[Queue]:
    queue = Queue(house)
    yield queue
    await queue.client.close()


Spans = dict[str, list[tuple[float, float]]]


def renders(house: House) -> Spans:
    """From when to when each device rendered, whole renders only."""
    begun: dict[tuple[str, str], float] = {}
    spans: Spans = {}
    for at, device, _, event, prompt in house.events():
        if event == "begin":
            begun[device, prompt] = at
        elif event == "end":
            spans.setdefault(device, []).append((begun[device, prompt], at))
    return spans


def engines_of(fleet: subprocess.Popen[bytes]) -> list[int]:
    """The engine processes below it that have loaded a renderer."""
    children = Path(f"/proc/{fleet.pid}/task/{fleet.pid}/children")
    try:
        return [pid for pid in map(int, children.read_text().split()) if child_of(pid)]
    except FileNotFoundError:
        return []


async def test_two_engines_work_off_one_backlog_side_by_side(house: House, queue: Queue) -> None:
    # Given two engines that are ready, and a backlog
    fleet = [house.start_engine("--device", f"cpu:{n}", log=f"engine{n}") for n in (0, 1)]
    await until(lambda: all(child_of(engine.pid) for engine in fleet), "two loaded engines")
    await queue.done(await queue.fill(10))
    # Then each job was rendered once, both devices had their share, and rendered at the same time
    spans = renders(house)
    assert sum(map(len, spans.values())) == 10
    assert set(spans) == {"cpu:0", "cpu:1"}
    assert all(len(own) >= 3 for own in spans.values())
    assert any(a < d and c < b for a, b in spans["cpu:0"] for c, d in spans["cpu:1"])


@pytest.mark.usefixtures("two_cards")
async def test_device_all_is_an_engine_on_each_card_until_it_is_told_to_stop(house: House, queue: Queue) -> None:
    # Given a fleet
    house.settings |= {"UNSTILL_ENGINE__NAME": "studio", "UNSTILL_DISCORD__TOKEN": "planted"}
    fleet = house.start_engine("--device", "all")
    await until(lambda: len(engines_of(fleet)) == 2, "an engine on each card")
    await queue.done(await queue.fill(6))
    assert set(renders(house)) == {"cuda:0", "cuda:1"}
    # and no token of a bot that the fleet's environment holds
    assert all(b"planted" not in Path(f"/proc/{pid}/environ").read_bytes() for pid in engines_of(fleet))
    # and each has a name of its own, by which the health check asks for both
    alive = ["--device", "all", "--alive"]
    check = house.start_engine(*alive, log="alive")
    assert await asyncio.to_thread(check.wait, PATIENCE) == 0
    # When one of them is killed, then another takes its place, and the card serves again
    first = engines_of(fleet)[0]
    kill(first)
    await until(lambda: len(engines_of(fleet)) == 2 and first not in engines_of(fleet), "another engine")
    await queue.done(await queue.fill(6))
    # When it is told to stop, then all drain and nothing is left
    engines = engines_of(fleet)
    fleet.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(fleet.wait, PATIENCE) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in engines)
    check = house.start_engine(*alive, log="gone")
    assert await asyncio.to_thread(check.wait, PATIENCE) == 1
    assert "engine studio-0" in house.log("gone")


@pytest.mark.usefixtures("two_cards")
async def test_a_fleet_that_is_killed_takes_its_engines_with_it(house: House, queue: Queue) -> None:
    fleet = house.start_engine("--device", "all")
    await until(lambda: len(engines_of(fleet)) == 2, "an engine on each card")
    engines = engines_of(fleet)
    fleet.kill()
    fleet.wait()
    # They read the end of what it held of their standard input, and drain
    await until(lambda: not any(running(pid) for pid in engines), "the engines' end")


def running(pid: int) -> bool:
    """Whether it is more than a process whose end nobody has read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_engine_that_cannot_start_ends_the_fleet_with_its_code(house: House) -> None:
    # Given no card at all
    house.settings["PATH"] = str(house.folder)
    fleet = house.start_engine("--device", "all")
    assert fleet.wait(PATIENCE) == 3
    assert "no card is visible" in house.log("engine")


@pytest.mark.usefixtures("two_cards")
def test_settings_that_no_engine_can_use_are_not_tried_for_ever(house: House) -> None:
    house.settings["UNSTILL_ENGINE__FFMPEG"] = "/nowhere/ffmpeg"
    fleet = house.start_engine("--device", "all")
    assert fleet.wait(PATIENCE) == 4
    assert house.log("engine").count("unstill-engine: ") == 2
