"""Files that mean harm, or come broken: each costs one sentence, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import random
import signal
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.bots.hostile.heif import grid
from tests.bots.hostile.law import children, waiting_process
from tests.bots.hostile.mutations import mutate
from tests.bots.hostile.sources import SOURCES, chunk, source

from unstill_bots.intake.media import sniff
from unstill_bots.intake.picture.child import answer
from unstill_bots.intake.pictures import Limits, PictureError, Pictures
from unstill_bots.text.sentences import PICTURES

in_one_loop = pytest.mark.asyncio(loop_scope="module")

LIMITS: dict[str, Any] = msgspec.to_builtins(Limits(pixels=1_000_000, area=128**2))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as started:
        yield started


@pytest.fixture
def decoder_here() -> Iterator[None]:
    """Lets the child's own code run in this process, for thousands of files, and puts Pillow back afterwards."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    Image.MAX_IMAGE_PIXELS = before


async def refused(pictures: Pictures, data: bytes) -> str:
    with pytest.raises(PictureError) as refusal:
        await pictures.make_safe(data)
    assert str(refusal.value).count(".") >= 1
    return refusal.value.code


def noise(kind: str, size: tuple[int, int] = (160, 120), **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def png(width: int, height: int, depth: int, colour: int, body: bytes, *before: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def bit_bomb() -> bytes:
    """179 megapixels of one bit each, in 22 KB."""
    return png(13_400, 13_400, 1, 0, zlib.compress(b"\x00" * (13_400 // 8 + 1) * 13_400, 9))


def gif_bomb() -> bytes:
    """300 frames of 4 megapixels."""
    out = io.BytesIO()
    Image.new("P", (2000, 2000)).save(out, "GIF")
    frame = out.getvalue()
    body = frame[frame.index(b",") : -1]
    return frame[: frame.index(b",")] + body * 300 + b";"


def text_bomb() -> bytes:
    """A comment that unpacks to 100 MB."""
    comment = chunk(b"zTXt", b"c\x00\x00" + zlib.compress(b"a" * 100_000_000, 1))
    return png(64, 64, 8, 0, zlib.compress(bytes(65 * 64)), comment)


def false_size(width: int, height: int) -> bytes:
    """A header that promises more than there is."""
    return png(width, height, 8, 2, zlib.compress(bytes(1000)))


def huge_webp() -> bytes:
    """A VP8X canvas of 16,384 by 16,384 around a small frame."""
    small = noise("WEBP")
    canvas = struct.pack("<I", 0) + (16_383).to_bytes(3, "little") * 2
    body = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas + small[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def brand(name: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + name + bytes(4) + name + b"mif1" + bytes(100)


OTHERS = [
    (b"BM" + bytes(100), "picture_other_format", "BMP"),
    (b"II*\x00" + bytes(100), "picture_other_format", "TIFF"),
    (b"MM\x00*" + bytes(100), "picture_other_format", "TIFF"),
    (brand(b"heic"), "picture_broken", ""),
    (brand(b"mif1"), "picture_broken", ""),
    (brand(b"avif"), "picture_broken", ""),
    (b"8BPS" + bytes(100), "picture_other_format", "Photoshop"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "picture_other_format", "JPEG XL"),
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "picture_drawing", "SVG"),
    (b"%PDF-1.7 ", "picture_drawing", "PDF"),
    (brand(b"isom"), "picture_video", ""),
    (b"\x1a\x45\xdf\xa3" + bytes(100), "picture_video", ""),
    (b"RIFF\x00\x00\x00\x00AVI " + bytes(100), "picture_video", ""),
    (gzip.compress(b'{"tgs": 1}'), "picture_sticker", ""),
    (b"ffconcat version 1.0\nfile /etc/passwd\n", "picture_unknown", ""),
    (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "picture_unknown", ""),
    (b"hello", "picture_unknown", ""),
    (b"\x00", "picture_unknown", ""),
    (b"", "picture_empty", ""),
]


@in_one_loop
@pytest.mark.parametrize(("data", "code", "name"), OTHERS, ids=[f"{code} {name}" for _, code, name in OTHERS])
async def test_other_files_are_named_and_get_advice(pictures: Pictures, data: bytes, code: str, name: str) -> None:
    with pytest.raises(PictureError) as refusal:
        await pictures.make_safe(data)

    assert refusal.value.code == code
    assert name in str(refusal.value)


@in_one_loop
async def test_bombs_cost_a_sentence(pictures: Pictures) -> None:
    assert await refused(pictures, bit_bomb()) == "picture_too_many_for_format"
    assert await refused(pictures, huge_webp()) == "picture_too_many_for_format"
    assert await refused(pictures, false_size(6000, 6000)) == "picture_broken"
    assert await refused(pictures, false_size(100_000, 100_000)) == "picture_too_many_for_format"
    assert await refused(pictures, grid(Image.new("RGB", (64, 64)), tile=64, claim=(30_000, 30_000))) == (
        "picture_too_many_for_format"
    )
    assert await refused(pictures, bytes(Limits().bytes + 1)) == "picture_too_many_bytes"


@in_one_loop
async def test_of_three_hundred_frames_one_is_decoded(pictures: Pictures) -> None:
    safe = await pictures.make_safe(gif_bomb())

    assert (safe.width, safe.height, safe.notes) == (2000, 2000, ("picture_first_frame",))


@in_one_loop
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_what_is_hidden_behind_a_picture_is_left_behind(pictures: Pictures, kind: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("SECRET.html", "<script>SECRET</script>")

    safe = await pictures.make_safe(noise(kind) + archive.getvalue() + b"<svg>SECRET</svg>")

    assert b"SECRET" not in safe.data


@in_one_loop
async def test_truncated_anywhere_is_refused_by_the_real_process(pictures: Pictures) -> None:
    whole = noise("PNG")

    codes = await asyncio.gather(*(refused(pictures, whole[: len(whole) * part // 20]) for part in range(1, 20)))

    assert set(codes) == {"picture_broken"}


@pytest.mark.usefixtures("decoder_here")
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "AVIF", "HEIC"])
def test_truncated_anywhere_is_refused(kind: str) -> None:
    whole = source("HEIC", "one") if kind == "HEIC" else noise(kind)

    for part in range(1, 20):
        reply, picture = answer(whole[: len(whole) * part // 20], kind, LIMITS)
        assert (reply["code"], picture) == ("picture_broken", b"")


@pytest.mark.usefixtures("decoder_here")
@pytest.mark.parametrize("kind", SOURCES)
def test_five_hundred_mutants_of_each_format_are_answered(kind: str) -> None:
    chance = random.Random(kind)
    sources = [source(kind, name) for name in SOURCES[kind]]

    answers = [answer(mutate(chance.choice(sources), chance), kind, LIMITS) for _ in range(500)]

    codes = [reply.get("code") for reply, _ in answers]
    assert set(codes) <= {None, *PICTURES}
    assert codes.count("picture_broken") > 20
    for reply, picture in answers:
        assert bool(picture) == ("code" not in reply)


async def test_never_more_processes_than_allowed_and_none_left() -> None:
    before = children()
    most = 0

    async with Pictures(at_once=2) as pictures:
        work = asyncio.gather(*(pictures.make_safe(noise("JPEG", (1200, 900))) for _ in range(8)))
        while not work.done():
            most = max(most, len(children() - before))
            await asyncio.sleep(0.01)
        await work

    assert most <= 2 + 1 + 1  # two at work, one waiting, one being started
    assert children() <= before


@pytest.mark.parametrize(
    "deed",
    [
        "open('/etc/passwd')",
        "open('/tmp/unstill-child', 'w')",
        "__import__('socket').socket()",
        "__import__('os').pipe()",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "bytearray(400 * 1024**2)",
    ],
)
async def test_a_confined_process_can_open_and_start_nothing_and_take_no_more_memory(deed: str) -> None:
    code = f"""
import os, socket
from unstill_bots.intake.picture.confinement import confine
confine(memory=300 * 1024**2, cpu=5, wall=10)
try:
    {deed}
except (OSError, MemoryError) as error:
    print(type(error).__name__, flush=True)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()

    assert said in (b"OSError\n", b"PermissionError\n", b"MemoryError\n")


async def test_the_process_holds_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSTILL_TELEGRAM__TOKEN", "SECRET")
    before = children()

    async with Pictures():
        while not (started := children() - before):
            await asyncio.sleep(0.01)
        process = Path(f"/proc/{started.pop()}")
        while b"picture.child" not in (process / "cmdline").read_bytes():  # until then it is still a copy of this one
            await asyncio.sleep(0.01)
        environment = (process / "environ").read_bytes()

    assert b"PATH=" in environment
    assert b"SECRET" not in environment


async def test_a_cancelled_request_ends_its_process() -> None:
    before = children()
    async with Pictures() as pictures:
        # Given a process that has the file and cannot answer
        child = await waiting_process(pictures)
        child.send_signal(signal.SIGSTOP)
        task = asyncio.create_task(pictures.make_safe(noise("PNG")))
        while await waiting_process(pictures) is child:
            await asyncio.sleep(0)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert child.returncode == -signal.SIGKILL
    assert children() <= before


async def test_a_process_that_died_while_it_waited_is_replaced() -> None:
    before = children()
    async with Pictures() as pictures:
        while not (started := children() - before):
            await asyncio.sleep(0.01)
        # When what waits is killed, as by a system short of memory
        for pid in started:
            os.kill(pid, signal.SIGKILL)
        while children() & started:
            await asyncio.sleep(0.01)

        assert (await pictures.make_safe(noise("PNG"))).width == 160


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_can_be_sniffed(data: bytes) -> None:
    sniffed = sniff(data)

    assert sniffed.kind == "picture" or f"picture_{sniffed.kind}" in PICTURES
