"""Finds how much of somebody's words a model reads."""

from __future__ import annotations

from typing import Any

_SHOWN = 40


def last_read(tokenizer: Any, text: str, length: int) -> str | None:
    """Return the last words within `length` tokens, the end's among them, about 40 characters; None where all are.

    `tokenizer` is a fast one of transformers.
    """
    found = tokenizer(text, return_offsets_mapping=True)
    if len(found.input_ids) <= length:
        return None
    # the last place is taken by the end token; a letter of several tokens may stand on both sides of the cut
    (_, last_end), (left_out, _) = found.offset_mapping[length - 2 : length]
    read = text[: min(last_end, left_out)].rstrip()
    if len(read) <= _SHOWN:
        return read
    tail = read[-_SHOWN:]
    return "…" + (tail.partition(" ")[2].lstrip() or tail)
