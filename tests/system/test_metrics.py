"""Metrics that only a process sees reach what it uses for them, and nothing by default."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.clip_sources import clip_of, spooled, steps
from tests.engine.engine_processes import running_engine
from tests.engine.slow_ffmpeg import SlowFfmpeg
from tests.waiting import until

from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake.pictures import PictureError, Pictures
from unstill_config import metrics
from unstill_config.exporter import METRICS
from unstill_config.loop_monitor import LAG_MOST, LOOK_EVERY, watch_loop
from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

ROOT = Path(__file__).parents[2]


class Kept:
    """Keeps all, by name."""

    def __init__(self) -> None:
        self.counted: dict[str, list[tuple[float, dict[str, str]]]] = defaultdict(list)
        self.observed: dict[str, list[tuple[float, dict[str, str]]]] = defaultdict(list)

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        self.counted[name].append((amount, labels))

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        self.observed[name].append((value, labels))


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    before = metrics.use(kept)
    yield kept
    metrics.use(before)


def test_by_default_nothing_is_kept() -> None:
    # Given something that was in use for a while
    kept = Kept()
    before = metrics.use(kept)
    metrics.count("clips", 2, kind="camera")
    metrics.observe("clip_bytes", 7.5)

    # When what was there before is in use again
    assert metrics.use(before) is kept
    metrics.count("clips")

    # Then it was told what was told meanwhile, and no more
    assert isinstance(before, metrics.NoMetrics)
    assert kept.counted == {"clips": [(2, {"kind": "camera"})]}
    assert kept.observed == {"clip_bytes": [(7.5, {})]}


async def test_a_loop_that_stood_still_is_measured(kept: Kept) -> None:
    watching = asyncio.create_task(watch_loop())
    await asyncio.sleep(0)
    time.sleep(LOOK_EVERY + LAG_MOST)  # that is the point
    await until(lambda: kept.observed["event_loop_lag_seconds"])
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert max(value for value, _ in kept.observed["event_loop_lag_seconds"]) >= LAG_MOST


async def test_a_background_task_that_fails_is_counted(kept: Kept) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    tasks = BackgroundTasks()
    tasks.spawn(fails())
    tasks.spawn(asyncio.sleep(0))
    await tasks.drain(10)

    assert kept.counted["background_tasks_failed"] == [(1, {})]


async def test_a_picture_that_is_refused_is_counted_by_its_reason(kept: Kept) -> None:
    async with Pictures() as pictures:
        with pytest.raises(PictureError) as refused:
            await pictures.make_safe(b"\x89PNG\r\n\x1a\n, and no picture after it")

    assert kept.counted["pictures_refused"] == [(1, {"code": refused.value.code})]


async def test_a_server_that_is_away_is_counted(kept: Kept, valkey: EmbeddedValkey) -> None:
    # Given a client that waits for a server
    await asyncio.to_thread(valkey.kill)
    redis: Any = connect(valkey.url)
    asked = asyncio.create_task(redis.ping())
    await until(lambda: kept.counted["server_attempts_failed"])
    # When it is back
    await asyncio.to_thread(valkey.start)

    assert await asked is True
    assert kept.counted["server_attempts_failed"][0] == (1, {"trouble": "connection"})
    await redis.aclose()


async def test_an_engine_s_child_is_counted_when_it_ends_and_measured_when_it_loads(kept: Kept, tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        # Given a child that was loaded
        ((seconds, labels),) = kept.observed["model_load_seconds"]
        assert seconds > 0
        assert kept.counted["engine_children_ended"] == []
        # When a render ends it, and another is loaded
        await engine.render("killed")
        await until(lambda: len(kept.observed["model_load_seconds"]) == 2)

        assert kept.counted["engine_children_ended"] == [(1, labels)]
        assert set(labels) == {"model"}


async def test_a_killed_ffmpeg_is_counted(kept: Kept, tmp_path: Path) -> None:
    binary: Ffmpeg = await find_ffmpeg(None)
    source = spooled(tmp_path / "spool", steps(64, 64, 8))
    slow = SlowFfmpeg(tmp_path, binary.path)
    making = asyncio.create_task(clip_of(source, slow.of(binary)))
    await asyncio.to_thread(slow.kill_one, os.getpid())
    slow.open()
    await making

    assert kept.counted["ffmpeg_killed"] == [(1, {})]


def test_a_name_stands_for_one_thing_with_one_set_of_labels() -> None:
    # Given every place that tells a metric
    told: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
    for folder in ("config", "queue", "engine", "bots"):
        for file in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(file.read_text("utf-8"))):
                match call:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="metrics"), attr="count" | "observe" as kind),
                        args=[ast.Constant(value=str(name)), *_],
                        keywords=labels,
                    ):
                        told[name].add((kind, tuple(sorted(str(label.arg) for label in labels))))
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="metrics"), attr="count" | "observe")):
                        pytest.fail(f"{file}:{call.lineno}: the name of a metric is written where it is told")

    # Then a program that exports them can know each name's kind, unit and labels
    assert len(told) >= 7
    assert {name: next(iter(kinds)) for name, kinds in told.items()} == {
        name: (one.kind, tuple(sorted(one.labels))) for name, one in METRICS.items()
    }
    assert {name: kinds for name, kinds in told.items() if len(kinds) > 1} == {}
    for name, ((sort, _),) in told.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert sort == "count" or name.endswith(("_seconds", "_bytes"))
