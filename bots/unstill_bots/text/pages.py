"""Texts of several parts, such as a list of commands under headings: a platform decides how to set each part."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Marks(Protocol):
    """A platform's markup. Each method returns its text set in one way, with nothing in it read as markup."""

    def heading(self, text: str) -> str: ...
    def term(self, text: str) -> str:
        """Set what is to be typed as it stands, such as an option's name."""

    def words(self, text: str) -> str:
        """Set words as they are; where the platform can, a command in them can be pressed."""


class Item(msgspec.Struct, frozen=True):
    """A line: `terms` are to be typed as they stand, and `text` says what they are; either may be empty."""

    text: str = ""
    terms: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True):
    """Lines under a heading, which may be empty."""

    heading: str
    items: tuple[Item, ...]


class Page(msgspec.Struct, frozen=True):
    """Sections in one language, without markup. As a string it is the plain text."""

    sections: tuple[Section, ...]

    def __str__(self) -> str:
        return self.drawn(_Plain())

    def drawn(self, marks: Marks) -> str:
        """Return the text in a platform's markup, whose marks never reach over the end of a line."""
        return "\n\n".join("\n".join(_lines(section, marks)) for section in self.sections)


Answer = str | Page
"""An answer to a command: a sentence or two, or a page."""


def drawn(said: Answer, marks: Marks) -> str:
    """Return a sentence or a page in a platform's markup."""
    return said.drawn(marks) if isinstance(said, Page) else marks.words(said)


def _lines(section: Section, marks: Marks) -> list[str]:
    lines = [marks.heading(section.heading)] if section.heading else []
    for item in section.items:
        parts = (", ".join(map(marks.term, item.terms)), marks.words(item.text))
        lines.append(": ".join(filter(None, parts)))
    return lines


class _Plain:
    def heading(self, text: str) -> str:
        return text

    def term(self, text: str) -> str:
        return text

    def words(self, text: str) -> str:
        return text
