"""Finds what stands at a place of a text: breaks, phrases, paces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from unstill_engine.renderers.camera.amounts import take_out
from unstill_engine.renderers.camera.vocabulary import LETTERS, Pace, Phrase, plain, vocabulary
from unstill_queue.contract.options import PROMPT_MAX

BREAK = re.compile(r"[,.;:!?()\[\]\n。!?;—–…|/+>]+| -+ ")
BLANK = re.compile(r"[^\S\n]+")
#: What stands between a verb and its direction: "pan: left", "zoom=out".
_COLON = re.compile(rf"([{LETTERS}]+)[ ]*(?::|=|(?:->|→)(?=[ ]*\w))[ ]*")
COMMA = re.compile(r", ?")
#: A word of a script that puts blanks between words.
SPELLED = re.compile(rf"[{LETTERS}']+")
#: A word of any script but those in which it may begin anywhere, of Chinese characters and Hiragana.
WRITTEN = re.compile(r"[^\W\d_\u3041-\u309f\u3400-\u9fff]+")
_JOINER = re.compile(rf"(?<=[{LETTERS}])[-_](?=[{LETTERS}])")
#: Compatibility would make letters of the first two.
_SIGNS = str.maketrans("º˚’", "°°'")
_QUOTES = re.compile(r"""["“”„«»‹›「」『』`*_\ufe0f]|(?<![^\W\d])'|'(?![^\W\d])""")


class Scanner:
    """A text as it is read: `text` without accents, hyphens and amounts, `amounts` what those are and where."""

    def __init__(self, text: str) -> None:
        self.words = vocabulary()
        folded = plain(plain(text[:PROMPT_MAX].translate(_SIGNS), {}).lower().replace("’", "'"), self.words.fold)
        folded = self.words.elided.sub(" ", _COLON.sub(self._without_colon, folded))
        self.text, self.amounts = take_out(BLANK.sub(" ", _JOINER.sub(" ", _QUOTES.sub(" ", folded))), self.words)
        # few of all languages' expressions stand anywhere in one text, and only those are tried word by word
        self._phrases = [phrase for phrase in self.words.phrases if phrase.pattern.search(self.text)]
        self._paces = [pace for pace in self.words.paces if pace.pattern.search(self.text)]

    def _without_colon(self, found: re.Match[str]) -> str:
        named = any(phrase.pattern.fullmatch(found[1]) for phrase in self.words.phrases)
        return f"{found[1]} " if named else found[0]

    def phrase(self, at: int, counts: Callable[[Phrase], bool]) -> tuple[Phrase | None, int]:
        """Return the longest phrase at a place that counts, and its end."""
        best: Phrase | None = None
        end = at
        for phrase in self._phrases:
            if counts(phrase) and (found := phrase.pattern.match(self.text, at)) and found.end() > end:
                best, end = phrase, found.end()
        return best, end

    def pace(self, at: int, beyond: int) -> tuple[Pace | None, int]:
        """Return the pace at a place that ends beyond another, and its end."""
        for pace in self._paces:
            if (found := pace.pattern.match(self.text, at)) and found.end() > beyond:
                return pace, found.end()
        return None, at

    def pace_within(self, start: int, end: int) -> float:
        """Return the factor of the pace that is named inside a phrase, as in "zoom slowly in"; 1 without."""
        said = self.text[start:end]
        for pace in self._paces:
            if any(pace.pattern.match(said, at) for at in _words_of(said)):
                return pace.factor
        return 1.0

    def refuses_within(self, start: int, end: int) -> bool:
        """Return whether a refusal stands inside a phrase, as in "the camera does not move"."""
        said, words = self.text[start:end], self.words
        return any(words.negation.match(said, at) or words.without.match(said, at) for at in _words_of(said))

    def past_blank(self, at: int) -> int:
        return found.end() if (found := BLANK.match(self.text, at)) else at

    def past_filler(self, at: int) -> int:
        """Return where the next word stands that changes something."""
        while found := BLANK.match(self.text, at) or self.words.filler.match(self.text, at):
            if self.pace(at, at)[0] is not None:
                break
            at = found.end()
        return at

    def ends(self, at: int) -> bool:
        """Return whether the clause is over at a place."""
        return at == len(self.text) or BREAK.match(self.text, at) is not None


def _words_of(said: str) -> Iterator[int]:
    """Yield where a word may start."""
    return (at for at in range(len(said)) if not (at and SPELLED.match(said, at - 1)))
