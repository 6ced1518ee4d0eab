"""The options of other programs: what they are called here, and what belongs to those that have no like here."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

Follows = Literal["nothing", "number", "word", "references"]
"""The kinds of what follows an option that is left out, and is left out with it."""

_NUMBER = re.compile(r" *[=:]? *[-+]?\.?\d[\d.,]*\w?(?=[ ,;]|$)")
_WORD = re.compile(r' *[=:]? *(?:"[^"]*"|[^ =:-][^ ]*)')
_REFERENCES = re.compile(r"(?: *[=:]? *(?:https?:[^ ]+|<[^ >]*>|random(?= |$)|\d[\d.:]*(?=[ ,;]|$)))+")
_NOTHING = re.compile(r"=[^ ]*")


class Foreign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`foreign.toml`, by folded names.

    `words` are names of what is no option here: the words themselves.
    `same` are other names of our options, `reads_as` the option and the value that they say, and `switches` the
    same of those with yes or no. `left_out` has the names
    that have no like here, by what belongs to them. `elsewhere` are our own names that mean something else in other
    programs where the value is not ours; where it is a number, from that number on. `sides` are those of a picture.
    """

    words: list[str]
    same: dict[str, str]
    reads_as: dict[str, tuple[str, str]]
    switches: dict[str, tuple[str, str]]
    left_out: dict[Follows, list[str]]
    sides: dict[str, Literal["width", "height"]]
    elsewhere: dict[str, float]

    def follows(self, name: str) -> Follows | None:
        """Return what belongs to an option that is left out; None for any other name."""
        if name in self.sides:
            return "number"
        if name in self.switches:
            return "word"
        return next((kind for kind, names in self.left_out.items() if name in names), None)

    def means_another(self, name: str, value: str) -> bool:
        """Return whether an option of ours that cannot take a value was meant as another program's."""
        if name not in self.elsewhere:
            return False
        number = re.fullmatch(r"\d+(?:\.\d+)?", value)
        return float(value) >= self.elsewhere[name] if number else self.elsewhere[name] == 0


def end_of(follows: Follows, text: str, at: int) -> int:
    """Return where what belongs to an option ends, in a text that goes on at `at` behind its name."""
    patterns = {"number": _NUMBER, "word": _WORD, "references": _REFERENCES, "nothing": _NOTHING}
    found = patterns[follows].match(text, at)
    return found.end() if found else at


@cache
def foreign() -> Foreign:
    """Return the names that we know of other programs."""
    file = resources.files("unstill_bots") / "intake" / "foreign.toml"
    return msgspec.toml.decode(file.read_bytes(), type=Foreign)
