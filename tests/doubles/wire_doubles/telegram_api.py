"""Telegram's Bot API on the loopback: one bot, the people who talk to it, and what they see.

    async with TelegramApi("123456:token") as telegram:
        ann = telegram.person("Ann")
        chat = telegram.private(ann)
        ann.send_photo(chat, png, "slow zoom in")          # the bot under test gets it at telegram.url
        await chat.until(lambda history: history[-1].kind == "animation")

The bot is whatever program calls `url`. People act from the server's own loop or, with `threaded`, from any thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from wire_doubles.double import Double
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.files import Files
from wire_doubles.telegram.groups import Group
from wire_doubles.telegram.limits import Limits
from wire_doubles.telegram.people import Person, User
from wire_doubles.telegram.server import Server
from wire_doubles.telegram.trouble import Trouble
from wire_doubles.telegram.webhook import Webhook
from wire_doubles.telegram.world import Answered, World

TOKEN = "4321:AAF-telegram-double-token-0123456789"  # noqa: S105  of no real bot


class TelegramApi(Double[User, Limits, Trouble, Answered]):
    """`seed` decides the misbehaviour. `folder` makes it a local Bot API server, with its files in there.

    Methods stand at `<url>/bot<token>/<method>`, files at `<url>/file/bot<token>/<path>`.
    """

    def __init__(
        self, token: str = TOKEN, *, username: str = "unstill_bot", seed: int = 0, folder: Path | None = None
    ) -> None:
        self.world = World(token, username, seed=seed, folder=folder)
        self._server = Server(self.world)
        super().__init__(self.world, self._server)

    @classmethod
    @contextlib.contextmanager
    def threaded(
        cls, token: str = TOKEN, *, username: str = "unstill_bot", seed: int = 0, folder: Path | None = None
    ) -> Iterator[Self]:
        """The server in a thread with a loop of its own."""
        with cls(token, username=username, seed=seed, folder=folder).in_thread("telegram") as telegram:
            yield telegram

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def files(self) -> Files:
        return self.world.files

    @property
    def webhook(self) -> Webhook:
        return self._server.webhook

    @property
    def chats(self) -> list[Chat]:
        return list(self.world.chats.values())

    def calls(self, *methods: str) -> list[Answered]:
        """The log of these methods."""
        return [answered for answered in self.log if answered.method in methods]

    def person(self, name: str, id: int | None = None, *, username: str = "", language: str = "en") -> Person:
        """Somebody who never wrote to the bot."""
        world = self.world
        with world.lock:
            person = Person(world, id or 500_000 + world.next_id(), name, username or name.lower(), language)
            world.people[person.id] = person
            return person

    def other_bot(self, name: str) -> User:
        """A bot that is not the one under test, to speak in groups and to send things through."""
        return User(900_000 + self.world.next_id(), name, f"{name.lower()}_bot", is_bot=True)

    def private(self, person: Person) -> Chat:
        """Their chat with the bot. Before they write there, it may not."""
        return self.world.private(person)

    def group(
        self, title: str, members: list[Person], *, supergroup: bool = True, forum: bool = False, bot: bool = True
    ) -> Group:
        """The first member owns it; `bot` is added by them."""
        return self._opened(title, "supergroup" if supergroup else "group", members, forum=forum, bot=bot)

    def channel(self, title: str, owner: Person, *, discussion: Group | None = None, bot: bool = False) -> Group:
        channel = self._opened(title, "channel", [owner], bot=bot)
        channel.discussion = discussion
        if discussion:
            discussion.linked = channel
        return channel

    def migrate(self, group: Group) -> Group:
        """The supergroup that a group becomes; its messages stay behind with their numbers."""
        world = self.world
        with world.lock:
            assert group.kind == "group", f"{group.title} is a {group.kind}"
            new = world.open_group(group.title, "supergroup")
            new.members, new.owner, new.admins = list(group.members), group.owner, set(group.admins)
            new.standing, new.migrated_from = group.standing, group
            moved = "The group became a supergroup"
            group.announce(moved, group.boss, migrate_to_chat_id=new.id)
            group.migrated_to = new
            new.announce(moved, group.boss, migrate_from_chat_id=group.id)
            return new

    def _opened(self, title: str, kind: str, members: list[Person], *, forum: bool = False, bot: bool = True) -> Group:
        world = self.world
        with world.lock:
            group = world.open_group(title, kind, forum=forum)
            group.members, group.owner = list(members), members[0]
            group.standing = "left"
            if bot and kind == "channel":
                group.promote_bot()
            elif bot:
                group.add_bot()
            return group
