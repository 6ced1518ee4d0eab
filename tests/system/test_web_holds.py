"""What the page holds: one outcome through kills, limits that a new cookie does not undo, few streams a person."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import httpx
import pytest
from tests.system.processes import child_of
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, web_house
from tests.waiting import PATIENCE, wait_for

from unstill_bots.web.cards import LISTENERS_MOST


@pytest.mark.parametrize("what", ["page", "engine", "renderer", "server"])
def test_a_request_has_its_one_outcome_whatever_is_killed(tmp_path: Path, what: str) -> None:
    with web_house(tmp_path) as web, httpx.Client(base_url=f"{web.url}/api/v1", timeout=PATIENCE) as api:
        headers = {"Idempotency-Key": "once"}
        with web.house.gate() as gate:
            asked = post(api, f"{gate} waves", headers)
            wait_for(gate.reached, what="the render")
            # When it is killed in the middle of the render, and starts again
            kill(web, what)
        # Then whoever asks again under the same key gets the same request
        wait_for(lambda: _is_up(api), what="the page")
        assert post(api, f"{gate} waves", headers)["id"] == asked["id"]
        wait_for(lambda: api.get(f"/clips/{asked['id']}").json()["state"] == "done", what="the clip")
        # and there is one clip, of one picture
        (clip,) = api.get("/clips").json()["clips"]
        assert clip["id"] == asked["id"]
        assert api.get(f"/clips/{asked['id']}/clip.mp4").content[4:8] == b"ftyp"
        assert files(web, "clips", "*.mp4") == 1 and files(web, "pictures") == 1


def post(api: httpx.Client, words: str, headers: dict[str, str]) -> dict[str, str]:
    answer = api.post("/clips", files={"picture": photo()}, data={"prompt": words}, headers=headers)
    assert answer.status_code == 202, answer.text
    said: dict[str, str] = answer.json()
    return said


def _is_up(api: httpx.Client) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return api.get("/healthz").status_code == 200
    return False


def files(web: WebHouse, kind: str, named: str = "*.*") -> int:
    return len([one for one in (web.house.folder / "storage" / kind).rglob(named) if one.is_file()])


def kill(web: WebHouse, what: str) -> None:
    engine = next(one for one in web.house.started if "unstill_engine" in str(one.args))
    match what:
        case "page":
            web.kill_bot()
            web.start_bot()
            web.wait_for_bot()
        case "engine":
            engine.kill()
            engine.wait()
            web.house.start_engine()
        case "renderer":
            child = child_of(engine.pid)
            assert child is not None
            os.kill(child, signal.SIGKILL)
        case _:
            web.house.valkey.kill()
            web.house.valkey.start()


def test_a_new_cookie_is_no_way_around_a_limit(tmp_path: Path) -> None:
    with web_house(tmp_path, UNSTILL_QUOTA__PERSON_JOBS="1", UNSTILL_QUOTA__CHAT_JOBS="2") as web:
        with web.house.gate() as gate:
            ann = web.visitor()
            ann.ask(f"{gate} waves")
            wait_for(gate.reached, what="the render")
            # Then a person has as many as the host allows
            answer = ann.ask("more")
            assert answer.status_code == 422 and "You have 1 clips in the making already" in answer.text
            # and as somebody new they have what is left of their network's
            assert web.visitor().ask("second").status_code == 200
            answer = web.visitor().ask("third")
            assert answer.status_code == 422 and "2 clips in the making already" in answer.text
        ann.until(lambda cards: cards[0].clip, "the clip")
        # and of what was refused nothing is kept
        wait_for(lambda: files(web, "pictures") == 2, what="the end of the others' pictures")


def test_one_person_has_so_many_streams_and_no_more(tmp_path: Path) -> None:
    with web_house(tmp_path, engine=False) as web, contextlib.ExitStack() as open_:
        ann = web.visitor()
        ann.open()
        for _ in range(LISTENERS_MOST):
            answer = open_.enter_context(ann.http.stream("GET", "/events"))
            assert answer.status_code == 200
        with ann.http.stream("GET", "/events") as one_more:
            assert one_more.status_code == 429
        # and nobody else is kept out
        ben = web.visitor()
        ben.open()
        with ben.http.stream("GET", "/events") as answer:
            assert answer.status_code == 200
