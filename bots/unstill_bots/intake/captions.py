"""A caption: the words for the model, and the options typed among them.

    Waves rolling in, slow motion --seconds 3 --seed 7 --no "people" --preset timelapse

- An option is a dash, or several, glued to a word: `-seed 7`, `--seed 7`, `--seed=7`, `--seed: 7`. Phones turn two
  hyphens into one long dash and straight quotes into curly ones; both are read. A dash on its own, before a digit or
  inside a word is text.
- `seed=7` without a dash is an option where the name is a known one of two letters or more; `E=mc2` is text.
- Text values are quoted, one word after `=`, or all words up to the next option. Given twice, the last one wins.
- Chinese is written without spaces, so `海浪--seed 7` finds its option too, if the name is a known one.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Mapping

import msgspec

from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.options import PROMPT_MAX, Option, find, narrowed

TEXT_MAX = 16_384
"""Longer captions are refused unread: no platform sends them, and the work stays bounded."""

_NAME_MAX = 40
_VALUE_MAX = 64

_DASHES = "\\-‐‑‒–—―−﹘﹣－⸺"
_LETTERS = "A-Za-zＡ-Ｚａ-ｚ"
_NAME = f"[{_LETTERS}][{_LETTERS}0-9０-９_＿]*(?:[{_DASHES}][{_LETTERS}0-9０-９_＿]+)*"
_DASHED = re.compile(f"[{_DASHES}]{{1,4}}({_NAME})|[-－]{{2,4}}([^\\W\\d_]\\S*)")
_GLUED = re.compile(f"(?<=[^A-Za-z0-9_{_DASHES}])(?:[-－]{{2,4}}|[–—―]{{1,2}})({_NAME})(?![^\\W_])")
_ASSIGNED = re.compile(f"({_NAME})[=＝]")
_SEPARATOR = re.compile(" ?[=＝] ?|[:：] ?")
_PUNCTUATION = ",;.!?，；。！？、"
_CLAUSE_END = re.compile("[，；。！？、 ]")

_DOUBLE = '"“”„‟＂'
_SINGLE = "'‘’‚‛＇"
_CLOSERS = {
    **dict.fromkeys(_DOUBLE, _DOUBLE),
    **dict.fromkeys(_SINGLE, _SINGLE),
    "«": "»",
    "»": "«",
    "‹": "›",
    "「": "」",
    "『": "』",
}
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    map(ord, "‐‑‒–—―−﹘﹣⸺"), ord("-")
)
_UNITS = {"seconds": ("secs", "sec", "秒钟", "秒"), "frames": ("帧",), "px": ("像素",)}

_JOINERS = frozenset("\u200c\u200d") | {chr(code) for code in range(0xE0020, 0xE0080)}


class Caption(msgspec.Struct, frozen=True):
    """`given` maps canonical option names to values. `str(caption)` is a caption that reads back as the same."""

    prompt: str
    given: Mapping[str, Value] = {}

    def __str__(self) -> str:
        return " ".join(
            [*filter(None, [self.prompt]), *(f"--{name} {_typed(self.given[name])}" for name in self.given)]
        )


def parse(text: str, catalog: Catalog, default_model: str = "") -> Caption:
    """Read a caption; commands and mentions of the bot are taken off before.

    What is wrong with a value is said by what the caption's own model takes, or `default_model`.

    Raises:
        OptionError: an unknown option or a value it does not take, with the nearest known one; or a prompt of more
            than PROMPT_MAX characters. Nothing else, whatever the text.
    """
    if len(text) > TEXT_MAX:
        raise _too_long(text)
    reader = _Reader(_clean(text), catalog)
    try:
        prompt = " ".join(reader.read())
    except OptionError as error:
        reader.read_on()
        raise narrowed(error, reader.given, catalog, default_model=default_model) from None
    if len(prompt) > PROMPT_MAX:
        raise _too_long(prompt)
    return Caption(prompt, reader.given)


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
        return '"' + re.sub(f"([\\\\{_DOUBLE}])", r"\\\1", value) + '"'
    return repr(value).removesuffix(".0")


def _fold(text: str) -> str:
    return text.translate(_FULL_WIDTH)


class _Found(msgspec.Struct):
    """An option's name as it was typed, and where what follows it begins."""

    name: str
    end: int


class _Reader:
    """One pass over a cleaned caption: single spaces, no control characters."""

    def __init__(self, text: str, catalog: Catalog) -> None:
        self.text = text
        self.catalog = catalog
        self.at = 0
        self.given: dict[str, Value] = {}
        self._unclosed: set[str] = set()

    def read(self) -> list[str]:
        """The prompt's words; the options land in `given`."""
        words = []
        while self._skip_space():
            found = self._option_here()
            if found is None:
                words.append(self._word())
            else:
                self.at = found.end
                self._take(found.name)
        return words

    def read_on(self) -> None:
        """Whatever else is wrong: the rest of what is given."""
        while True:
            with contextlib.suppress(OptionError):
                self.read()
                return

    def _skip_space(self) -> bool:
        while self.text.startswith(" ", self.at):
            self.at += 1
        return self.at < len(self.text)

    def _option_here(self) -> _Found | None:
        dashed = _DASHED.match(self.text, self.at)
        if dashed:
            return _Found(dashed[1] or dashed[2], dashed.end())
        assigned = _ASSIGNED.match(self.text, self.at)
        if assigned and len(assigned[1]) >= 2 and _known(assigned[1]):
            return _Found(assigned[1], assigned.end(1))
        return None

    def _word(self) -> str:
        start = self.at
        space = self.text.find(" ", start)
        end = len(self.text) if space < 0 else space
        for glued in _GLUED.finditer(self.text, start + 1, end):
            if len(glued[1]) >= 2 and _known(glued[1]):
                end = glued.start()
                break
        self.at = end
        return self.text[start:end]

    def _take(self, name: str) -> None:
        follows = self.text[self.at : self.at + 1]
        if follows.isascii() and follows not in {"", " ", "=", ":", *_CLOSERS, *_PUNCTUATION}:
            name += self._rest_of_word()  # `-and/or`: the whole word is what was typed
        option = find(_fold(name)[:_NAME_MAX])
        separator = _SEPARATOR.match(self.text, self.at)
        if separator:
            self.at = separator.end()
        elif follows and follows in _PUNCTUATION:
            self._skip_punctuation()
        one_word = bool(separator and separator[0].strip() in "=＝")
        self.given[option.name] = self._value(option, one_word=one_word, must=bool(separator))

    def _value(self, option: Option, *, one_word: bool, must: bool) -> Value:
        if not self._skip_space() or (not must and self._option_here() is not None):
            return self._absent(option)
        if option.type == "flag" and not must:
            return self._flag(option)
        quoted = self._quoted()
        if option.type == "text":
            if quoted is None:
                quoted = self._bare_word() if one_word else self._words()
            return self._parse(option, quoted)
        return self._parse(option, self._bare_word() if quoted is None else quoted)

    def _absent(self, option: Option) -> Value:
        if option.type == "flag":
            return True
        raise OptionError(option.name, "", option.allowed(self.catalog))

    def _flag(self, option: Option) -> Value:
        start = self.at
        word = self._bare_word()
        try:
            if word:
                return self._parse(option, word)
        except OptionError:
            pass
        self.at = start
        return True

    def _parse(self, option: Option, typed: str) -> Value:
        if option.type == "text":
            return option.parse(typed, self.catalog)
        folded = _fold(typed).strip()
        for unit in _UNITS.get(option.unit, ()):
            folded = folded.removesuffix(unit)
        if len(folded) > _VALUE_MAX:
            folded = f"{folded[:_VALUE_MAX]}…"
        return option.parse(folded, self.catalog) if folded else self._absent(option)

    def _quoted(self) -> str | None:
        """What stands in quotes here; None, and a lone opening quote is passed over, where they do not close."""
        closers = _CLOSERS.get(self.text[self.at : self.at + 1])
        if closers is None:
            return None
        self.at += 1
        if closers in self._unclosed:  # looked for once already: the search stays linear
            return None
        kept = []
        at = self.at
        while at < len(self.text):
            char, follows = self.text[at], self.text[at + 1 : at + 2]
            if char == "\\" and follows and follows in closers + "\\":
                kept.append(follows)
                at += 2
                continue
            # An apostrophe inside a word does not close single quotes.
            if char in closers and not (char in _SINGLE and follows.isalnum()):
                self.at = at + 1
                self._skip_punctuation()
                return "".join(kept)
            kept.append(char)
            at += 1
        self._unclosed.add(closers)
        return None

    def _skip_punctuation(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _PUNCTUATION:
            self.at += 1

    def _rest_of_word(self) -> str:
        start = self.at
        space = self.text.find(" ", start)
        self.at = len(self.text) if space < 0 else space
        return self.text[start : self.at]

    def _bare_word(self) -> str:
        """Up to a space or the end of a Chinese clause, less the punctuation after it."""
        start = self.at
        stop = _CLAUSE_END.search(self.text, start)
        end = self.at = stop.start() if stop else len(self.text)
        self._skip_punctuation()
        return self.text[start:end].rstrip(_PUNCTUATION)

    def _words(self) -> str:
        words = []
        while self._skip_space() and self._option_here() is None:
            words.append(self._word())
        return " ".join(words)


def _known(name: str) -> bool:
    try:
        find(_fold(name))
    except OptionError:
        return False
    return True
