"""Reads the options out of a caption's text, in one pass; `captions` says by which rules."""

from __future__ import annotations

import re

import msgspec

from unstill_bots.intake.caption_options import CaptionOptions
from unstill_bots.intake.foreign import end_of, foreign
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import Option, find

_NAME_MAX = 40
_VALUE_MAX = 64
_ASKED_MAX = 48

_DASHES = "\\-‐‑‒–—―−﹘﹣－⸺"
_LETTERS = "A-Za-zＡ-Ｚａ-ｚ"
_NAME = f"[{_LETTERS}][{_LETTERS}0-9０-９_＿]*(?:[{_DASHES}][{_LETTERS}0-9０-９_＿]+)*"
_DASHED = re.compile(f"[{_DASHES}]{{1,4}}({_NAME})|[-－]{{2,4}}([^\\W\\d_]\\S*|\\d+[pkPK](?!\\w))")
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
_NO = ("false", "no", "off", "0")
_NO_QUOTES = dict.fromkeys(map(ord, DOUBLE))
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    map(ord, "‐‑‒–—―−﹘﹣⸺"), ord("-")
)
_GLUED_NUMBER = re.compile(f"([{_LETTERS}_]+)([0-9０-９].*)")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _fold(text: str) -> str:
    return text.translate(_FULL_WIDTH)


class _Found(msgspec.Struct):
    """An option's name as it was typed, from `start` to `end`, and the dashes before it."""

    name: str
    start: int
    end: int
    dashes: str = ""


class Reader:
    """Reads a caption once, from its begin to its end. The caption has single spaces and no control characters."""

    def __init__(self, text: str, catalog: Catalog) -> None:
        self.text = text
        self.catalog = catalog
        self.at = 0
        self.options = CaptionOptions(catalog)
        self._unclosed: set[str] = set()

    @property
    def unclosed(self) -> bool:
        """Return whether a quote that opens a value closes nowhere."""
        return bool(self._unclosed)

    def read(self) -> list[str]:
        """Return the prompt's words. What is found of options lands in `options`."""
        words = []
        while self._skip_space():
            found = self._option_here()
            if found is None:
                words.append(self._word())
                continue
            self.at = found.end
            self._take(found)
        self.options.finish()
        return words

    def _skip_space(self) -> bool:
        while self.text.startswith(" ", self.at):
            self.at += 1
        return self.at < len(self.text)

    def _option_here(self) -> _Found | None:
        dashed = _DASHED.match(self.text, self.at)
        if dashed:
            name = dashed[1] or dashed[2]
            return _Found(name, self.at, dashed.end(), dashed[0].removesuffix(name))
        assigned = _ASSIGNED.match(self.text, self.at)
        if assigned and len(assigned[1]) >= 2 and _known(assigned[1]):
            return _Found(assigned[1], self.at, assigned.end(1))
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
        folded = _fold(name)[:_NAME_MAX].lower().replace("-", "_")
        if found.dashes and self._is_foreign(folded, found, typed):
            return
        try:
            option, must = self._find(folded, found, name)
            text = self._after(option, must=must)
        except OptionError as error:
            self.options.refuse(error, typed, self._asked(found), folded)
        else:
            self.options.take(option, text, typed, self._asked(found), folded)

    def _find(self, folded: str, found: _Found, name: str) -> tuple[Option, bool]:
        """Find the option of a name, and whether its value is glued to it, as in `--ar16:9`: then go back to that."""
        folded = foreign().same.get(folded, folded)
        glued = _GLUED_NUMBER.fullmatch(name)
        if glued and not _known(folded) and _known(glued[1]):
            self.at = found.end - len(found.name) + len(glued[1])
            return find(_fold(glued[1])), True
        try:
            return find(folded), False
        except OptionError as error:
            raise OptionError(_fold(name)[:_NAME_MAX], "", nearest=error.nearest, unknown=True) from None

    def _is_foreign(self, folded: str, found: _Found, typed: str) -> bool:
        """Take an option that only other programs have. False: it is none."""
        known = foreign()
        if folded in known.words:
            return True
        if _known(folded) or folded in known.same:
            return False
        follows = known.follows(folded)
        if follows is None and (glued := _GLUED_NUMBER.fullmatch(folded)) and not _known(glued[1]):
            follows = "nothing" if known.follows(glued[1]) == "number" else None
        if follows is not None:
            self.at = end_of(follows, self.text, self.at)
            asked = self._asked(found)
            if folded not in known.switches:
                self.options.leave_out(asked, known.sides.get(folded))
            elif not asked.lower().endswith(_NO):
                self.options.read_as(*known.switches[folded], asked)
        elif folded in known.reads_as:
            self.options.read_as(*known.reads_as[folded], self._asked(found))
        elif folded.startswith("no_") and (rest := folded[3:].strip("_")):
            flag = _known(rest) and find(rest).type == "flag"
            option, text = (
                (find(rest), "no") if flag else (find("negative_prompt"), " ".join(rest.replace("_", " ").split()))
            )
            self.options.take(option, text, typed, self._asked(found))
        else:
            return False
        return True

    def _asked(self, found: _Found) -> str:
        """Return an option as it was typed, with its value."""
        asked = self.text[found.start : self.at].strip(_PUNCTUATION + " ")
        # commands and forms write quotes that nobody typed
        return _shortened(asked.translate(_NO_QUOTES), _ASKED_MAX)

    def _after(self, option: Option, *, must: bool = False) -> str:
        """Return the value that follows an option."""
        follows = self.text[self.at : self.at + 1]
        separator = None if must else _SEPARATOR.match(self.text, self.at)
        if separator:
            self.at = separator.end()
        elif follows and follows in _PUNCTUATION and not must:
            self._skip_punctuation()
        one_word = bool(separator and separator[0].strip() in "=＝")
        return self._value(option, one_word=one_word, must=must or bool(separator))

    def _value(self, option: Option, *, one_word: bool, must: bool) -> str:
        if not self._skip_space() or (not must and self._option_here() is not None):
            return self._absent(option)
        if option.type == "flag" and not must:
            return self._flag(option)
        quoted = self._quoted()
        if option.type == "text":
            if quoted is None:
                quoted = self._bare_word() if one_word else self._words().rstrip(" ,;，；、")
            return quoted
        word = _fold(self._bare_word() if quoted is None else quoted).strip()
        if quoted is None:
            self._skip_unit(option, word)
        return _shortened(word, _VALUE_MAX) or self._absent(option)

    def _skip_unit(self, option: Option, number: str) -> None:
        """Go on behind the unit of a number, where that is a word of its own: "5 seconds"."""
        if option.units and option.number(number) is not None and self.text[self.at - 1 : self.at] not in _PUNCTUATION:
            start = self.at
            self._skip_space()
            if self._bare_word().lower() not in option.units:
                self.at = start

    def _absent(self, option: Option) -> str:
        if option.type == "flag":
            return "yes"
        raise OptionError(option.name, "", option.allowed(self.catalog))

    def _flag(self, option: Option) -> str:
        start = self.at
        quoted = self._quoted()
        word = _fold(self._bare_word() if quoted is None else quoted)
        try:
            if word and option.parse(word, self.catalog) is not None:
                return word
        except OptionError:
            pass
        self.at = start
        return "yes"

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
