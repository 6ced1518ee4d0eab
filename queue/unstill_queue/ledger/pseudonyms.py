"""Names of people, chats and messages that only who holds the bot's token can tell whose they are."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal, Self

from unstill_config.platforms import PLATFORMS, BotSettings
from unstill_config.settings import Settings

Kind = Literal["account", "place", "request", "message", "author"]


class Pseudonyms:
    """What counts beyond a /forgetme is kept under these: used quotas, turns, and requests that were answered.

    Each is an HMAC-SHA256 under a key that is made from the token of the platform's bot, which is never stored in the
    queue's server: without it a name cannot be found by trying all ids of people. `tokens` are by platform. A platform
    without one has a key that everybody knows, as the terminal, and the page, whose people are random numbers; so has a
    process that only reads.
    """

    def __init__(self, tokens: Mapping[str, str] | None = None) -> None:
        self._keys = {platform: _key(token) for platform, token in (tokens or {}).items()}
        self._known = _key("")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        bots = {name: entry for name, entry in settings.platforms().items() if isinstance(entry, BotSettings)}
        return cls({name: entry.token.get_secret_value() for name, entry in bots.items() if entry.token})

    def knows(self, platform: str) -> bool:
        """Return whether this process has the key of a platform's names: its bot's token, where it has a bot."""
        kind = PLATFORMS.get(platform)
        return platform in self._keys or not (kind and issubclass(kind, BotSettings))

    def name(self, kind: Kind, text: str) -> str:
        """32 hexadecimal digits for a text that begins with its platform and a colon."""
        key = self._keys.get(text.partition(":")[0], self._known)
        return hmac.digest(key, f"{kind} {text}".encode(), "sha256").hex()[:32]


def _key(token: str) -> bytes:
    return hmac.digest(token.encode(), b"unstill: names in the queue", hashlib.sha256)
