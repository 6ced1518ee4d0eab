"""Threads and forum posts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wire_doubles.discord.channels import PRIVATE_THREAD, PUBLIC_THREAD, Channel
from wire_doubles.discord.permissions import NOTHING, Can, Overwrite

if TYPE_CHECKING:
    from wire_doubles.discord.users import User
    from wire_doubles.discord.world import World


class Thread(Channel):
    """What holds in its parent holds in it."""

    def __init__(
        self, world: World, id: int, name: str, parent: Channel, owner: User, *, private: bool = False
    ) -> None:
        super().__init__(world, id, PRIVATE_THREAD if private else PUBLIC_THREAD, name, parent.guild)
        self.parent = parent
        self.owner = owner
        self.joined: set[int] = {owner.id}
        self.archived = False
        self.locked = False
        self.archived_at = world.timestamp()

    @property
    def is_thread(self) -> bool:
        return True

    def permissions(self, user: User) -> Can:
        granted = super().permissions(user)
        if self.kind == PRIVATE_THREAD and user.id not in self.joined and Can.MANAGE_THREADS not in granted:
            return NOTHING
        return granted

    def add(self, user: User) -> None:
        """Let into a private one."""
        world = self._world
        with world.lock:
            self.joined.add(user.id)
            if user is world.bot and self.guild:
                world.tell_guild("THREAD_CREATE", self.guild, self.wire(), seen_in=self)

    def archive(self, *, locked: bool = False) -> None:
        """Closed by a moderator, or by time."""
        self.set(archived=True, locked=locked)

    def open(self) -> None:
        self.set(archived=False, locked=False)

    def set(self, *, archived: bool, locked: bool) -> None:
        world = self._world
        with world.lock:
            self.archived, self.locked = archived, locked
            self.archived_at = world.timestamp()
            assert self.guild
            world.tell_guild("THREAD_UPDATE", self.guild, self.wire(), seen_in=self)

    def delete(self) -> None:
        world = self._world
        with world.lock:
            assert self.guild
            told = {
                "id": str(self.id), "guild_id": str(self.guild.id), "parent_id": str(self.parent.id),
                "type": self.kind,
            }  # fmt: skip
            world.tell_guild("THREAD_DELETE", self.guild, told, seen_in=self)
            self.deleted = True

    def wire(self) -> dict[str, Any]:
        assert self.guild
        standing = len(self.messages)
        return {
            "id": str(self.id), "type": self.kind, "guild_id": str(self.guild.id), "name": self.name,
            "parent_id": str(self.parent.id), "owner_id": str(self.owner.id), "flags": 0, "applied_tags": [],
            "message_count": standing, "total_message_sent": standing, "member_count": len(self.joined),
            "rate_limit_per_user": 0, "last_message_id": self.last_message_id(),
            "thread_metadata": {
                "archived": self.archived, "locked": self.locked, "auto_archive_duration": 1440,
                "archive_timestamp": self.archived_at, "invitable": True,
            },
        }  # fmt: skip

    def _ruling_overwrites(self) -> list[Overwrite]:
        return list(self.parent.overwrites.values())
