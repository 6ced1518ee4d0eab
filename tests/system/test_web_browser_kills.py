"""An open page through kill -9 of what stands behind it: the outcome comes by itself, and once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.system.browser import Window, chromium, window
from tests.system.processes import child_of, kill
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, web_house
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("kills"), engine=False, UNSTILL_QUEUE__LEASE="2") as web:
        yield web


@pytest.mark.parametrize("killed", [("page",), ("engine",), ("server",), ("page", "engine", "server")], ids="-".join)
def test_what_is_killed_while_the_page_is_open_costs_no_outcome_and_no_reload(
    browser: Browser, house: WebHouse, killed: tuple[str, ...]
) -> None:
    engine = house.house.start_engine()
    with window(browser, house.url, faults=True) as ann:
        page = ann.open()
        page.evaluate(WATCH)
        with house.house.gate() as gate:
            # Given a render that is held while the page is open
            ann.ask(f"{gate} waves", photo("teal"))
            expect(page.locator(".card.rendering progress[value]")).to_have_count(1)
            # When all of it is killed, and begun anew
            if "engine" in killed:
                child = child_of(engine.pid)
                engine.kill()
                engine.wait()
                if child is not None:
                    kill(child)
            if "page" in killed:
                house.kill_bot()
                expect(page.locator("#lost")).to_be_visible()
            if "server" in killed:
                house.house.valkey.kill()
                house.house.valkey.start()
            if "page" in killed:
                house.start_bot()
                house.wait_for_bot()
                expect(page.locator("#lost")).to_be_hidden()
            if "engine" in killed:
                engine = house.house.start_engine()
                wait_for(lambda: gate.reached(2), what="the second try")
        # Then the clip comes, in the one card, to the page that was open all the time; and the bar never ran back
        expect(page.locator(".card.done video")).to_have_count(1)
        expect(page.locator(".card")).to_have_count(1)
        assert page.evaluate("window.clips") == 1
        shares = page.evaluate("window.shares")
        assert shares and shares == sorted(shares)
        assert ann.asked.count(f"{ann.url}/") == 1
        shown_once(ann)
    engine.kill()
    engine.wait()


WATCH = """() => {
  window.shares = []; window.clips = 0;
  new MutationObserver((changes) => {
    const bar = document.querySelector("progress[value]");
    if (bar) window.shares.push(bar.value);
    for (const change of changes)
      for (const node of change.addedNodes)
        window.clips += node.querySelectorAll ? node.querySelectorAll("video").length : 0;
  }).observe(document.getElementById("cards"), { subtree: true, childList: true, attributes: true });
}"""


def shown_once(ann: Window) -> None:
    """A page that is loaded anew shows the same one card, with a clip that can be seen."""
    ann.page.reload()
    expect(ann.page.locator(".card.done video")).to_have_count(1)
    video = ann.page.locator("video")
    wait_for(lambda: video.evaluate("(one) => one.readyState >= 2"), what="the clip")


def test_a_page_whose_stream_met_a_502_listens_again_by_itself(browser: Browser, house: WebHouse) -> None:
    engine = house.house.start_engine()
    with window(browser, house.url, faults=True) as ann:
        # Given a proxy that answers for a page that is away
        ann.page.route("**/events?**", lambda route: route.fulfill(status=502, body="Bad Gateway"))
        page = ann.open()
        expect(page.locator("#lost")).to_be_visible()
        ann.ask("waves", photo())
        expect(page.locator("#sent")).not_to_be_empty()
        # When the page is back behind it
        page.unroute("**/events?**")
        # Then the outcome comes without a press
        expect(page.locator(".card.done video")).to_have_count(1)
        expect(page.locator("#lost")).to_be_hidden()
        assert ann.asked.count(f"{ann.url}/") == 1
    engine.kill()
    engine.wait()
