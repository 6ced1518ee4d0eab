"""A model of diffusers that makes sound, from the queue to the MP4: real loading, engine, child and ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.engine.clip_sounds import heard, level
from tests.engine.kandinsky_tiny import NAME, save_kandinsky
from tests.system.asker import Asker
from tests.system.processes import CATALOG, House
from tests.system.test_photos_and_sound import BINARY, BLUE, RED

from unstill_engine.clip.probe import probe
from unstill_queue.contract.jobs import Parameters, Succeeded
from unstill_queue.contract.recipe import read_recipe

TABLE = """
[models.{name}]
weights = {{ repo = "{folder}" }}
host_memory = 0.1

[models.{name}.pipeline.areas]
320 = 4096
480 = 4096

# of a tiny one
[models.{name}.memory]
low = 0.1
weights = 0.002
encoders = 0.001
vae = 0.0005
render = 0.1
decode = 1.0
tile = 0.01
leaf = 0.001
"""
SECONDS = 9 / 24
PARAMETERS = Parameters(NAME, "", 3, 9, 24, 480, num_inference_steps=2, guidance_scale=5.0)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("kandinsky")
    accepted = {"UNSTILL_ENGINE__MODEL": NAME, "UNSTILL_ENGINE__ACCEPT_LICENCES": NAME, "OMP_NUM_THREADS": "1"}
    with House(folder, **accepted) as house:
        model = save_kandinsky(folder / "model")
        (folder / "catalog.toml").write_text(CATALOG + TABLE.format(name=NAME, folder=model))
        house.start_engine()
        yield house


@pytest.fixture
async def person(house: House) -> AsyncIterator[Asker]:
    person = Asker(house, PARAMETERS)
    yield person
    await person.client.close()


async def test_photo_and_words_become_a_clip_that_is_heard(person: Asker, tmp_path: Path) -> None:
    # Given a photo, and words
    made = await person.ask("the waves roll in", picture=await person.photo(RED))
    # When they have become a clip
    assert isinstance(made, Succeeded), made
    clip = await person.clip(made, tmp_path)
    # Then it is as long as was asked, and so is its sound, which is none of silence
    assert made.duration == pytest.approx(SECONDS) and probe(clip).frames == 9
    assert made.synthetic and made.sound
    sound = heard(clip, BINARY)
    assert len(sound) / 44_100 == pytest.approx(SECONDS, abs=0.03)
    assert level(sound) > -40
    assert read_recipe(clip).sound and read_recipe(clip).parameters.model == NAME


@pytest.mark.storm
async def test_another_photo_gives_another_clip(person: Asker, tmp_path: Path) -> None:
    seen = []
    for photo in (RED, BLUE):
        made = await person.ask("the waves roll in", picture=await person.photo(photo))
        seen.append(frames(await person.clip(made, tmp_path)))
    assert seen[0] != seen[1]


@pytest.mark.storm
async def test_words_alone_do_and_who_wants_no_sound_gets_none(person: Asker, tmp_path: Path) -> None:
    made = await person.ask("the waves roll in", audio=False)
    clip = await person.clip(made, tmp_path)
    assert isinstance(made, Succeeded) and not made.sound
    assert not probe(clip).has_audio and probe(clip).frames == 9


def frames(clip: Path) -> bytes:
    line = [BINARY.path, "-v", "error", "-i", str(clip), "-map", "0:v", "-f", "rawvideo", "-"]
    return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
