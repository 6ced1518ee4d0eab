"""Somebody used the application: what the bot is told, what it did about it, what the person sees."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from wire_doubles.discord.attachments import Attachment
from wire_doubles.discord.messages import Message, Shown
from wire_doubles.discord.permissions import Can
from wire_doubles.waiting import PATIENCE

if TYPE_CHECKING:
    from wire_doubles.discord.channels import Channel
    from wire_doubles.discord.people import Person
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

# interaction types
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
# callback types
MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
# contexts and installations
IN_GUILD, IN_BOT_DM, IN_PRIVATE = 0, 1, 2
TO_GUILD, TO_USER = 0, 1
NO_ANSWER = {
    COMMAND: "The application did not respond",
    COMPONENT: "This interaction failed",
    MODAL_SUBMIT: "Something went wrong. Try again.",
    AUTOCOMPLETE: "Loading options failed",
}
# what an application that only the person has installed may do with what it answers
PRIVATE = Can.ATTACH_FILES | Can.EMBED_LINKS | Can.MENTION_EVERYONE | Can.USE_EXTERNAL_EMOJIS

Kind = Literal["nothing yet", "failed", "message", "thinking", "acknowledged", "updated", "modal", "choices"]


@dataclass(frozen=True)
class Seen:
    """What the person has before them. `message` is the answer or the message that was changed."""

    kind: Kind
    text: str = ""
    message: Shown | None = None
    modal: Wire | None = None
    choices: tuple[Wire, ...] = ()


@dataclass(eq=False)
class Interaction:
    """`message` carries the component that was used; `source` is what opened a modal."""

    world: World
    id: int
    token: str
    type: int
    person: Person
    channel: Channel
    data: Wire
    asked_at: float
    message: Message | None = None
    source: Interaction | None = None
    attachments: list[Attachment] = field(default_factory=list)
    callback: int | None = None
    answered_at: float | None = None
    original: Message | None = None
    followups: int = 0
    modal: Wire | None = None
    choices: tuple[Wire, ...] = ()
    answers: list[Seen] = field(default_factory=list)

    @property
    def expired(self) -> bool:
        """Its token is of no use any more."""
        world = self.world
        return world.clock.now() - self.asked_at > world.token_seconds

    @property
    def too_late(self) -> bool:
        return self.world.clock.now() - self.asked_at > self.world.answer_seconds

    @property
    def in_guild_with_bot(self) -> bool:
        return self.channel.guild is not None and self.channel.guild.bot_is_in

    @property
    def by_user_install(self) -> bool:
        """Only because the person has installed it."""
        return not self.in_guild_with_bot and not self.channel.with_bot

    @property
    def must_be_ephemeral(self) -> bool:
        """The server keeps applications that its members bring along from speaking to all."""
        if not self.by_user_install or self.channel.guild is None:
            return False
        return Can.USE_EXTERNAL_APPS not in self.channel.permissions(self.person)

    @property
    def upload_limit(self) -> int:
        return self.world.uploads.real(self.channel.guild)

    def seen(self) -> Seen:
        """Now."""
        with self.world.lock:
            if self.callback is None:
                return Seen("failed", NO_ANSWER[self.type]) if self.too_late else Seen("nothing yet")
            if self.callback == CHOICES:
                return Seen("choices", choices=self.choices)
            if self.callback == MODAL:
                assert self.modal
                return Seen("modal", self.modal["title"], modal=self.modal)
            if self.callback == DEFERRED_UPDATE:
                return Seen("acknowledged")
            message = self.original
            if message is None or message.deleted:
                return Seen("acknowledged")
            shown = message.shown()
            if self.callback == UPDATE:
                return Seen("updated", shown.words, shown)
            if message.loading:
                # a deferred answer that never comes is given up with its token
                failed = self.expired
                return Seen("failed", NO_ANSWER[COMMAND], shown) if failed else Seen("thinking", message=shown)
            return Seen("message", shown.words, shown)

    async def answered(self, seconds: float = PATIENCE, *, finally_: bool = False) -> Seen:
        """Return what the person saw first, however long ago; with `finally_`, the first that was more than thinking.

        Raises AssertionError.
        """
        ends = time.monotonic() + seconds
        while True:
            with self.world.lock:
                now = self.seen()
                for seen in self.answers or [now]:
                    if seen.kind != "nothing yet" and not (finally_ and seen.kind == "thinking"):
                        return seen
                if now.kind == "failed":
                    return now
            assert time.monotonic() < ends, f"after {seconds:g} s {self.person.name} still sees: {now.kind}"
            await asyncio.sleep(0.02)

    def shows(self) -> None:
        """Remember what the person sees now as an answer: the bot may change it in the next moment."""
        self.answers.append(self.seen())

    def deliver(self) -> None:
        """The bot is told; again if it is called again."""
        guild = self.channel.guild
        self.world.gateway.dispatch("INTERACTION_CREATE", self.wire(), guild=guild.id if guild else None)

    def metadata(self) -> Wire:
        """MessageInteractionMetadata of what answers it."""
        told: Wire = {
            "id": str(self.id), "type": self.type, "user": self.person.wire(),
            "authorizing_integration_owners": self._owners(),
        }  # fmt: skip
        if self.type == COMMAND:
            told |= {"name": self.data["name"], "command_type": self.data["type"]}
        if self.type == COMPONENT and self.message:
            told["interacted_message_id"] = str(self.message.id)
        if self.type == MODAL_SUBMIT and self.source:
            told["triggering_interaction_metadata"] = self.source.metadata()
        return told

    def wire(self) -> Wire:
        world, channel, person, guild = self.world, self.channel, self.person, self.channel.guild
        wire: Wire = {
            "id": str(self.id), "application_id": str(world.bot.id), "type": self.type, "token": self.token,
            "version": 1, "data": self._data(), "channel_id": str(channel.id),
            "channel": channel.interaction_wire(person), "locale": person.locale, "entitlements": [],
            "authorizing_integration_owners": self._owners(), "context": self.context,
            "attachment_size_limit": world.uploads.limit(guild), "app_permissions": str(int(self.app_permissions)),
        }  # fmt: skip
        if guild is None:
            wire["user"] = person.wire()
        else:
            permissions = str(int(channel.permissions(person)))
            wire |= {
                "guild_id": str(guild.id), "guild_locale": guild.locale,
                "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
                "member": {**guild.members[person.id].wire(), "permissions": permissions},
            }  # fmt: skip
        if self.message is not None:
            wire["message"] = self.message.wire(handed=True, nested=not world.presses_carry_replies)
        return wire

    @property
    def context(self) -> int:
        if self.channel.guild is not None:
            return IN_GUILD
        return IN_BOT_DM if self.channel.with_bot else IN_PRIVATE

    @property
    def app_permissions(self) -> Can:
        if self.in_guild_with_bot or self.channel.with_bot:
            return self.channel.permissions(self.world.bot)
        return PRIVATE

    def _owners(self) -> Wire:
        owners: Wire = {}
        if self.in_guild_with_bot:
            assert self.channel.guild
            owners[str(TO_GUILD)] = str(self.channel.guild.id)
        elif self.channel.with_bot:
            owners[str(TO_GUILD)] = "0"
        if self.person.installed:
            owners[str(TO_USER)] = str(self.person.id)
        return owners

    def _data(self) -> Wire:
        """With the addresses of what was attached, which are signed anew each time."""
        if not self.attachments:
            return self.data
        told = {str(each.id): self.world.cdn.wire(each) for each in self.attachments}
        return {**self.data, "resolved": {**self.data.get("resolved", {}), "attachments": told}}
