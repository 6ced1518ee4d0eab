"""Accounts: the bot's, people's, and those of other bots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class User:
    """`avatar` is a hash, None for the platform's own picture."""

    id: int
    name: str
    username: str
    is_bot: bool = False
    avatar: str | None = None
    locale: str = "en-US"

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "id": str(self.id), "username": self.username, "discriminator": "0", "global_name": self.name,
            "avatar": self.avatar, "public_flags": 0, "avatar_decoration_data": None, "primary_guild": None,
        }  # fmt: skip
        if self.is_bot:
            wire["bot"] = True
        return wire
