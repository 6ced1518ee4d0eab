"""Stands in for a translator: puts marks around the English of every sentence of a language."""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.pofile import read_po, write_po

LOCALE = Path("bots/unstill_bots/text/locale")


def main(language: str) -> None:
    path = LOCALE / language / "LC_MESSAGES" / "unstill.po"
    with path.open("rb") as file:
        catalog = read_po(file, locale=language, domain="unstill")
    for message in catalog:
        if isinstance(message.id, str):
            message.string = f"¡{message.id}" if message.id else message.string
        else:
            message.string = tuple(f"¡{message.id[-1]}" for _ in range(catalog.num_plurals))
    with path.open("wb") as file:
        write_po(file, catalog)


if __name__ == "__main__":
    main(sys.argv[1])
