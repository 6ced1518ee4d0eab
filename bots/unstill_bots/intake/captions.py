"""A caption: the words for the model, and the options typed among them.

    Waves rolling in, slow motion --seconds 3 --seed 7 --no "people" --preset timelapse

- An option is a dash, or several, glued to a word: `-seed 7`, `--seed 7`, `--seed=7`, `--seed: 7`. Phones turn two
  hyphens into one long dash and straight quotes into curly ones; both are read. A dash on its own, before a digit or
  inside a word is text.
- `seed=7` without a dash is an option where the name is a known one of two letters or more; `E=mc2` is text.
- Text values are quoted, one word after `=`, or all words up to the next option. Given twice, the last one wins.
- Chinese is written without spaces, so `海浪--seed 7` finds its option too, if the name is a known one.
- "zoom in 10 seconds" sets the length where no option does, and the model can do it; see `lengths`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import msgspec

from unstill_bots.intake.caption_reader import DOUBLE, Reader, typed_as
from unstill_bots.intake.lengths import lengths
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.options import PROMPT_MAX, find
from unstill_queue.contract.resolving import faults, narrowed

TEXT_MAX = 16_384
"""Longer captions are refused unread: no platform sends them, and the work stays bounded."""

_JOINERS = frozenset("\u200c\u200d") | {chr(code) for code in range(0xE0020, 0xE0080)}


class Unheard(msgspec.Struct, frozen=True):
    """A length of time in the prompt that was not taken as the clip's: as it was `said`, and in seconds. `allowed` are
    those that the clip can have, where this is none of them.
    """

    said: str
    seconds: float
    allowed: Allowed | None = None


class Caption(msgspec.Struct, frozen=True):
    """`given` maps canonical option names to values. `str(caption)` is a caption that reads back as the same.

    `notes` are codes, as in `Job`, of what was taken otherwise than it was typed.
    """

    prompt: str
    given: Mapping[str, Value] = {}
    unheard: tuple[Unheard, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(
            [*filter(None, [self.prompt]), *(f"--{name} {_typed(self.given[name])}" for name in self.given)]
        )


def parse(text: str, catalog: Catalog, default_model: str = "") -> Caption:
    """Read a caption; commands and mentions of the bot are taken off before.

    What is wrong with a value is said by what the caption's own model takes, or `default_model`.

    Raises:
        OptionError: unknown options, values that they or the model do not take, with the nearest known one, or a
            prompt of more than PROMPT_MAX characters: all that is wrong, in one error. Nothing else, whatever the text.
    """
    if len(text) > TEXT_MAX:
        raise _too_long(text)
    reader = Reader(_clean(text), catalog)
    prompt = " ".join(reader.read())
    wrong = [
        typed_as(fault.typed, narrowed(fault, reader.given, catalog, default_model=default_model))
        for fault in reader.faults
    ]
    if len(prompt) > PROMPT_MAX:
        wrong.append(_too_long(prompt))
    model = str(reader.given.get("model", default_model))
    if model in catalog.models and not any(fault.option == "model" for fault in wrong):
        wrong += [typed_as(reader.typed[fault.option], fault) for fault in faults(reader.given, catalog, model)]
    if wrong:
        raise OptionError.together(wrong)
    return _with_length(prompt, reader.given, catalog, model)


def completed(text: str, older: str, catalog: Catalog, model: str) -> str:
    """Return a caption that only sets options, such as "make it 5s long", with the words and the other options of an
    `older` one; any other caption as it is. Raises nothing.
    """
    try:
        new, old = (parse(each, catalog, model) for each in (text, older))
    except OptionError:
        return text
    if new.prompt or not new.given:
        return text
    # a length in frames would win over one in seconds
    kept = {name: value for name, value in old.given.items() if not (name == "num_frames" and "seconds" in new.given)}
    return str(Caption(old.prompt, {**kept, **new.given}))


def _with_length(prompt: str, given: dict[str, Value], catalog: Catalog, model: str) -> Caption:
    """Take the one length that the prompt's words give the clip, where no option does and the model can do it."""
    heard = [length for length in lengths(prompt) if not length.elsewhere]
    free = not {"seconds", "num_frames"} & given.keys()
    if free and len(heard) == 1 and _not_possible(heard[0].seconds, given, catalog, model) is None:
        prompt, given = heard[0].cut_from(prompt), {**given, "seconds": heard[0].seconds}
    unheard = (
        Unheard(length.said, length.seconds, _not_possible(length.seconds, given, catalog, model))
        for length in lengths(prompt)
        if length.seconds != given.get("seconds")
    )
    return Caption(prompt, given, tuple(unheard))


def _not_possible(seconds: float, given: Mapping[str, Value], catalog: Catalog, model: str) -> Allowed | None:
    """Return the lengths that the clip can have, where this is none of them."""
    try:
        find("seconds").parse(repr(seconds), catalog)
    except OptionError as error:
        return narrowed(error, given, catalog, default_model=model).allowed
    asked = {name: value for name, value in given.items() if name != "num_frames"}
    wrong = faults({**asked, "seconds": seconds}, catalog, model) if model in catalog.models else ()
    return next((fault.allowed for fault in wrong), None)


def _too_long(text: str) -> OptionError:
    return OptionError("prompt", f"{_clean(text[:20])}…", Allowed("text", most=str(PROMPT_MAX)))


def _clean(text: str) -> str:
    kept = [
        " " if char.isspace() else char
        for char in text
        if char.isspace() or char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs")
    ]
    return " ".join("".join(kept).split())


def _typed(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return '"' + re.sub(f"([\\\\{DOUBLE}])", r"\\\1", value) + '"'
    return repr(value).removesuffix(".0")
