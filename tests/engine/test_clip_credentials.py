"""Content credentials are signed last, hold until a byte changes, and count in the fit; a label is in the frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import c2pa
import msgspec
import numpy as np
import pytest
from tests.engine.clip_sources import RECIPE, clip_of, decoded, grain, spooled, steps
from tests.engine.signing import Papers, papers

from unstill_config.errors import ConfigError
from unstill_config.marks import Label
from unstill_config.settings import Settings
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.credentials import Signer
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.shrink import remake_clip
from unstill_queue.contract.jobs import Finish
from unstill_queue.contract.recipe import COMPOSITE, SOURCE_TAG, TRAINED, read_recipe
from unstill_queue.storage import mp4
from unstill_queue.storage.credentials import ClipCredentials, read_credentials

CAMERA = msgspec.structs.replace(RECIPE, made_by="camera", model="camera")
DEPTH = msgspec.structs.replace(RECIPE, model="depth", filled=True)


def kinds(clip: Path) -> list[bytes]:
    with clip.open("rb") as file:
        return [box.kind for box in mp4.top_level(file)]


def claims(clip: Path) -> dict[str, Any]:
    with c2pa.Reader(clip) as reader:
        found: dict[str, Any] = json.loads(reader.json())
        return found["manifests"][found["active_manifest"]]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("recipe", "source"), [(RECIPE, TRAINED), (CAMERA, ""), (DEPTH, COMPOSITE)], ids=["AI", "camera", "depth"]
)
async def test_a_clip_says_signed_what_made_it(
    tmp_path: Path, binary: Ffmpeg, signer: Signer, host: Papers, recipe: Any, source: str
) -> None:
    # Given a certificate of the host's
    frames = spooled(tmp_path / "spool", steps(64, 64, 8))
    # When a clip is made
    clip = await clip_of(frames, binary, marks=Marks(recipe, signer))
    # Then its own reader trusts it by the host's root, and it says the program, the model, and what kind of media it is
    assert read_credentials(clip.path, host.root) == ClipCredentials("trusted", "A host", recipe.model, source)
    assert read_credentials(clip.path) == ClipCredentials("valid", "A host", recipe.model, source)
    assert claims(clip.path)["claim_generator_info"][0]["name"] == "Unstill"
    # and says nothing of the person's words, while recipe and marks are where they were
    assert "Waves" not in json.dumps(claims(clip.path))
    assert read_recipe(clip.path) == recipe
    assert (SOURCE_TAG in mp4.read_tags(clip.path)) == bool(source)
    # and it plays, its index in front of its media
    assert len(decoded(clip, binary)) == 8
    assert kinds(clip.path).index(b"moov") < kinds(clip.path).index(b"mdat")


async def test_one_changed_byte_is_seen(tmp_path: Path, binary: Ffmpeg, signer: Signer, host: Papers) -> None:
    # Given a signed clip
    clip = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(RECIPE, signer))
    data = bytearray(clip.path.read_bytes())
    # When a byte of its picture, or of its recipe, is changed
    for place in (len(data) - 20, data.index(b"Waves")):
        changed = tmp_path / "changed.mp4"
        changed.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        # Then its credentials do not hold
        found = read_credentials(changed, host.root)
        assert found is not None and found.state == "invalid"
    # and a root that never heard of the host does not vouch for it
    found = read_credentials(clip.path, papers(tmp_path / "other").root)
    assert found is not None and found.state != "trusted"


async def test_a_clip_without_a_certificate_has_none(tmp_path: Path, binary: Ffmpeg) -> None:
    clip = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary)
    assert read_credentials(clip.path) is None


@pytest.mark.parametrize("limit", [40_000, 60_000, 120_000])
async def test_credentials_count_in_the_fit(tmp_path: Path, binary: Ffmpeg, signer: Signer, limit: int) -> None:
    # Given frames that do not fit at their best
    source = spooled(tmp_path / "spool", grain(192, 192, 16))
    # When a signed clip is fitted, and a smaller one is made from that
    clip = await clip_of(source, binary, limit=limit, marks=Marks(RECIPE, signer))
    again = await remake_clip(
        clip.path, limit=limit * 2 // 3, marks=Marks(RECIPE, signer), target=tmp_path / "again.mp4", ffmpeg=binary,
        deadline=120.0,
    )  # fmt: skip
    # Then each is within its limit, and signed as it is sent
    assert clip.size <= limit and again.size <= limit * 2 // 3
    for path in (clip.path, again.path):
        found = read_credentials(path)
        assert found is not None and found.state == "valid"


async def test_the_room_that_is_kept_is_enough(tmp_path: Path, binary: Ffmpeg, signer: Signer) -> None:
    # Given a model with the longest name that may be
    recipe = msgspec.structs.replace(RECIPE, model="m" * 200)
    plain = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(recipe))
    # When its clip is signed
    size = plain.size
    signed = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(recipe, signer))
    # Then it grows by no more than was kept
    assert size < signed.size <= size + signer.room


async def test_the_label_is_seen_as_long_as_it_shall(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a gray clip of a second, in another shape than its frames
    gray = [np.full((128, 192, 3), 90, np.uint8)] * 8
    finish = Finish(shape="square", fill="pad")
    plain = await clip_of(spooled(tmp_path / "spool", gray), binary, finish=finish)
    frames = decoded(plain, binary).astype(np.int16)
    # When AI made it and the host wants a label for half of it
    labelled = await clip_of(
        spooled(tmp_path / "spool", gray), binary, finish=finish, marks=Marks(RECIPE, None, 0.5),
        target=tmp_path / "labelled.mp4",
    )  # fmt: skip
    # Then it stands in the picture's corner, light on dark, for that time and no longer
    change = np.abs(decoded(labelled, binary).astype(np.int16) - frames).max(-1)
    seen = change[0] > 60
    rows, columns = np.nonzero(seen)
    height, width = change.shape[1:]
    assert rows.size > 50
    assert rows.max() < height / 2 and columns.max() < width / 3
    assert [bool((frame > 60).sum() > 50) for frame in change] == [True] * 4 + [False] * 4
    # and a clip of the camera has none, nor is one drawn a second time when the clip is made smaller
    camera = await clip_of(
        spooled(tmp_path / "spool", gray), binary, finish=finish, marks=Marks(CAMERA, None, 0.5),
        target=tmp_path / "camera.mp4",
    )  # fmt: skip
    assert np.abs(decoded(camera, binary).astype(np.int16) - frames).max() < 20


def test_settings_of_the_label() -> None:
    assert Settings.load({"UNSTILL_LABEL__SECONDS": "2.5"}).label == Label(seconds=2.5)
    with pytest.raises(ConfigError, match="UNSTILL_LABEL__SECONDS"):
        Settings.load({"UNSTILL_LABEL__SECONDS": "-1"})
