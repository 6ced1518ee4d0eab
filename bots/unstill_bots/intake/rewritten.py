"""Reads what a language model wrote: the prompt in it, or why there is none that is given to a model and shown."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from unstill_bots.intake import captions
from unstill_config.catalog import Catalog
from unstill_config.prompt import Guide

LARGEST = 256 * 1024
"""Bytes of an answer. What is larger is not read to its end."""
LETTERS_A_WORD = 10
"""Characters that a text may have for each word that its guide allows."""
ITS_SCRIPT = 0.9
"""The share of a text's letters that have to be of the scripts of its languages."""
SCRIPTS = {
    "English": ("LATIN",),
    "Chinese": ("LATIN", "CJK"),
    "Russian": ("LATIN", "CYRILLIC"),
    "Japanese": ("LATIN", "CJK", "HIRAGANA", "KATAKANA"),
}
"""The scripts of languages, as the names of their letters in Unicode begin; one that is not here may have any."""

# Qwen, DeepSeek and others think aloud before they answer
_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|$)", re.DOTALL)
_LABEL = re.compile(
    r"(?:(?:here is|here's) [^:：\n]{0,60}|[a-z]* ?prompt|output|answer|提示词|提示)\s*[:：]", re.IGNORECASE
)
_BULLETS = re.compile(r"^\s*(?:[-*+•>]|#+|\d{1,2}[.)])\s+", re.MULTILINE)
_MARKS = re.compile(r"[*`~|]+|(?<![^\W_])_+|_+(?![^\W_])|#+")
_QUOTES = "\"'“”„‟‘’«»「」『』"
# @name, <@id>, <b>, t.me/name, example.com or one of another script, /command: what a chat makes a link or a mention of
_LINKS = re.compile(r"[@＠<>＜＞]|://|\bwww\.|[^\W_]\.[^\W\d_]{2,}|(?:^|\s)[/／]\w", re.IGNORECASE)
_GLUED = re.compile(r"(?<=[a-zа-яё])\.(?=[A-ZА-ЯЁ])")
_REFUSALS = re.compile(
    r"(?:i['’]?m (?:very |so |really )?sorry|sorry\b|i apologi[sz]e|(?:unfortunately|regrettably)\b|as an ai\b"
    r"|i(?: am|['’]m) (?:unable|not able)|i (?:can(?:no|['’])t|can not|won['’]t|will not|must decline)"
    r"|很?抱歉|对不起|我(?:无法|不能)|es tut mir leid|leider\b|je suis désolé|désolé\b|lo siento|desculpe|sinto muito"
    r"|извините|к сожалению|申し訳|すみません)",
    re.IGNORECASE,
)


class Unusable(Exception):
    """An answer holds no prompt. `reason` is one word for the metrics."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


def content_of(data: bytes) -> str:
    """Return the text of a chat completion, as OpenAI's API has it.

    Raises:
        ValueError: these are other bytes.
        Unusable: it was ended before its end, or by a filter.
    """
    choices = msgspec.json.decode(data, type=_Completion).choices
    if not choices:
        raise ValueError("an answer without a choice")
    if choices[0].finish_reason in ("length", "content_filter"):
        raise Unusable("cut" if choices[0].finish_reason == "length" else "refusal")
    return choices[0].message.content or ""


def prompt_of(content: str, guide: Guide, catalog: Catalog) -> str:
    """Return the prompt in a text: plain words on one line, in a language that `guide` allows.

    Raises:
        Unusable: there is none, or it would be more than words for a model: options, a mention, a link; or it is a
            refusal, or far longer than asked for.
    """
    text = _THOUGHTS.sub("", content).strip()
    if fenced := _FENCE.search(text):
        text = fenced[1].strip()
    if text[:1] in ("{", "["):
        raise Unusable("garbled")
    text = _MARKS.sub("", _BULLETS.sub("", text)).strip()
    if label := _LABEL.match(text):
        text = text[label.end() :]
    text = captions.clean(_GLUED.sub(". ", text)).strip(_QUOTES + " ")
    if not any(map(str.isalpha, text)):
        raise Unusable("empty")
    if len(text) > LETTERS_A_WORD * guide.words:
        raise Unusable("too_long")
    if _REFUSALS.match(text):
        raise Unusable("refusal")
    if _LINKS.search(text):
        raise Unusable("link")
    plain = captions.plain_words(text, catalog)
    if plain is None:
        raise Unusable("options")
    if not _is_in(plain, guide.languages):
        raise Unusable("language")
    return plain


def _is_in(text: str, languages: tuple[str, ...]) -> bool:
    if any(language not in SCRIPTS for language in languages):
        return True
    scripts = tuple(script for language in languages for script in SCRIPTS[language])
    letters = [letter for letter in text if letter.isalpha()]
    known = sum(unicodedata.name(letter, "").startswith(scripts) for letter in letters)
    return known >= ITS_SCRIPT * len(letters)
