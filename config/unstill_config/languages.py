"""The one list of the languages of the replies. Sentences stand in the folders of unstill_bots/text/locale."""

from __future__ import annotations

from typing import Final, NamedTuple


class Language(NamedTuple):
    """`title` is what its speakers call it; `spaced`: whether a blank stands between two sentences."""

    title: str
    spaced: bool = True


SOURCE: Final = "en"
"""The language in which sentences stand in the code."""

LANGUAGES: Final[dict[str, Language]] = {
    "en": Language("English"),
    "zh_CN": Language("简体中文", spaced=False),
}


def closest(tag: str) -> str:
    """Return the language of the list for a platform's tag, such as 'zh-hans' or 'en-GB'; SOURCE for others."""
    wanted = tag.replace("-", "_").lower()
    exact = (name for name in LANGUAGES if name.lower() == wanted)
    related = (name for name in LANGUAGES if first_subtag(name) == first_subtag(wanted))
    return next(exact, None) or next(related, SOURCE)


def first_subtag(tag: str) -> str:
    """Return what stands before the first '-' or '_', which names the language without script and region: 'zh'."""
    return tag.replace("-", "_").lower().partition("_")[0]
