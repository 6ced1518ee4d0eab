"""The text of one message, in parts: a platform decides how to set each of them."""

from __future__ import annotations

import msgspec

WORDS_LEAST = 20
"""Characters below which it makes no sense to quote what a person wrote."""


class Text(msgspec.Struct, frozen=True):
    """The sentences of one message, in one language and without markup.

    `words` are what the person wrote, to be quoted. `facts` is what is so; `untimed` the same without the time that is
    left, for a platform that shows the time by itself, and empty where `facts` speaks of no time. `notes` are a line
    each, `tip` is advice. `covered`: the words are hidden until somebody wants to read them. `quotes` stand before and
    after the words.
    """

    facts: str
    words: str = ""
    notes: tuple[str, ...] = ()
    tip: str = ""
    untimed: str = ""
    covered: bool = False
    quotes: tuple[str, str] = ("“", "”")

    def plain(self, length: int | None = None) -> str:
        """Return all parts as plain text, of at most `length` characters: what is too long of the words is left out."""
        return "\n".join(filter(None, self.folded(length)))

    def folded(self, length: int | None = None) -> tuple[str, str]:
        """Return what a clip is shown with, the quoted words, and what is folded away below them, a line each part; of
        at most `length` characters together with the line break between them.

        Where there are no words, or no room for them, the facts are shown.
        """
        below = "\n".join(filter(None, (self.facts, *self.notes, self.tip)))
        begins, ends = self.quotes
        # the line break between them
        room = None if length is None else length - units(below) - units(begins + ends) - 1
        if not self.words or (room is not None and room < WORDS_LEAST):
            facts, rest = cut(self.facts, length), "\n".join(filter(None, (*self.notes, self.tip)))
            return facts, cut(rest, None if length is None else length - units(facts) - 1)
        fits = room is None or units(self.words) <= room
        return f"{begins}{self.words if fits else cut(self.words, (room or 0) - 1).rstrip() + '…'}{ends}", below


def units(text: str) -> int:
    """Return the length of a text as platforms count it, in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int | None) -> str:
    """Return the beginning of a text, of at most `most` UTF-16 code units: no character is cut in two."""
    if most is None:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * max(0, most)].decode("utf-16-le", "ignore")
