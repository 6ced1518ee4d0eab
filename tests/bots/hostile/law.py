"""What must hold of every file: one safe picture or one refusal, and nothing left of it in the process that asked."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from tests.bots.hostile.mutations import jpeg_parts, png_parts
from tests.bots.hostile.sources import PNG_MAGIC

from unstill_bots.intake.pictures import Limits, PictureError, Pictures, SafePicture
from unstill_bots.text.replies import Replies
from unstill_bots.text.sentences import NOTES, PICTURES

GOOD = "taken"
AT_ONCE = 4
_ENGLISH, _CHINESE = Replies("en"), Replies("zh-CN")
# JFIF's own header, tables, one frame, one scan: what a JPEG is made of and nothing that says more
_PLAIN_MARKERS = {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}


def examine(picture: SafePicture, limits: Limits) -> None:
    """A safe picture is what it says, in three channels of 8 bits, for a decoder that is not ours, and bare."""
    pixels = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    assert pixels.shape == (picture.height, picture.width, 3)
    assert pixels.dtype == np.uint8
    assert min(pixels.shape[:2]) >= 1 and max(pixels.shape[:2]) <= limits.longest
    assert pixels.shape[0] * pixels.shape[1] <= limits.area
    assert set(picture.notes) <= set(NOTES)
    assert b"SECRET" not in picture.data
    if picture.format == "png":
        parts = list(png_parts(picture.data))
        assert {kind for kind, _ in parts} == {b"IHDR", b"IDAT", b"IEND"}
        assert len(picture.data) == len(PNG_MAGIC) + sum(12 + len(body) for _, body in parts)
    else:
        segments = list(jpeg_parts(picture.data))
        assert {segment[1] for segment in segments} <= _PLAIN_MARKERS
        assert segments[0].startswith(b"\xff\xe0\x00\x10JFIF\x00")
        assert segments[-1].endswith(b"\xff\xd9") and segments[-1].count(b"\xff\xd9") == 1


def read_out(error: PictureError) -> None:
    """A refusal is a sentence or two in each language, with nothing left to fill in."""
    assert error.code in PICTURES
    for replies, stop in ((_ENGLISH, "."), (_CHINESE, "。")):
        sentence = replies.picture_error(error)
        assert sentence.endswith(stop) and "{" not in sentence and "\n" not in sentence
    assert _ENGLISH.picture_error(error) != _CHINESE.picture_error(error)


async def outcome(pictures: Pictures, data: bytes) -> str:
    """GOOD, or the code of the refusal; AssertionError where it breaks the law, and whatever else came."""
    try:
        picture = await pictures.make_safe(data)
    except PictureError as error:
        read_out(error)
        return error.code
    examine(picture, pictures.limits)
    return GOOD


async def outcomes(pictures: Pictures, files: Iterable[tuple[str, bytes]]) -> Counter[str]:
    """The outcome of each file, several at a time. AssertionError names the first file that breaks the law."""
    found: Counter[str] = Counter()
    rest = iter(files)

    async def work() -> None:
        for name, data in rest:
            try:
                found[await outcome(pictures, data)] += 1
            except Exception as error:
                raise AssertionError(f"{name} ({len(data)} bytes): {type(error).__name__}: {error}") from error

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return found


def children(of: int | str = "self") -> set[int]:
    """The ids of the processes that a process has started and not yet waited for."""
    found = set()
    for task in Path(f"/proc/{of}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended since it was listed
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident() -> int:
    """The bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def waiting_process(pictures: Pictures) -> asyncio.subprocess.Process:
    """The process that is kept started for the next picture."""
    assert pictures._next is not None
    return await pictures._next
