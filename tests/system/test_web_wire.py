"""What the page makes of heads and bodies that no browser sends, and of what goes wrong in the middle of an answer."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, has_clips, web_house
from tests.waiting import PATIENCE

PASSWORD = "open sesame"  # noqa: S105
FORM = b"Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("wire")) as web:
        yield web


def head_of(house: WebHouse, request: bytes, body: bytes = b"") -> bytes:
    """Send a request's head, and pieces of a body until it is not taken any more; return all that was answered."""
    where = urlsplit(house.url)
    request = request.replace(b"HERE", where.netloc.encode())
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as client:
        client.sendall(request + b"\r\n")
        try:
            for _ in range(200 if body else 0):
                client.sendall(b"%x\r\n%b\r\n" % (len(body), body))
        except ConnectionError:
            pass
        answer = b""
        try:
            while piece := client.recv(65536):
                answer += piece
        except ConnectionError:
            pass
        return answer


HEADS: dict[str, tuple[bytes, int]] = {
    "a host that is none": (b"GET / HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n", 421),
    "an origin that is none": (
        b"POST /forget HTTP/1.1\r\nHost: HERE\r\nOrigin: http://[\r\nContent-Length: 0\r\nConnection: close\r\n",
        403,
    ),
    "a key that is no text": (
        b"POST /api/v1/clips HTTP/1.1\r\nHost: HERE\r\nIdempotency-Key: \xff\xfe\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n",
        422,
    ),
    "a path that is no text": (b"GET /api/v1/clips/%FF%00 HTTP/1.1\r\nHost: HERE\r\nConnection: close\r\n", 404),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_makes_no_sense_is_refused_and_no_error_of_ours(house: WebHouse, name: str) -> None:
    head, status = HEADS[name]
    answer = head_of(house, head)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert "Traceback" not in house.log


BODIES = {
    "many lines before the first part": (b"words\r\n" * 5000, 413),
    "many empty parts of one name": ((PART + b"\r\n\r\n") * 1000, 413),
    "a line without an end": (b"words" * 20_000, 400),
    "a part of many headers": (PART + b"A: b\r\n" * 5000, 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_form_of_many_lines_is_cut_off_early(house: WebHouse, name: str) -> None:
    # Given a body whose every line costs time, and that goes on
    body, status = BODIES[name]
    answer = head_of(house, b"POST /api/v1/clips HTTP/1.1\r\nHost: HERE\r\n" + FORM, body)
    # Then it is refused after the first of them
    assert not answer or answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert house.visitor().open("/healthz").status_code == 200
    assert "Traceback" not in house.log


def test_nothing_follows_the_head_of_a_stream_that_is_only_asked_about(house: WebHouse) -> None:
    answer = head_of(house, b"HEAD /events HTTP/1.1\r\nHost: HERE\r\nConnection: close\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1


def test_a_method_that_is_not_taken_names_those_that_are(house: WebHouse) -> None:
    answer = httpx.options(f"{house.url}/api/v1/clips")
    assert answer.status_code == 405 and set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


def test_what_is_refused_before_it_is_known_who_asks_is_said_in_their_language(house: WebHouse) -> None:
    answer = httpx.post(f"{house.url}/forget", headers={"Accept-Language": "zh-CN", "Origin": "null"})
    assert answer.status_code == 403 and re.search("[\u4e00-\u9fff]", answer.text) and 'lang="zh-CN"' in answer.text


def test_a_clip_that_is_deleted_is_nowhere_any_more(house: WebHouse) -> None:
    # Given a clip, whose every answer binds the browser too
    ann = house.visitor()
    ann.ask("waves")
    (card,) = ann.until(has_clips(), "the clip")
    at = f"/api/v1/clips/{card.id}"
    clip = ann.http.get(f"{at}/clip.mp4")
    assert (
        clip.headers["X-Content-Type-Options"] == "nosniff" and "default-src" in clip.headers["Content-Security-Policy"]
    )
    assert ann.http.get(f"{at}/clip.mp4", headers={"If-None-Match": "*"}).status_code == 304
    assert ann.http.get(f"{at}/clip.mp4", headers={"Range": "bytes=5-2"}).status_code == 200
    # When it is deleted, Then nothing says that it is still to come
    assert ann.http.delete(at).status_code == 204
    assert ann.http.get(at).status_code == 404
    assert ann.http.get(f"{at}/events").status_code == 404
    assert ann.http.get("/api/v1/clips").json() == {"clips": []}
    # and so it is with a cancelled one that was put away
    key = ann.http.post("/api/v1/clips", files={"picture": photo()}).json()["id"]
    ann.post(f"/clips/{key}/cancel")
    ann.until(lambda cards: cards and cards[0].state in ("cancelled", "done"), "the end")
    ann.post(f"/clips/{key}/dismiss")
    ann.post(f"/clips/{key}/delete")
    assert ann.http.get(f"/api/v1/clips/{key}").status_code == 404


def test_a_clip_that_cannot_be_read_to_its_end_is_broken_off(house: WebHouse) -> None:
    # Given a clip whose file has lost its second half
    ben = house.visitor()
    ben.ask("waves")
    (card,) = ben.until(has_clips(), "the clip")
    whole = len(ben.clip(card))
    for file in (house.house.folder / "storage" / "clips").rglob("*.mp4"):
        with file.open("r+b") as clip:
            clip.truncate(whole // 2)
    # Then what came is not taken for the whole, and no other answer stands within it
    where = urlsplit(house.url)
    cookie = f"unstill={ben.http.cookies['unstill']}".encode()
    path = f"/clips/{card.id}/clip.mp4".encode()
    answer = head_of(
        house, b"GET " + path + b" HTTP/1.1\r\nHost: " + where.netloc.encode() + b"\r\nCookie: " + cookie + b"\r\n"
    )
    assert answer.count(b"HTTP/1.1 ") <= 1 and len(answer) < whole
    assert ben.open().status_code == 200 and "Traceback" not in house.log


def test_a_card_whose_clip_is_not_kept_any_more_says_so(house: WebHouse) -> None:
    # Given a clip that was kept as long as it could be
    dan = house.visitor("zh-CN")
    dan.ask("waves")
    (card,) = dan.until(has_clips(), "the clip")
    for file in (house.house.folder / "storage" / "clips").rglob("*.mp4"):
        file.unlink()
    # When a browser loads it once more, Then its card says that it is gone, offers nothing of it, and can be put away
    assert dan.http.get(f"/clips/{card.id}/clip.mp4").status_code == 404
    (gone,) = dan.cards()
    assert gone.clip is None and gone.state == "failed" and "waves" in gone.text and "片" in gone.text
    said = dan.http.get(f"/api/v1/clips/{card.id}").json()
    assert (said["state"], said["code"], said["clip"]) == ("failed", "clip_expired", None)
    (away,) = gone.buttons.values()
    dan.post(away)
    assert dan.cards() == []


def test_while_the_queue_s_server_is_away_a_sentence_says_so(house: WebHouse) -> None:
    # Given a person who has a page open
    cleo = house.visitor("zh-CN")
    cleo.open()
    style = re.search(r'href="(/static/[^"]+css)"', cleo.page)
    house.house.valkey.kill()
    try:
        # When they go on, Then nothing keeps them waiting for minutes
        for path in ("/", "/events", "/api/v1/clips", "/healthz", "/api/v1/healthz"):
            answer = cleo.http.get(path, timeout=60)
            assert answer.status_code == 503 and re.search("[\u4e00-\u9fff]", answer.text), path
        answer = cleo.http.post(
            "/clips", files={"picture": photo()}, headers={"Accept": "application/json"}, timeout=60
        )
        assert answer.status_code == 503 and answer.json()["refused"]
        # and what says so looks as the page does
        assert style and cleo.http.get(style[1]).status_code == 200
    finally:
        house.house.valkey.start()
    # and when it is back, all goes on
    assert cleo.ask("waves").status_code == 200
    cleo.until(has_clips(), "the clip")


def test_a_flood_of_passwords_keeps_nobody_out_and_a_changed_one_everybody(tmp_path: Path) -> None:
    with (
        web_house(
            tmp_path, engine=False, UNSTILL_WEB__PASSWORD=PASSWORD, UNSTILL_WEB__TRUSTED_PROXIES="127.0.0.0/8"
        ) as web,
        ThreadPoolExecutor(12) as crowd,
    ):

        def gives(password: str, network: str) -> int:
            # behind a proxy that adds a line of its own to the one that somebody made up
            said = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", network)]
            return httpx.post(
                f"{web.url}/sign-in", data={"password": password}, headers=said, timeout=PATIENCE
            ).status_code

        # When one network tries many passwords at once, Then few of them wait for their turn
        tries = list(crowd.map(lambda number: gives(f"wrong {number}", "203.0.113.7"), range(12)))
        assert set(tries) == {403, 429} and tries.count(429) >= 6
        # and somebody else is let in all the same
        assert gives(PASSWORD, "203.0.113.8") == 303
        # When the host changes the password, Then who knew the old one has to give the new one, and is who they were
        ann = web.visitor()
        ann.open()
        assert ann.post("/sign-in", password=PASSWORD).status_code == 200
        user = ann.http.cookies["unstill"][:26]
        web.stop_bot()
        web.house.settings["UNSTILL_WEB__PASSWORD"] = PASSWORD[::-1]
        web.start_bot()
        web.wait_for_bot()
        assert ann.http.get("/api/v1/clips").status_code == 401
        assert ann.post("/sign-in", password=PASSWORD[::-1]).status_code == 200
        assert ann.http.get("/api/v1/clips").status_code == 200 and ann.http.cookies["unstill"].startswith(user)


def test_at_any_address_of_this_machine_a_foreign_name_is_refused(tmp_path: Path) -> None:
    with web_house(tmp_path, engine=False, UNSTILL_WEB__HOST="127.0.0.2") as web:
        assert httpx.get(f"{web.url}/").status_code == 200
        assert httpx.get(f"{web.url}/", headers={"Host": "evil.example"}).status_code == 421
