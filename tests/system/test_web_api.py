"""The API, as a program has it that nobody here wrote: asking, following, loading, deleting."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.system.conversations import recipe_in
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, web_house
from tests.waiting import PATIENCE, wait_for


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("api")) as web:
        yield web


@pytest.fixture
def api(house: WebHouse) -> Iterator[httpx.Client]:
    """A program with a cookie of its own, as curl has one with a jar."""
    with httpx.Client(base_url=f"{house.url}/api/v1", timeout=PATIENCE) as client:
        yield client


def as_url(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def made(api: httpx.Client, id: str) -> dict[str, Any]:
    """Wait for the end of a clip, and return what is said of it."""
    said: dict[str, Any] = {}

    def is_over() -> bool:
        said.update(api.get(f"/clips/{id}").json())
        return said["state"] in ("done", "failed", "cancelled")

    wait_for(is_over, what="the clip")
    return said


def test_options_are_understood_as_in_a_caption(api: httpx.Client) -> None:
    # When a program writes options as it does elsewhere
    options = {"seed": -1, "shape": "2:1", "resolution": "1080p", "loop": "true", "guidance_scale": 12}
    answer = api.post("/clips", json={"images": [as_url(photo())], "prompt": "waves", "options": options})
    # Then the clip is made of them, and what is otherwise is told
    assert answer.status_code == 202, answer.text
    clip = made(api, answer.json()["id"])
    recipe = recipe_in(api.get(f"/clips/{clip['id']}/clip.mp4").content)
    assert (recipe.finish.shape, recipe.finish.loop, recipe.parameters.prompt) == ("landscape", True, "waves")
    assert [note.partition(":")[0] for note in recipe.notes] == ["option_nearest", "option_nearest", "options_not_read"]
    # and what cannot be meant is refused
    refused = api.post("/clips", json={"images": [as_url(photo())], "options": {"seed": "many"}})
    assert refused.status_code == 422 and "seed cannot be many" in refused.text


def test_a_clip_is_asked_for_and_loaded(api: httpx.Client) -> None:
    # When a picture comes as a data URL, with words and options
    answer = api.post(
        "/clips", json={"images": [as_url(photo())], "prompt": "waves", "options": {"seed": 7, "loop": True}}
    )
    # Then it is accepted, under an address of its own
    assert answer.status_code == 202
    asked = answer.json()
    assert answer.headers["Location"] == asked["links"]["self"] == f"/api/v1/clips/{asked['id']}"
    clip = made(api, asked["id"])
    assert clip["state"] == "done" and clip["clip"]["name"] == "unstill-waves.mp4"
    data = api.get(f"/clips/{asked['id']}/clip.mp4")
    recipe = recipe_in(data.content)
    assert (recipe.parameters.prompt, recipe.parameters.seed, recipe.finish.loop) == ("waves", 7, True)
    assert api.get(f"/clips/{asked['id']}/recipe").json()["seed"] == 7
    assert api.get(f"/clips/{asked['id']}/poster.jpg").content.startswith(b"\xff\xd8\xff")
    assert [one["id"] for one in api.get("/clips").json()["clips"]] == [asked["id"]]
    # When it is deleted, Then it is gone
    assert api.delete(f"/clips/{asked['id']}").status_code == 204
    assert api.get(f"/clips/{asked['id']}/clip.mp4").status_code == 404
    assert api.get("/clips").json() == {"clips": []}


def test_ranges_of_a_clip_are_what_they_say(api: httpx.Client) -> None:
    asked = api.post("/clips", files={"picture": photo()}, data={"prompt": "waves"}).json()
    assert made(api, asked["id"])["state"] == "done"
    at = f"/clips/{asked['id']}/clip.mp4"
    whole = api.get(at)
    assert whole.headers["Accept-Ranges"] == "bytes" and whole.headers["Content-Type"] == "video/mp4"
    size = len(whole.content)
    for asked_for, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-99", 10, 99),
        ("bytes=100-", 100, size - 1),
        ("bytes=-7", size - 7, size - 1),
        (f"bytes=0-{size * 9}", 0, size - 1),
    ):
        part = api.get(at, headers={"Range": asked_for})
        assert part.status_code == 206, asked_for
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert part.content == whole.content[first : last + 1]
    beyond = api.get(at, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    # what is not read as one range is answered with the whole
    for odd in ("bytes=5-2,7-9", "pages=1-2", "bytes=x-"):
        assert api.get(at, headers={"Range": odd}).content == whole.content
    # and what a browser has already is not sent again, nor a part of another version
    tag = whole.headers["ETag"]
    assert api.get(at, headers={"If-None-Match": tag}).status_code == 304
    assert api.get(at, headers={"Range": "bytes=0-0", "If-Range": '"other"'}).content == whole.content
    assert api.head(at).headers["Content-Length"] == str(size)


def test_the_same_key_twice_is_one_request(house: WebHouse, api: httpx.Client) -> None:
    def pictures() -> int:
        return len([one for one in (house.house.folder / "storage" / "pictures").rglob("*.*") if one.is_file()])

    before, headers = pictures(), {"Idempotency-Key": "order 5"}
    first = api.post("/clips", files={"picture": photo()}, data={"prompt": "waves"}, headers=headers).json()
    second = api.post("/clips", files={"picture": photo()}, data={"prompt": "waves"}, headers=headers)
    assert second.status_code == 202 and second.json()["id"] == first["id"]
    # and what is another request under that key is refused
    for picture, words in ((photo("navy"), "waves"), (photo(), "other")):
        other = api.post("/clips", files={"picture": picture}, data={"prompt": words}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "key_used")
    assert made(api, first["id"])["state"] == "done"
    assert len(api.get("/clips").json()["clips"]) == 1
    # and the second picture was not kept
    assert pictures() == before + 1
    # When it is sent many times at once, as by a program that does not wait
    with ThreadPoolExecutor() as pool:
        sent = pool.map(lambda _: ask_once(api, "order 6"), range(6))
    # Then all are told of the one clip
    ids = {answer.json()["id"] for answer in sent if answer.status_code == 202}
    assert len(ids) == 1
    assert made(api, ids.pop())["state"] == "done"
    assert len(api.get("/clips").json()["clips"]) == 2
    wait_for(lambda: pictures() == before + 2, what="the end of the pictures that were not needed")


def ask_once(api: httpx.Client, key: str) -> httpx.Response:
    answer = api.post("/clips", files={"picture": photo()}, data={"prompt": "waves"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.text
    return answer


def test_several_pictures_are_one_request_of_which_some_may_be_refused(api: httpx.Client) -> None:
    # When three files come together, of which one is no picture, under one key and twice
    files = [("picture", photo()), ("picture", b"not a picture"), ("picture", photo("navy"))]
    answers = [
        api.post("/clips", files=files, data={"prompt": "waves"}, headers={"Idempotency-Key": "album"})
        for _ in range(2)
    ]
    # Then each of the others is a clip, once, and why that one is none is said
    first, second = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert first["ids"] == second["ids"] and len(first["ids"]) == 2 and first["id"] == first["ids"][0]
    assert first["refused_code"] == second["refused_code"] == "picture_unknown" and first["refused"].endswith(".")
    assert [made(api, id)["state"] for id in first["ids"]] == ["done", "done"]
    assert len(api.get("/clips").json()["clips"]) == 2
    # and where none is left, nothing is taken
    none = api.post("/clips", files=[("picture", b"not a picture")], data={"prompt": "waves"})
    assert (none.status_code, none.json()["code"]) == (422, "picture_unknown")
    none = api.post("/clips", data={"prompt": "waves"}, files=[("other", (None, ""))])
    assert (none.status_code, none.json()["code"], none.json()["fields"]) == (422, "wrong_field", ["other"])
    none = api.post("/clips", json={"images": [], "prompt": "waves"})
    assert (none.status_code, none.json()["code"]) == (422, "no_picture")


def test_events_tell_of_a_clip_until_it_is_over(house: WebHouse, api: httpx.Client) -> None:
    with house.house.gate() as gate:
        asked = api.post("/clips", files={"picture": photo()}, data={"prompt": f"{gate} waves"}).json()
        states: list[str] = []

        def follow() -> None:
            with api.stream("GET", f"/clips/{asked['id']}/events") as events:
                for line in events.iter_lines():
                    if line.startswith("data: "):
                        states.append(json.loads(line.removeprefix("data: "))["state"])

        listening = threading.Thread(target=follow)
        listening.start()
        wait_for(lambda: "rendering" in states, what="an event of the render")
    # Then they end by themselves, with the clip
    listening.join(PATIENCE)
    assert not listening.is_alive() and states[-1] == "done"
    # and who comes late is told once
    with api.stream("GET", f"/clips/{asked['id']}/events") as events:
        late = [line for line in events.iter_lines() if line.startswith("data: ")]
    assert len(late) == 1


def test_what_there_is_is_listed(api: httpx.Client) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    wait_for(lambda: api.get("/status").json()["engines"] == 1, what="the engine")
    assert [one["name"] for one in api.get("/models").json()["models"]] == ["journal"]
    assert "timelapse" in {one["name"] for one in api.get("/presets").json()["presets"]}
    names = {one["name"] for one in api.get("/options").json()["options"]}
    # the model that is served reads no camera words
    assert "seed" in names and "camera" not in names
    assert (
        "你" in api.get("/options", headers={"Accept-Language": "zh"}).text
        or "种子" in api.get("/options", headers={"Accept-Language": "zh"}).text
    )


def test_curl_asks_as_the_documentation_says(house: WebHouse, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo())
    page = httpx.get(f"{house.url}/api/v1/docs").text
    assert "curl -F picture=@photo.jpg" in page
    at = f"{house.url}/api/v1/clips"
    command = ["curl", "--silent", "--show-error", "-c", "jar", "-b", "jar"]
    done = subprocess.run(
        [*command, "-F", "picture=@photo.jpg", "-F", "prompt=zoom in", at],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    asked = json.loads(done.stdout)

    def state() -> str:
        told = subprocess.run(
            [*command, f"{at}/{asked['id']}"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return str(json.loads(told.stdout)["state"])

    wait_for(lambda: state() == "done", what="the clip")
    subprocess.run([*command, "-o", "clip.mp4", f"{at}/{asked['id']}/clip.mp4"], cwd=tmp_path, check=True)
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_program_asks_with_a_token_until_it_is_revoked(house: WebHouse) -> None:
    # Given a token that somebody made on the page
    ann = house.visitor()
    ann.open()
    page = ann.post("/tokens", name="a script").text
    token = page.partition('class="token">')[2].partition("<")[0]
    headers = {"Authorization": f"Bearer {token}"}
    # When a program asks with it, Then the clip is that person's
    asked = httpx.post(
        f"{house.url}/api/v1/clips", files={"picture": photo()}, data={"prompt": "waves"}, headers=headers
    ).json()
    ann.until(lambda cards: [card.id for card in cards] == [asked["id"]], "the card")
    # and it is shown no second time
    assert token not in ann.page and "a script" in ann.page
    # When it is revoked, Then it is worth nothing
    id = ann.page.partition('action="/tokens/')[2].partition("/")[0]
    house.visitor().post(f"/tokens/{id}/revoke")
    assert httpx.get(f"{house.url}/api/v1/clips", headers=headers).status_code == 200
    ann.post(f"/tokens/{id}/revoke")
    refused = httpx.get(f"{house.url}/api/v1/clips", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_token")
