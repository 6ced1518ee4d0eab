"""A message: as it stands, as the wire tells it, as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.attachments import Attachment

if TYPE_CHECKING:
    from wire_doubles.discord.channels import Channel
    from wire_doubles.discord.interactions import Interaction
    from wire_doubles.discord.people import Person
    from wire_doubles.discord.threads import Thread
    from wire_doubles.discord.users import User
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

# message flags
EPHEMERAL, LOADING, SUPPRESS_EMBEDS, SILENT, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 2, 1 << 12, 1 << 15
# message types
PLAIN, REPLY, SLASH_ANSWER, MENU_ANSWER = 0, 19, 20, 23
TEXT_DISPLAY = 10
# type of a message reference
FORWARD = 1


@dataclass(frozen=True)
class Sticker:
    """`format` is the platform's: 1 png, 2 apng, 3 lottie, 4 gif."""

    id: int
    name: str
    format: int
    data: bytes

    def wire(self) -> Wire:
        return {"id": str(self.id), "name": self.name, "format_type": self.format}


@dataclass(frozen=True)
class Shown:
    """What a person sees of a message. `buttons` are labels by rows, of those that can be pressed; `author` is a
    name, `reply_to` an id; `pinged` are names, @everyone and roles.
    """

    id: int
    author: str
    text: str
    embeds: tuple[Wire, ...]
    attachments: tuple[Attachment, ...]
    buttons: tuple[tuple[str, ...], ...]
    stickers: tuple[Sticker, ...]
    reply_to: int | None
    edited: bool
    ephemeral: bool
    thinking: bool
    silent: bool
    pinged: tuple[str, ...]
    channel: Channel = field(compare=False, repr=False)
    components: tuple[Wire, ...] = field(compare=False, repr=False, default=())
    reactions: tuple[str, ...] = ()

    @property
    def clips(self) -> tuple[Attachment, ...]:
        return tuple(each for each in self.attachments if each.is_clip)

    @property
    def words(self) -> str:
        """All that can be read: the text, then the texts among the components, then the embeds."""
        parts: list[str | None] = [self.text, *(text for each in self.components for text in _texts(each))]
        for embed in self.embeds:
            parts += [embed.get("author", {}).get("name"), embed.get("title"), embed.get("description")]
            parts += [f"{each['name']}: {each['value']}" for each in embed.get("fields", ())]
            parts.append(embed.get("footer", {}).get("text"))
        return "\n".join(part for part in parts if part)

    def line(self) -> str:
        """For a transcript."""
        head = self.author + (f" > #{self.reply_to}" if self.reply_to else "")
        said = [
            "is thinking..." if self.thinking else self.words,
            *(each.told() for each in self.attachments),
            *(f"[sticker {each.name}]" for each in self.stickers),
        ]
        line = f"#{self.id} {head}: {' '.join(part for part in said if part)}"
        line += " (edited)" * self.edited + " (only you can see this)" * self.ephemeral
        line += "".join(f" {reaction}" for reaction in self.reactions)
        line += f" (pings {', '.join(self.pinged)})" if self.pinged else ""
        return "\n".join([line, *("   " + " ".join(f"[{label}]" for label in row) for row in self.buttons)])


@dataclass(eq=False)
class Message:
    """`only_for` is whom an ephemeral message is shown to; `interaction` what it answers; `forwarded` a copy of the
    message as it stood when it was forwarded.
    """

    world: World
    id: int
    channel: Channel
    author: User
    created_at: str
    content: str = ""
    embeds: list[Wire] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    components: list[Wire] = field(default_factory=list)
    stickers: list[Sticker] = field(default_factory=list)
    flags: int = 0
    type: int = PLAIN
    tts: bool = False
    nonce: str | None = None
    edited_at: str | None = None
    replied: Message | None = None
    replied_id: int | None = None
    forwarded: Message | None = None
    mentions: list[User] = field(default_factory=list)
    mentions_everyone: bool = False
    mentioned_roles: list[int] = field(default_factory=list)
    pinged: list[str] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    interaction: Interaction | None = None
    only_for: Person | None = None
    thread: Thread | None = None
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        return self.only_for is not None

    @property
    def loading(self) -> bool:
        return bool(self.flags & LOADING)

    def buttons(self) -> list[Wire]:
        """The components that somebody can use, depth first."""
        return [each for row in self.components for each in _leaves(row)]

    def wire(self, *, nested: bool = False, handed: bool = False) -> Wire:
        """A Message. Its content is left out where the bot has no right to read it; `handed` to it by a person."""
        world = self.world
        read = handed or world.bot_reads(self)
        wire: Wire = {
            "id": str(self.id), "channel_id": str(self.channel.id), "type": self.type, "author": self.author.wire(),
            "content": self.content if read else "", "embeds": self.embeds if read else [],
            "attachments": [world.cdn.wire(each) for each in self._beside_components()] if read else [],
            "components": world.cdn.components(self.components, self.attachments) if read else [],
            "timestamp": self.created_at, "edited_timestamp": self.edited_at,
            "flags": self.flags, "tts": self.tts, "pinned": False,
            "mention_everyone": self.mentions_everyone, "mentions": [user.wire() for user in self.mentions],
            "mention_roles": [str(role) for role in self.mentioned_roles], "reactions": [
                {"count": 1, "me": True, "emoji": {"id": None, "name": name}} for name in self.reactions
            ],
        }  # fmt: skip
        if self.stickers:
            wire["sticker_items"] = [sticker.wire() for sticker in self.stickers]
        if self.nonce is not None:
            wire["nonce"] = self.nonce
        if self.replied_id is not None:
            reference: Wire = {"type": 0, "message_id": str(self.replied_id), "channel_id": wire["channel_id"]}
            if self.channel.guild:
                reference["guild_id"] = str(self.channel.guild.id)
            wire["message_reference"] = reference
            if not nested:
                target = self.replied
                wire["referenced_message"] = target.wire(nested=True) if target and not target.deleted else None
        if self.forwarded is not None:
            wire |= self._forward_wire(self.forwarded, read=read)
        if self.interaction is not None:
            wire |= {"application_id": str(world.bot.id), "webhook_id": str(world.bot.id)}
            wire["interaction_metadata"] = self.interaction.metadata()
        if self.thread is not None:
            wire["thread"] = self.thread.wire()
        return wire

    def _beside_components(self) -> list[Attachment]:
        """What is shown by a component stands there."""
        return [each for each in self.attachments if f"attachment://{each.name}" not in str(self.components)]

    def _forward_wire(self, copy: Message, *, read: bool) -> Wire:
        """What is forwarded is told without who wrote it."""
        told = copy.wire(handed=read)
        kept = ("type", "content", "embeds", "attachments", "components", "timestamp", "edited_timestamp", "flags")
        snapshot: Wire = {name: told[name] for name in kept} | {"mentions": [], "mention_roles": []}
        if "sticker_items" in told:
            snapshot["sticker_items"] = told["sticker_items"]
        reference: Wire = {"type": FORWARD, "message_id": told["id"], "channel_id": told["channel_id"]}
        if copy.channel.guild:
            reference["guild_id"] = str(copy.channel.guild.id)
        return {"message_reference": reference, "message_snapshots": [{"message": snapshot}] if read else []}

    def event(self) -> Wire:
        """As the gateway carries it, with where it is and who wrote it."""
        wire = self.wire()
        guild = self.channel.guild
        if guild is not None:
            wire["guild_id"] = str(guild.id)
            member = guild.members.get(self.author.id)
            if member is not None and self.interaction is None:
                wire["member"] = member.wire(with_user=False)
            for told in wire["mentions"]:
                mentioned = guild.members.get(int(told["id"]))
                if mentioned is not None:
                    told["member"] = mentioned.wire(with_user=False)
        return wire

    def shown(self) -> Shown:
        rows = [
            tuple(_label(each) for each in _leaves(row) if not each.get("disabled")) for row in self.components
        ]  # fmt: skip
        return Shown(
            id=self.id,
            author=self.author.name,
            text=self.content,
            embeds=tuple(self.embeds),
            attachments=tuple(self.attachments),
            buttons=tuple(row for row in rows if row),
            stickers=tuple(self.stickers),
            reply_to=self.replied_id if self.replied and not self.replied.deleted else None,
            edited=self.edited_at is not None,
            ephemeral=self.ephemeral,
            thinking=self.loading,
            silent=bool(self.flags & SILENT),
            pinged=tuple(self.pinged),
            reactions=tuple(self.reactions),
            channel=self.channel,
            components=tuple(self.components),
        )


def _leaves(component: Wire) -> list[Wire]:
    found = [component] if "custom_id" in component or "url" in component else []
    for each in component.get("components", ()):
        found += _leaves(each)
    if "accessory" in component:
        found += _leaves(component["accessory"])
    return found


def _texts(component: Wire) -> list[str]:
    inner = [component["content"]] if component.get("type") == TEXT_DISPLAY else []
    for each in component.get("components", ()):
        inner += _texts(each)
    return inner


def _label(component: Wire) -> str:
    """A button's label or picture; what a menu shows before anything is chosen."""
    emoji = (component.get("emoji") or {}).get("name")
    words = component.get("label") or component.get("placeholder")
    return " ".join(part for part in (emoji, words) if part) or component["custom_id"]
