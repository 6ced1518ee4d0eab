"""Discord's markup."""

from __future__ import annotations

import re

import discord

_MENTION = re.compile(r"@(?=everyone|here|[!&]?\d)")
_COMMAND = re.compile(r"(?<![\w/<:])/([a-z]+)(?![\w/])")


def plain(text: str) -> str:
    """With nothing in it that Discord would read as markup or a mention, also of an id shorter than any there is."""
    return _MENTION.sub("@\u200b", discord.utils.escape_markdown(text, ignore_links=False))


class Markdown:
    """Sets text in Discord's own markdown. `links`: commands by name, as mentions that can be pressed."""

    def __init__(self) -> None:
        self.links: dict[str, str] = {}

    def heading(self, text: str) -> str:
        return f"**{plain(text)}**"

    def term(self, text: str) -> str:
        return f"`{text}`"

    def words(self, text: str) -> str:
        return _COMMAND.sub(lambda found: self.links.get(found[1], found[0]), plain(text))
