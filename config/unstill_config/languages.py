"""The one list of the languages of the replies. Sentences stand in the folders of unstill_bots/text/locale."""

from __future__ import annotations

from typing import Final, NamedTuple


class Language(NamedTuple):
    """`title` is what its speakers call it; `spaced`: whether a blank stands between two sentences.

    `also` are the beginnings of other tags that mean it: of scripts and regions that another one of the same language
    would be given, such as zh_Hant and zh_HK. `quotes` stand before and after what is quoted.
    """

    title: str
    spaced: bool = True
    also: tuple[str, ...] = ()
    quotes: tuple[str, str] = ("“", "”")


SOURCE: Final = "en"
"""The language in which sentences stand in the code."""

LANGUAGES: Final[dict[str, Language]] = {
    "en": Language("English"),
    "zh_CN": Language("简体中文", spaced=False),
    "zh_TW": Language("繁體中文", spaced=False, also=("zh_Hant", "zh_HK", "zh_MO"), quotes=("「", "」")),
    "de": Language("Deutsch", quotes=("„", "“")),
    "es": Language("Español"),
    "fr": Language("Français", quotes=("« ", " »")),
    "pt_BR": Language("Português (Brasil)"),
    "ru": Language("Русский", quotes=("«", "»")),
    "ja": Language("日本語", spaced=False, quotes=("「", "」")),
}
"""All languages by tag. Where there are several of one, the first is for all regions that none of them names."""


def closest(tag: str) -> str:
    """Return the language of the list for a platform's tag, such as 'zh-hant-HK' or 'en-GB'; SOURCE for others."""
    wanted = _folded(tag)
    known = {_folded(each): name for name, language in LANGUAGES.items() for each in (name, *language.also)}
    # from the whole tag to its first subtag alone
    while wanted not in known and "_" in wanted:
        wanted = wanted.rpartition("_")[0]
    related = (name for name in LANGUAGES if first_subtag(name) == wanted)
    return known.get(wanted) or next(related, SOURCE)


def first_subtag(tag: str) -> str:
    """Return what stands before the first '-' or '_', which names the language without script and region: 'zh'."""
    return _folded(tag).partition("_")[0]


def in_general(tag: str) -> bool:
    """Return whether a language of the list is the one for its first subtag alone: of several the first."""
    return closest(first_subtag(tag)) == tag


def _folded(tag: str) -> str:
    return tag.replace("-", "_").lower()
