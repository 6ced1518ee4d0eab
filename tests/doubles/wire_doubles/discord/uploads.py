"""How large an attachment may be: what the platform tells, and what it really takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire_doubles.discord.guilds import UPLOADS

if TYPE_CHECKING:
    from wire_doubles.discord.guilds import Guild


class Uploads:
    """In bytes. `told` and `taken` None: by the server's boosts."""

    def __init__(self) -> None:
        self.told: int | None = None
        self.taken: int | None = None

    def limit(self, guild: Guild | None) -> int:
        """What interactions say."""
        return self.told if self.told is not None else _by_boosts(guild)

    def real(self, guild: Guild | None) -> int:
        """What is refused when it is larger."""
        return self.taken if self.taken is not None else _by_boosts(guild)


def _by_boosts(guild: Guild | None) -> int:
    return guild.upload_limit if guild else UPLOADS[0]
