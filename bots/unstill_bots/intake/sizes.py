"""Sizes as people write them: "1080p", "1920x1080", "4k", a ratio, or a word such as "portrait"."""

from __future__ import annotations

import re

import msgspec

from unstill_queue.contract.options import find
from unstill_queue.contract.sizing import ratio_of

SIDE_LEAST = 100
"""Pixels: of smaller numbers 16x9 is a ratio."""
_SIZE = re.compile(r"(\d{2,5}) ?[x×*:] ?(\d{2,5})(?:px|p)?")
_LINES = re.compile(r"\d{3,4}p|\d{3,4}px")
_NAMED = {"sd": "480", "hd": "720", "fhd": "1080", "fullhd": "1080", "2k": "1440", "qhd": "1440", "4k": "2160"}
_NAMED |= {"uhd": "2160", "8k": "4320"}


class Size(msgspec.Struct, frozen=True):
    """The option that a size sets and its value, as typed; `beside` is the other option and what follows for it."""

    option: str
    text: str
    beside: tuple[str, str] | None = None


def read_size(option: str, text: str) -> Size:
    """Return what a value of `resolution` or `shape` says; people write each where the other belongs."""
    folded = text.lower()
    size = _SIZE.fullmatch(folded)
    if size and min(sides := (int(size[1]), int(size[2]))) >= SIDE_LEAST:
        short, shape = str(min(sides)), f"{sides[0]}:{sides[1]}"
        if option == "resolution":
            return Size(option, short, ("shape", shape))
        return Size(option, shape, ("resolution", short))
    if folded in _NAMED:
        return Size("resolution", _NAMED[folded])
    if option == "shape" and _LINES.fullmatch(folded):
        return Size("resolution", folded)
    if option == "resolution" and (folded in find("shape").synonyms or _is_ratio(folded)):
        return Size("shape", folded)
    return Size(option, text)


def _is_ratio(text: str) -> bool:
    return any(sign in text for sign in ":/x×") and ratio_of(text) is not None
