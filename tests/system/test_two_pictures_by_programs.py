"""A last picture, and words alone, by the API and in the terminal: on one queue, and on a server elsewhere."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.system.conversations import Seen, recipe_in
from tests.system.telegram_house import photo
from tests.system.test_two_pictures import BLUE, RED, edges
from tests.system.web_house import Visitor, WebHouse, web_house
from tests.waiting import PATIENCE, wait_for


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    """A page whose engine makes clips of two pictures, of one, and of words alone."""
    with web_house(tmp_path_factory.mktemp("able"), UNSTILL_ENGINE__MODEL="able") as web:
        web.house.wait_until_served("able")
        yield web


@pytest.fixture
def api(house: WebHouse) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{house.url}/api/v1", timeout=PATIENCE) as client:
        yield client


def encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def made(api: httpx.Client, answer: httpx.Response) -> bytes:
    """Wait for the clip that was asked for, and return its file."""
    assert answer.status_code == 202, answer.text
    at = f"/clips/{answer.json()['id']}"
    wait_for(lambda: api.get(at).json()["state"] in ("done", "failed", "cancelled"), what="the clip")
    return api.get(f"{at}/clip.mp4").content


def colours(clip: bytes, folder: Path) -> tuple[str, str]:
    return edges(Seen("", "", (), clip), folder)


def test_a_last_picture_is_a_field_of_its_own(api: httpx.Client, house: WebHouse, tmp_path: Path) -> None:
    pictures = house.house.folder / "storage" / "pictures"
    before = len(list(pictures.rglob("*.png")))
    # When a form and a body of JSON bring one
    form = api.post("/clips", files={"picture": RED, "last_image": BLUE}, data={"prompt": "it opens"})
    body = {"images": [encoded(RED)], "last_image": encoded(BLUE), "prompt": "it opens"}
    # Then each is one clip, from the first to the last, and both pictures are kept for the next one
    assert [colours(made(api, answer), tmp_path) for answer in (form, api.post("/clips", json=body))] == [
        ("red", "blue"),
        ("red", "blue"),
    ]
    assert len(list(pictures.rglob("*.png"))) == before + 4
    # When one is sent again under its key, Then it is the same clip
    keyed = {"Idempotency-Key": "one"}
    first, again = [api.post("/clips", json=body, headers=keyed).json()["id"] for _ in range(2)]
    assert first == again
    other = api.post("/clips", json={**body, "last_image": encoded(RED)}, headers=keyed)
    assert other.json()["code"] == "key_used"
    # When there is a last one alone, or one that is no picture, Then that is said
    alone = api.post("/clips", files={"last_image": BLUE}, data={"prompt": "it opens"})
    assert (alone.status_code, alone.json()["code"]) == (422, "last_picture_missing")
    broken = api.post("/clips", files={"picture": RED, "last_image": b"minutes"}, data={"prompt": "it opens"})
    assert (broken.status_code, broken.json()["code"]) == (422, "picture_unknown")


def test_words_alone_are_a_request(api: httpx.Client) -> None:
    asked = {"prompt": "a storm at sea", "options": {"seed": 7}}
    keyed = {"Idempotency-Key": "storm"}
    first = api.post("/clips", json=asked, headers=keyed)
    recipe = recipe_in(made(api, first))
    assert (recipe.parameters.prompt, recipe.parameters.seed) == ("a storm at sea", 7)
    assert api.post("/clips", json=asked, headers=keyed).json()["id"] == first.json()["id"]
    # and a plain still stands for it
    assert api.get(f"/clips/{first.json()['id']}/poster.jpg").content.startswith(b"\xff\xd8\xff")
    # When there is neither, Then that is said
    nothing = api.post("/clips", json={"options": {"seed": 7}})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "no_words")


def test_a_clip_goes_on_from_the_one_that_is_named(api: httpx.Client) -> None:
    # Given nobody's clip, Then there is nothing to go on from
    longer = {"prompt": "it clears up", "options": {"extend": True}}
    nothing = api.post("/clips", json=longer)
    assert (nothing.status_code, nothing.json()["code"]) == (422, "no_clip")
    # Given two clips
    first, second = [api.post("/clips", json={"images": [encoded(one)], "prompt": "rain"}) for one in (RED, BLUE)]
    assert made(api, first) and made(api, second)
    # When one goes on from the first by its id, Then it is one clip of both pieces
    answer = api.post("/clips", json={**longer, "of": first.json()["id"]})
    recipe = recipe_in(made(api, answer))
    assert [one.prompt for one in (*recipe.before, recipe.parameters)] == ["rain", "it clears up"]
    # and without an id from the newest, by a form too
    form = recipe_in(made(api, api.post("/clips", data={"prompt": "snow", "extend": "yes"})))
    assert [one.prompt for one in (*form.before, form.parameters)] == ["rain", "it clears up", "snow"]
    # and the recipe that the API tells has all pieces, as the file's
    told = api.get(f"/clips/{answer.json()['id']}/recipe").json()
    assert [one["prompt"] for one in (*told["before"], told)] == ["rain", "it clears up"]
    # When a picture comes with it, or the clip is nobody's, Then that is said
    both = api.post("/clips", json={**longer, "of": first.json()["id"], "images": [encoded(RED)]})
    assert (both.status_code, both.json()["code"]) == (422, "wrong_field")
    assert api.post("/clips", json={**longer, "of": "nobody"}).status_code == 404
    whole = api.post("/clips", json=longer)
    assert (whole.status_code, whole.json()["code"]) == (422, "clip_whole")


def test_the_page_and_the_api_say_what_there_is(api: httpx.Client, house: WebHouse) -> None:
    (model,) = api.get("/models").json()["models"]
    assert {"last_image", "text_to_video"} <= set(model["abilities"])
    assert "last_image" not in {one["name"] for one in api.get("/options").json()["options"]}
    visitor: Visitor = house.visitor()
    visitor.open()
    assert 'type="file" id="o-last_image" name="last_image"' in visitor.page
    assert "words alone make a clip, too" in visitor.page
    # When the page's form brings a last picture, Then it is one clip
    answer = visitor.http.post(
        "/clips",
        data={"prompt": "it opens", "once": ""},
        files=[("picture", ("a.png", RED)), ("last_image", ("b.png", BLUE))],
        headers={"Origin": visitor.url, "Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 200
    assert len(visitor.until(lambda cards: cards and all(one.clip for one in cards))) == 1


def unstill(house: WebHouse, *words: str) -> dict[str, Any]:
    """Run `unstill animate` in the house's folder, and return what it says as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "unstill_bots.terminal", "animate", *words, "--json"],
        cwd=house.house.folder, env=house.house.environ, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    (clip,) = json.loads(done.stdout)["clips"]
    said: dict[str, Any] = clip
    return said | {"progress": done.stderr.decode()}


@pytest.mark.parametrize("elsewhere", [False, pytest.param(True, marks=pytest.mark.storm)], ids=["queue", "server"])
def test_the_terminal_has_both(house: WebHouse, tmp_path: Path, *, elsewhere: bool) -> None:
    first, last = tmp_path / "closed.png", tmp_path / "open.png"
    first.write_bytes(photo("red"))
    last.write_bytes(photo("blue"))
    more = ("--server", house.url) if elsewhere else ()
    # When a photo is given with a last one
    clip = unstill(house, str(first), "it opens", "--last-image", str(last), "--out", str(tmp_path / "a.mp4"), *more)
    # Then the clip goes from one to the other
    assert colours(Path(clip["file"]).read_bytes(), tmp_path) == ("red", "blue")
    # and so it does where two photos are given, and the words say so
    both = unstill(house, str(first), str(last), "from the first to the second picture", "--out", str(tmp_path), *more)
    assert colours(Path(both["file"]).read_bytes(), tmp_path) == ("red", "blue")
    # When there are words alone, Then they are a clip, too
    clip = unstill(house, "a storm at sea --seed 7", "--out", str(tmp_path / "b.mp4"), *more)
    assert recipe_in(Path(clip["file"]).read_bytes()).parameters.prompt == "a storm at sea"
    assert "your picture" not in clip["progress"] and "your picture" in both["progress"]
    if elsewhere:
        # who comes without a token is somebody new each time, who has no clip
        return
    # When the newest clip is to go on, Then that is the next one, without a photo
    longer = unstill(house, "--extend", "it clears up", "--out", str(tmp_path / "c.mp4"), *more)
    recipe = recipe_in(Path(longer["file"]).read_bytes())
    assert [one.prompt for one in (*recipe.before, recipe.parameters)] == ["a storm at sea", "it clears up"]
