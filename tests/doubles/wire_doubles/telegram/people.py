"""The people, and what they can do in their app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wire_doubles.telegram import entities, special
from wire_doubles.telegram.chats import Chat, Topic
from wire_doubles.telegram.media import Media
from wire_doubles.telegram.messages import Message, Shown
from wire_doubles.telegram.queries import CallbackQuery, GuestQuery, InlineQuery

if TYPE_CHECKING:
    from wire_doubles.telegram.world import World


@dataclass(eq=False)
class User:
    id: int
    name: str
    username: str = ""
    is_bot: bool = False
    language: str = ""

    def wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        if self.username:
            wire["username"] = self.username
        if self.language:
            wire["language_code"] = self.language
        return wire


# the platform's own accounts: for channel posts in a discussion group, anonymous admins, people who speak as a channel
TELEGRAM = User(777000, "Telegram")
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
AS_CHANNEL = User(136817688, "Channel", "Channel_Bot", is_bot=True)


class Person(User):
    """Whatever is sent returns the message. `as_chat` speaks as an anonymous admin (the group) or as a channel."""

    def __init__(self, world: World, id: int, name: str, username: str, language: str) -> None:
        super().__init__(id, name, username, False, language)
        self._world = world

    def send_text(
        self,
        chat: Chat,
        text: str,
        *,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
        as_chat: Chat | None = None,
    ) -> Message:
        return self._send(chat, text=text, reply_to=reply_to, topic=topic, as_chat=as_chat)

    def send_photo(
        self,
        chat: Chat,
        data: bytes,
        caption: str = "",
        *,
        album: str | None = None,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
        as_chat: Chat | None = None,
        spoiler: bool = False,
        covered: bool = False,
        via: User | None = None,
    ) -> Message:
        """`data` in any format that Pillow reads; photos of one `album` name belong together. `via` is the bot whose
        inline result it is. `spoiler`: the photo is covered; `covered`: the caption is.
        """
        media = self._world.files.photo(data)
        return self._send(
            chat,
            text=caption,
            media=media,
            album=album,
            reply_to=reply_to,
            topic=topic,
            as_chat=as_chat,
            via_bot=via,
            spoiler=spoiler,
            marked=[*entities.find(caption), entities.spoiler(caption)] if covered else None,
        )

    def send_live_photo(self, chat: Chat, data: bytes, film: bytes, caption: str = "") -> Message:
        """A still that moves for a moment: the platform tells of its photo too."""
        still = self._world.files.photo(data)
        clip = self._world.files.clip("video", film, "live.mp4", width=640, height=360, duration=2, thumbnail=None)
        return self._send(chat, text=caption, media=still, attached=special.live_photo(still, clip))

    def share_story(self, chat: Chat, of: User) -> Message:
        """A story of somebody's, of which a bot is told no more than whose it is."""
        return self._send(chat, attached=special.story(of, self._world.next_id()))

    def forward_paid(self, chat: Chat, pictures: list[bytes], caption: str = "", *, bought: bool = True) -> Message:
        """Media for stars, of some channel: its photos, or for who did not buy them how they look from outside."""
        photos = [self._world.files.photo(data) for data in pictures]
        return self._send(chat, text=caption, attached=special.paid(photos, bought=bought))

    def send_album(
        self,
        chat: Chat,
        pictures: list[bytes],
        caption: str = "",
        *,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
    ) -> list[Message]:
        """The caption stands on the first alone."""
        album = str(self._world.next_id())
        return [
            self.send_photo(chat, data, "" if n else caption, album=album, reply_to=reply_to, topic=topic)
            for n, data in enumerate(pictures)
        ]

    def send_document(
        self,
        chat: Chat,
        data: bytes,
        caption: str = "",
        *,
        name: str = "photo.png",
        mime: str = "image/png",
        size: int | None = None,
        album: str | None = None,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
    ) -> Message:
        """`size` in bytes, where the file is to be larger than what the test holds."""
        media = self._world.files.document(data, name, mime, claimed=size)
        return self._send(chat, text=caption, media=media, album=album, reply_to=reply_to, topic=topic)

    def send_sticker(
        self,
        chat: Chat,
        data: bytes,
        *,
        animated: bool = False,
        video: bool = False,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
    ) -> Message:
        media = self._world.files.sticker(data, animated=animated, moving=video)
        return self._send(chat, media=media, reply_to=reply_to, topic=topic)

    def send_video(
        self,
        chat: Chat,
        data: bytes,
        caption: str = "",
        *,
        animation: bool = False,
        width: int = 640,
        height: int = 360,
        duration: int = 5,
        size: int | None = None,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
    ) -> Message:
        media = self._world.files.clip(
            "animation" if animation else "video", data, "video.mp4",
            width=width, height=height, duration=duration, thumbnail=None, claimed=size,
        )  # fmt: skip
        return self._send(chat, text=caption, media=media, reply_to=reply_to, topic=topic)

    def forward(self, message: Message | Shown, to: Chat, *, topic: Topic | None = None) -> Message:
        original = self._world.find(message)
        origin = original.origin or self._world.origin(original)
        return self._send(
            to,
            text=original.text,
            media=original.media,
            origin=origin,
            topic=topic,
            marked=original.entities,
            spoiler=original.spoiler,
        )

    def edit(self, message: Message, text: str) -> None:
        """New words for an own message, or a new caption."""
        with self._world.lock:
            message.text, message.entities = text, entities.find(text)
            message.edited_at = self._world.clock.date()
            self._world.tell("edited_message", message)

    edit_caption = edit

    def delete(self, message: Message | Shown) -> None:
        """For everybody; a bot is not told."""
        with self._world.lock:
            self._world.find(message).deleted = True

    def press(self, button: str, message: Message | Shown) -> CallbackQuery:
        """A button by its label. Raises AssertionError if there is none."""
        with self._world.lock:
            found = self._world.find(message)
            pressed = [each for row in found.keyboard for each in row if each["text"] == button]
            assert pressed, f"no button {button!r} in: {found.shown().line()}"
            assert "callback_data" in pressed[0], f"{button!r} opens something and tells the bot nothing"
            return self._world.ask_callback(self, found, pressed[0]["callback_data"])

    def forge(self, data: str, message: Message | Shown) -> CallbackQuery:
        """A press whose client sends what it likes; the platform says who it was, and under which message."""
        with self._world.lock:
            found = self._world.find(message)
            assert found.keyboard, f"no button to press in: {found.shown().line()}"
            return self._world.ask_callback(self, found, data)

    def inline(self, query: str, *, offset: str = "", chat: Chat | None = None) -> InlineQuery:
        """What is typed after the bot's name, in whatever chat."""
        with self._world.lock:
            return self._world.ask_inline(self, query, offset, chat)

    def share(self, button: str, message: Message | Shown) -> InlineQuery:
        """Press a button that leads to another chat, with the bot's name and a query in it. Raises AssertionError."""
        with self._world.lock:
            found = self._world.find(message)
            pressed = [each for row in found.keyboard for each in row if each["text"] == button]
            assert pressed and "switch_inline_query" in pressed[0], f"no {button!r} in: {found.shown().line()}"
            return self._world.ask_inline(self, pressed[0]["switch_inline_query"], "", None)

    def start(self, query: InlineQuery) -> Message:
        """Press the button above the results of an inline query, which opens the chat with the bot."""
        assert query.button, f"no button above {query}"
        return self.send_text(self._world.private(self), f"/start {query.button['start_parameter']}")

    def summon(self, chat: Chat, text: str, reply_to: Message | Shown | None = None) -> GuestQuery:
        """Name the bot in a chat that it is not in."""
        world = self._world
        with world.lock:
            assert chat.standing in ("left", "kicked"), f"the bot is in {chat.title}"
            assert f"@{world.bot.username}" in text, f"nobody is named in {text!r}"
            return world.ask_guest(self, self._send(chat, text=text, reply_to=reply_to))

    def choose(self, query: InlineQuery, number: int, chat: Chat, *, topic: Topic | None = None) -> Message:
        """Send one of the results."""
        with self._world.lock:
            text, media, marked = self._world.chosen(query, number)
            return self._send(chat, text=text, media=media, via_bot=self._world.bot, topic=topic, marked=marked)

    def block(self) -> None:
        self._world.set_standing(self._world.private(self), "kicked", self)

    def unblock(self) -> None:
        self._world.set_standing(self._world.private(self), "member", self)

    def deactivate(self) -> None:
        """The account is deleted."""
        self._world.private(self).standing = "deactivated"

    def _send(
        self,
        chat: Chat,
        *,
        text: str = "",
        media: Media | None = None,
        album: str | None = None,
        reply_to: Message | Shown | None = None,
        topic: Topic | None = None,
        as_chat: Chat | None = None,
        origin: dict[str, Any] | None = None,
        via_bot: User | None = None,
        marked: list[entities.Entity] | None = None,
        spoiler: bool = False,
        attached: dict[str, Any] | None = None,
    ) -> Message:
        world = self._world
        with world.lock:
            assert chat.migrated_to is None, f"{chat.title} has become a supergroup"
            assert chat.kind == "private" or self in chat.members or as_chat, f"{self.name} is not in {chat.title}"
            replied = world.find(reply_to) if reply_to else None
            external = None
            if replied is not None and replied.chat is not chat:
                external, replied = world.external(replied), None
            message = Message(
                world.next_message_id(chat),
                chat,
                world.speaker(self, chat, as_chat),
                world.clock.date(),
                text,
                entities.find(text) if marked is None else list(marked),
                media,
                album=world.album(chat, album),
                reply_to=replied or (topic.created if topic else None),
                thread=topic.id if topic else world.thread_of(chat, replied),
                origin=origin,
                sender_chat=as_chat,
                via_bot=via_bot,
                spoiler=spoiler,
                attached=attached,
                external=external,
            )
            return world.post(message)
