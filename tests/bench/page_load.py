"""How soon a browser has the page ready to be used, and what it loads for that, in a real Chromium."""

from __future__ import annotations

import statistics
from functools import partial

from playwright.sync_api import Request, sync_playwright
from tests.bench.figures import Figure, at_most
from tests.system.browser import CHROMIUM, LAUNCHED, MISSING

LOADS = 7
LOADED = """() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  // the script is run before this event is over
  return [all[0].domContentLoadedEventEnd / 1000, all.reduce((sum, one) => sum + one.transferSize, 0) / 1000];
}"""


def page_load(url: str) -> list[Figure]:
    """Load the page several times, each time as somebody new. Without a Chromium nothing is measured, which is said."""
    if CHROMIUM is None:
        print(f"The page's load is not measured. {MISSING}")
        return []
    times: list[float] = []
    sizes: list[float] = []
    counts: list[int] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=LAUNCHED)
        for _ in range(LOADS):
            context = browser.new_context()
            page = context.new_page()
            asked: list[str] = []
            page.on("request", partial(_note, asked))
            with page.expect_response(lambda answer: "/events" in answer.url):
                page.goto(url)
            seconds, kilobytes = page.evaluate(LOADED)
            times.append(seconds)
            sizes.append(kilobytes)
            counts.append(len(asked))
            context.close()
        browser.close()
    return [
        at_most("web: requests until the page can be used, its events among them", max(counts), "", 6),
        at_most("web: bytes of them, heads too", max(sizes), "kB", 60),
        at_most("web: until the page can be used, in a new browser", statistics.median(times), "s", 0.5),
    ]


def _note(asked: list[str], request: Request) -> None:
    asked.append(request.url)
