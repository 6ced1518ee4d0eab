"""Folders that are deleted, or cannot be used, while everything runs: made anew, or said for what they are."""

from __future__ import annotations

import asyncio
import fcntl
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image
from tests.engine.slow_ffmpeg import SlowFfmpeg
from tests.system.platform import Platform
from tests.system.processes import House, until
from tests.system.test_survival import Person, begun
from tests.waiting import delete_folder

from unstill_engine.clip.encode import KILLED_AGAIN
from unstill_queue.contract.jobs import Failed, State, Succeeded


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as house:
        yield house


@pytest.fixture
async def person(house: House) -> AsyncIterator[Person]:
    person = Person(house)
    yield person
    await person.client.close()


@pytest.fixture
def slow(house: House) -> SlowFfmpeg:
    slow = SlowFfmpeg(house.folder, shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe())
    house.settings["UNSTILL_ENGINE__FFMPEG"] = str(slow.path)
    return slow


async def encoding(slow: SlowFfmpeg, engine: int) -> None:
    """Wait until an ffmpeg of that engine is held in the middle."""

    def held() -> bool:
        try:
            return slow.held_by(engine) is not None
        except OSError:
            return False

    await until(held)


# -- storage


async def test_a_deleted_storage_is_made_anew_for_the_next_job_and_for_the_one_in_hand(
    house: House, person: Person
) -> None:
    house.start_engine()
    assert isinstance(await person.outcome(await person.ask("before")), Succeeded)
    # When it is deleted between two jobs, and while one is rendered
    delete_folder(house.folder / "storage")
    with house.gate() as gate:
        id = await person.ask(f"{gate} render")
        await until(gate.reached)
        delete_folder(house.folder / "storage")
    # Then both are done, at their first try, and the clip is there
    outcome = await person.outcome(id)
    assert isinstance(outcome, Succeeded)
    assert await person.attempt(id) == 1
    assert await person.storage.size(outcome.clip) == outcome.size


async def test_a_picture_that_was_in_it_is_asked_for_again(house: House, person: Person) -> None:
    house.start_engine()
    with house.gate() as gate:
        first, second = await person.ask(f"{gate} first"), await person.ask("second")
        await until(gate.reached)
        delete_folder(house.folder / "storage")
    assert isinstance(await person.outcome(first), Succeeded)
    outcome = await person.outcome(second)
    assert isinstance(outcome, Failed) and outcome.code == "picture_gone"


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 80), "teal").save(out, "JPEG")
    return out.getvalue()


async def test_a_clip_that_was_in_it_is_answered_as_expired(house: House, person: Person) -> None:
    socket = house.folder / "platform.sock"
    async with Platform(socket) as platform:
        # Given a clip that is made while its bot is away
        bot = house.start_bot(socket)
        platform.post("clip", "clip --seed 1", photo(), chat="c")
        id = "recorder:c:1"
        await until(lambda: platform.of("clip"))
        await person.state(id, State.QUEUED)
        bot.kill()
        bot.wait()
        house.start_engine()
        await person.state(id, State.DONE)
        # When the storage is deleted before it is delivered
        delete_folder(house.folder / "storage")
        house.start_bot(socket)
        # Then that is the answer
        await until(lambda: "as long as it could be" in str(platform.of("clip")[-1:]))
        [message] = platform.of("clip")
        assert "clip" not in message.shown


async def test_a_storage_that_cannot_be_has_a_sentence_of_its_own_and_costs_one_render(
    house: House, person: Person
) -> None:
    house.start("tests.system.hasty_engine", log="engine")
    with house.gate() as gate:
        id = await person.ask(f"{gate} render")
        await until(gate.reached)
        # When a file stands in its place, and stays
        delete_folder(house.folder / "storage")
        (house.folder / "storage").touch()
    outcome = await person.outcome(id)
    assert isinstance(outcome, Failed) and outcome.code == "storage_missing"
    assert len(begun(house, f"{gate} render")) == 1
    assert "is a file, or lies under one" in house.log("engine")


async def test_a_photo_that_cannot_be_stored_is_answered_at_once(house: House) -> None:
    socket = house.folder / "platform.sock"
    async with Platform(socket) as platform:
        house.start_bot(socket)
        platform.post("first", "first", photo(), chat="c")
        await until(lambda: platform.of("first"))
        delete_folder(house.folder / "storage")
        (house.folder / "storage").touch()
        platform.post("second", "second", photo(), chat="c")
        await until(lambda: "are kept is gone" in str(platform.of("second")[-1:]))
        assert "is a file, or lies under one" in house.log("bot")


# -- scratch


async def test_a_deleted_scratch_folder_is_made_anew_for_the_next_job(house: House, person: Person) -> None:
    house.start_engine()
    assert isinstance(await person.outcome(await person.ask("before")), Succeeded)
    delete_folder(house.folder / "scratch")
    id = await person.ask("after")
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 1


async def test_so_is_the_system_s_own_folder_for_what_is_temporary(house: House, person: Person) -> None:
    temporary = house.folder / "tmp"
    temporary.mkdir()
    house.settings["TMPDIR"] = str(temporary)
    del house.settings["UNSTILL_ENGINE__SCRATCH"]
    house.start_engine()
    assert isinstance(await person.outcome(await person.ask("before")), Succeeded)
    delete_folder(temporary)
    id = await person.ask("after")
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 1


async def test_one_that_is_deleted_in_mid_render_has_the_job_tried_again(house: House, person: Person) -> None:
    house.start_engine()
    with house.gate() as gate:
        id = await person.ask(f"{gate} render")
        await until(gate.reached)
        delete_folder(house.folder / "scratch")
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 2
    assert "a job's folder cannot be used" in house.log("engine")


async def test_and_so_has_one_that_is_deleted_in_mid_encode(house: House, person: Person, slow: SlowFfmpeg) -> None:
    engine = house.start_engine()
    id = await person.ask("render")
    await encoding(slow, engine.pid)
    delete_folder(house.folder / "scratch")
    slow.open()
    await asyncio.to_thread(slow.kill_one, engine.pid)
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 2


# -- an engine's state


async def test_a_deleted_state_folder_stops_no_job_and_its_lock_still_holds(house: House, person: Person) -> None:
    house.start_engine()
    assert isinstance(await person.outcome(await person.ask("before")), Succeeded)
    delete_folder(house.folder / "state")
    id = await person.ask("after")
    assert isinstance(await person.outcome(id), Succeeded)
    # Then the device is still taken for whoever asks
    with (house.folder / "state" / "cpu.lock").open("rb") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


# -- ffmpeg


async def test_a_killed_ffmpeg_costs_no_render_and_no_try(house: House, person: Person, slow: SlowFfmpeg) -> None:
    engine = house.start_engine()
    id = await person.ask("render")
    await asyncio.to_thread(slow.kill_one, engine.pid)
    slow.open()
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 1
    assert len(begun(house, "render")) == 1


async def test_one_that_is_killed_each_time_costs_a_try_and_no_more(
    house: House, person: Person, slow: SlowFfmpeg
) -> None:
    engine = house.start_engine()
    id = await person.ask("render")
    for _ in range(KILLED_AGAIN + 1):
        await asyncio.to_thread(slow.kill_one, engine.pid)
    slow.open()
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 2
    assert len(begun(house, "render")) == 2
