"""How full clips fill their limit, in how many encodes and seconds, and what memory it takes.

`python tests/bench/bench_fit.py`: four hard sources at six limits; minutes on two cores.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.engine.clip_sources import HARD, SHAPES, clip_of, grain, motion, spooled

from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg
from unstill_engine.clip.encode import command, constant_quality, two_pass
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.finish import lay_out
from unstill_queue.contract.jobs import Finish

MIB = 2**20
LIMITS = (0.25, 1, 8, 10, 20, 50)
SIZES = {"grain": (1280, 720, 300), "motion": (960, 544, 300), "cuts": (960, 544, 300), "long": (384, 384, 1560)}
LENGTHS = (60, 600)


async def fits(folder: Path, binary: Ffmpeg) -> list[dict[str, Any]]:
    """One row a source and limit: `used` is size over limit."""
    rows: list[dict[str, Any]] = []
    for name, (width, height, num_frames) in SIZES.items():
        source = spooled(folder / "spool", HARD[name](width, height, num_frames), fps=24)
        for limit in LIMITS:
            started = time.monotonic()
            row: dict[str, Any] = {"source": f"{name} {width}x{height} {num_frames}", "limit_mib": limit}
            try:
                clip = await clip_of(source, binary, limit=int(limit * MIB), deadline=600)
                row |= {
                    "used": round(clip.size / limit / MIB, 4),
                    "encodes": clip.encodes,
                    "notes": " ".join(clip.notes),
                }
            except ClipError as error:
                row |= {"used": 0.0, "encodes": 0, "notes": error.code}
            rows.append(row | {"seconds": round(time.monotonic() - started, 1)})
            print(
                "{source:22} {limit_mib:6} MiB  {used:7.2%}  {encodes} encodes  {seconds:6.1f} s  {notes}".format(
                    **rows[-1]
                )
            )
    return rows


def memory(folder: Path, binary: Ffmpeg) -> list[dict[str, Any]]:
    """ffmpeg's own peak, first and second pass, for a short and a long clip of the same kind."""
    rows: list[dict[str, Any]] = []
    for num_frames in LENGTHS:
        source = spooled(folder / "spool", grain(640, 360, num_frames), fps=24)
        layout = lay_out(source, Finish(), SHAPES["original"])
        for name, quality in (("crf", constant_quality(18, stats=True)), ("two-pass", two_pass(1_000_000))):
            line = command(binary, source, layout, quality, "memory.mp4")
            with source.path.open("rb") as frames:
                process = subprocess.Popen(line, stdin=frames, stdout=subprocess.DEVNULL, cwd=folder)
            peak = _peak(process)
            rows.append({"source": f"grain 640x360 {num_frames} {name}", "peak_mib": round(peak / 1024)})
            print("{source:34} ffmpeg peak {peak_mib} MiB".format(**rows[-1]))
    return rows


def _peak(process: subprocess.Popen[bytes]) -> int:
    """KiB, from Linux' /proc until it ends: the ru_maxrss of a child counts the memory of its parent before exec."""
    peak = 0
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1])
        time.sleep(0.01)
    return peak


async def usual(folder: Path, binary: Ffmpeg) -> list[dict[str, Any]]:
    """The clip that most jobs make, the best of three."""
    source = spooled(folder / "spool", motion(512, 512, 16), fps=8)
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        await clip_of(source, binary)
        seconds.append(time.monotonic() - started)
    row = {"source": "motion 512x512 16", "seconds": round(min(seconds), 3)}
    print("{source:34} {seconds} s".format(**row))
    return [row]


def run() -> list[dict[str, Any]]:
    """Print and give all figures."""
    setting = os.environ.get("UNSTILL_ENGINE__FFMPEG")
    with TemporaryDirectory() as name:
        folder = Path(name)
        binary = asyncio.run(find_ffmpeg(Path(setting) if setting else None))
        print(f"ffmpeg {binary.version}")
        return asyncio.run(usual(folder, binary)) + memory(folder, binary) + asyncio.run(fits(folder, binary))


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
