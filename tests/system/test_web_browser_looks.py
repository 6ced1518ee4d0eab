"""The page as everybody has it: by keyboard, read out, in both languages and themes, at rest, without a script."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace
from playwright.sync_api import Browser, FileChooser, FilePayload, Page, expect
from tests.system.browser import chromium, window
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, web_house
from tests.waiting import PATIENCE, wait_for

from unstill_bots.web.cards import MOST, Cards
from unstill_queue.redis.connection import connect

PASSWORD = "open sesame"  # noqa: S105
WIDTHS = (360, 768, 1440)
NO_SENTENCE = {
    "Unstill",
    "English",
    "Journal",
    "journal",
    "waves",
    "held",
    "fps",
    "crash",
    "MP4",
    "Cookie",
    "seed",
    "photo",
    "png",
    "seamless",
}
"""Words that are the same in Chinese: names, and what was typed here."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("looks")) as web:
        yield web


def looks_right(page: Page, where: str) -> None:
    """At each width and in each theme nothing sticks out, and axe finds nothing that shuts somebody out."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            widest = page.evaluate("document.documentElement.scrollWidth")
            assert widest <= width, f"{where}: {widest} pixels of {width}"
        found = Axe().run(page)
        assert found.violations_count == 0, f"{where}, {theme}: {found.generate_report()}"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_state_of_the_page_is_whole_in_both_themes_and_at_every_width(
    browser: Browser, house: WebHouse, language: str
) -> None:
    with window(browser, house.url, faults=True, locale=language, reduced_motion="reduce") as ann:
        page = ann.open()
        looks_right(page, "empty")
        ann.ask("waves crash", photo())
        expect(page.locator(".card.failed")).to_have_count(1)
        ann.ask("waves", photo())
        expect(page.locator(".card.done")).to_have_count(1)
        with house.house.gate() as gate:
            ann.ask(f"{gate} waves", photo())
            expect(page.locator(".card.rendering progress[value]")).to_have_count(1)
            ann.ask("waves --speed 3", photo("navy"))
            expect(page.get_by_role("alert")).to_be_visible()
            page.locator("main summary").evaluate_all(
                "(all) => all.forEach((one) => { one.parentElement.open = true; })"
            )
            looks_right(page, "everything at once")
            page.locator(".languages summary").click()
            looks_right(page, "the languages")
            page.locator(".languages summary").click()
            if language != "en":
                text = page.inner_text("body") + "".join(
                    page.locator("[placeholder], [aria-label], img[alt]").evaluate_all(
                        "(all) => all.map((one) => [one.placeholder, one.ariaLabel, one.alt].join(' '))"
                    )
                )
                assert set(re.findall(r"[A-Za-z]{3,}", text.replace("--speed", ""))) <= NO_SENTENCE
        card = page.locator(".card.done").first
        where = card.get_by_role("link").filter(has=page.locator("xpath=self::*[contains(@href, '/recipe')]"))
        for path in (where.get_attribute("href") or "", "/api/v1/docs", "/clips/nothing/recipe", "/?of=nothing"):
            page.goto(path)
            looks_right(page, path)


def test_the_sign_in_is_whole_too(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("password")
    with web_house(folder, engine=False, UNSTILL_WEB__PASSWORD=PASSWORD) as web:
        for language in ("en", "zh-CN"):
            with window(browser, web.url, faults=True, locale=language) as ann:
                page = ann.open()
                looks_right(page, "sign in")
                page.locator("#password").fill("open door")
                page.locator("#password").press("Enter")
                expect(page.get_by_role("alert")).to_be_visible()
                looks_right(page, "a wrong password")
                page.locator("#password").fill(PASSWORD)
                page.locator("#password").press("Enter")
                expect(page.locator("#ask")).to_be_visible()
                looks_right(page, "signed in")


def test_six_requests_and_60_kilobytes_bring_the_whole_page(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url) as ann:
        with ann.page.expect_response(lambda answer: "/events" in answer.url):
            ann.open()
        assert len(ann.asked) <= 6
        assert ann.page.evaluate(BYTES) <= 60_000
        page = house.visitor().open()
        assert page.headers["Content-Encoding"] in ("gzip", "deflate")


BYTES = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, one) => sum + one.transferSize, 0)"""


def test_a_page_out_of_sight_holds_no_stream_and_comes_up_to_date_when_it_is_seen(
    browser: Browser, house: WebHouse
) -> None:
    with window(browser, house.url) as ann:
        page = ann.open()
        ann.ask("waves", photo())
        expect(page.locator(".card.done")).to_have_count(1)
        other = ann.tab()
        other.goto("/")
        # Given a tab that is covered by another
        page.evaluate(SEEN, False)
        # When the other deletes the card, Then the covered one is not told of it
        other.get_by_role("button", name="Delete").click()
        expect(other.locator(".card")).to_have_count(0)
        expect(page.locator(".card")).to_have_count(1)
        # until it is seen again
        page.evaluate(SEEN, True)
        expect(page.locator(".card")).to_have_count(0)


SEEN = """(seen) => {
  Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_what_is_far_too_much_is_said_before_it_is_sent(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url) as ann:
        page = ann.open()
        page.evaluate("document.getElementById('ask').dataset.most = 100")
        ann.ask("waves", photo())
        expect(page.get_by_role("alert")).to_contain_text("This is more than 64 MB.")
        expect(page.locator("#previews img")).to_have_count(1)
        assert f"{ann.url}/clips" not in ann.asked


def test_all_of_it_goes_by_keyboard_alone(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url) as ann:
        page = ann.open()
        choosers: list[FileChooser] = []
        page.on("filechooser", lambda chooser: choosers.append(chooser))
        # The first press of Tab offers the way past the form
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        # When a picture is chosen, words are typed and all is sent
        to(page, "picture")
        page.keyboard.press("Space")
        ends = time.monotonic() + PATIENCE
        while not choosers and time.monotonic() < ends:
            # a browser that was just told to hand choosers over may miss the first press
            page.wait_for_timeout(1000)
            if not choosers:
                page.keyboard.press("Space")
        choosers[0].set_files(FilePayload(name="photo.png", mimeType="image/png", buffer=photo()))
        to(page, "prompt")
        page.keyboard.type("waves")
        to(page, "go")
        page.keyboard.press("Enter")
        expect(page.locator(".card.done")).to_have_count(1)
        # Then what became of it was said to who cannot see it
        expect(page.locator("#news")).to_contain_text("waves")
        # and when the card is deleted, the focus is not lost
        page.locator(".card .delete").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".card")).to_have_count(0)
        assert page.evaluate("document.activeElement.id") == "clips"


def to(page: Page, id: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == id:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab leads never to {id}")


def test_who_wants_no_motion_starts_a_clip_themselves_and_who_stops_one_has_it_stopped(
    browser: Browser, house: WebHouse
) -> None:
    with window(browser, house.url) as ann:
        page = ann.open()
        ann.ask("waves", photo())
        video = page.locator("video")
        video.scroll_into_view_if_needed()
        wait_for(lambda: video.evaluate("(one) => !one.paused"), what="playing")
        # When it is stopped, goes out of sight and comes back, Then it stays stopped
        video.evaluate("(one) => one.pause()")
        wait_for(lambda: video.get_attribute("data-held") == "1", what="the stop")
        page.set_viewport_size({"width": 360, "height": 300})
        page.evaluate("scrollTo(0, 0)")
        wait_for(lambda: video.get_attribute("data-seen") == "", what="being out of sight")
        video.scroll_into_view_if_needed()
        wait_for(lambda: video.get_attribute("data-seen") == "1", what="being seen")
        assert video.evaluate("(one) => one.paused")
        # Where no motion is wanted, nothing plays by itself
        page.emulate_media(reduced_motion="reduce")
        page.reload()
        video.scroll_into_view_if_needed()
        wait_for(lambda: video.evaluate("(one) => one.readyState >= 1"), what="the clip")
        assert video.evaluate("(one) => one.paused && !one.autoplay")


def test_without_a_script_the_page_asks_waits_and_shows(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url, java_script_enabled=False, faults=True) as ann:
        page = ann.open()
        # What is wrong is said, with the words still there
        ann.ask("waves --speed 3", photo())
        expect(page.get_by_role("alert")).to_contain_text("There is no option --speed")
        expect(page.locator("#prompt")).to_have_value("waves --speed 3")
        # What is right goes its way, and the page loads again by itself until the clip is there
        with house.house.gate() as gate:
            ann.ask(f"{gate} waves", photo())
            expect(page.locator("#sent")).to_have_text("It is on its way. Its card is below.")
            expect(page.locator(".card.rendering")).to_have_count(1)
            assert "This page loads again every few seconds" in page.inner_text("#clips")
        expect(page.locator(".card.done video")).to_have_count(1)
        # Buttons are forms
        page.get_by_role("button", name="Delete").click()
        expect(page.locator(".card")).to_have_count(0)
        # The sample is sent by its press
        page.get_by_role("button", name="Try it with this photo").click()
        expect(page.locator(".card.done video")).to_have_count(1)


def test_of_a_gallery_of_200_only_what_is_near_is_loaded(browser: Browser, house: WebHouse) -> None:
    with window(browser, house.url, reduced_motion="reduce") as ann:
        page = ann.open()
        ann.ask("waves", photo())
        expect(page.locator(".card.done")).to_have_count(1)
        # Given a person with more clips than are kept
        (cookie,) = [one for one in ann.context.cookies() if one.get("name") == "unstill"]
        apart(lambda: fill(house, (cookie.get("value") or "").partition(".")[0], MOST + 5))
        ann.asked.clear()
        page.goto("/")
        # Then the newest 200 stand there, and few of them are loaded
        expect(page.locator(".card")).to_have_count(MOST)
        expect(page.locator("video").first).to_be_visible()
        assert len({url for url in ann.asked if "/poster.jpg" in url}) < 60
        assert page.locator("a.play").count() > MOST - 60
        # When the last comes near, Then it is a clip in its place too
        last = page.locator(".card").last
        last.scroll_into_view_if_needed()
        expect(last.locator("video")).to_be_visible()
        wait_for(lambda: last.locator("video").evaluate("(one) => one.readyState >= 1"), what="the clip")
        # and a page that comes back is told of nothing that it shows
        marks = "".join(page.locator(".card").evaluate_all("(all) => all.map((one) => one.dataset.mark)"))
        with house.visitor().http.stream(
            "GET", "/events", params={"known": marks}, headers={"Cookie": f"unstill={cookie.get('value')}"}
        ) as events:
            told = next(line for line in events.iter_lines() if line.startswith("data:"))
        assert told.count('"html":""') == MOST


def apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in a loop of its own: Playwright's runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()


async def fill(house: WebHouse, user: str, count: int) -> None:
    redis = connect(house.house.valkey.url)
    cards = Cards(redis, 3600)
    (first,) = await cards.all(user)
    for number in range(count):
        await cards.put(user, replace(first, id=f"web:{user}:copy{number}", at=first.at + number / 1000))
    await redis.aclose()
