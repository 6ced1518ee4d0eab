"""A message: as it stands, as the wire tells it, as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wire_doubles.telegram.entities import Entity
from wire_doubles.telegram.media import Media

if TYPE_CHECKING:
    from wire_doubles.telegram.chats import Chat
    from wire_doubles.telegram.people import User

Wire = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a person sees of a message. `buttons` are labels by rows; `sender` is a name, `reply_to` an id."""

    id: int
    sender: str
    text: str
    kind: str
    media: Media | None
    buttons: tuple[tuple[str, ...], ...]
    reply_to: int | None
    thread: int | None
    edited: bool
    forwarded: bool
    album: str | None
    reactions: tuple[str, ...]
    silent: bool
    chat: Chat = field(compare=False, repr=False)
    entities: tuple[Entity, ...] = field(compare=False, repr=False, default=())
    spoiler: bool = False
    opens_answer: bool = False

    @property
    def at_once(self) -> str:
        """The text that is read at once, without what a person has to unfold."""
        text = self.text.encode("utf-16-le")
        for entity in reversed(self.entities):
            if entity["type"] == "expandable_blockquote":
                begin, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
                text = text[:begin] + text[end:]
        return text.decode("utf-16-le").strip()

    def line(self) -> str:
        """For a transcript."""
        head = f"#{self.id} {self.sender}"
        if self.reply_to is not None:
            head += f" > #{self.reply_to}"
        words = [part for part in (self.media.told() if self.media else "", self.text) if part]
        line = f"{head}: {' '.join(words)}"
        line += "".join(f" {reaction}" for reaction in self.reactions) + (" (edited)" if self.edited else "")
        return "\n".join([line, *("   " + " ".join(f"[{label}]" for label in row) for row in self.buttons)])


@dataclass(eq=False)
class Message:
    """`text` is the caption where there is media. `service` holds the fields of a service message, and then `text` says
    them in words. `attached` holds fields that are neither text nor a file. `keyboard` is an inline keyboard's rows of
    InlineKeyboardButton. `external` is the ExternalReplyInfo of a reply into another chat. `posted_at` is `date` with
    its fractions.
    """

    id: int
    chat: Chat
    sender: User
    date: int
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    media: Media | None = None
    keyboard: list[list[Wire]] = field(default_factory=list)
    other_markup: Wire = field(default_factory=dict)
    reply_to: Message | None = None
    thread: int | None = None
    edited_at: int | None = None
    album: str | None = None
    origin: Wire | None = None
    sender_chat: Chat | None = None
    via_bot: User | None = None
    automatic: bool = False
    silent: bool = False
    reactions: list[Wire] = field(default_factory=list)
    service: Wire | None = None
    attached: Wire | None = None
    external: Wire | None = None
    deleted: bool = False
    posted_at: float = 0.0
    spoiler: bool = False

    @property
    def kind(self) -> str:
        if self.service is not None:
            return "service"
        if self.attached is not None:
            return next(iter(self.attached))
        return self.media.kind if self.media else "text"

    def content(self) -> tuple[object, ...]:
        """What an edit must change to be one."""
        return self.text, self.entities, self.media and self.media.file.unique_id, self.keyboard, self.spoiler

    def wire(self, *, nested: bool = False) -> Wire:
        """A Message; a message that it replies to carries no further one."""
        wire: Wire = {"message_id": self.id, "chat": self.chat.wire(), "date": self.date}
        if self.chat.kind != "channel":
            wire["from"] = self.sender.wire()
        if sender_chat := self.sender_chat or (self.chat if self.chat.kind == "channel" else None):
            wire["sender_chat"] = sender_chat.wire()
        if self.service is not None:
            wire |= self.service
        elif self.media:
            wire |= self.media.wire()
            if self.spoiler:
                wire["has_media_spoiler"] = True
            if self.text:
                wire |= {"caption": self.text}
                if self.entities:
                    wire["caption_entities"] = self.entities
        elif self.attached is None:
            wire["text"] = self.text
            if self.entities:
                wire["entities"] = self.entities
        if self.attached is not None:
            wire |= self.attached
            if self.text and not self.media:
                wire["caption"] = self.text
        if self.keyboard:
            wire["reply_markup"] = {"inline_keyboard": self.keyboard}
        if self.reply_to and not self.reply_to.deleted and not nested:
            wire["reply_to_message"] = self.reply_to.wire(nested=True)
        if self.external:
            wire["external_reply"] = self.external
        if self.thread is not None:
            wire["message_thread_id"] = self.thread
            if self.chat.forum:
                wire["is_topic_message"] = True
        if self.edited_at is not None:
            wire["edit_date"] = self.edited_at
        if self.album:
            wire["media_group_id"] = self.album
        if self.origin:
            wire["forward_origin"] = self.origin
        if self.via_bot:
            wire["via_bot"] = self.via_bot.wire()
        if self.automatic:
            wire["is_automatic_forward"] = True
        return wire

    def shown(self) -> Shown:
        # a topic's first message is no visible reply target
        target = self.reply_to if self.reply_to and not self.reply_to.deleted else None
        if target and target.service is not None:
            target = None
        return Shown(
            id=self.id,
            sender=(self.sender_chat or self.sender).name,
            text=self.text,
            kind=self.kind,
            media=self.media,
            buttons=tuple(tuple(button["text"] for button in row) for row in self.keyboard),
            reply_to=target.id if target else None,
            thread=self.thread,
            edited=self.edited_at is not None,
            forwarded=self.origin is not None,
            album=self.album,
            reactions=tuple(str(reaction.get("emoji", "")) for reaction in self.reactions),
            silent=self.silent,
            chat=self.chat,
            entities=tuple(self.entities),
            spoiler=self.spoiler,
            opens_answer=bool(self.other_markup.get("force_reply")),
        )
