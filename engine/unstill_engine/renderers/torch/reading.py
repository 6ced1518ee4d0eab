"""Finds how much of somebody's words a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_SHOWN = 40


def last_read(tokenizer: Any, text: str, length: int) -> str | None:
    """Return the last words within `length` tokens, the end's among them, about 40 characters; None where all are.

    `tokenizer` is a fast one of transformers.
    """
    return read_within(text, tokenizer(text, return_offsets_mapping=True).offset_mapping, length)


def read_within(text: str, offsets: Sequence[tuple[int, int]], length: int) -> str | None:
    """Return the same for a text whose tokens stand at `offsets`, those of begin and end included."""
    if len(offsets) <= length:
        return None
    # the last place is taken by the end token; a letter of several tokens may stand on both sides of the cut
    (_, last_end), (left_out, _) = offsets[length - 2 : length]
    read = text[: min(last_end, left_out)].rstrip()
    if len(read) <= _SHOWN:
        return read
    tail = read[-_SHOWN:]
    return "…" + (tail.partition(" ")[2].lstrip() or tail)
