"""What the page and the API do not do: bad input, other people's things, other sites, too much at a time."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis
from PIL import Image
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, has_clips, web_house
from tests.waiting import PATIENCE

from unstill_bots.text.sentences import PICTURES as PICTURE_CODES
from unstill_bots.web.problems import CODES
from unstill_queue.contract.codec import decode
from unstill_queue.contract.jobs import Request


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("refusals"), UNSTILL_WEB__UPLOAD_MOST="26000000") as web:
        yield web


def zip_of(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("photo.jpg", data)
    return out.getvalue()


def long_picture() -> bytes:
    out = io.BytesIO()
    Image.new("L", (40_000, 16)).save(out, "PNG")
    return out.getvalue()


PASSWORD = "open sesame"  # noqa: S105

PICTURES = {
    "words": b"not a picture at all",
    "nothing": b"",
    "a zip": zip_of(photo()),
    "40,000 px": long_picture(),
    "half a PNG": photo()[: len(photo()) // 2],
    "25 MB": b"\x89PNG\r\n\x1a\n" + bytes(25_000_000),
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_no_picture_is_said_and_leaves_nothing(house: WebHouse, name: str) -> None:
    before = left(house)
    # When it is sent by a program, under a name that promises more
    answer = httpx.post(
        f"{house.url}/api/v1/clips",
        files={"picture": ("photo.jpg", PICTURES[name], "image/jpeg")},
        data={"prompt": "waves"},
        timeout=PATIENCE,
    )
    # Then a status and a sentence say what is wrong with it
    assert answer.status_code in (413, 422), answer.text
    said = problem(answer)
    assert said["code"] in PICTURE_CODES or said["code"] == "too_large"
    # and so they do on the page
    ann = house.visitor()
    page = ann.ask("waves", pictures=[PICTURES[name]])
    assert page.status_code in (413, 422)
    assert ann.cards() == []
    assert left(house) == before


BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "no JSON": (b"{", "application/json", 400, "wrong_body"),
    "a list": (b"[]", "application/json", 400, "wrong_body"),
    "an unknown field": (b'{"images": [], "pictures": 1}', "application/json", 422, "wrong_field"),
    "a wrong type": (b'{"images": "x"}', "application/json", 422, "wrong_field"),
    "no base64": (b'{"images": ["%%%"]}', "application/json", 400, "wrong_picture"),
    "a URL": (b'{"images": ["http://example.org/a.png"]}', "application/json", 400, "wrong_picture"),
    "an unknown option": (b'{"images": ["aGk="], "options": {"speed": 3}}', "application/json", 422, "wrong_field"),
    "many options": (
        json.dumps({"images": ["aGk="], "options": {str(one): 1 for one in range(200)}}).encode(),
        "application/json", 413, "too_many",
    ),
    "a wrong option": (b'{"images": ["aGk="], "options": {"fps": 1}}', "application/json", 422, "wrong_option"),
    "neither yes nor no": (
        b'{"images": ["aGk="], "options": {"loop": "maybe"}}', "application/json", 422, "wrong_option"
    ),
    "1 MB of words": (
        json.dumps({"images": ["aGk="], "prompt": "waves " * 200_000}).encode(),
        "application/json", 422, "words_too_long",
    ),
    "plain text": (b"hello", "text/plain", 415, "wrong_type"),
    "no parts": (b"hello", "multipart/form-data; boundary=x", 400, "wrong_body"),
    "no boundary": (b"hello", "multipart/form-data", 400, "wrong_body"),
}  # fmt: skip


FIELDS = {
    "an unknown field": ["pictures"],
    "a wrong type": ["images"],
    "an unknown option": ["speed"],
    "a wrong option": ["fps"],
    "neither yes nor no": ["loop"],
    "1 MB of words": ["prompt"],
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_read_is_answered_with_a_problem(house: WebHouse, name: str) -> None:
    before, (body, kind, status, code) = left(house), BODIES[name]
    answer = httpx.post(f"{house.url}/api/v1/clips", content=body, headers={"Content-Type": kind}, timeout=PATIENCE)
    assert (answer.status_code, problem(answer)["code"]) == (status, code), answer.text
    # and it names the field that is wrong
    assert problem(answer).get("fields", []) == FIELDS.get(name, [])
    assert left(house) == before


def test_a_body_that_never_ends_is_cut_off(house: WebHouse) -> None:
    # Given a client that announces nothing and goes on sending
    where = urlsplit(house.url)
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as client:
        client.sendall(
            b"POST /api/v1/clips HTTP/1.1\r\nHost: " + where.netloc.encode() + b"\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        piece = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
        sent = 0
        with pytest.raises(OSError):
            while sent < 60_000_000:
                client.sendall(piece)
                sent += 65536
            raise AssertionError("all of it was taken")
        assert 26_000_000 < sent < 60_000_000
    # and the page is served
    assert house.visitor().open().status_code == 200


def test_another_persons_things_are_nowhere(house: WebHouse) -> None:
    # Given a clip of Ann's, and one that is waiting
    ann, eve = house.visitor(), house.visitor()
    ann.ask("waves")
    (card,) = ann.until(has_clips(), "the clip")
    eve.open()
    # When Eve tries every route there is with its id
    said = httpx.get(f"{house.url}/api/v1/openapi.json").json()
    routes = [
        (method, f"/api/v1{path}".replace("{id}", card.id))
        for path, operations in said["paths"].items()
        for method in operations
        if "{id}" in path and method != "parameters"
    ]
    actions = ("cancel", "switch_model", "new_seed", "delete", "again", "better", "reels", "loop", "dismiss")
    routes += [("get", f"/clips/{card.id}/{name}") for name in ("clip.mp4", "poster.jpg", "recipe")]
    routes += [("post", f"/clips/{card.id}/{name}") for name in actions]
    routes += [("get", f"/?of={card.id}")]
    assert len(routes) > 15
    for method, path in routes:
        answer = eve.http.request(method.upper(), path, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 404, (method, path, answer.text)
        assert "waves" not in answer.text
    assert eve.ask("other", pictures=[], of=card.id).status_code == 404
    # Then it stands as it did
    assert ann.cards() == [card]


@pytest.mark.parametrize("change", ["x", "", "user"])
def test_a_forged_cookie_is_somebody_new(house: WebHouse, change: str) -> None:
    ann = house.visitor()
    ann.ask("waves")
    ann.until(has_clips(), "the clip")
    real = ann.http.cookies["unstill"]
    forged = {"x": real + "x", "": real.rpartition(".")[0], "user": "a" * 26 + real[26:]}[change]
    page = httpx.get(f"{house.url}/", cookies={"unstill": forged})
    assert page.status_code == 200 and "waves" not in page.text
    assert page.cookies["unstill"] != real


def test_a_post_from_another_site_is_refused(house: WebHouse) -> None:
    ann = house.visitor()
    ann.ask("waves")
    (card,) = ann.until(has_clips(), "the clip")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        for path in (f"/clips/{card.id}/delete", "/forget", "/clips", "/tokens", "/api/v1/clips"):
            answer = ann.http.post(path, headers=headers)
            assert answer.status_code == 403, (headers, path)
    assert ann.cards() == [card]


def test_a_name_that_leads_here_by_somebodys_name_server_is_refused(house: WebHouse) -> None:
    answer = httpx.get(f"{house.url}/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    for host in ("localhost", "127.0.0.1:80", "[::1]:7860"):
        assert httpx.get(f"{house.url}/", headers={"Host": host}).status_code == 200


def test_every_answer_binds_the_browser(house: WebHouse) -> None:
    ann = house.visitor()
    for path in ("/", "/api/v1/clips", "/nowhere", "/api/v1/docs"):
        headers = ann.http.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    # and nothing on the page is loaded from elsewhere, or written into it as a script
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", ann.open().text)
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|<style|style=", ann.page)


def test_a_persons_words_stay_words(house: WebHouse) -> None:
    ann = house.visitor()
    ann.ask('<script>alert("1")</script> & <b>waves</b>')
    (card,) = ann.until(has_clips(), "the clip")
    assert '<script>alert("1")</script> & <b>waves</b>' in card.text
    assert "<script>alert" not in ann.page


def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(house: WebHouse) -> None:
    page = house.visitor().open("/clips/nothing/clip.mp4")
    assert page.status_code == 404 and "There is nothing here" in page.text and "<html" in page.text
    assert problem(httpx.get(f"{house.url}/api/v1/clips/nothing"))["code"] == "not_found"
    assert problem(httpx.put(f"{house.url}/api/v1/clips"))["code"] == "method"


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return a problem document, which is whole."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    said: dict[str, Any] = answer.json()
    assert said.keys() - {"fields"} == {"type", "title", "status", "code", "detail"}
    assert said["status"] == answer.status_code and said["code"] in CODES
    assert said["detail"].endswith((".", "?"))
    return said


def left(house: WebHouse) -> tuple[int, int]:
    """Count what is stored and what is on record."""
    with redis.Redis.from_url(house.house.valkey.url) as client:
        jobs = len(list(client.scan_iter("unstill:job:*", count=1000)))
    return len([one for one in (house.house.folder / "storage" / "pictures").rglob("*.*") if one.is_file()]), jobs


# -- safe by default


def test_others_are_let_in_only_where_the_host_says_so(tmp_path: Path) -> None:
    def starts(**settings: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "unstill_bots.service", "web"],
            cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/bin", **settings}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 3
        assert done.stdout == "" and done.stderr.count("\n") == 1
        return done.stderr

    said = starts(UNSTILL_WEB__HOST="0.0.0.0", UNSTILL_WEB__PORT="0")  # noqa: S104
    assert "Set UNSTILL_WEB__PASSWORD, or UNSTILL_WEB__OPEN=true" in said
    # and a port that is taken is said before anything starts, with one that is free
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = starts(UNSTILL_WEB__PORT=str(port))
        found = re.search(r"Port (\d+) is free: set UNSTILL_WEB__PORT=\1\.", said)
        assert f"127.0.0.1:{port}" in said and found and int(found[1]) > port
    assert not (tmp_path / ".unstill").exists()


def test_with_a_password_nobody_else_gets_in(tmp_path: Path) -> None:
    with web_house(tmp_path, engine=False, UNSTILL_WEB__PASSWORD=PASSWORD) as web:
        ann = web.visitor()
        # Then nothing is shown before it is given
        assert 'type="password"' in ann.open().text and "/sign-in" in str(ann.open().url)
        for path in ("/events", "/advice", "/api/v1/clips", "/api/v1/openapi.json", "/clips/x/clip.mp4"):
            assert ann.http.get(path).status_code == 401, path
        assert ann.ask("waves").status_code == 401
        assert ann.http.get("/healthz").status_code == 200
        assert ann.post("/sign-in", password=PASSWORD[1:]).status_code == 403
        # When it is given, Then the page is there, until somebody signs out
        assert "A photo, moving" in ann.post("/sign-in", password=PASSWORD).text
        assert ann.http.get("/api/v1/clips").status_code == 200
        ann.post("/sign-out")
        assert ann.http.get("/api/v1/clips").status_code == 401
        # and it is in no log
        assert PASSWORD not in web.log


def test_below_a_path_and_behind_a_proxy(tmp_path: Path) -> None:
    with web_house(tmp_path, UNSTILL_WEB__BASE="/unstill", UNSTILL_WEB__TRUSTED_PROXIES="127.0.0.0/8") as web:
        root = web.url.removesuffix("/unstill")
        with httpx.Client(base_url=root, timeout=PATIENCE, follow_redirects=True) as browser:
            # Given a proxy that keeps the path, and one that strips it
            for path in ("/unstill/", "/"):
                page = browser.get(path, headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"})
                assert page.status_code == 200 and 'action="/unstill/clips"' in page.text
                assert "Secure" in page.headers.get("Set-Cookie", "Secure")
            for name in re.findall(r'(?:href|src)="(/unstill/static/[^"]+)"', page.text):
                assert browser.get(name).status_code == 200
                assert browser.get(name.removeprefix("/unstill")).status_code == 200
        # When two people come from two networks through it, Then the limits of one are not the other's
        for address in ("203.0.113.7", "203.0.113.8", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
            answer = httpx.post(
                f"{root}/api/v1/clips", files={"picture": photo()}, headers={"X-Forwarded-For": f"1.2.3.4, {address}"}
            )
            assert answer.status_code == 202, answer.text
        with redis.Redis.from_url(web.house.valkey.url) as client:
            stored = [client.hget(key, "request") for key in client.scan_iter("unstill:job:*")]
        requests: list[Request] = [decode(one, Request) for one in stored if isinstance(one, bytes)]
        # two addresses of one /64 are one, and no address is written down
        assert len(requests) == 5 and len({one.requester.chat for one in requests}) == 4
        assert not any("203.0.113" in str(one) or "2001:db8" in str(one) for one in requests)


def test_after_two_new_keys_a_cookie_is_worth_nothing(house: WebHouse) -> None:
    ann = house.visitor()
    ann.ask("waves")
    (card,) = ann.until(has_clips(), "the clip")
    command = [sys.executable, "-m", "unstill_bots.service", "web", "--rotate-key"]
    # When a new key signs, Then who has a cookie of the old one is still themselves
    subprocess.run(command, env=house.house.environ, cwd=house.house.folder, check=True)
    assert house.stop_bot() == 0
    house.start_bot()
    house.wait_for_bot()
    assert ann.cards() == [card]
    # When another one does, Then not any more
    subprocess.run(command, env=house.house.environ, cwd=house.house.folder, check=True)
    assert house.stop_bot() == 0
    house.start_bot()
    house.wait_for_bot()
    assert ann.cards() == []
