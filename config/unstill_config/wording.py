"""The words of an error line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic_core import ErrorDetails

from unstill_config.redaction import Redactor


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return close[0] if close else None


def shown(value: object, limit: int = 80) -> str:
    """A value for an error line: short, and without a password or token that stands in it."""
    text = Redactor(()).clean(repr(value))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def one_line(text: str) -> str:
    return " ".join(text.split())


def expected(error: ErrorDetails) -> str:
    """What is allowed, from one of pydantic's errors: the words of our own ValueError, or pydantic's."""
    own = error.get("ctx", {}).get("error")
    if own:
        return str(own)
    text = error["msg"].removeprefix("Input should be ").removeprefix("String should have ")
    return text.partition(", unable to")[0]
