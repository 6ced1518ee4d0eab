"""Telegram's markup. A command in words needs none: the apps make it a link."""

from __future__ import annotations

from html import escape


class Html:
    """Sets text for parse_mode HTML."""

    def heading(self, text: str) -> str:
        return f"<b>{self.words(text)}</b>"

    def term(self, text: str) -> str:
        return f"<code>{self.words(text)}</code>"

    def words(self, text: str) -> str:
        return escape(text, quote=False)
