"""The text of one message, in parts: a platform decides how to set each of them."""

from __future__ import annotations

import msgspec

WORDS_LEAST = 20
"""Characters below which it makes no sense to quote what a person wrote."""


class Text(msgspec.Struct, frozen=True):
    """The sentences of one message, in one language and without markup.

    `words` are what the person wrote, to be quoted. `facts` is what is so; `untimed` the same without the time that is
    left, for a platform that shows the time by itself, and empty where `facts` speaks of no time. `notes` are a line
    each, `tip` is advice.
    """

    facts: str
    words: str = ""
    notes: tuple[str, ...] = ()
    tip: str = ""
    untimed: str = ""

    def plain(self, length: int | None = None) -> str:
        """Return all parts as plain text, of at most `length` characters: what is too long of the words is left out."""
        below = "\n".join(filter(None, (self.facts, *self.notes, self.tip)))
        room = None if length is None else length - len(below) - 3
        if not self.words or (room is not None and room < WORDS_LEAST):
            return below[:length]
        fits = room is None or len(self.words) <= room
        return f"“{self.words if fits else self.words[: (room or 0) - 1].rstrip() + '…'}”\n{below}"
