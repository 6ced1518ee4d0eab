"""Finds English among what a person of another language is shown."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

from babel.messages.pofile import read_po

from unstill_bots.actions.commands import COMMANDS
from unstill_bots.text.extraction import path
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES, SOURCE
from unstill_queue.contract.options import OPTIONS

OTHERS = tuple(language for language in LANGUAGES if language != SOURCE)
_WORD = re.compile(r"[A-Za-z]{3,}")
_PLACEHOLDER = re.compile(r"\{\w*\}")
NAMES = {
    "unstill",
    "camera",
    "journal",
    "zoom",
    "photo",
    "png",
    "jpeg",
    "fps",
    "json",
    "curl",
    "http",
    "api",
    "openapi",
}
"""What is called so everywhere, here: programs, models, formats."""


def _strings(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text) if isinstance(text, list | tuple) else ()


@cache
def english_words(language: str) -> frozenset[str]:
    """Return the words of English sentences that none of the language's sentences has, in lower case."""
    with path(language).open("rb") as file:
        messages = [message for message in read_po(file, locale=language) if message.id]
    english = {word for message in messages for text in _strings(message.id) for word in _words(text)}
    own = {word for message in messages for text in _strings(message.string) for word in _words(text)}
    catalog = Catalog.load()
    typed = {name for option in OPTIONS for name in (option.name, *option.aliases, *option.choices, *option.synonyms)}
    typed |= {*COMMANDS, *catalog.presets, *catalog.models, *catalog.finishes}
    titles = {model.title for model in catalog.models.values()}
    return frozenset(english - own - NAMES - {word for name in (*typed, *titles) for word in _words(name)})


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(_PLACEHOLDER.sub(" ", text))]


def english_in(text: str, language: str) -> list[str]:
    """Return the lines of a text that have an English word which is none of the language's."""
    unknown = english_words(language)
    return [line for line in text.splitlines() if unknown & set(_words(re.sub(r"--\S+|https?://\S+", " ", line)))]


class Page(HTMLParser):
    """What somebody sees of a page, or has read out: `text`, a line each, and the language that it says it is in."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.language = ""
        self._lines: list[str] = []
        self._unread = ""
        self.feed(source)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag in ("script", "style", "code", "pre") or "lang" in given:
            self._unread = self._unread or tag
        self._lines += [given[name] for name in ("placeholder", "aria-label", "alt", "title") if given.get(name)]
        self._lines += [value for name, value in given.items() if name.startswith("data-") and " " in value]

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unread:
            self._unread = ""

    def handle_data(self, data: str) -> None:
        if not self._unread and data.strip():
            self._lines.append(" ".join(data.split()))
