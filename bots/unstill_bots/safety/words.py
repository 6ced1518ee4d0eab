"""A host's list of words that are not taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from unstill_bots.intake.captions import Caption
from unstill_config.errors import ConfigError
from unstill_queue.contract.codes import read_note
from unstill_queue.contract.errors import BlockedWords, OptionError
from unstill_queue.contract.options import find

UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Letters of writing that puts no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""
_LETTER = r"[^\W_]"
_NOT_SEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""What is not seen between two letters, beside the characters that Unicode calls formatting."""


class WordList:
    """Finds entries as whole words, in any case and any Unicode form; nothing where there are no entries.

    In writing that puts no spaces between words, an entry is found anywhere. A `_` and a `-` part words, too. `size` is
    how many entries there are.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        found = [pattern for entry in entries if (pattern := _pattern(entry))]
        self.size = len(found)
        self._pattern = re.compile("|".join(found)) if found else None

    @classmethod
    def read(cls, file: Path | None) -> WordList:
        """Read a file of UTF-8 with an entry a line; a line that begins with # is a comment.

        Raises:
            ConfigError: it cannot be read.
        """
        if file is None:
            return cls()
        try:
            text = file.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError(
                f"The list of words {file} cannot be read: {why}. Correct UNSTILL_SAFETY__WORDS or the file."
            ) from None
        return cls(line for line in text.splitlines() if not line.lstrip().startswith("#"))

    def check(self, caption: Caption) -> None:
        """Check the words of a caption; those of what is not to be seen in the clip are anybody's choice.

        Raises:
            BlockedWords: an entry is among them.
        """
        typed = (
            str(value)
            for name, value in caption.given.items()
            if name != "negative_prompt" and find(name).type == "text"
        )
        # what was left out is told under the clip
        told = dict(map(read_note, caption.notes))
        left_out = told.get("options_left_out", {}).values()
        if any(self.holds(text) for text in (caption.prompt, *typed, *left_out)):
            raise BlockedWords

    def check_refusal(self, error: OptionError) -> None:
        """Check what the answer to a wrong option would repeat. Raises BlockedWords."""
        if any(self.holds(text) for fault in error.faults for text in (fault.typed, fault.value)):
            raise BlockedWords

    def holds(self, text: str) -> bool:
        """Return whether an entry is among the words of a text."""
        return self._pattern is not None and self._pattern.search(_plain(text)) is not None


def _plain(text: str) -> str:
    seen = "".join(letter for letter in _NOT_SEEN.sub("", text) if unicodedata.category(letter) != "Cf")
    # folded twice, as a letter's fold may be of another form
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())


def _pattern(entry: str) -> str:
    """Return a regular expression of a line; empty for one that holds nothing."""
    words = _plain(entry).split()
    if not words:
        return ""
    before, after = (f"(?{look}{_LETTER})" for look in ("<!", "!"))
    left = before if _ends_a_word(words[0][0]) else ""
    right = after if _ends_a_word(words[-1][-1]) else ""
    return left + r"[\s_-]+".join(map(re.escape, words)) + right


def _ends_a_word(character: str) -> bool:
    return re.match(_LETTER, character) is not None and not UNSPACED.match(character)
