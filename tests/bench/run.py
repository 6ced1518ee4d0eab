"""All benches, one after the other: `make bench`, or `python -m tests.bench.run --only queue`.

Prints tables and a summary in Markdown; writes nothing. Ends with 1 where a goal was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.bench import (
    bench_camera,
    bench_clip,
    bench_depth,
    bench_discord,
    bench_engines,
    bench_fit,
    bench_path,
    bench_queue,
    bench_scale,
    bench_telegram,
    bench_web,
)
from tests.bench.figures import Figure, at_least, at_most, plain, table

from unstill_engine.clip.binary import find_ffmpeg
from unstill_queue.redis.server_process import _binary as find_valkey


def camera() -> list[Figure]:
    return [*bench_camera.run(), *bench_clip.run()]


def fit() -> list[Figure]:
    rows = bench_fit.run()
    clips = [row for row in rows if "used" in row]
    bound = [row for row in clips if row["encodes"] > 1]
    peaks = {row["source"]: row["peak_mib"] for row in rows if "peak_mib" in row}
    short, long = (f" {length} " for length in bench_fit.LENGTHS)
    growth = [peaks[name.replace(short, long)] / peak for name, peak in peaks.items() if short in name]
    return [
        plain("fit: clips made", len(clips), ""),
        at_most("fit: fullest clip, of its limit", 100 * _most(clips, "used"), "%", 100),
        at_least("fit: emptiest clip where the limit binds", 100 * min(row["used"] for row in bound), "%", 92),
        at_most("fit: encodes of a clip, most", _most(clips, "encodes"), "", 3),
        at_most("fit: clips that could not be made", sum(not row["encodes"] for row in clips), "", 0),
        plain("fit: longest to make", _most(clips, "seconds"), "s"),
        plain("fit: memory of ffmpeg, most", max(peaks.values()), "MiB"),
        at_most("fit: its memory at ten times the length", max(growth), "times", 1.2),
    ]


def _most(rows: Sequence[dict[str, Any]], field: str) -> float:
    return max(float(row[field]) for row in rows)


BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "queue": bench_queue.run,
    "scale": bench_scale.run,
    "path": bench_path.run,
    "engines": bench_engines.run,
    "camera": camera,
    "depth": bench_depth.run,
    "fit": fit,
    "telegram": bench_telegram.run,
    "discord": bench_discord.run,
    "web": bench_web.run,
}


def circumstances(command: str) -> str:
    """When, where and with what, as Markdown."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    server = subprocess.run([find_valkey(), "--version"], capture_output=True, text=True, check=True).stdout
    valkey = next((word.removeprefix("v=") for word in server.split() if word.startswith("v=")), server.strip())
    ffmpeg = asyncio.run(find_ffmpeg(None)).version
    return "\n".join(
        [
            f"- Date: {datetime.now(UTC):%Y-%m-%d}",
            f"- Machine: {os.cpu_count()} cores, {cpu}, {memory:.0f} GiB; {platform.system()} {platform.machine()}",
            f"- Load before the start (1 min): {os.getloadavg()[0]:.1f}",
            f"- Python {platform.python_version()}, Valkey {valkey}, ffmpeg {ffmpeg}",
            f"- Command: `{command}`",
        ]
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run", description=__doc__)
    parser.add_argument("--only", choices=list(BENCHES), action="append", help="this bench; may be given several times")
    only: list[str] = parser.parse_args(argv).only or list(BENCHES)
    command = "make bench" if only == list(BENCHES) else f"python -m tests.bench.run --only {' --only '.join(only)}"
    before = circumstances(command)
    started = time.monotonic()
    figures: list[Figure] = []
    for name in only:
        print(f"\n{name}\n", flush=True)
        # a process each: what one leaves behind in memory, the next would measure
        with get_context("spawn").Pool(1) as process:
            figures += process.apply(BENCHES[name])
    missed = [figure.name for figure in figures if figure.met is False]
    goals = sum(figure.met is not None for figure in figures)
    print(f"\nAll of it, in Markdown:\n\n{before}\n- It took {time.monotonic() - started:.0f} s\n\n{table(figures)}\n")
    print(f"{goals - len(missed)} of {goals} goals met.", *(f"Missed: {name}." for name in missed), sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
