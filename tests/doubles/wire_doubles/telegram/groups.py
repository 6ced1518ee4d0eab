"""Groups, supergroups, forums and channels: who comes and goes, and what the admins do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire_doubles.telegram import entities
from wire_doubles.telegram.chats import RIGHTS, Chat, Topic
from wire_doubles.telegram.messages import Message
from wire_doubles.telegram.people import TELEGRAM, Person, User

if TYPE_CHECKING:
    from wire_doubles.telegram.media import Media


class Group(Chat):
    """Its first member is its owner, who does what nobody is named for."""

    def join(self, person: Person) -> None:
        with self._world.lock:
            self.members.append(person)
            self.owner = self.owner or person
            self.announce(f"{person.name} joined the group", person, new_chat_members=[person.wire()])

    def leave(self, person: Person) -> None:
        with self._world.lock:
            self.members.remove(person)
            self.announce(f"{person.name} left the group", person, left_chat_member=person.wire())

    def promote(self, person: Person) -> None:
        self.admins.add(person.id)

    def demote(self, person: Person) -> None:
        self.admins.discard(person.id)

    def add_bot(self, by: Person | None = None) -> None:
        world = self._world
        with world.lock:
            world.set_standing(self, "member", by or self.boss)
            if self.kind != "channel":
                who = by or self.boss
                self.announce(f"{who.name} added {world.bot.name}", who, new_chat_members=[world.bot.wire()])

    def kick_bot(self, by: Person | None = None) -> None:
        world = self._world
        with world.lock:
            world.set_standing(self, "kicked", by or self.boss)
            if self.kind == "channel":
                return
            who = by or self.boss
            gone = self.announce(
                f"{who.name} removed {world.bot.name}", who, tell=False, left_chat_member=world.bot.wire()
            )
            # a supergroup's messages do not reach it any more, this one of a group does
            if self.kind == "group":
                world.updates.add("message", gone.wire(), f"chat {self.id}")

    def bot_says(self, bot: User, text: str = "", picture: bytes | None = None) -> Message:
        """Another bot, who is in the group too, says something; bots are not told of that."""
        world = self._world
        with world.lock:
            media = world.files.photo(picture) if picture else None
            message = Message(world.next_message_id(self), self, bot, world.clock.date(), text, media=media)
            self.messages[message.id] = message
            self.last_bot = bot
            return message

    def mute_bot(self, by: Person | None = None, *, only: frozenset[str] = frozenset(RIGHTS)) -> None:
        """Take rights from it, all by default: names of ChatPermissions."""
        self._world.set_standing(self, "restricted", by or self.boss, forbidden=only)

    def unmute_bot(self, by: Person | None = None) -> None:
        self._world.set_standing(self, "member", by or self.boss)

    def promote_bot(self, by: Person | None = None) -> None:
        self._world.set_standing(self, "administrator", by or self.boss)

    def demote_bot(self, by: Person | None = None) -> None:
        self._world.set_standing(self, "member", by or self.boss)

    def topic(self, name: str, by: Person | None = None) -> Topic:
        """A new one, in a forum."""
        with self._world.lock:
            assert self.forum, f"{self.title} is no forum"
            who = by or self.boss
            created = self.announce(
                f"{who.name} created the topic {name}", who, tell=False,
                forum_topic_created={"name": name, "icon_color": 7322096},
            )  # fmt: skip
            created.thread = created.id
            topic = self.topics[created.id] = Topic(created.id, name, created)
            self._world.tell("message", created)
            return topic

    def close_topic(self, topic: Topic) -> None:
        topic.closed = True

    def delete_topic(self, topic: Topic) -> None:
        """With all that stands in it."""
        with self._world.lock:
            topic.deleted = True
            for message in self.messages.values():
                message.deleted |= message.thread == topic.id

    def publish(self, text: str = "", picture: bytes | None = None) -> Message:
        """A channel's post; returns it, or its copy in the discussion group where there is one."""
        world = self._world
        with world.lock:
            assert self.kind == "channel"
            media: Media | None = world.files.photo(picture) if picture else None
            post = world.post(
                Message(
                    world.next_message_id(self),
                    self,
                    self.boss,
                    world.clock.date(),
                    text,
                    entities.find(text),
                    media,
                    sender_chat=self,
                )
            )
            if self.discussion is None:
                return post
            group = self.discussion
            copy = Message(
                world.next_message_id(group), group, TELEGRAM, world.clock.date(), text, list(post.entities), media,
                sender_chat=self, automatic=True, origin=world.origin(post),
            )  # fmt: skip
            return world.post(copy)

    @property
    def boss(self) -> Person:
        assert self.owner, f"nobody is in {self.title}"
        return self.owner

    def announce(self, words: str, by: User, *, tell: bool = True, **service: object) -> Message:
        """A service message."""
        world = self._world
        message = Message(world.next_message_id(self), self, by, world.clock.date(), words, service=dict(service))
        self.messages[message.id] = message
        if tell:
            world.tell("message", message)
        return message
