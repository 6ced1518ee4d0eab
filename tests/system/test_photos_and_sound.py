"""Both photos, one or none, and a model's sound, from the queue to the clip: real queue, engine, child and ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import imageio_ffmpeg
import msgspec
import numpy as np
import pytest
from tests.engine.clip_sounds import heard, likeness
from tests.engine.renderers_for_tests import warbling
from tests.system.asker import Asker
from tests.system.processes import CATALOG, House, until

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.probe import probe
from unstill_queue.contract.jobs import (
    Failed,
    Parameters,
    State,
    Succeeded,
)
from unstill_queue.contract.recipe import read_recipe
from unstill_queue.storage import mp4

DUET = """
[models.duet]
title = "Duet"
renderer = "tests.system.duet:Duet"
synthetic = true
abilities = ["prompt", "seed", "last_image", "text_to_video", "sound"]
size_multiple = 2
resolutions = [96]
licence = { name = "Apache-2.0" }
defaults = { resolution = 96, num_frames = 16, fps = 8, num_inference_steps = 1, guidance_scale = 1.0 }
ranges = { num_frames = [8, 32] }
cost = { base = 1.0, per_unit = 0.0 }
"""
RED, BLUE, BLACK = (220, 30, 30), (30, 30, 220), (0, 0, 0)
PARAMETERS = Parameters("duet", "", 1, 16, 8, 96)
BINARY = Ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), "", frozenset())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("duet")
    with House(folder, UNSTILL_ENGINE__MODELS="duet,journal") as house:
        (folder / "catalog.toml").write_text(CATALOG + DUET)
        house.start_engine()
        yield house


@pytest.fixture
async def person(house: House) -> AsyncIterator[Asker]:
    person = Asker(house, PARAMETERS)
    yield person
    await person.client.close()


def colours(clip: Path) -> tuple[list[int], list[int]]:
    """The mean of its left and of its right quarter."""
    line = [BINARY.path, "-v", "error", "-i", str(clip), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    frame = np.frombuffer(raw, np.uint8).reshape(96, 96, 3)
    left, right = (frame[8:-8, place].mean(axis=(0, 1)).round().astype(int) for place in (slice(4, 24), slice(72, 92)))
    return list(left), list(right)


@pytest.mark.parametrize(
    ("first", "last"), [(RED, BLUE), (RED, BLACK), (BLACK, BLUE), (BLACK, BLACK)], ids=["both", "first", "last", "none"]
)
async def test_the_renderer_is_given_the_photos_that_the_job_has(
    person: Asker, tmp_path: Path, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    # Given a job with a first and a last picture, one of them, or words alone
    keys = [await person.photo(colour) if colour != BLACK else "" for colour in (first, last)]
    # When it is rendered
    made = await person.ask(picture=keys[0], last=keys[1])
    # Then each stands in its place
    shown = colours(await person.clip(made, tmp_path))
    assert shown[0] == pytest.approx(first, abs=12) and shown[1] == pytest.approx(last, abs=12)


@pytest.mark.parametrize("gone", ["picture", "last"])
async def test_one_that_is_gone_is_said_and_costs_no_try(person: Asker, gone: str) -> None:
    keys = {"picture": await person.photo(RED), "last": await person.photo(BLUE)}
    await person.storage.delete(keys[gone])
    assert await person.ask(picture=keys["picture"], last=keys["last"]) == Failed("picture_gone")
    assert (await person.client.ledger.read(person.job.id)).attempt == 1


async def test_the_sound_is_in_the_clip_and_stays_in_a_smaller_one(house: House, person: Asker, tmp_path: Path) -> None:
    # Given a clip of a model that makes sound
    made = await person.ask(picture=await person.photo(RED))
    clip = await person.clip(made, tmp_path)
    # Then it is heard, and the clip says who made it
    assert isinstance(made, Succeeded) and made.sound
    assert likeness(heard(clip, BINARY), warbling(2)) > 0.99
    assert read_recipe(clip).sound
    assert "So is its sound." in mp4.read_tags(clip)["©cmt"]
    # When its platform does not take the size
    ledger = person.client.ledger
    await ledger.send(person.job.id, "courier")
    limit = made.size // 2
    assert await person.client.refit(msgspec.structs.replace(person.job, upload_limit=limit), "courier") == "ok"

    async def smaller() -> bool:
        record = await ledger.read(person.job.id)
        return record.state is State.DONE and record.outcome != made

    await until(smaller)
    outcome = (await ledger.read(person.job.id)).outcome
    # Then the smaller one has the same sound, and says so too
    clip = await person.clip(outcome, tmp_path) if outcome else clip
    assert isinstance(outcome, Succeeded) and outcome.size <= limit and outcome.sound
    assert likeness(heard(clip, BINARY), warbling(2)) > 0.9
    assert read_recipe(clip).sound
    # and nothing of it is left behind
    await until(lambda: not list((house.folder / "scratch").iterdir()))


@pytest.mark.parametrize(("prompt", "audio", "track"), [("", False, False), ("mute", True, True)])
async def test_whose_sound_is_not_the_models_does_not_say_so(
    person: Asker, tmp_path: Path, prompt: str, audio: bool, track: bool
) -> None:
    # Given somebody who wants no sound, or one who wants it of a model that made none
    made = await person.ask(prompt, picture=await person.photo(RED), audio=audio)
    clip = await person.clip(made, tmp_path)
    # Then there is no track, or a silent one
    assert isinstance(made, Succeeded) and not made.sound and not read_recipe(clip).sound
    assert probe(clip).has_audio is track
    if track:
        assert np.abs(heard(clip, BINARY)).max() < 1e-3


async def test_what_a_model_cannot_make_a_clip_of_is_refused_before_anything_is_done(house: House) -> None:
    # Given a program that asks the queue itself, for a model that takes one photo, and no more or fewer
    person = Asker(house, msgspec.structs.replace(PARAMETERS, model="journal", num_frames=8, resolution=64))
    red, blue = await person.photo(RED), await person.photo(BLUE)
    rendered = house.journal.read_text() if house.journal.exists() else ""
    # When it has none, two, or only the second, then each is refused by what is wrong with it
    assert await person.ask("waves") == Failed("no_picture")
    assert await person.ask("waves", picture=red, last=blue) == Failed("one_picture")
    assert await person.ask("waves", last=blue) == Failed("no_picture")
    # and nothing was rendered or loaded for that, and a photo alone is
    assert (house.journal.read_text() if house.journal.exists() else "") == rendered
    assert isinstance(await person.ask("waves", picture=red), Succeeded)
    await person.client.close()
