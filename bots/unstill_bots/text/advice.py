"""One line of advice for a prompt that says too little. It goes out with the clip and never refuses anything.

The rule behind it: subject + action + direction or speed + surroundings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import resources

import msgspec

from unstill_config.languages import LANGUAGES, SOURCE
from unstill_queue.contract.jobs import Parameters

_NOT_LATIN = re.compile(r"[^\W\d_\u0000-\u024f]")
_LATIN_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class Suggestion(msgspec.Struct, frozen=True):
    """A verb for what is in the picture."""

    subject: str
    verb: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language's `advice.toml`: words with blanks between them, a blank in a word written as "_".

    `letters` are those of a script that is not Latin, of which `letters_a_word` make a word: its words are found
    anywhere. Where that is 0, blanks stand between words and these are beginnings of some, or with a "_" behind them
    whole. Without letters, words are whole. `charset` has those of a language that shares its script with another one.
    `verb_ending` makes a verb of every word, but of `no_verbs`.
    """

    usual_verb: str
    suggestions: dict[str, Suggestion]
    actions: str = ""
    directions: str = ""
    speeds: str = ""
    smooth: str = ""
    places: str = ""
    lettering: str = ""
    busy: str = ""
    camera: str = ""
    alive: str = ""
    letters: str = ""
    letters_a_word: int = 1
    charset: str = ""
    verb_ending: str = ""
    no_verbs: str = ""

    def finds(self, words: str, prompt: str) -> bool:
        """Return whether one of these words of the language stands in the prompt."""
        return self.found(words, prompt) != ""

    def found(self, words: str, prompt: str) -> str:
        """Return the first of these words of the language that stands in the prompt, as it stands there, or ""."""
        found = _pattern(words, self._place).search(prompt)
        return found[0] if found else ""

    @property
    def _place(self) -> str:
        if self.letters:
            return "anywhere" if self.letters_a_word else "beginning"
        return "whole"

    def writes(self, prompt: str) -> bool:
        """Return whether the prompt is in the language's own script and charset: but for Latin, it has no other one."""
        if not self.letters:
            return False
        own, other = "".join(_script(self.letters).findall(prompt)), _script(self.letters).sub("", prompt)
        return own != "" and _NOT_LATIN.search(other) is None and _encodes(own, self.charset or "utf-8")


class Advice(msgspec.Struct, frozen=True):
    """`code` and `details` are for `replies`."""

    code: str
    details: dict[str, str] = {}


def advice(
    prompt: str, parameters: Parameters | None = None, *, draws: bool = True, language: str = SOURCE
) -> Advice | None:
    """Return what would help this prompt most; None if it says enough. Never raises.

    It reads the languages that have an `advice.toml`, and for a camera the beginnings in `camera_words.toml` too.
    `draws` is false for a model that only moves a camera: there, camera words are what counts, and what is to move
    in the photo itself is a wish that stays one.
    """
    if not draws:
        if wish := _said(prompt, "alive"):
            return Advice("still", {"verb": wish})
        said = _says(prompt, "camera") or _tells_a_camera(prompt) or (parameters and parameters.camera)
        return None if said else Advice("camera")
    acts = _says(prompt, "actions") or _inflected(prompt)
    moves = _says(prompt, "directions") or _says(prompt, "speeds")
    length = _length(prompt)
    if length < 2 or (length < 3 and not acts):
        return Advice("subject")
    if _says(prompt, "lettering"):
        return Advice("text")
    if not acts:
        return Advice("action", {"verb": _verb(prompt, language)})
    if _says(prompt, "busy"):
        return Advice("background")
    if not moves:
        return Advice("speed")
    if parameters is not None and parameters.motion > 1 and not _says(prompt, "smooth"):
        return Advice("smooth")
    if length < 5 and not _says(prompt, "places"):
        return Advice("surroundings")
    return None


@cache
def _languages() -> dict[str, Words]:
    """Return the languages that have such words, read once."""
    folder = resources.files("unstill_bots") / "text" / "locale"
    files = {language: folder / language / "advice.toml" for language in LANGUAGES}
    return {
        language: msgspec.toml.decode(file.read_bytes(), type=Words)
        for language, file in files.items()
        if file.is_file()
    }


@cache
def _pattern(words: str, place: str) -> re.Pattern[str]:
    # an inflected word is found to its end, which in Japanese is in Hiragana
    rest = {"anywhere": "[\u3041-\u309f]*", "beginning": r"\w*", "whole": ""}[place]
    each = (
        re.escape(word.rstrip("_").replace("_", " ")) + ("" if word.endswith("_") else rest) for word in words.split()
    )
    either = "|".join(each) or "(?!)"
    return re.compile(either if place == "anywhere" else rf"\b(?:{either})\b", re.IGNORECASE)


def _encodes(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


@cache
def _script(letters: str) -> re.Pattern[str]:
    return re.compile(f"[{letters}]")


def _says(prompt: str, kind: str) -> bool:
    return any(words.finds(getattr(words, kind), prompt) for words in _languages().values())


def _tells_a_camera(prompt: str) -> bool:
    """Return whether a word begins like one by which a camera is told something, in any other language."""
    return _other_camera_words().search(_without_accents(prompt)) is not None


@cache
def _other_camera_words() -> re.Pattern[str]:
    file = resources.files("unstill_bots") / "text" / "camera_words.toml"
    beginnings = _without_accents(" ".join(msgspec.toml.decode(file.read_bytes(), type=dict[str, str]).values()))
    either = "|".join(re.escape(word.replace("_", " ")) for word in beginnings.split())
    # letters of scripts without blanks stand beside others
    return re.compile(rf"(?<![a-z\u0400-\u04ff])(?:{either})")


def _without_accents(text: str) -> str:
    signs = unicodedata.normalize("NFKD", text).casefold()
    return "".join(sign for sign in signs if not unicodedata.combining(sign))


def _said(prompt: str, kind: str) -> str:
    # a language in whose script it is knows more of a word than another one with some of its letters
    languages = sorted(_languages().values(), key=lambda words: not words.writes(prompt))
    return next(filter(None, (words.found(getattr(words, kind), prompt) for words in languages)), "")


def _length(prompt: str) -> int:
    """Count the words."""
    length = 0
    for words in _languages().values():
        if words.letters_a_word and words.letters:
            prompt, count = _script(words.letters).subn(" ", prompt)
            length += -(-count // words.letters_a_word)
    return length + len(_LATIN_WORD.findall(prompt))


def _inflected(prompt: str) -> bool:
    """Return whether a word ends as a language's verbs do, and is not one of those that only look so."""
    return any(
        len(word) > len(words.verb_ending) + 1 and word.endswith(words.verb_ending)
        for words in _languages().values()
        if words.verb_ending
        for word in set(map(str.lower, _LATIN_WORD.findall(prompt))) - set(words.no_verbs.split())
    )


def _verb(prompt: str, language: str) -> str:
    """Choose a verb for what the prompt is about, in the prompt's language: that of its script or of its subject.

    The person's language decides between those of one script, of one word, and where no subject is known.
    """
    languages = _languages()
    writing = [name for name, words in languages.items() if words.writes(prompt)]
    written = languages[language if language in writing else writing[0]] if writing else None
    own = languages.get(language, languages[SOURCE])
    subject, named = next(_subjects(prompt, own), (None, languages[SOURCE] if own.letters else own))
    chosen = written or named
    return chosen.suggestions[subject].verb if subject else chosen.usual_verb


def _subjects(prompt: str, own: Words) -> Iterator[tuple[str, Words]]:
    """Yield what the prompt is about, in the order of SOURCE's file, with the language that names it, `own` first."""
    languages = _languages()
    for subject in languages[SOURCE].suggestions:
        for words in (own, *languages.values()):
            if words.finds(words.suggestions[subject].subject, prompt):
                yield subject, words
