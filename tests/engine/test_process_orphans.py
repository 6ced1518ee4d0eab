"""A child never outlives its worker, and no two hold one device: seen on workers in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.engine.engine_processes import ENVIRON, Engine, is_alive, running_engine
from tests.waiting import PATIENCE, wait_for

from unstill_engine.device.device_lock import DeviceBusy, DeviceLock
from unstill_engine.device.outcomes import EngineError, Rendered

ROOT = Path(__file__).parents[2]
WORKER = """
import asyncio, sys
from pathlib import Path
from tests.engine.engine_processes import running_engine

async def main():
    async with running_engine(Path(sys.argv[1])) as engine:
        render = asyncio.create_task(engine.render(sys.argv[2], seconds=600))
        await engine.rendering()
        print(engine.process.pid, flush=True)
        await render

asyncio.run(main())
"""


@contextmanager
def worker_in_mid_render(state: Path, prompt: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A worker and the pid of its child, which is rendering."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(state), prompt],
        env=ENVIRON,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout
    try:
        yield worker, int(worker.stdout.readline())
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()


@pytest.mark.parametrize("prompt", ["patient", "hangs", "hangs_with_gil"])
def test_a_worker_killed_in_mid_render_takes_its_child_with_it(tmp_path: Path, prompt: str) -> None:
    with worker_in_mid_render(tmp_path, prompt) as (worker, child):
        worker.send_signal(signal.SIGKILL)

        wait_for(lambda: not is_alive(child), what="the end of the child")


def test_the_end_of_the_pipe_alone_ends_the_child(tmp_path: Path) -> None:
    """As where the kernel knows no parent-death signal: here the parent lives, and only the pipe is closed."""
    script = """
import os, subprocess, sys, time
from pathlib import Path
from unstill_engine.device.messages import Load, Render, pack
from unstill_queue.contract.jobs import Parameters
from tests.engine.engine_processes import model_of

child = subprocess.Popen([sys.executable, "-P", "-m", "unstill_engine.device.child", str(os.getpid())],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdin.write(pack(Load("t", model_of("Obliging").model_dump_json(), "cpu", sys.argv[1], 1.0)))
child.stdin.write(pack(Render(0, Parameters("t", "hangs", 1, 8, 8, 12), ".", sys.argv[1] + "/spool")))
child.stdin.flush()
while not Path(sys.argv[1], "spool").exists():
    time.sleep(0.01)
child.stdin.close()
child.wait(120)
child.stdout.close()
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=ENVIRON,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr


def test_signals_meant_for_the_service_do_not_end_the_child(tmp_path: Path) -> None:
    with worker_in_mid_render(tmp_path, "patient") as (_, child):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(child, number)
        time.sleep(0.2)

        assert is_alive(child)


async def test_two_engines_never_hold_one_device(tmp_path: Path) -> None:
    # Given a worker that renders
    with worker_in_mid_render(tmp_path, "patient") as (worker, child):
        # When another one wants the same device, Then it is told who has it
        late = Engine(tmp_path, "Obliging", lock_timeout=0.2)
        with pytest.raises(EngineError) as raised:
            await late.process.start()
        assert raised.value.code == "device_busy"
        assert f"process {child} (test)" in str(raised.value)
        # And another device is free
        async with running_engine(tmp_path, device="cuda:1") as other:
            assert isinstance(await other.render(), Rendered)
        # When the worker is killed while a third one waits, Then that one gets the device
        worker.send_signal(signal.SIGKILL)
        async with running_engine(tmp_path, lock_timeout=PATIENCE) as heir:
            assert not is_alive(child)
            assert isinstance(await heir.render(), Rendered)


def test_the_lock_is_one_process_at_a_time_under_contention(tmp_path: Path) -> None:
    # Given processes that hold the lock in turn, each adding to a count that is not safe by itself
    script = """
import sys
from pathlib import Path
from unstill_engine.device.device_lock import DeviceLock

count = Path(sys.argv[1], "count")
for _ in range(25):
    lock = DeviceLock(Path(sys.argv[1]), "cuda")
    lock.acquire("t", timeout=60)
    before = int(count.read_text())
    count.write_text(str(before + 1))
    lock.release()
"""
    (tmp_path / "count").write_text("0")
    # When they are done
    holders = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(4)]
    # Then nothing was counted twice
    assert [holder.wait(PATIENCE) for holder in holders] == [0] * 4
    assert (tmp_path / "count").read_text() == "100"


def test_a_lock_knows_the_other_name_of_the_first_card(tmp_path: Path) -> None:
    lock = DeviceLock(tmp_path, "cuda")
    lock.acquire("first", timeout=0)

    with pytest.raises(DeviceBusy, match=r"cuda:0 is in use by process \d+ \(first\)"):
        DeviceLock(tmp_path, "cuda:0").acquire("second", timeout=0)

    lock.release()
    again = DeviceLock(tmp_path, "cuda:0")
    again.acquire("second", timeout=0)
    again.release()


def test_who_serves_another_queue_is_not_waited_for_and_named_with_its_queue(tmp_path: Path) -> None:
    # Given an engine that serves a queue on a server
    holder = DeviceLock(tmp_path, "cpu", "redis://there:6379")
    holder.acquire("camera", timeout=0)

    # When one of our own queue wants its device, however long it would wait for an engine that makes room
    with pytest.raises(DeviceBusy) as raised:
        DeviceLock(tmp_path, "cpu", "unix:///here/valkey.sock").acquire("camera", timeout=86_400)

    # Then it is told where the other one serves, and how to have clips made there
    assert "(camera), which serves the queue redis://there:6379. Set UNSTILL_REDIS__URL to that queue" in str(
        raised.value
    )


def test_a_lock_that_somebody_removed_is_made_anew_by_its_holder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    lock, other = DeviceLock(state, "cuda"), DeviceLock(state, "cuda")
    lock.acquire("first", timeout=0)
    lock.keep()
    # Given that the folder is deleted
    shutil.rmtree(state)
    lock.keep()
    with pytest.raises(DeviceBusy, match=r"in use by process \d+ \(first\)"):
        other.acquire("second", timeout=0)
    # When another process was faster, then the holder hears of it
    shutil.rmtree(state)
    other.acquire("second", timeout=0)
    with pytest.raises(DeviceBusy, match=r"\(second\)"):
        lock.keep()
    other.release()
    lock.keep()
    with pytest.raises(DeviceBusy, match=r"\(first\)"):
        other.acquire("second", timeout=0)
    lock.release()


async def test_a_state_folder_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = Engine(tmp_path / "file", "Steady")

    with pytest.raises(EngineError, match="file"):
        await engine.process.start()


def test_nobody_starts_the_child_by_hand() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "unstill_engine.device.child"], capture_output=True, text=True, timeout=30
    )

    assert ran.returncode == 2
    assert "unstill-engine" in ran.stderr
