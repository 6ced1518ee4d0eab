"""A clip tells its own recipe, whatever words it holds; ffmpeg never sees them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.engine.clip_sources import PARAMETERS, RECIPE, clip_of, spooled, steps

from unstill_config.catalog import Shape
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.encode import Track, command, constant_quality
from unstill_engine.clip.finish import lay_out
from unstill_queue.contract.jobs import Finish
from unstill_queue.contract.recipe import COMPOSITE, SOURCE_TAG, TRAINED, XMP_UUID, read_recipe
from unstill_queue.storage import mp4

HOSTILE = {
    "filter": "x',drawtext=textfile=/etc/hostname:fontsize=40[v];movie=a.mp4",
    "ffmetadata": ";FFMETADATA1\ntitle=other\n[CHAPTER]\n\\=#;",
    "option": "-metadata comment=other -f null -",
    "equals": "a=b==c",
    "nul": "before\0after",
    "controls": "\x1b[31mred\x07\r\n\t\x7f\u2028\u202e",
    "emoji": "🌊👩‍👩‍👧 影 بحر",
    "surrogate": "half \ud83c of one",
    "json": '"}],{"seed":0}\\u0000\\',
    "xml": "]]><!--&lt;</x:xmpmeta>",
    "long": "波" * 4096,
    "box": "moovudtametailst\x00\x00\x00\x08mdat",
}


@pytest.mark.parametrize("prompt", HOSTILE.values(), ids=HOSTILE.keys())
async def test_any_words_come_back_exactly_and_change_nothing_else(tmp_path: Path, binary: Ffmpeg, prompt: str) -> None:
    # Given a clip with plain words, and a recipe with hostile ones
    source = spooled(tmp_path / "spool", steps(64, 64, 8))
    plain = await clip_of(source, binary, target=tmp_path / "plain.mp4")
    recipe = msgspec.structs.replace(
        RECIPE, parameters=msgspec.structs.replace(PARAMETERS, prompt=prompt, negative_prompt=prompt, camera=prompt)
    )
    # When a clip is made with them
    clip = await clip_of(source, binary, recipe=recipe)
    # Then it tells exactly these, the same tags and no others, and its picture is the same
    assert read_recipe(clip.path) == recipe
    assert mp4.read_tags(clip.path).keys() == mp4.read_tags(plain.path).keys()
    assert "\n" not in mp4.read_tags(clip.path)["©cmt"]
    hashes = [
        subprocess.run(
            [binary.path, "-v", "error", "-i", path, "-f", "framemd5", "-"], capture_output=True, check=True
        ).stdout
        for path in (plain.path, clip.path)
    ]
    assert hashes[0] == hashes[1]


async def test_other_programs_see_that_it_is_made_by_ai(tmp_path: Path, binary: Ffmpeg) -> None:
    clip = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary)
    said = subprocess.run([binary.path, "-hide_banner", "-i", clip.path], capture_output=True, text=True).stderr
    assert "Made by AI (i2vgen_xl). Prompt: Waves rolling in. Seed 7" in said
    assert mp4.read_tags(clip.path)[SOURCE_TAG] == TRAINED
    data = clip.path.read_bytes()
    assert TRAINED.encode() in data[data.index(XMP_UUID) :]


async def test_camera_clip_does_not_claim_ai(tmp_path: Path, binary: Ffmpeg) -> None:
    recipe = msgspec.structs.replace(RECIPE, made_by="camera", model="camera")
    clip = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary, recipe=recipe)
    assert read_recipe(clip.path) == recipe
    assert "AI drew none of it" in mp4.read_tags(clip.path)["©cmt"]
    assert b"trainedAlgorithmicMedia" not in clip.path.read_bytes()


async def test_a_clip_in_which_something_was_filled_in_claims_no_more_than_that(tmp_path: Path, binary: Ffmpeg) -> None:
    recipe = msgspec.structs.replace(RECIPE, model="depth", filled=True)
    clip = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary, recipe=recipe)
    assert read_recipe(clip.path) == recipe
    said = mp4.read_tags(clip.path)
    assert "AI judged its depth, and what it hides was filled in (depth)." in said["©cmt"]
    assert said[SOURCE_TAG] == COMPOSITE
    data = clip.path.read_bytes()
    assert COMPOSITE.encode() in data[data.index(XMP_UUID) :] and b"trainedAlgorithmicMedia" not in data


def test_command_line_is_made_of_numbers_and_our_own_words(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", steps(64, 48, 8))
    finish = Finish(fade=True, audio=True, output_fps=30)
    layout = lay_out(source, finish, Shape(title="x"))
    line = command(binary, source, layout, constant_quality(18), "clip.mp4", Track("sound-best.m4a", 9))
    assert str(tmp_path) not in " ".join(line)
    assert "-nostdin" in line
    assert [part for part in line if ":" in part and "pipe:" in part] == ["pipe:0", "pipe:1"]
    assert line[line.index("-protocol_whitelist") + 1] == "file,pipe"
    assert "file:clip.mp4" in line
