"""The page within Telegram: the bot's button, who comes by it, and that they are who they are in the chat."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import redis
from tests.system.conversations import recipe_in
from tests.system.telegram_house import TelegramHouse, photo, telegram_house
from tests.system.web_house import Visitor, WebHouse, has_clips
from tests.waiting import wait_for
from wire_doubles.telegram.people import Person

from unstill_bots.web.mini_app import FRESH, signed_user

APP = "https://page.example.org/unstill"


def init_data(token: str, user: int, *, at: float | None = None, **others: str) -> str:
    """Sign as Telegram does, by its documentation: nothing of ours is used."""
    fields = {"query_id": "AAE", "user": json.dumps({"id": user, "first_name": "Ann"}), "signature": "x", **others}
    fields["auth_date"] = str(int(time.time() if at is None else at))
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return urlencode({**fields, "hash": hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()})


@pytest.mark.parametrize("user", [1, 2**52])
def test_what_telegram_signed_lately_is_taken(user: int) -> None:
    assert signed_user(init_data("1:a", user), "1:a", time.time()) == user


@pytest.mark.parametrize(
    "said",
    [
        "",
        "user=1",
        "hash=x&auth_date=1&user={}",
        init_data("1:b", 7),
        init_data("1:a", 7, at=time.time() - FRESH - 5),
        init_data("1:a", 7, at=time.time() + 10**6),
        init_data("1:a", 7).replace("%22id%22%3A+7", "%22id%22%3A+8"),
        init_data("1:a", 7) + "&user=%7B%22id%22%3A+8%7D",
        init_data("1:a", -7),
        "hash=%00&" * 500,
    ],
)
def test_what_was_forged_changed_or_kept_is_not(said: str) -> None:
    assert signed_user(said, "1:a", time.time()) is None


def test_who_comes_by_the_button_is_who_they_are_in_the_chat(tmp_path: Path) -> None:
    settings = {"UNSTILL_TELEGRAM__APP_URL": APP, "UNSTILL_WEB__PORT": "0", "UNSTILL_WEB__PASSWORD": "for others"}
    with (
        telegram_house(tmp_path, bot=False, quick=True, **settings) as telegram,  # type: ignore[arg-type]  # all are texts
        page_beside(telegram) as web,
    ):
        telegram.start_bot()
        telegram.wait_for_bot()
        ann = telegram.api.person("Ann")
        # Then the bot's menu button opens the page
        wait_for(lambda: telegram.api.world.profile.app == (f"{APP}/telegram", "Open"), what="the menu button")
        # When Ann comes by it, as her app says
        page = come(web, telegram, ann)
        page.ask("waves --seed 7")
        (card,) = page.until(has_clips(), "the clip")
        assert recipe_in(page.clip(card)).parameters.seed == 7
        # Then what she asked for there is hers in the chat, too, where there is nothing else of it
        chat = telegram.api.private(ann)
        assert chat.history() == []
        ann.send_text(chat, "/forgetme")
        wait_for(lambda: any("are deleted" in one.text for one in chat.history()), what="the answer")
        # and with /forgetme the page has nothing of hers any more
        assert page.cards() == [] and page.http.get(f"/clips/{card.id}/clip.mp4").status_code == 404
        # When she deletes everything on the page, Then the chat has nothing that waits for words, either
        ann.send_photo(chat, photo())
        wait_for(
            lambda: any("How should" in one.text or "What should" in one.text for one in chat.history()), what="it"
        )
        assert "are deleted" in page.post("/forget").text
        kept = [key for key in keys_of(web) if key.startswith(("unstill:telegram:waiting", "unstill:cards"))]
        assert not any(str(ann.id) in key for key in kept)
        # and a program gets no token of hers
        assert come(web, telegram, ann).post("/tokens", name="x").status_code == 409
        # and nobody comes in by a word of their own
        eve = web.visitor()
        assert eve.post("/telegram/sign-in", said=init_data("1:a", ann.id)).status_code == 403
        # and only Telegram's own page may show ours within it
        policy = httpx.get(f"{web.url}/telegram").headers["Content-Security-Policy"]
        assert "frame-ancestors https://web.telegram.org" in policy


@contextlib.contextmanager
def page_beside(telegram: TelegramHouse) -> Iterator[WebHouse]:
    """Start the page beside a bot, on the same house."""
    with contextlib.ExitStack() as ending:
        web = WebHouse(telegram.house, ending)
        web.start_bot()
        web.wait_for_bot()
        yield web


def come(web: WebHouse, telegram: TelegramHouse, person: Person) -> Visitor:
    visitor = web.visitor()
    # the cookie is for https alone, which a proxy gives; on the loopback a browser of ours sends it all the same
    answer = visitor.http.post(
        "/telegram/sign-in",
        data={"said": init_data(telegram.api.token, person.id)},
        headers={"Sec-Fetch-Site": "same-origin"},
        follow_redirects=False,
    )
    assert answer.status_code == 303
    cookie = answer.headers["Set-Cookie"]
    assert cookie.endswith("; HttpOnly; SameSite=None; Partitioned; Secure")
    visitor.http.headers["Cookie"] = cookie.partition(";")[0]
    return visitor


def keys_of(web: WebHouse) -> list[str]:
    with redis.Redis.from_url(web.house.valkey.url) as client:
        return [key.decode() for key in client.scan_iter("*", count=1000)]
