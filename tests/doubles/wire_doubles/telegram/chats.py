"""Chats of every kind: who is in them, what the bot may do there, what stands in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wire_doubles.telegram.messages import Message, Shown
from wire_doubles.waiting import PATIENCE

if TYPE_CHECKING:
    from wire_doubles.telegram.people import Person, User
    from wire_doubles.telegram.world import World

ChatKind = Literal["private", "group", "supergroup", "channel"]
Standing = Literal["member", "administrator", "restricted", "left", "kicked", "stranger", "deactivated"]
RIGHTS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews",
)  # fmt: skip


@dataclass(eq=False)
class Topic:
    """A forum's; `id` is its message_thread_id."""

    id: int
    name: str
    created: Message
    closed: bool = False
    deleted: bool = False


class Chat:
    """`standing` is the bot's. In a private chat, 'stranger' is who never wrote to it, 'kicked' who blocked it.
    `reactions` are those that may be given, None for all.
    """

    def __init__(self, world: World, id: int, kind: ChatKind, title: str, *, forum: bool = False) -> None:
        self._world = world
        self.id = id
        self.kind = kind
        self.title = title
        self.forum = forum
        self.person: Person | None = None
        self.members: list[Person] = []
        self.owner: Person | None = None
        self.admins: set[int] = set()
        self.standing: Standing = "stranger" if kind == "private" else "member"
        self.forbidden: frozenset[str] = frozenset()
        self.topics: dict[int, Topic] = {}
        self.discussion: Chat | None = None
        self.linked: Chat | None = None
        self.migrated_to: Chat | None = None
        self.migrated_from: Chat | None = None
        self.messages: dict[int, Message] = {}
        self.actions: list[str] = []
        self.last_message_id = 0
        self.last_bot: User | None = None
        self.reactions: frozenset[str] | None = None

    @property
    def name(self) -> str:
        return self.title

    @property
    def is_group(self) -> bool:
        return self.kind in ("group", "supergroup")

    def wire(self) -> dict[str, Any]:
        if self.person:
            about = self.person.wire()
            keep = ("first_name", "last_name", "username")
            return {"id": self.id, "type": "private", **{name: about[name] for name in keep if name in about}}
        wire: dict[str, Any] = {"id": self.id, "type": self.kind, "title": self.title}
        if self.forum:
            wire["is_forum"] = True
        return wire

    def history(self, *, services: bool = False, topic: Topic | None = None) -> list[Shown]:
        """The messages that stand there now, in their order; `services` are the platform's own."""
        with self._world.lock:
            return [
                message.shown()
                for message in self.messages.values()
                if not message.deleted
                and (services or message.service is None)
                and (topic is None or message.thread == topic.id)
            ]

    def transcript(self, *, services: bool = False) -> str:
        return "\n".join(shown.line() for shown in self.history(services=services))

    async def until(self, said: Callable[[list[Shown]], bool], seconds: float = PATIENCE) -> list[Shown]:
        """The history once `said` holds for it. Raises AssertionError with the transcript."""
        ends = time.monotonic() + seconds
        while not said(history := self.history()):
            if time.monotonic() > ends:
                raise AssertionError(f"after {seconds:g} s {self.title} shows:\n{self.transcript()}")
            await asyncio.sleep(0.02)
        return history

    def member_wire(self, person_id: int) -> dict[str, Any] | None:
        """A ChatMember, None for who is unknown."""
        world = self._world
        if person_id == world.bot.id:
            return bot_member(world.bot.wire(), self.standing, self.forbidden)
        person = world.people.get(person_id)
        if person is None:
            return None
        user = person.wire()
        if person is self.owner:
            return {"user": user, "status": "creator", "is_anonymous": False}
        if person.id in self.admins:
            return bot_member(user, "administrator", frozenset())
        return {"user": user, "status": "member" if person in self.members or self.person is person else "left"}

    def is_admin(self, person_id: int) -> bool:
        if person_id == self._world.bot.id:
            return self.standing == "administrator"
        return person_id in self.admins or bool(self.owner and self.owner.id == person_id)


def bot_member(user: dict[str, Any], standing: Standing, forbidden: frozenset[str]) -> dict[str, Any]:
    match standing:
        case "administrator":
            rights = (
                "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
                "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories",
                "can_edit_stories", "can_delete_stories", "can_pin_messages",
            )  # fmt: skip
            flags = {"can_be_edited": False, "is_anonymous": False, **dict.fromkeys(rights, True)}
            return {"user": user, "status": "administrator", **flags}
        case "restricted":
            flags = {right: right not in forbidden for right in RIGHTS}
            others = dict.fromkeys(
                ("can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics", "can_edit_tag"), False
            ) | {"can_react_to_messages": True}
            return {"user": user, "status": "restricted", "is_member": True, **flags, **others, "until_date": 0}
        case "kicked":
            return {"user": user, "status": "kicked", "until_date": 0}
        case "member":
            return {"user": user, "status": "member"}
        case _:
            return {"user": user, "status": "left"}
