"""A caption: the words for the model, and the options typed among them.

    Waves rolling in, slow motion --seconds 3 --seed 7 --no "people" --preset timelapse

- An option is a dash, or several, glued to a word: `-seed 7`, `--seed 7`, `--seed=7`, `--seed: 7`. Phones turn two
  hyphens into one long dash and straight quotes into curly ones; both are read. A dash on its own, before a digit or
  inside a word is text.
- `seed=7` without a dash is an option where the name is a known one of two letters or more; `E=mc2` is text.
- Text values are quoted, one word after `=`, or all words up to the next option. Given twice, texts are joined; of
  other values the last one holds.
- What only other programs have (`foreign.toml`) is left out or read as ours, weights of words (`other_syntax`) are
  taken off, and what is nearest is taken where it does what was meant: each with a note.
- Chinese is written without spaces, so `海浪--seed 7` finds its option too, if the name is a known one.
- "zoom in 10 seconds" sets the length where no option does, and the model can do it; see `lengths`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import islice

import msgspec

from unstill_bots.intake import other_syntax
from unstill_bots.intake.caption_options import CaptionOptions
from unstill_bots.intake.caption_reader import DOUBLE, Reader
from unstill_bots.intake.lengths import lengths
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.codes import note
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.options import EXACT, PROMPT_MAX, UNITS, find
from unstill_queue.contract.resolving import faults, narrowed

TEXT_MAX = 32_768
"""Longer captions are refused unread: no platform sends them, and the work stays bounded."""

NOTES_MOST = 12
"""Notes of one caption, and lengths of time in it that were not heard: nobody reads more of them."""
LAST_WORDS = 24
"""Characters of a shortened text that are told as its end."""

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
        OptionError: unknown options, and values that they or the model do not take, with the nearest known one: all
            that is wrong, in one error. Nothing else, whatever the text.
    """
    if len(text) > TEXT_MAX:
        raise _too_long(text)
    prompt, options, notes, _ = _read(text, catalog)
    model = str(options.given.get("model", default_model))
    wrong, more = options.settled(model, default_model)
    if wrong:
        raise OptionError.together(wrong)
    if len(prompt) > PROMPT_MAX:
        # what is cut may end with what looks like a weight
        prompt, *_ = other_syntax.parts(_shortened(prompt))
        notes.append(note("prompt_shortened", value=prompt[-LAST_WORDS:].strip()))
    return _with_length(prompt, options.given, catalog, model, tuple(dict.fromkeys((*more, *notes)))[:NOTES_MOST])


def _read(text: str, catalog: Catalog) -> tuple[str, CaptionOptions, list[str], bool]:
    """Return a caption's words and options, the notes of what other programs' syntax was in it, and whether it has
    quotes that do not close.
    """
    text, settings = other_syntax.without_lines(text)
    plain = other_syntax.plain(clean(text))
    reader = Reader(plain.text, catalog)
    prompt, unwanted, weighted = other_syntax.parts(" ".join(reader.read()))
    options = reader.options
    if unwanted:
        options.take(find("negative_prompt"), unwanted, f"{unwanted}::-", unwanted)
    for tag in (*plain.left_out, *settings):
        options.leave_out(tag)
    notes = [note("weights_ignored")] if weighted or plain.weighted else []
    return prompt, options, notes, reader.unclosed


def _shortened(text: str) -> str:
    """Cut a text to what is taken, between two words where there are any."""
    cut = text[: PROMPT_MAX + 1]
    return (cut.rpartition(" ")[0] or cut)[:PROMPT_MAX].strip()


def completed(text: str, older: str, catalog: Catalog, model: str) -> str:
    """Return a caption that only sets options, such as "make it 5s long", with the words and the other options of an
    `older` one; any other caption as it is. Raises nothing.
    """
    try:
        new, old = (parse(each, catalog, model) for each in (text, older))
    except OptionError:
        return text
    words, options, _, _ = _read(text, catalog)
    if new.prompt or not (options.named or new.given):
        return text
    # a length in frames would win over one in seconds
    frames = {"num_frames"} if "seconds" in new.given else set()
    kept = {name: value for name, value in old.given.items() if name not in options.named | frames}
    # as it was typed, so that what is to be said of it is said
    return str(Caption(old.prompt, {**kept, **new.given})) if words else f"{Caption(old.prompt, kept)} {text}".strip()


def followed_by(text: str, options: str, catalog: Catalog) -> str:
    """Return a caption with options after it. Raises OptionError."""
    if len(text) <= TEXT_MAX and _read(text, catalog)[3]:
        # its quotes would close at those of the options
        text = str(parse(text, catalog))
    return "\n".join(filter(None, (text, options)))


def with_defaults(text: str, defaults: Mapping[str, str], catalog: Catalog) -> str:
    """Return a caption with options before it, given by their names as they are typed, but for those that it names."""
    named = _read(text, catalog)[1].named if defaults and len(text) <= TEXT_MAX else frozenset()
    return joined(" ".join(typed for name, typed in defaults.items() if name not in named), text)


def plain_words(text: str, catalog: Catalog) -> str | None:
    """Return a text without weights, as a caption's words are read; None where it has options, of other programs too,
    or would be read otherwise before an option.
    """
    prompt, options, *_ = _read(text, catalog)
    before, beside, _, _ = _read(f"{prompt} --{EXACT}", catalog)
    own = options.named or options.settled("", "") != ([], [])
    only = beside.named == {EXACT} and beside.settled("", "") == ([], [])
    return prompt if before == prompt and only and not own else None


def names(text: str, option: str, catalog: Catalog) -> bool:
    """Return whether a caption sets an option, or leaves it open."""
    return len(text) <= TEXT_MAX and option in _read(text, catalog)[1].named


def asks(text: str, option: str, catalog: Catalog) -> bool:
    """Return whether a caption sets an option of yes or no to yes, however wrong the rest of it is."""
    return len(text) <= TEXT_MAX and bool(_read(text, catalog)[1].given.get(option))


def joined(options: str, text: str) -> str:
    """Return options and a text after them, whose first word is not read as the unit of the last option's number."""
    unit = text.partition(" ")[0].lower() in UNITS
    return (", " if unit else " ").join(filter(None, (options, text)))


def _with_length(prompt: str, given: dict[str, Value], catalog: Catalog, model: str, notes: tuple[str, ...]) -> Caption:
    """Take the one length that the prompt's words give the clip, where no option does and the model can do it."""
    heard = [length for length in lengths(prompt) if not length.elsewhere]
    free = not {"seconds", "num_frames"} & given.keys()
    if free and len(heard) == 1 and _not_possible(heard[0].seconds, given, catalog, model) is None:
        left = heard[0].cut_from(prompt)
        # of "1second-long" what is left may look like an option
        if not other_syntax.OPTION.search(left):
            prompt, given = left, {**given, "seconds": heard[0].seconds}
    unheard = (
        Unheard(length.said, length.seconds, _not_possible(length.seconds, given, catalog, model))
        for length in lengths(prompt)
        if length.seconds != given.get("seconds")
    )
    return Caption(prompt, given, tuple(islice(unheard, NOTES_MOST)), notes)


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
    return OptionError("prompt", f"{clean(text[:20])}…", Allowed("text", most=str(PROMPT_MAX)))


def clean(text: str) -> str:
    """Return a text on one line: no control characters, and none that nobody sees, but joiners."""
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
        return quoted(value)
    return repr(value).removesuffix(".0")


def quoted(text: str) -> str:
    """Write a text as one value of a caption."""
    return '"' + re.sub(f"([\\\\{DOUBLE}])", r"\\\1", text) + '"'
