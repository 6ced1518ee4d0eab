"""The catalogues of sentences, read from their .po files as they are; nothing has to be compiled before a start."""

from __future__ import annotations

import gettext
import io
from functools import cache
from importlib import resources

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from unstill_config.languages import SOURCE

DOMAIN = "unstill"


def N_(message: str) -> str:
    """Marks a sentence for extraction where it stands, to be translated where it is used."""
    return message


def NN_(one: str, many: str) -> tuple[str, str]:
    """Marks a sentence that has a plural."""
    return one, many


@cache
def translations(language: str) -> gettext.NullTranslations:
    """One of LANGUAGES, read once."""
    if language == SOURCE:
        return gettext.NullTranslations()
    source = resources.files("unstill_bots") / "text" / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with source.open("rb") as file:
        catalog = read_po(file, locale=language, domain=DOMAIN)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
