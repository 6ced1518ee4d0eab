"""The page's templates, filled in the words of one language."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from unstill_bots.text.page_replies import PageReplies
from unstill_bots.web.cards import Card
from unstill_bots.web.pending import key_of
from unstill_config.languages import LANGUAGES
from unstill_queue.contract.codec import encode

FILES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "mini_app.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "sample.jpg": "image/jpeg",
}
"""The files of the page, which are all there are: nothing is loaded from anywhere else."""

MARK = 10
"""Letters of a card's mark."""


@cache
def file(name: str) -> bytes:
    """Return a file of FILES."""
    return (resources.files("unstill_bots.web") / "static" / name).read_bytes()


@cache
def version(name: str) -> str:
    """Return what changes with a file, so that its address may be kept for ever."""
    return hashlib.sha256(file(name)).hexdigest()[:12]


def mark(card: Card) -> str:
    """Return what changes with a card, of MARK letters."""
    return hashlib.sha256(encode(card)).hexdigest()[:MARK]


def tag(card: Card) -> str:
    """Return what changes with the clip or the early look that a card shows; empty where it shows neither."""
    shown = card.clip.key.encode() if card.clip else card.look
    return hashlib.sha256(shown).hexdigest()[:12] if shown else ""


class Drawing:
    """Fills templates. `base` is the path under which a proxy shows the page; `password`: one is needed."""

    def __init__(self, base: str, *, password: bool) -> None:
        self._templates = Environment(
            loader=PackageLoader("unstill_bots.web"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            base=base,
            password=password,
            languages=LANGUAGES,
            key_of=key_of,
            mark=mark,
            tag=tag,
            file=lambda name: f"{base}/static/{version(name)}/{name}",
        )

    def draw(self, template: str, language: str, **values: Any) -> str:
        """Return a template's text."""
        return self._templates.get_template(template).render(say=PageReplies(language), **values)
