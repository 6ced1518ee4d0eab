"""The engine as a host runs it, on its device: how busy that is while jobs wait, how soon it is ready, what cards add.

Queue, engine, child, ffmpeg and storage are real; the model is the one of random weights.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.bench_engines import Spans, busy, rate, spans
from tests.bench.figures import Figure, at_least, at_most, plain
from tests.bench.gpu_steps import Row, report
from tests.system.backlog import submit
from tests.system.processes import House, wait_for

from unstill_config.settings import Settings
from unstill_engine.device.cards import visible_devices
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage

MODEL = "i2vgen-xl"
JOBS = 12
JOBS_A_CARD = 8
LIMIT = 50_000_000
"""Bytes of a clip, so many that none has to be squeezed: what random weights draw is noise."""
START_WITHIN, JOBS_WITHIN = 120.0, 150.0

HOST = """
[models.i2vgen-xl]
renderer = "tests.bench.gpu_journal:Journalled"
weights = {{ repo = "{checkpoint}", variant = "" }}
resolutions = [64, 512, 768, 1024]
"""


class EngineBench:
    """A house whose engines serve the model in the folder `checkpoint`."""

    def __init__(self, house: House, rows: list[Row], *, tiny: bool) -> None:
        self.house = house
        self.rows = rows
        self.tiny = tiny
        self.asked: list[str] = []

    def fill(self, jobs: int) -> None:
        """Queue so many more at once."""
        asyncio.run(self._fill(jobs))

    async def _fill(self, jobs: int) -> None:
        side, frames, steps = (64, 8, 3) if self.tiny else (512, 16, 50)
        settings = self._settings()
        client, storage = Client.open(self.house.valkey.url, settings), Storage.open(settings.storage)
        try:
            for n in range(len(self.asked), len(self.asked) + jobs):
                id = await submit(
                    client, storage, n, photo=(2 * side, 2 * side), limit=LIMIT, model=MODEL, negative_prompt="blurry",
                    num_frames=frames, resolution=side, num_inference_steps=steps, guidance_scale=9.0,
                )  # fmt: skip
                self.asked.append(id)
        finally:
            await client.close()

    def succeeded(self) -> int:
        """How many of those that were asked have their clip."""
        return asyncio.run(self._succeeded())

    async def _succeeded(self) -> int:
        client = Client.open(self.house.valkey.url, self._settings())
        try:
            outcomes = [(await client.ledger.read(id)).outcome for id in self.asked]
        finally:
            await client.close()
        for outcome in outcomes:
            if outcome is not None and not isinstance(outcome, Succeeded):
                raise RuntimeError(f"a job ended otherwise: {outcome}")
        return sum(outcome is not None for outcome in outcomes)

    def _settings(self) -> Settings:
        ours = {name: value for name, value in self.house.settings.items() if name.startswith("UNSTILL_")}
        return Settings.load(ours, self.house.folder)

    @contextmanager
    def engine(self, device: str, log: str) -> Iterator[float]:
        """While it serves; gives when it was started, by the monotonic clock."""
        begun = time.monotonic()
        process = self.house.start_engine("--device", device, log=log)
        try:
            yield begun
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        except BaseException:
            print(self.house.log(log)[-3000:], flush=True)
            raise
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def told(self, event: str, since: float = 0.0) -> list[tuple[float, str]]:
        """When and on which device."""
        return [(at, device) for at, device, _, what, _ in self.house.events() if what == event and at >= since]

    def until(self, what: str, within: float, holds: Callable[[], bool]) -> None:
        """Raises RuntimeError where the engine has ended before, or a job has no clip."""

        def look() -> bool:
            time.sleep(0.25)  # the processes that are measured share this machine
            self.succeeded()
            if all(process.poll() is not None for process in self.house.started):
                raise RuntimeError(f"the engine has ended before {what}")
            return holds()

        wait_for(look, within, what)

    def until_rendered(self, since: float) -> Spans:
        """The renders that began after that moment, once all jobs have their clips."""
        self.until("all clips", JOBS_WITHIN, lambda: self.succeeded() == len(self.asked))
        return spans([event for event in self.house.events() if event[0] >= since])


@contextmanager
def house_for(checkpoint: Path, rows: list[Row], *, tiny: bool) -> Iterator[EngineBench]:
    with TemporaryDirectory(prefix="unstill-") as name:
        folder = Path(name)
        (folder / "host.toml").write_text(HOST.format(checkpoint=checkpoint))
        settings = {
            "UNSTILL_CATALOG__FILE": str(folder / "host.toml"),
            "UNSTILL_ENGINE__MODEL": MODEL,
            "UNSTILL_ENGINE__ACCEPT_LICENCES": MODEL,
            **{f"UNSTILL_QUEUE__{name.upper()}": str(value) for name, value in Settings().queue},
        }
        with House(folder, **settings, TRITON_CACHE_DIR=str(folder / "state" / "triton")) as house:
            yield EngineBench(house, rows, tiny=tiny)


class Driver(threading.Thread):
    """What the driver says of its cards meanwhile: the share of time in which any kernel ran, and watts."""

    QUERY = ("nvidia-smi", "--query-gpu=index,utilization.gpu,power.draw", "--format=csv,noheader,nounits")

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.samples: list[tuple[float, int, float, float]] = []
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(0.25):
            try:
                lines = subprocess.run(self.QUERY, capture_output=True, text=True, timeout=10, check=True).stdout
                for line in lines.splitlines():
                    index, used, watts = line.split(",")
                    self.samples.append((time.monotonic(), int(index), float(used), float(watts)))
            except (OSError, ValueError, subprocess.SubprocessError):
                return  # no such driver here, or none that tells

    def between(self, begin: float, end: float, card: int) -> Row:
        chosen = [sample for sample in self.samples if begin <= sample[0] <= end and sample[1] == card]
        if not chosen:
            return {}
        used, watts = (statistics.fmean(sample[field] for sample in chosen) for field in (2, 3))
        return {"kernels_ran": used / 100, "watts": watts, "samples": len(chosen)}

    def __enter__(self) -> Driver:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join()


def measure_engine(checkpoint: Path, device: str, rows: list[Row], figures: list[Figure], *, tiny: bool) -> None:
    """One engine: cold with one job, then warm with a full queue."""
    jobs = 3 if tiny else JOBS
    with house_for(checkpoint, rows, tiny=tiny) as bench:
        for cache, count, goal in (("cold", 1, 30), ("warm", jobs, 10)):
            bench.fill(count)
            with Driver() as driver, bench.engine(device, cache) as begun:
                row = _start(bench, cache, begun)
                report(rows, row)
                (own,) = bench.until_rendered(begun).values()
            name = f"engine: start to the first step, {cache} Triton cache, less reading weights"
            figures.append(at_most(name, row["to_first_step_s"] - row["weights_s"], "s", goal))
        gaps = [begin - end for (_, end), (begin, _) in pairwise(own)]
        row = {
            "jobs": len(own), "busy": busy(own), **driver.between(own[0][0], own[-1][1], _card(device)),
            "between_two_ms": 1e3 * statistics.median(gaps), "first_clip_s": own[0][1] - own[0][0],
            "clip_s": statistics.fmean(end - begin for begin, end in own[1:]),
            "clips_a_minute": 60 * (len(own) - 1) / (own[-1][1] - own[0][1]),
        }  # fmt: skip
        report(rows, row)
    figures.append(at_least("engine: its device renders, of the time that jobs wait", 100 * row["busy"], "%", 95))
    if "kernels_ran" in row:
        figures.append(at_least("engine: kernels run, by the driver's count", 100 * row["kernels_ran"], "%", 95))
    figures.append(plain("engine: clips a minute, encoded and stored", row["clips_a_minute"], "/min"))


def _start(bench: EngineBench, cache: str, begun: float) -> Row:
    """An engine's start by stages: processes and first imports, those of its load, and the first job's first step."""
    bench.until("an engine that is ready", START_WITHIN, lambda: '"engine ready"' in bench.house.log(cache))
    ready = time.monotonic()
    bench.until("the first step", START_WITHIN, lambda: bool(bench.told("first", begun)))
    at = {event: bench.told(event, begun)[0][0] for event in ("loaded", "begin", "first")}
    told = [
        words.split() for moment, _, _, event, words in bench.house.events() if event == "stage" and moment >= begun
    ]
    stages = {stage: float(seconds) for stage, seconds in told}
    return {
        "cache": cache, "to_load_s": at["loaded"] - begun - sum(stages.values()), **stages, "ready_s": ready - begun,
        "weights_s": stages["weights"], "first_step_s": at["first"] - at["begin"],
        "to_first_step_s": at["first"] - begun,
    }  # fmt: skip


def measure_fleet(checkpoint: Path, device: str, rows: list[Row], figures: list[Figure], *, tiny: bool) -> None:
    """What all cards render together, by what one does. Where there are none, two engines on the processor."""
    cuda = device.startswith("cuda")
    devices = visible_devices(os.environ) if cuda else ["cpu:0", "cpu:1"]
    if len(devices) < 2:
        report(rows, {"fleet": f"one card here: {devices[0] if devices else 'none is listed'}; nothing to add up"})
        return
    jobs = 2 if tiny else JOBS_A_CARD
    with house_for(checkpoint, rows, tiny=tiny) as bench:
        one = _worked_off(bench, devices[:1], devices[:1], jobs)
        report(rows, {"cards": 1, "clips_a_minute": 60 * rate(one), "clips": [len(own) for own in one.values()]})
        every = _worked_off(bench, ["all"] if cuda else devices, devices, jobs)
        row = {
            "cards": len(devices), "clips_a_minute": 60 * rate(every), "clips": [len(own) for own in every.values()],
            "busy_least": min(map(busy, every.values())), "times_one": rate(every) / rate(one),
        }  # fmt: skip
        report(rows, row)
    name = f"fleet: {len(devices)} cards by one"
    figures.append(at_least(name, rate(every) / rate(one), "times", 0.95 * len(devices)))


def _worked_off(bench: EngineBench, started: Sequence[str], devices: Sequence[str], jobs: int) -> Spans:
    """`started` are told to engines; on each of `devices` one serves, and has rendered a clip before it counts."""
    begun = time.monotonic()
    with ExitStack() as engines:
        for device in started:
            engines.enter_context(bench.engine(device, f"{len(devices)}-{device.replace(':', '')}"))
        bench.until("ready engines", START_WITHIN, lambda: len(bench.told("loaded", begun)) >= len(devices))
        for _ in range(3):  # which engine takes a job is theirs to say
            if set(devices) - {device for _, device in bench.told("end", begun)}:
                bench.fill(len(devices))
                bench.until("idle engines", START_WITHIN, lambda: bench.succeeded() == len(bench.asked))
        since = time.monotonic()
        bench.fill(jobs * len(devices))
        return bench.until_rendered(since)


def _card(device: str) -> int:
    return int(device.partition(":")[2] or 0)
