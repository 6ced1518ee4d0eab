"""The still that is shown before a clip is loaded shows the photo as the clip does."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image
from tests.queue.values import DONE, a_job, a_request

from unstill_bots.delivery import presentation
from unstill_bots.delivery.poster import Bounds, poster
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import Finish, State
from unstill_queue.ledger.ledger import Record
from unstill_queue.storage.base import Storage

CATALOG = Catalog.load()
BOUNDS = Bounds(side=160, size=100_000)
LEFT, MIDDLE, RIGHT, BLACK = (250, 140, 0), (0, 160, 160), (130, 0, 200), (0, 0, 0)
Colour = tuple[int, int, int]


def photo(size: tuple[int, int]) -> bytes:
    """Three upright thirds, each of its own colour."""
    thirds = Image.new("RGB", (3, 1))
    thirds.putdata([LEFT, MIDDLE, RIGHT])
    out = io.BytesIO()
    thirds.resize(size, Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def near(one: Colour, other: Colour) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40


@pytest.mark.parametrize(
    ("size", "clip", "finish", "rendered", "across", "top"),
    [
        # all of the photo, in its own shape
        ((400, 300), (400, 300), Finish(), None, [LEFT, MIDDLE, RIGHT], MIDDLE),
        # a photo that is longer than its clip: no bars
        ((1600, 200), (400, 100), Finish(), None, [LEFT, MIDDLE, RIGHT], MIDDLE),
        # 9:16, filled by a part of the photo
        ((400, 300), (90, 160), Finish("reels"), (90, 160), [MIDDLE, MIDDLE, MIDDLE], MIDDLE),
        # 9:16, with all of the photo before a copy of it that is darker, or before black
        ((400, 300), (90, 160), Finish("reels"), None, [LEFT, MIDDLE, RIGHT], (0, 104, 104)),
        ((400, 300), (90, 160), Finish("reels", fill="pad"), None, [LEFT, MIDDLE, RIGHT], BLACK),
    ],
)
async def test_a_poster_has_the_clip_s_shape_and_is_filled_as_the_clip_is(
    storage: Storage,
    tmp_path: Path,
    size: tuple[int, int],
    clip: tuple[int, int],
    finish: Finish,
    rendered: tuple[int, int] | None,
    across: list[Colour],
    top: Colour,
) -> None:
    # Given a clip of a photo, which fills its shape in some way
    key = await storage.put(photo(size), key=storage.new_key("pictures", ".png"))
    width, height = rendered or (None, None)
    job = replace(a_job(a_request()), picture=key, finish=finish)
    done = replace(DONE, width=clip[0], height=clip[1], parameters=replace(DONE.parameters, width=width, height=height))
    record = Record(job.id, State.DONE, a_request(), 0.0, job, outcome=done)
    # When its poster is made
    shown = presentation.clip(record, done, tmp_path / "clip.mp4", CATALOG).clip
    assert shown is not None
    made = await poster(storage, shown, BOUNDS)
    # Then it is filled as the clip is
    assert made is not None
    with Image.open(io.BytesIO(made)) as opened:
        still = opened.convert("RGB")
    assert max(still.size) == 160 and still.width / still.height == pytest.approx(clip[0] / clip[1], rel=0.02)
    seen = [still.getpixel((round(still.width * part), still.height // 2)) for part in (0.15, 0.5, 0.85)]
    assert all(isinstance(one, tuple) and near(one[:3], other) for one, other in zip(seen, across, strict=True)), seen  # type: ignore[arg-type]
    above = still.getpixel((still.width // 2, 0))
    assert isinstance(above, tuple) and near(above[:3], top), above  # type: ignore[arg-type]
