"""What a picture may cost: the process's peak of memory, its seconds of computing, and the clock where it hangs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.bots import measured_child
from tests.bots.hostile.forgeries import png, zeros
from tests.bots.hostile.largest import LARGEST, LIMITS, large, shape
from tests.bots.hostile.law import children, examine, waiting_process
from tests.bots.hostile.sources import encoded, photo, source

from unstill_bots.intake import pictures as under_test
from unstill_bots.intake.picture.pixels import bands, eight_bit
from unstill_bots.intake.pictures import FORMAT_PIXELS, Limits, PictureError, Pictures, make_safe

PEAK = 512 * 1024**2


class PatientLimits(Limits, frozen=True):
    """Limits in which the clock is never what ends a process."""

    @property
    def wall(self) -> float:
        return 600.0


@pytest.fixture
def peak_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where each process that decodes leaves its peak of memory, in bytes, when it ends."""
    file = tmp_path / "peak"
    monkeypatch.setattr(under_test, "_COMMAND", (sys.executable, "-P", measured_child.__file__, str(file)))
    return file


AT_THE_EDGE = ("progressive CMYK with a large profile", "HEIC RGBA", "AVIF", "lossy", "GIF", "key colour")
"""The kinds that come nearest to the bound of each decoder; the others are the long form."""


def test_the_process_is_measured_that_is_used() -> None:
    assert tuple(measured_child.CHILD) == under_test._COMMAND


@pytest.mark.parametrize(
    "name", [name if name in AT_THE_EDGE else pytest.param(name, marks=pytest.mark.storm) for name in LARGEST]
)
async def test_the_largest_of_each_kind_is_taken_within_the_memory(name: str, peak_file: Path) -> None:
    # Given a sound picture with the most pixels that its format may have
    _, make = LARGEST[name]
    data = make()
    assert len(data) <= LIMITS.bytes

    picture = await Pictures(Limits(cpu=60)).make_safe(data)

    examine(picture, LIMITS)
    assert picture.width * picture.height > LIMITS.area * 0.69
    assert 32 * 1024**2 < int(peak_file.read_text()) < PEAK


async def test_what_would_need_more_memory_is_refused_below_it(peak_file: Path) -> None:
    # Given limits that let through what the memory is too little for
    limits = Limits(format_pixels={}, cpu=60)
    data = encoded(large("RGBA", "PNG"), "WEBP", method=0, quality=0, lossless=True)

    with pytest.raises(PictureError) as refusal:
        await Pictures(limits).make_safe(data)

    assert refusal.value.code in ("picture_too_heavy", "picture_broken")
    assert int(peak_file.read_text()) < PEAK


@pytest.mark.parametrize("over", [1.02, 3.0])
async def test_a_format_with_a_limit_of_its_own_is_refused_with_that_limit(over: float) -> None:
    side = int(shape("WEBP")[0] * over**0.5)
    data = encoded(Image.new("RGB", (side, side)), "WEBP", method=0, quality=1)

    with pytest.raises(PictureError) as refusal:
        await make_safe(data)

    assert refusal.value.code == "picture_too_many_for_format"
    assert str(refusal.value).startswith(f"The WEBP has more than {FORMAT_PIXELS['WEBP'] // 10**6} megapixels.")
    assert "a JPEG of at most 200 megapixels" in str(refusal.value)


async def test_a_side_that_is_too_long_is_named_as_such() -> None:
    # Given fewer pixels than the limit, in a row that is too long
    data = png(66_000, 600, 1, 0, zeros(8251 * 600))

    with pytest.raises(PictureError, match="a side of more than 65535 pixels"):
        await make_safe(data)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_bands_make_the_same_picture_as_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo(mode, (457, 613))
    size = (131, 176)
    whole = eight_bit(image).resize(size, Image.Resampling.LANCZOS)
    # When a band holds a few rows
    monkeypatch.setattr("unstill_bots.intake.picture.pixels.BAND", 457 * 20)

    banded = bands(image, size)

    assert (banded.mode, banded.size) == (whole.mode, size)
    # Then no value differs by more than its rounding, for colours as far as they show
    shown = {"RGBA": "RGBa", "LA": "La"}.get(whole.mode, whole.mode)
    pairs = zip(banded.convert(shown).tobytes(), whole.convert(shown).tobytes(), strict=True)
    assert max(abs(one - other) for one, other in pairs) <= 1


async def test_the_deadline_is_of_computing() -> None:
    # Given a picture whose decoding takes many times the seconds that it may, on any machine
    data = encoded(large("RGB"), "JPEG", progressive=True, subsampling=0)

    with pytest.raises(PictureError) as refusal:
        await make_safe(data, limits=PatientLimits(cpu=0.02))

    assert refusal.value.code == "picture_too_heavy"
    assert refusal.value.details["reason"] != "deadline"


async def test_waiting_is_not_computing() -> None:
    limits = Limits(cpu=2)
    async with Pictures(limits) as pictures:
        # Given a process that is held for longer than it may compute
        child = await waiting_process(pictures)
        child.send_signal(signal.SIGSTOP)
        task = asyncio.create_task(pictures.make_safe(source("PNG", "rgb")))
        await asyncio.sleep(limits.cpu * 1.2)

        child.send_signal(signal.SIGCONT)

        examine(await task, limits)


async def test_what_hangs_is_ended_by_the_clock() -> None:
    before = children()
    async with Pictures(Limits(cpu=0.1)) as pictures:
        # Given a process that computes nothing and never answers
        child = await waiting_process(pictures)
        child.send_signal(signal.SIGSTOP)

        with pytest.raises(PictureError) as refusal:
            await pictures.make_safe(source("PNG", "rgb"))

        assert refusal.value.code == "picture_too_heavy"
        assert refusal.value.details == {"reason": "deadline"}
        assert child.returncode == -signal.SIGKILL
    assert children() <= before


def test_the_clock_gives_ten_times_the_computing() -> None:
    assert Limits().wall == 10 * Limits().cpu
    assert Limits(cpu=0.5).wall == 5


async def test_a_process_that_cannot_be_started_is_not_the_picture_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_COMMAND", (sys.executable, "-P", "-m", "unstill_bots.no_such_module"))

    with pytest.raises(PictureError) as refusal:
        await make_safe(source("PNG", "rgb"), limits=Limits())

    assert refusal.value.code == "picture_unavailable"


async def test_a_process_that_was_taken_over_puts_no_words_of_its_own_into_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that says what it likes beside a picture
    notes = ["picture_first_frame", "prompt_shortened:visit example.org", "no_such_note", "cropped:percent=x"]
    head = json.dumps({"format": "jpg", "width": 32, "height": 32, "notes": notes}).encode()
    reply = head + b"\n" + encoded(photo("RGB", (32, 32)), "JPEG")
    child = tmp_path / "child.py"
    child.write_text(f"import sys\nsys.stdin.buffer.read()\nsys.stdout.buffer.write({reply!r})\n")
    monkeypatch.setattr(under_test, "_COMMAND", (sys.executable, "-P", str(child)))

    picture = await make_safe(source("PNG", "rgb"), limits=Limits())

    # Then only codes pass
    assert picture.notes == ("picture_first_frame",)
