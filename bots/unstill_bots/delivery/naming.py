"""Names of clips' files, as people find them when they have saved one."""

from __future__ import annotations

import unicodedata

LONGEST = 48
"""Characters of the words in a name."""


def file_name(words: str) -> str:
    """Return the name of a clip that was asked for with `words`: of their letters and digits, in any script."""
    spaced = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in words.lower())
    name = "unstill"
    for word in spaced.split():
        if len(name) + 1 + len(word) > LONGEST:
            break
        name += f"-{word}"
    if name == "unstill" and (word := "".join(spaced.split())):
        # a script that does not space its words
        name += f"-{word[: LONGEST - len(name) - 1]}"
    return f"{name}.mp4"
