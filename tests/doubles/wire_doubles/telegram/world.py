"""Everything that the platform knows: one bot, the people, the chats, what was said and what waits for the bot."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire_doubles.clock import Clock
from wire_doubles.telegram.chats import Chat, Standing, bot_member
from wire_doubles.telegram.entities import Entity
from wire_doubles.telegram.files import Files
from wire_doubles.telegram.groups import Group
from wire_doubles.telegram.limits import Limits
from wire_doubles.telegram.media import Media
from wire_doubles.telegram.messages import Message, Shown
from wire_doubles.telegram.people import ANONYMOUS, AS_CHANNEL, Person, User
from wire_doubles.telegram.queries import CallbackQuery, GuestQuery, InlineQuery
from wire_doubles.telegram.trouble import Trouble
from wire_doubles.telegram.updates import Updates

SUPERGROUP = -1_000_000_000_000


@dataclass(frozen=True)
class Answered:
    """One call in the log: its HTTP status, 0 where the connection was cut, and what was said."""

    at: float
    method: str
    chat_id: int
    status: int
    description: str
    size: int


@dataclass
class Profile:
    """What the bot told about itself. Commands are keyed by scope and language, menu buttons by chat, 0 for all;
    the newest photo is the first. `app` is the address that the menu button opens, and what is written on it.
    """

    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    menu_buttons: dict[int, str] = field(default_factory=dict)
    photos: list[Media] = field(default_factory=list)
    app: tuple[str, str] | None = None


class World:
    """All of it is reached under `lock`: the bot's calls and the people may come from different threads."""

    def __init__(self, token: str, username: str, *, seed: int = 0, folder: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.token = token
        self.clock = Clock()
        self.bot = User(int(token.split(":")[0]), username.removesuffix("_bot").capitalize(), username, is_bot=True)
        self.files = Files(self.bot.id, self.clock, folder)
        self.limits = Limits(self.clock)
        self.trouble = Trouble(seed)
        self.updates = Updates(self.clock, self.lock)
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.callbacks: dict[str, CallbackQuery] = {}
        self.inlines: dict[str, InlineQuery] = {}
        self.guests: dict[str, GuestQuery] = {}
        self.inline_messages: dict[str, Message] = {}
        self.profile = Profile()
        self.log: list[Answered] = []
        self.privacy = True
        self.inline_enabled = True
        self.guests_enabled = True
        self.feedback = True
        self.query_seconds = 60.0
        self.edit_seconds = 48 * 3600.0
        self._ids = itertools.count(1)
        self._message_ids = itertools.count(1)
        self._albums: dict[tuple[int, str], str] = {}

    def next_id(self) -> int:
        return next(self._ids)

    def next_message_id(self, chat: Chat) -> int:
        """Supergroups and channels count their own; private chats and groups share the bot's."""
        if chat.kind in ("supergroup", "channel"):
            chat.last_message_id += 1
            return chat.last_message_id
        return next(self._message_ids)

    def private(self, person: Person) -> Chat:
        if person.id not in self.chats:
            chat = Chat(self, person.id, "private", person.name)
            chat.person = person
            self.chats[person.id] = chat
        return self.chats[person.id]

    def open_group(self, title: str, kind: str, *, forum: bool = False) -> Group:
        number = self.next_id()
        if kind == "group":
            chat = Group(self, -(4_000_000 + number), "group", title)
        else:
            chat = Group(
                self, SUPERGROUP - 1_500_000_000 - number, "channel" if kind == "channel" else "supergroup", title,
                forum=forum,
            )  # fmt: skip
        self.chats[chat.id] = chat
        return chat

    def find(self, message: Message | Shown) -> Message:
        """The message itself. Raises AssertionError if people cannot see it any more."""
        if isinstance(message, Shown):
            message = message.chat.messages[message.id]
        assert not message.deleted, f"deleted: {message.shown().line()}"
        return message

    def post(self, message: Message) -> Message:
        """It stands in its chat now, and the bot gets to know if it may."""
        with self.lock:
            chat = message.chat
            chat.messages[message.id] = message
            message.posted_at = self.clock.now()
            if message.sender.is_bot and message.sender_chat is None:
                chat.last_bot = message.sender
            if chat.kind == "private" and chat.standing == "stranger" and message.sender is not self.bot:
                chat.standing = "member"
            self.tell("channel_post" if chat.kind == "channel" else "message", message)
            return message

    def tell(self, kind: str, message: Message) -> None:
        if self._bot_sees(message):
            self.updates.add(kind, message.wire(), f"chat {message.chat.id}")

    def _bot_sees(self, message: Message) -> bool:
        """Privacy mode: commands for it, replies to it, and what was sent through it; no mentions.

        A command without a name is for the bot that spoke last, and what names another bot is that one's alone.
        """
        chat = message.chat
        if message.sender is self.bot or chat.standing in ("left", "kicked", "deactivated"):
            return False
        if chat.kind == "private" or message.service is not None or message.via_bot is self.bot:
            return True
        if chat.standing == "administrator" or (chat.is_group and not self.privacy):
            return True
        if chat.kind == "channel":
            return False
        named = {to.lower() for to in re.findall(r"(?:^|\s)/\w+(?:@(\w+))?", message.text)}
        if self.bot.username.lower() in named:
            return True
        if named - {""}:
            return False
        if message.reply_to and message.reply_to.sender.is_bot and message.reply_to.sender_chat is None:
            return message.reply_to.sender is self.bot
        return bool(named) and chat.last_bot is self.bot

    def speaker(self, person: Person, chat: Chat, as_chat: Chat | None) -> User:
        if as_chat is None:
            return person
        return ANONYMOUS if as_chat is chat else AS_CHANNEL

    def thread_of(self, chat: Chat, replied: Message | None) -> int | None:
        """A reply stands in its target's topic; in a supergroup that is no forum replies make a thread."""
        if replied is None or chat.kind != "supergroup":
            return None
        if chat.forum:
            return replied.thread
        return replied.thread if replied.thread is not None else replied.id

    def album(self, chat: Chat, name: str | None) -> str | None:
        if name is None:
            return None
        return self._albums.setdefault((chat.id, name), str(13_600_000_000_000_000 + self.next_id()))

    def origin(self, message: Message) -> dict[str, Any]:
        """A MessageOrigin for a forward of it."""
        if message.sender_chat and message.sender_chat.kind == "channel":
            about = {"type": "channel", "chat": message.sender_chat.wire(), "message_id": message.id}
        elif message.sender_chat:
            about = {"type": "chat", "sender_chat": message.sender_chat.wire()}
        else:
            about = {"type": "user", "sender_user": message.sender.wire()}
        return {**about, "date": message.date}

    def external(self, message: Message) -> dict[str, Any]:
        """An ExternalReplyInfo for a reply to it from another chat."""
        about: dict[str, Any] = {"origin": self.origin(message)}
        if message.chat.kind in ("supergroup", "channel"):
            about |= {"chat": message.chat.wire(), "message_id": message.id}
        if message.media:
            about |= message.media.wire()
        if message.spoiler:
            about["has_media_spoiler"] = True
        return about

    def set_standing(
        self, chat: Chat, standing: Standing, by: User, *, forbidden: frozenset[str] = frozenset(), tell: bool = True
    ) -> None:
        with self.lock:
            old = bot_member(self.bot.wire(), chat.standing, chat.forbidden)
            chat.standing, chat.forbidden = standing, forbidden
            if not tell:
                return
            change = {
                "chat": chat.wire(),
                "from": by.wire(),
                "date": self.clock.date(),
                "old_chat_member": old,
                "new_chat_member": bot_member(self.bot.wire(), standing, forbidden),
            }
            self.updates.add("my_chat_member", change, f"chat {chat.id}")

    def ask_callback(self, person: Person, message: Message, data: str) -> CallbackQuery:
        query = CallbackQuery(str(4_000_000_000_000 + self.next_id()), person, self.clock.now(), False, message, data)
        self.callbacks[query.id] = query
        wire = {
            "id": query.id,
            "from": person.wire(),
            "message": message.wire(),
            "chat_instance": str(abs(message.chat.id) * 7),
            "data": data,
        }
        if message.chat.standing not in ("left", "kicked"):
            self.updates.add("callback_query", wire, f"callback {person.id}")
        return query

    def ask_inline(self, person: Person, words: str, offset: str, chat: Chat | None) -> InlineQuery:
        query = InlineQuery(str(5_000_000_000_000 + self.next_id()), person, self.clock.now(), False, words)
        self.inlines[query.id] = query
        wire: dict[str, Any] = {"id": query.id, "from": person.wire(), "query": words, "offset": offset}
        if chat:
            wire["chat_type"] = "sender" if chat.person is person else chat.kind
        if self.inline_enabled:
            self.updates.add("inline_query", wire, f"inline {person.id}")
        return query

    def ask_guest(self, person: Person, message: Message) -> GuestQuery:
        """Tell the bot of a message that names it in a chat that it is not in, with what that message replies to."""
        query = GuestQuery(str(6_000_000_000_000 + self.next_id()), person, self.clock.now(), False, message)
        self.guests[query.id] = query
        if self.guests_enabled:
            self.updates.add("guest_message", {**message.wire(), "guest_query_id": query.id}, f"guest {person.id}")
        return query

    def chosen(self, query: InlineQuery, number: int) -> tuple[str, Media | None, list[Entity] | None]:
        """What a result puts into a chat; the bot is told who chose it."""
        result = query.results[number]
        files = [value for name, value in result.items() if name.endswith("_file_id")]
        if self.feedback:
            wire = {"result_id": result["id"], "from": query.person.wire(), "query": query.query}
            self.updates.add("chosen_inline_result", wire, f"inline {query.person.id}")
        media = self.files.known(files[0]) if files else None
        text = result.get("caption") or result.get("input_message_content", {}).get("message_text", "")
        return text, media, result.get("caption_entities")
