"""Reads the options out of a caption's text, in one pass; `captions` says by which rules."""

from __future__ import annotations

import re

import msgspec

from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import Option, find

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

DOUBLE = '"“”„‟＂'
_SINGLE = "'‘’‚‛＇"
_CLOSERS = {
    **dict.fromkeys(DOUBLE, DOUBLE),
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


def typed_as(typed: str, error: OptionError) -> OptionError:
    """Note in an error how the option was typed."""
    error.typed = typed
    return error


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _fold(text: str) -> str:
    return text.translate(_FULL_WIDTH)


class _Found(msgspec.Struct):
    """An option's name as it was typed, the dashes before it, and where what follows it begins."""

    name: str
    end: int
    dashes: str = ""


class Reader:
    """Reads a caption once, from its begin to its end. The caption has single spaces and no control characters."""

    def __init__(self, text: str, catalog: Catalog) -> None:
        self.text = text
        self.catalog = catalog
        self.at = 0
        self.given: dict[str, Value] = {}
        self.typed: dict[str, str] = {}
        self.faults: list[OptionError] = []
        self._unclosed: set[str] = set()

    def read(self) -> list[str]:
        """Return the prompt's words. The options land in `given`, as they were typed in `typed`, and what is wrong with
        them in `faults`.
        """
        words = []
        while self._skip_space():
            found = self._option_here()
            if found is None:
                words.append(self._word())
                continue
            self.at = found.end
            try:
                self._take(found)
            except OptionError as error:
                self.faults.append(error)
        return words

    def _skip_space(self) -> bool:
        while self.text.startswith(" ", self.at):
            self.at += 1
        return self.at < len(self.text)

    def _option_here(self) -> _Found | None:
        dashed = _DASHED.match(self.text, self.at)
        if dashed:
            name = dashed[1] or dashed[2]
            return _Found(name, dashed.end(), dashed[0].removesuffix(name))
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

    def _take(self, found: _Found) -> None:
        name = found.name
        follows = self.text[self.at : self.at + 1]
        if follows.isascii() and follows not in {"", " ", "=", ":", *_CLOSERS, *_PUNCTUATION}:
            name += self._rest_of_word()  # `-and/or`: the whole word is what was typed
        # phones make one long dash of two
        dashes = "-" if len(found.dashes) == 1 and found.dashes not in "–—―⸺" else "--" if found.dashes else ""
        typed = dashes + _shortened(name, _NAME_MAX)
        try:
            option = find(_fold(name)[:_NAME_MAX])
            value = self._after(option)
        except OptionError as error:
            raise typed_as(typed, error) from None
        self.given[option.name], self.typed[option.name] = value, typed

    def _after(self, option: Option) -> Value:
        """Read the value that follows an option."""
        follows = self.text[self.at : self.at + 1]
        separator = _SEPARATOR.match(self.text, self.at)
        if separator:
            self.at = separator.end()
        elif follows and follows in _PUNCTUATION:
            self._skip_punctuation()
        one_word = bool(separator and separator[0].strip() in "=＝")
        return self._value(option, one_word=one_word, must=bool(separator))

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
        folded = _shortened(folded, _VALUE_MAX)
        return option.parse(folded, self.catalog) if folded else self._absent(option)

    def _quoted(self) -> str | None:
        """Return the text in quotes and go on behind it. None: they do not close, and an opening one is passed."""
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
