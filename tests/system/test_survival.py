"""What the house survives, on real processes: engines, renderers and servers that die, hang, drain or are cut off."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image
from tests.system.processes import PATIENCE, House, child_of, kill, until
from tests.waiting import delete_folder

from unstill_config.settings import Settings
from unstill_queue.contract.jobs import (
    Cancelled,
    Failed,
    Finish,
    Job,
    Outcome,
    Parameters,
    ReplyAddress,
    Request,
    Requester,
    State,
    Succeeded,
)
from unstill_queue.ledger.client import Client
from unstill_queue.redis.wakeup import queue_name
from unstill_queue.storage.base import Storage

SHORT_LEASE = pytest.mark.parametrize("house", [{"UNSTILL_QUEUE__LEASE": "2"}], indirect=True)
"""Where the test waits for a lease to be over. A slow machine may lose one that is so short."""


class Person:
    """Asks for clips, and waits for them."""

    def __init__(self, house: House) -> None:
        self.settings = Settings.load(house.settings, house.folder)
        self.client = Client.open(house.valkey.url, self.settings)
        self.storage = Storage.open(self.settings.storage)
        self._count = 0

    async def ask(self, prompt: str, *, num_frames: int = 8, shape: str = "original") -> str:
        self._count += 1
        who = Requester("test", "ann", "c1")
        to = ReplyAddress("test", "c1", str(self._count))
        request = Request(f"test:c1:{self._count}", who, to, "photo", prompt, 1_000_000)
        out = io.BytesIO()
        Image.new("RGB", (64, 64), "teal").save(out, "PNG")
        await self.client.accept(request)
        key = await self.storage.put(out.getvalue(), kind="pictures", suffix=".png")
        parameters = Parameters("journal", prompt, seed=1, num_frames=num_frames, fps=8, resolution=64)
        job = Job(request.id, who, to, key, parameters, Finish(shape), 1_000_000)
        assert await self.client.submit(job, cost=0.3)
        return request.id

    async def until_announced(self) -> None:
        """Wait until an engine says once more that it is there."""

        async def said() -> object:
            return await self.client.redis.zrange("unstill:engines:journal", 0, -1, withscores=True)

        async def again() -> bool:
            return await said() != before

        before = await said()
        await until(again)

    async def outcome(self, id: str) -> Outcome:
        async with asyncio.timeout(PATIENCE):
            async for update in self.client.watch(id):
                if update.outcome is not None:
                    return update.outcome
        raise AssertionError("watching ended without an outcome")

    async def state(self, id: str, state: State) -> None:
        """Wait until it is in that state."""
        async with asyncio.timeout(PATIENCE):
            while (await self.client.ledger.read(id)).state is not state:
                await asyncio.sleep(0.02)

    async def attempt(self, id: str) -> int:
        return (await self.client.ledger.read(id)).attempt


@pytest.fixture
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    with House(tmp_path, **getattr(request, "param", {})) as house:
        yield house


@pytest.fixture
async def person(house: House) -> AsyncIterator[Person]:
    person = Person(house)
    yield person
    await person.client.close()


def begun(house: House, prompt: str) -> list[float]:
    return [at for at, _, _, event, told in house.events() if event == "begin" and told == prompt]


@SHORT_LEASE
async def test_a_job_whose_engine_is_killed_runs_again_when_its_lease_is_over(house: House, person: Person) -> None:
    # Given two engines, and a job that runs on one
    engines = [house.start_engine("--device", f"cpu:{n}", log=f"engine{n}") for n in (0, 1)]
    with house.gate() as gate:
        id = await person.ask(f"{gate} waves")
        await until(gate.reached)
        busy = house.events()[0][2]
        victim = next(engine for engine in engines if child_of(engine.pid) == busy)
        # When that engine is killed in the middle
        kill(victim.pid)
        # Then the other one runs the job again, long before the 309 s that arq alone would have waited
        await until(lambda: gate.reached(2))
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 2


async def test_a_job_that_kills_its_renderer_fails_clearly_after_three_tries(house: House, person: Person) -> None:
    house.start_engine()
    id = await person.ask("crash")
    outcome = await person.outcome(id)
    assert outcome == Failed("engine_lost", details={"tries": "3"})
    assert len(begun(house, "crash")) == 3
    # and the next job is served, by a new child
    assert isinstance(await person.outcome(await person.ask("sound")), Succeeded)
    # and what the child said on its way out is in the operator's log, not in the answer
    assert "Fatal Python error" in house.log("engine")


@pytest.mark.parametrize("house", [{"UNSTILL_ENGINE__DEADLINE_LEAST": "2"}], indirect=True)
async def test_a_render_past_its_deadline_is_killed_and_tried_again(house: House, person: Person) -> None:
    house.start_engine()
    id = await person.ask("hang once")
    assert isinstance(await person.outcome(id), Succeeded)
    assert len(begun(house, "hang once")) == 2
    assert len({pid for _, _, pid, _, _ in house.events()}) == 2


@pytest.mark.parametrize("away", [1.0, 25.0])
async def test_everything_goes_on_after_the_server_was_away(house: House, person: Person, away: float) -> None:
    # Given an engine, a job that runs and one that waits
    engine = house.start_engine()
    gate = house.gate()
    running = await person.ask(f"{gate} render")
    waiting = await person.ask("waits")
    await until(gate.reached)
    # When the server is killed, and is away for longer than the lease and than the rest of the render, or not
    await asyncio.to_thread(house.valkey.kill)
    gate.open()
    await asyncio.sleep(away)
    await asyncio.to_thread(house.valkey.start)
    # Then both are done, the finished render was not thrown away, and nobody had to be started again
    assert isinstance(await person.outcome(running), Succeeded)
    assert isinstance(await person.outcome(waiting), Succeeded)
    assert len(begun(house, f"{gate} render")) == 1
    assert engine.poll() is None
    assert await person.attempt(running) == 1


async def test_a_queued_job_is_cancelled_before_the_render_in_front_of_it_ends(house: House, person: Person) -> None:
    house.start_engine()
    with house.gate() as gate:
        await person.ask(f"{gate} render")
        waiting = await person.ask("waits")
        await until(gate.reached)
        assert await person.client.cancel(waiting, "ann") == "cancelled"
        assert await person.outcome(waiting) == Cancelled("ann")


async def test_cancelling_a_render_frees_the_device_at_its_next_step(house: House, person: Person) -> None:
    # Given a render in mid-step that would go on for ever, and another job behind it
    house.start_engine()
    gate = house.gate()
    running, waiting = await person.ask(f"{gate} render"), await person.ask("next")
    await until(gate.reached)
    # When it is cancelled
    assert await person.client.cancel(running, "ann") == "cancelling"
    assert await person.outcome(running) == Cancelled("ann")
    # Then the device has gone to the next without another step, by the same child
    assert isinstance(await person.outcome(waiting), Succeeded)
    events = house.events()
    assert [event for *_, event, told in events if told == f"{gate} render"] == ["begin", "step", "held", "cancelled"]
    assert len({pid for _, _, pid, _, _ in events}) == 1


async def test_sigterm_lets_the_running_job_end(house: House, person: Person) -> None:
    engine = house.start_engine()
    with house.gate() as gate:
        running, waiting = await person.ask(f"{gate} render"), await person.ask("waits")
        await until(gate.reached)
        engine.send_signal(signal.SIGTERM)
    assert isinstance(await person.outcome(running), Succeeded)
    assert await asyncio.to_thread(engine.wait, PATIENCE) == 0
    assert (await person.client.ledger.read(waiting)).state is State.QUEUED
    # and the next engine goes on
    house.start_engine()
    assert isinstance(await person.outcome(waiting), Succeeded)


@pytest.mark.parametrize("house", [{"UNSTILL_ENGINE__DRAIN": "0"}], indirect=True)
async def test_what_does_not_end_in_time_is_handed_back_without_costing_a_try(house: House, person: Person) -> None:
    engine = house.start_engine()
    with house.gate() as gate:
        id = await person.ask(f"{gate} render")
        await until(gate.reached)
        engine.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(engine.wait, PATIENCE) == 0
    record = await person.client.ledger.read(id)
    assert (record.state, record.attempt) == (State.QUEUED, 1)
    house.start_engine()
    assert isinstance(await person.outcome(id), Succeeded)
    assert await person.attempt(id) == 1


@SHORT_LEASE
async def test_a_killed_engine_leaves_no_renderer_on_the_device(house: House, person: Person) -> None:
    # Given an engine in the middle of a long render
    engine = house.start_engine()
    with house.gate() as gate:
        id = await person.ask(f"{gate} render")
        await until(gate.reached)
        orphan = child_of(engine.pid)
        assert orphan
        # When it is killed and started again at once
        kill(engine.pid)
        house.start_engine()
        await until(lambda: gate.reached(2))
    assert isinstance(await person.outcome(id), Succeeded)
    # Then the old child did nothing after the new one had begun
    events = house.events()
    again = begun(house, f"{gate} render")[1]
    assert all(at < again for at, _, pid, _, _ in events if pid == orphan)


async def test_two_engines_share_one_queue(house: House, person: Person) -> None:
    for n in (0, 1):
        house.start_engine("--device", f"cpu:{n}", log=f"engine{n}")
    with house.gate() as gate:
        ids = [await person.ask(f"{gate} job {n}") for n in range(2)]
        # the device of the one is held, so the other job has to go to the other
        await until(lambda: gate.reached(2))
    for id in ids:
        assert isinstance(await person.outcome(id), Succeeded)
    assert {device for _, device, _, _, _ in house.events()} == {"cpu:0", "cpu:1"}


async def test_a_job_that_is_claimed_while_sigterm_arrives_is_not_dropped(house: House, person: Person) -> None:
    # Given an engine that ends a job while another waits
    house.settings["UNSTILL_ENGINE__DRAIN"] = "0"
    engine = house.start_engine()
    with house.gate() as gate:
        first, second = await person.ask(f"{gate} first"), await person.ask("second")
        await until(gate.reached)
        # When SIGTERM arrives while its next claim is on its way
        await person.client.redis.client_pause(2500, all=False)
    await until(lambda: any(event == "end" for *_, event, _ in house.events()))
    engine.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(engine.wait, PATIENCE) == 0
    # Then nothing it had in hand costs a try, or waits for a lease to end
    for id in (first, second):
        record = await person.client.ledger.read(id)
        assert record.state is State.DONE or (record.state, record.attempt) == (State.QUEUED, 1)


async def test_a_clip_in_the_making_is_handed_back_too(house: House, person: Person, tmp_path: Path) -> None:
    # Given an engine whose ffmpeg takes its time
    slow = tmp_path / "slow-ffmpeg"
    slow.write_text(
        f"#!{sys.executable}\nimport os, sys, time\nif 'rawvideo' in sys.argv:\n    time.sleep(10_000)\n"
        f"os.execv({shutil.which('ffmpeg') or imageio_ffmpeg.get_ffmpeg_exe()!r}, sys.argv)\n"
    )
    slow.chmod(0o700)
    house.settings |= {"UNSTILL_ENGINE__DRAIN": "0", "UNSTILL_ENGINE__FFMPEG": str(slow)}
    engine = house.start_engine()
    id = await person.ask("clip")
    async with asyncio.timeout(PATIENCE):
        async for update in person.client.watch(id):
            if update.progress and update.progress.phase == "encoding":
                break
    # When it has to end
    engine.send_signal(signal.SIGTERM)
    # Then it ends without waiting for the ffmpeg, and the job waits for the next engine at its first try
    assert await asyncio.to_thread(engine.wait, PATIENCE) == 0
    record = await person.client.ledger.read(id)
    assert (record.state, record.attempt) == (State.QUEUED, 1)


async def test_storage_that_is_away_for_a_moment_costs_no_try_and_no_render(house: House, person: Person) -> None:
    # Given a job whose picture cannot be read when its turn comes
    house.start_engine()
    one, two = house.gate(), house.gate()
    first, id = await person.ask(f"{one} first"), await person.ask(f"{two} render")
    await until(one.reached)
    with unmounted(house.folder / "storage" / "pictures"):
        one.open()
        await person.outcome(first)
        await person.state(id, State.RUNNING)
        # for a while: it is tried again and again
        await asyncio.sleep(3)
        assert (await person.client.ledger.read(id)).state is State.RUNNING
    # And whose clip cannot be stored
    await until(two.reached)
    with unmounted(house.folder / "storage" / "clips"):
        two.open()
        await until(lambda: any(event == "end" and told == f"{two} render" for *_, event, told in house.events()))
        await asyncio.sleep(3)
    # Then it is done at its first try all the same
    assert isinstance(await person.outcome(id), Succeeded)
    assert len(begun(house, f"{two} render")) == 1
    assert await person.attempt(id) == 1


@contextlib.contextmanager
def unmounted(folder: Path) -> Iterator[None]:
    away = folder.with_suffix(".away")
    folder.rename(away)
    folder.write_text("the disk is not there")
    yield
    folder.unlink()
    away.rename(folder)


async def test_an_engine_that_cannot_work_does_not_eat_the_queue(house: House, person: Person) -> None:
    # Given an engine whose scratch folder was not there when it started, and gives way to a file when it serves
    scratch = house.folder / "new" / "scratch"
    house.settings["UNSTILL_ENGINE__SCRATCH"] = str(scratch)
    house.start_engine()
    assert isinstance(await person.outcome(await person.ask("first")), Succeeded)
    delete_folder(scratch)
    scratch.touch()
    # When several jobs are queued
    ids = [await person.ask(f"job {n}") for n in range(4)]
    await until(lambda: "is a file, or lies under one" in house.log("engine"))
    await asyncio.sleep(1.5)
    # Then no more than one try was spent on that: of the job that was taken as the folder went
    records = [await person.client.ledger.read(id) for id in ids]
    assert [record.state for record in records] == [State.QUEUED] * 4
    assert sum(record.attempt - 1 for record in records) <= 1
    # And when there may be a folder again, all are done
    scratch.unlink()
    for id in ids:
        assert isinstance(await person.outcome(id), Succeeded)


async def test_an_engine_that_is_busy_from_its_start_leaves_the_words_to_others(house: House, person: Person) -> None:
    # Given a job that waited when the engine started
    gate = house.gate()
    await person.ask(f"{gate} render")
    house.start_engine()
    await until(gate.reached)
    # When there is word of another, and the engine has looked around: it polls more often than it says that it is there
    await person.ask("another")
    await person.until_announced()
    await person.until_announced()
    # Then it still stands there for an idle engine
    [word] = await person.client.redis.zrange(queue_name("journal"), 0, -1)
    assert not await person.client.redis.exists(b"arq:in-progress:" + word)
    gate.open()


async def test_a_word_that_was_lost_for_good_costs_seconds(house: House, person: Person) -> None:
    # Given an idle engine
    house.start_engine()
    assert isinstance(await person.outcome(await person.ask("first")), Succeeded)
    # When a job is queued whose word nobody takes: it is locked by an engine that was killed, and for ever
    said = int(await person.client.redis.get("unstill:words"))
    await person.client.redis.set(f"arq:in-progress:journal:{said + 1}", b"1")
    # Then the engine is told again when it says that it is there
    assert isinstance(await person.outcome(await person.ask("second")), Succeeded)


async def test_an_engine_that_cannot_ask_for_work_ends(house: House, person: Person) -> None:
    """arq logs what its function raises, and goes on: the engine would be idle for ever."""
    # Given an engine that has served
    engine = house.start_engine()
    assert isinstance(await person.outcome(await person.ask("first")), Succeeded)
    # When what it asks the server for is refused
    await person.client.redis.set("unstill:turn:journal", "damaged")
    # Then it ends with the code of what is not to be had, and says why
    assert await asyncio.to_thread(engine.wait, PATIENCE) == 4
    assert "WRONGTYPE" in house.log("engine").splitlines()[-1]


def test_a_wrong_password_is_one_plain_line(house: House) -> None:
    house.settings["UNSTILL_REDIS__URL"] = house.valkey.url.replace("unix://", "unix://:wrong@")
    engine = house.start_engine()
    assert engine.wait(PATIENCE) == 4
    said = house.log("engine")
    assert "UNSTILL_REDIS__URL" in said.splitlines()[-1]
    assert "Traceback" not in said and "wrong@" not in said
