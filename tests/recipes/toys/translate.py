"""Stands in for translators: puts marks around the English of every sentence that a language has no words for yet.

Without an argument it does that for all languages.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.pofile import read_po, write_po

LOCALE = Path("bots/unstill_bots/text/locale")


def main(path: Path) -> None:
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parts[-3], domain="unstill")
    for message in catalog:
        if not message.id:
            continue
        if isinstance(message.id, str):
            message.string = message.string or f"¡{message.id}"
        elif not all(message.string or ()):
            message.string = tuple(f"¡{message.id[-1]}" for _ in range(catalog.num_plurals))
    with path.open("wb") as file:
        write_po(file, catalog, no_location=True, width=116)


if __name__ == "__main__":
    for each in sorted(LOCALE.glob(f"{sys.argv[1] if sys.argv[1:] else '*'}/LC_MESSAGES/unstill.po")):
        main(each)
