"""What is for adults only, and words that a host does not take, on the page and by the API.

The network is the real one, and no picture here is for adults: of these it rates plain red highest, and a photo of a
lake lowest, so the threshold lies between what it says of them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, web_house
from tests.waiting import PATIENCE, wait_for

LAKE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"
ZOOM = "zoom in --motion 2 --frames 8 --res 256"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    folder = tmp_path_factory.mktemp("safe-web")
    (folder / "words.txt").write_text("forbidden fruit\n")
    settings: dict[str, Any] = {
        "UNSTILL_SAFETY__RATING": "True",
        "UNSTILL_SAFETY__THRESHOLD": "0.0001",
        "UNSTILL_SAFETY__WORDS": str(folder / "words.txt"),
        "UNSTILL_ENGINE__MODEL": "camera",
    }
    with web_house(folder, **settings) as web:
        yield web


@pytest.fixture
def api(house: WebHouse) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{house.url}/api/v1", timeout=PATIENCE) as client:
        yield client


def ask(api: httpx.Client, picture: bytes, words: str) -> httpx.Response:
    url = f"data:application/octet-stream;base64,{base64.b64encode(picture).decode()}"
    return api.post("/clips", json={"images": [url], "prompt": words})


def end_of(api: httpx.Client, asked: httpx.Response) -> dict[str, Any]:
    assert asked.status_code == 202, asked.text
    said: dict[str, Any] = {}

    def is_over() -> bool:
        said.update(api.get(f"/clips/{asked.json()['id']}").json())
        return said["state"] in ("done", "failed", "cancelled")

    wait_for(is_over, what="the end")
    return said


def stored(house: WebHouse) -> set[str]:
    return {file.name for file in (house.house.folder / "storage").rglob("*") if file.is_file()}


def test_what_is_rated_high_comes_neither_in_nor_out(house: WebHouse, api: httpx.Client) -> None:
    # When a picture is rated high, then it is refused, and what was stored of it for that moment is deleted
    refused = end_of(api, ask(api, photo("rgb(208, 16, 16)"), "waves"))
    assert (refused["state"], refused["code"]) == ("failed", "refused")
    assert "may be for adults only" in refused["text"]
    wait_for(lambda: not stored(house), what="the end of the picture")
    # When a clip is, which shows the middle of its picture larger, then nobody sees that, by the API either
    picture = Image.new("RGB", (320, 240), (16, 208, 208))
    picture.paste((120, 80, 60), (140, 105, 180, 135))
    out = io.BytesIO()
    picture.save(out, "PNG")
    withheld = end_of(api, ask(api, out.getvalue(), ZOOM))
    assert (withheld["state"], withheld["code"], withheld["clip"]) == ("failed", "clip_refused", None)
    assert api.get(f"/clips/{withheld['id']}/clip.mp4").status_code == 404
    wait_for(lambda: not stored(house), what="the end of both files")
    # and what is rated low is made and shown
    made = end_of(api, ask(api, LAKE.read_bytes(), ZOOM))
    assert made["state"] == "done", made
    assert api.get(f"/clips/{made['id']}/clip.mp4").content[4:8] == b"ftyp"


def test_words_of_the_hosts_list_have_a_code_of_their_own(api: httpx.Client) -> None:
    refused = ask(api, LAKE.read_bytes(), "a Forbidden fruit falls")

    assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (422, "words_refused")
    assert "fruit" not in refused.text.lower()
