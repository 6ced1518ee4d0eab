"""The house with its page as a real process, and people who come to it with a browser that runs no script."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import redis
from tests.system.processes import House, wait_for
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE

from unstill_bots.host.leader import leader_key
from unstill_config.settings import Settings
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect

SERVING = re.compile(r'"url": ?"(http://[^"]+)"')


@dataclass
class Shown:
    """A card as a person sees it. `buttons` are what is written on them, each with where it posts to."""

    id: str
    state: str
    text: str = ""
    buttons: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    clip: str | None = None


class Visitor:
    """Somebody with a browser: its cookies are theirs. `language` as in Accept-Language."""

    def __init__(self, url: str, language: str = "en") -> None:
        self.url = url
        self.http = httpx.Client(
            base_url=url, headers={"Accept-Language": language}, timeout=PATIENCE, follow_redirects=True
        )
        self.page = ""

    def open(self, path: str = "/") -> httpx.Response:
        answer = self.http.get(path)
        self.page = answer.text
        return answer

    def ask(
        self, words: str = "", *, pictures: list[bytes] | None = None, once: str = "", **options: str
    ) -> httpx.Response:
        """Send the form, as the browser of somebody who has opened the page does."""
        if not self.page:
            self.open()
        files = [("picture", ("photo.png", one)) for one in ([photo()] if pictures is None else pictures)]
        answer = self.http.post(
            "/clips",
            data={"prompt": words, "once": once, **options},
            files=files or [("picture", ("", b""))],
            headers={"Origin": self.url, "Sec-Fetch-Site": "same-origin"},
        )
        self.page = answer.text
        return answer

    def post(self, path: str, **fields: str) -> httpx.Response:
        answer = self.http.post(path, data=fields, headers={"Origin": self.url, "Sec-Fetch-Site": "same-origin"})
        self.page = answer.text
        return answer

    def cards(self) -> list[Shown]:
        """Load the page, and return the cards on it, the oldest first."""
        self.open()
        return cards_in(self.page)

    def press(self, card: Shown, label: str) -> httpx.Response:
        return self.post(card.buttons[label])

    def until(self, holds: Callable[[list[Shown]], object], what: str = "it") -> list[Shown]:
        """Return the cards once `holds` holds for them."""
        wait_for(lambda: holds(self.cards()), what=what)
        return cards_in(self.page)

    def clip(self, card: Shown) -> bytes:
        assert card.clip is not None
        answer = self.http.get(card.clip)
        assert answer.status_code == 200
        return answer.content


class WebHouse:
    """`url` is where the page is served."""

    def __init__(self, house: House, ending: contextlib.ExitStack) -> None:
        self.house = house
        self._ending = ending
        self.bot: subprocess.Popen[bytes] | None = None
        self.url = ""
        self._starts = 0

    def start_bot(self) -> None:
        """Start it, at the port that it had before."""
        self._starts += 1
        self.bot = self.house.start("unstill_bots.service", "web", log=f"bot{self._starts}")

    def wait_for_bot(self) -> None:
        """Until it says where it serves."""
        wait_for(lambda: SERVING.search(self.house.log(f"bot{self._starts}")), what="the page")
        found = SERVING.search(self.house.log(f"bot{self._starts}"))
        assert found is not None
        self.url = found[1].rstrip("/")
        self.house.settings["UNSTILL_WEB__PORT"] = self.url.rpartition(":")[2].partition("/")[0]

    def stop_bot(self, within: float = PATIENCE) -> int:
        assert self.bot is not None
        self.bot.send_signal(signal.SIGTERM)
        return self.bot.wait(within)

    def kill_bot(self) -> None:
        """Its term as the leader is over with it, for which the next one would wait otherwise."""
        assert self.bot is not None
        self.bot.kill()
        self.bot.wait()
        with redis.Redis.from_url(self.house.valkey.url) as client:
            client.delete(leader_key("web"))

    def ledger(self) -> Ledger:
        """Close its `redis`."""
        return Ledger(connect(self.house.valkey.url), Settings().queue)

    def visitor(self, language: str = "en") -> Visitor:
        visitor = Visitor(self.url, language)
        self._ending.callback(visitor.http.close)
        return visitor

    @property
    def log(self) -> str:
        return "".join(self.house.log(f"bot{number}") for number in range(1, self._starts + 1))


@contextlib.contextmanager
def web_house(folder: Path, *, engine: bool = True, bot: bool = True, **settings: str) -> Iterator[WebHouse]:
    """All of it running. The engine renders 8 small frames in a moment."""
    own = {"UNSTILL_WEB__PORT": "0", "UNSTILL_QUOTA__PERSON_REQUESTS": "0", **settings}
    with contextlib.ExitStack() as ending, House(folder, **own) as house:
        web = WebHouse(house, ending)
        if engine:
            house.start_engine()
        if bot:
            web.start_bot()
            web.wait_for_bot()
        try:
            yield web
        except BaseException:
            print(web.log[-6000:], house.log("engine")[-2000:])
            raise


def has_clips(count: int = 1) -> Callable[[list[Shown]], bool]:
    """For `until`: so many clips, and nothing that still waits."""
    return lambda cards: (
        sum(one.clip is not None for one in cards) == count and not any("Cancel" in one.buttons for one in cards)
    )


def cards_in(page: str) -> list[Shown]:
    """Return the cards of a page, the oldest first."""
    reader = _Cards()
    reader.feed(page)
    return reader.found[::-1]


class _Cards(HTMLParser):
    """Reads what a person sees of each card."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Shown] = []
        self._in_card = False
        self._action = ""
        self._label: list[str] | None = None
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        if tag == "li" and "data-id" in given:
            self.found.append(Shown(given["data-id"], given["data-state"]))
            self._in_card = True
        if not self._in_card:
            return
        if tag == "form":
            self._action = given["action"]
        elif tag == "a":
            self._href, self._label = given["href"], []
        elif tag == "button" and "hidden" not in given:
            self._href, self._label = "", []
        elif tag == "video":
            self.found[-1].clip = given["src"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self._in_card = False
        if self._in_card and tag in ("a", "button") and self._label is not None:
            label = "".join(self._label).strip()
            if self._href:
                self.found[-1].links[label] = self._href
            else:
                self.found[-1].buttons[label] = self._action
            self._label = None

    def handle_data(self, data: str) -> None:
        if self._label is not None:
            self._label.append(data)
        elif self._in_card:
            self.found[-1].text += data
