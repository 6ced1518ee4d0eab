"""One line of advice for a prompt that says too little. It goes out with the clip and never refuses anything.

The rule behind it: subject + action + direction or speed + surroundings.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

from unstill_bots.text.advice_words import (
    ACTIONS,
    BUSY,
    CAMERA,
    DIRECTIONS,
    LETTERING,
    PLACES,
    SMOOTH,
    SPEEDS,
    SUGGESTIONS,
    USUAL_VERB,
    USUAL_VERB_ZH,
    Words,
)
from unstill_queue.contract.jobs import Parameters

_LATIN_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CHINESE = re.compile("[\u3400-\u9fff]")


class Advice(msgspec.Struct, frozen=True):
    """`code` and `details` are for `replies`."""

    code: str
    details: dict[str, str] = {}


def advice(prompt: str, parameters: Parameters | None = None, *, synthetic: bool = True) -> Advice | None:
    """What would help this prompt most; None if it says enough. Reads English and Chinese; never raises.

    `synthetic` is false for a model that only moves a camera: there, camera words are what counts.
    """
    if not synthetic:
        return None if _says(prompt, CAMERA) or (parameters and parameters.camera) else Advice("camera")
    acts = _says(prompt, ACTIONS) or _inflected(prompt)
    moves = _says(prompt, DIRECTIONS) or _says(prompt, SPEEDS)
    length = _length(prompt)
    if length < 2 or (length < 3 and not acts):
        return Advice("subject")
    if _says(prompt, LETTERING):
        return Advice("text")
    if not acts:
        return Advice("action", {"verb": _verb(prompt)})
    if _says(prompt, BUSY):
        return Advice("background")
    if not moves:
        return Advice("speed")
    if parameters is not None and parameters.motion > 1 and not _says(prompt, SMOOTH):
        return Advice("smooth")
    if length < 5 and not _says(prompt, PLACES):
        return Advice("surroundings")
    return None


def _length(prompt: str) -> int:
    """Words; Chinese has about two characters to one."""
    chinese = len(_CHINESE.findall(prompt))
    return len(_LATIN_WORD.findall(_CHINESE.sub(" ", prompt))) + (chinese + 1) // 2


@cache
def _pattern(words: Words) -> re.Pattern[str]:
    latin = "|".join(re.escape(word) for word in words.latin)
    return re.compile(rf"\b(?:{latin})\b|{'|'.join(map(re.escape, words.chinese))}", re.IGNORECASE)


def _says(prompt: str, words: Words) -> bool:
    return _pattern(words).search(prompt) is not None


_NOUNS = (
    "king ring wing string spring morning evening thing something nothing everything ceiling building wedding painting "
    "drawing clothing lightning sibling pudding sing during bling sling viking being earring"
)
_NO_VERBS = frozenset(_NOUNS.split())


def _inflected(prompt: str) -> bool:
    """A word in -ing is taken for a verb, but for the nouns among them."""
    return any(
        len(word) > 4 and word.lower().endswith("ing") and word.lower() not in _NO_VERBS
        for word in _LATIN_WORD.findall(prompt)
    )


def _verb(prompt: str) -> str:
    for subject, verb, chinese in SUGGESTIONS:
        if _says(prompt, subject):
            return chinese if _CHINESE.search(prompt) else verb
    return USUAL_VERB_ZH if _CHINESE.search(prompt) else USUAL_VERB
