"""A real browser at the page: the system's Chromium, driven by Playwright, which looks at what leaves the page too."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect, sync_playwright
from tests.waiting import PATIENCE

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "There is no Chromium here: install it (Debian: apt-get install chromium), or set CHROMIUM to its path."
# a container has no other sandbox to give, and what is opened is our own
LAUNCHED = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
LAPTOP = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}

expect.set_options(timeout=PATIENCE * 1000)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the browser. Skips what asks for it, and says so, where there is none."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCHED)
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """Somebody's browser at one page. `faults` is what its console called an error, `asked` each address that was asked
    for, `outside` those of others.
    """

    def __init__(self, browser: Browser, url: str, **settings: Any) -> None:
        self.context: BrowserContext = browser.new_context(
            **{"viewport": LAPTOP, "locale": "en", "base_url": url, **settings}
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.url = url
        self.faults: list[str] = []
        self.outside: list[str] = []
        self.asked: list[str] = []
        self.page = self.tab()

    def tab(self) -> Page:
        """Open another one of the same person."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: self._note(request.url))
        return page

    def _note(self, url: str) -> None:
        self.asked.append(url)
        if not url.startswith((self.url, "blob:", "data:")):
            self.outside.append(url)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.url + path)
        return self.page

    @property
    def cards(self) -> Locator:
        return self.page.locator(".card")

    def card(self, words: str) -> Locator:
        """Return the card of these words."""
        return self.page.locator(".card", has=self.page.locator(".words", has_text=words))

    def choose(self, *pictures: bytes, name: str = "photo.png") -> None:
        self.page.set_input_files(
            "#picture", [FilePayload(name=name, mimeType="image/png", buffer=picture) for picture in pictures]
        )

    def ask(self, words: str, *pictures: bytes) -> None:
        """Choose pictures, type words and press Animate."""
        if pictures:
            self.choose(*pictures)
        self.page.fill("#prompt", words)
        self.page.click("#go")


@contextlib.contextmanager
def window(browser: Browser, url: str, *, faults: bool = False, **settings: Any) -> Iterator[Window]:
    """Yield somebody's browser. At the end nothing was asked of another place, nor, unless `faults` are meant, went
    wrong in the page.
    """
    opened = Window(browser, url, **settings)
    try:
        yield opened
        assert opened.outside == []
        assert faults or opened.faults == []
    finally:
        opened.context.close()
