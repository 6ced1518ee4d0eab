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

_LATIN_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class Suggestion(msgspec.Struct, frozen=True):
    """A verb for what is in the picture."""

    subject: str
    verb: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language's `advice.toml`: words with blanks between them, a blank in a word written as "_".

    `letters` are those that only this language's script has, of which `letters_a_word` make a word: its words are found
    anywhere. Without them, words stand between others. `verb_ending` makes a verb of every word, but of `no_verbs`.
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
    verb_ending: str = ""
    no_verbs: str = ""

    def finds(self, words: str, prompt: str) -> bool:
        """Return whether one of these words of the language stands in the prompt."""
        return self.found(words, prompt) != ""

    def found(self, words: str, prompt: str) -> str:
        """Return the first of these words of the language that stands in the prompt, as it stands there, or ""."""
        found = _pattern(words, self.letters).search(prompt)
        return found[0] if found else ""

    def writes(self, prompt: str) -> bool:
        """Return whether the prompt has letters of the language's own script."""
        return bool(self.letters) and _script(self.letters).search(prompt) is not None


class Advice(msgspec.Struct, frozen=True):
    """`code` and `details` are for `replies`."""

    code: str
    details: dict[str, str] = {}


def advice(prompt: str, parameters: Parameters | None = None, *, synthetic: bool = True) -> Advice | None:
    """Return what would help this prompt most; None if it says enough. Never raises.

    It reads the languages that have an `advice.toml`, and for a camera the beginnings in `camera_words.toml` too.
    `synthetic` is false for a model that only moves a camera: there, camera words are what counts, and what is to move
    in the photo itself is a wish that stays one.
    """
    if not synthetic:
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
        return Advice("action", {"verb": _verb(prompt)})
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
def _pattern(words: str, letters: str) -> re.Pattern[str]:
    either = "|".join(re.escape(word.replace("_", " ")) for word in words.split()) or "(?!)"
    return re.compile(either if letters else rf"\b(?:{either})\b", re.IGNORECASE)


@cache
def _script(letters: str) -> re.Pattern[str]:
    return re.compile(f"[{letters}]")


def _says(prompt: str, kind: str) -> bool:
    return any(words.finds(getattr(words, kind), prompt) for words in _languages().values())


def _tells_a_camera(prompt: str) -> bool:
    """Return whether a camera is told something in a language that has no `advice.toml`."""
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
    return next(filter(None, (words.found(getattr(words, kind), prompt) for words in _languages().values())), "")


def _length(prompt: str) -> int:
    """Count the words."""
    length = 0
    for words in _languages().values():
        if words.letters:
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


def _verb(prompt: str) -> str:
    """Choose a verb for what the prompt is about, in the prompt's language."""
    languages = _languages()
    written = next((words for words in languages.values() if words.writes(prompt)), None)
    subject, named = next(_subjects(prompt), (None, languages[SOURCE]))
    language = written or named
    return language.suggestions[subject].verb if subject else language.usual_verb


def _subjects(prompt: str) -> Iterator[tuple[str, Words]]:
    """Yield what the prompt is about, in the order of SOURCE's file, with the language that names it."""
    languages = _languages()
    for subject in languages[SOURCE].suggestions:
        for words in languages.values():
            if words.finds(words.suggestions[subject].subject, prompt):
                yield subject, words
