"""The picture of the page: the real page, queue and engine in a real Chromium, after a person made three clips."""

from __future__ import annotations

import io
import tempfile
from importlib import resources
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect
from tests.pictures.conversation import PHOTO
from tests.system.browser import chromium, window
from tests.system.web_house import web_house
from tests.waiting import wait_for

WORDS = ("slow zoom in", "pan right, a little fast", "rotate clockwise")
NEXT = "zoom out, then pan left"
WIDTH, HEIGHT = 1200, 1150
QUALITY = 62


def draw() -> bytes:
    """Return the page as a WEBP."""
    with (
        tempfile.TemporaryDirectory() as name,
        chromium() as browser,
        web_house(Path(name), UNSTILL_ENGINE__MODEL="camera") as web,
        window(browser, web.url, viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce") as ann,
    ):
        photo = (resources.files("unstill_bots") / "terminal" / "samples" / PHOTO).read_bytes()
        page = ann.open()
        for number, words in enumerate(WORDS, 1):
            ann.ask(f"{words} --preset preview", photo)
            expect(page.locator(".card.done")).to_have_count(number)
        ann.choose(photo, name="lake.jpg")
        page.fill("#prompt", NEXT)
        page.locator("#prompt").blur()
        return _webp(_still(page))


def _still(page: Page) -> bytes:
    """Return a screenshot with every clip loaded."""
    videos = page.locator("video")
    wait_for(lambda: videos.evaluate_all("(all) => all.every((one) => one.readyState >= 2)"), what="the clips")
    # each stands where it has moved
    videos.evaluate_all("(all) => all.forEach((one) => { one.currentTime = 1.5; })")
    wait_for(lambda: videos.evaluate_all("(all) => all.every((one) => !one.seeking)"), what="their frames")
    page.wait_for_timeout(1000)
    return page.screenshot()


def _webp(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as shot:
        shot.convert("RGB").save(out, "WEBP", quality=QUALITY, method=6)
    return out.getvalue()
