"""Finds every sentence there is to translate and updates the .po files: `python -m unstill_bots.text.extraction`.

Sentences are found in this package's code, in the declaration of the options, and in the catalogues that ship. Files of
a language in `CONVERTED` are made from another one's; that needs OpenCC, a tool of who develops.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from babel.messages.catalog import Catalog as Messages
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from unstill_bots.text.translations import DOMAIN
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES, SOURCE
from unstill_queue.contract.options import OPTIONS

PACKAGE = Path(__file__).parents[1]
KEYWORDS = {"gettext": None, "text": None, "ngettext": (1, 2), "N_": None, "NN_": (1, 2)}

HEADER = "# The English stands in the code; `python -m unstill_bots.text.extraction` adds what is new there."


class Conversion(NamedTuple):
    """Makes a language from `source` by OpenCC's configurations.

    `replies` puts a region's own words into sentences, and `words` changes the script alone of what people type.
    `charset` is that of its `advice.toml`.
    """

    source: str
    replies: str
    words: str
    charset: str


CONVERTED: Final = {"zh_TW": Conversion("zh_CN", "s2twp", "s2tw", "big5")}

MessageId = str | tuple[str, ...]


def messages(catalog: Catalog) -> Iterator[MessageId]:
    """Each message, some more than once; a pair where there is a plural."""
    for _, _, message, _, _ in extract_from_dir(PACKAGE, [("**.py", "python")], {}, KEYWORDS):
        yield message if isinstance(message, str) else tuple(message)
    for option in OPTIONS:
        yield option.name
        yield from option.choices
        yield option.help
        if option.unit:
            yield option.unit
    for preset in catalog.presets.values():
        yield preset.title
        yield preset.help
        if preset.camera_help:
            yield preset.camera_help
    for shape in catalog.finishes.values():
        # "9:16" is the same everywhere
        if any(map(str.isalpha, shape.title)):
            yield shape.title
    for model in catalog.models.values():
        yield from model.moves


def folder(language: str) -> Path:
    """Return the folder of a language's files."""
    return PACKAGE / "text" / "locale" / language


def path(language: str) -> Path:
    return folder(language) / "LC_MESSAGES" / f"{DOMAIN}.po"


def update(language: str, catalog: Catalog) -> Messages:
    """Return the language's messages as they stand in the file: unused ones are dropped, new ones empty at the end."""
    known = Messages(language, DOMAIN, HEADER, project="Unstill", version="1", fuzzy=False)
    if path(language).exists():
        with path(language).open("rb") as file:
            known = read_po(file, locale=language, domain=DOMAIN)
    found = list(messages(catalog))
    template = Messages(domain=DOMAIN, fuzzy=False)
    # in the file's own order, as that in which folders are read differs from machine to machine
    for id in (*(message.id for message in known if message.id in found), *found):
        template.add(id)
    known.update(template, no_fuzzy_matching=True, update_creation_date=False)
    known.obsolete.clear()
    return known


def converted(language: str, catalog: Catalog) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of a language in `CONVERTED`: its sentences, and the words that are read."""
    from opencc import OpenCC

    conversion = CONVERTED[language]
    replies, words = OpenCC(conversion.replies), OpenCC(conversion.words)
    quotes = str.maketrans(dict(zip("“”", LANGUAGES[language].quotes, strict=True)))

    def sentence(text: str) -> str:
        return str(replies.convert(text)).translate(quotes)

    messages, source = update(language, catalog), update(conversion.source, catalog)
    for message in source:
        made, strings = messages.get(message.id), message.string
        if message.id and made is not None and strings is not None:
            made.string = sentence(strings) if isinstance(strings, str) else tuple(map(sentence, strings))
            made.user_comments = message.user_comments
    yield path(language), written(messages)
    for file in sorted(folder(conversion.source).glob("*.toml")):
        text = words.convert(file.read_text("utf-8")).replace('charset = "gb2312"', f'charset = "{conversion.charset}"')
        yield folder(language) / file.name, text.encode()


def written(messages: Messages) -> bytes:
    """Return the content of a .po file."""
    file = io.BytesIO()
    write_po(file, messages, no_location=True, width=116)
    return file.getvalue()


def main() -> None:
    catalog = Catalog.load()
    made = [language for language in LANGUAGES if language != SOURCE]
    # those that are converted last
    for language in sorted(made, key=CONVERTED.__contains__):
        files = (
            converted(language, catalog)
            if language in CONVERTED
            else [(path(language), written(update(language, catalog)))]
        )
        for file, data in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


if __name__ == "__main__":
    main()
