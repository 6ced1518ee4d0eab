"""Sentences in one language: how each is translated, filled in and joined to others."""

from __future__ import annotations

import re
from collections.abc import Mapping

from babel.numbers import format_decimal, get_decimal_symbol

from unstill_bots.text.sentences import Sentence, parameters_of
from unstill_bots.text.translations import translations
from unstill_config.languages import LANGUAGES, closest

MANY = 2
_DECIMAL = re.compile(r"-?\d+\.\d+")


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


class Sentences:
    """The sentences in one language. Takes any platform's language tag; English where we have no other.

    Numbers in them are written as the language writes them: values that are floats, and decimals that a code brings.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = closest(language)
        self._translations = translations(self.language)

    def gettext(self, message: str, /, **values: object) -> str:
        said = {name: self.number(value) if isinstance(value, float) else value for name, value in values.items()}
        return self._translations.gettext(message).format(**said) if message else ""

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        return self._translations.ngettext(one, many, count).format(count=count, **values)

    def number(self, value: float) -> str:
        """Return a number with the language's own point, at most three digits after it, and none between thousands."""
        return format_decimal(value, "0.###", self.language)

    def _as_written(self, text: str) -> str:
        """Return a text that is a decimal with the language's own point, and any other as it is."""
        return text.replace(".", get_decimal_symbol(self.language)) if _DECIMAL.fullmatch(text) else text

    def translated(self, text: str) -> str:
        """Translate a text of a catalogue, which a host may have written: any text, and no placeholders in it."""
        return self._translations.gettext(text) if text else ""

    def _by_code(self, sentences: Mapping[str, Sentence], code: str, details: Mapping[str, str]) -> str:
        sentence = sentences[code]
        if isinstance(sentence, str):
            # what stands in quotes is somebody's own text, which stays as it was typed
            said = {
                name: text if f"“{{{name}}}”" in sentence else self._as_written(text) for name, text in details.items()
            }
            return self._translations.gettext(sentence).format_map(_Known(said))
        (counted,) = parameters_of(sentence[1])
        count = int(details[counted]) if details[counted].isdecimal() else MANY
        return self._translations.ngettext(*sentence, count).format_map(_Known(details))

    def _join(self, *sentences: str) -> str:
        return (" " if LANGUAGES[self.language].spaced else "").join(filter(None, sentences))
