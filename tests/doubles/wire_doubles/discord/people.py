"""The people, and what they can do in their app."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wire_doubles.discord import components, mentions
from wire_doubles.discord.attachments import Attachment, File
from wire_doubles.discord.channels import FORUM, Channel
from wire_doubles.discord.commands import ON_MESSAGE, ON_USER
from wire_doubles.discord.filling import Filling
from wire_doubles.discord.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL_SUBMIT, Interaction
from wire_doubles.discord.messages import COMPONENTS_V2, PLAIN, REPLY, Message, Shown, Sticker
from wire_doubles.discord.permissions import Can
from wire_doubles.discord.threads import Thread
from wire_doubles.discord.users import User

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Wire = dict[str, Any]


class Person(User):
    """Whoever writes gets the message back; whoever uses the application an interaction, which shows what they see.

    `installed`: has the application for themselves. `door_closed`: takes no direct messages from it.
    `pings` are the messages that called them.
    """

    def __init__(self, world: World, id: int, name: str, username: str, locale: str) -> None:
        super().__init__(id, name, username, locale=locale)
        self._world = world
        self.installed = False
        self.door_closed = False
        self.pings: list[Message] = []

    def install(self) -> None:
        self.installed = True

    def set_avatar(self, picture: bytes) -> None:
        self.avatar = self._world.cdn.avatar(self.id, picture)

    def say(
        self,
        channel: Channel,
        text: str = "",
        *,
        files: list[File] | None = None,
        stickers: list[Sticker] | None = None,
        embeds: list[Wire] | None = None,
        shown: list[Wire] | None = None,
        reply_to: Message | Shown | None = None,
        ping: bool = True,
    ) -> Message:
        """`embeds` are what the platform shows of links; a reply calls its author unless `ping` says not. `shown`
        are components, which only applications send.
        """
        world = self._world
        with world.lock:
            needed = Can.SEND_MESSAGES_IN_THREADS if channel.is_thread else Can.SEND_MESSAGES
            assert needed in channel.permissions(self), f"{self.name} may not write in {channel.name}"
            assert channel.kind != FORUM, "a forum takes posts"
            replied = world.find(reply_to) if reply_to else None
            assert self.is_bot or not shown, f"{self.name} is no application"
            if isinstance(channel, Thread) and channel.archived:
                channel.open()
            message = Message(
                world, world.snowflakes.next(), channel, self, world.timestamp(), text, list(embeds or ()),
                self._uploaded(channel, files), stickers=list(stickers or ()), replied=replied,
                replied_id=replied.id if replied else None, type=REPLY if replied else PLAIN,
                components=components.checked(shown or [], v2=True), flags=COMPONENTS_V2 if shown else 0,
            )  # fmt: skip
            allowed = None if ping else {"parse": ["users", "roles", "everyone"], "replied_user": False}
            mentions.mark(world, message, allowed)
            return world.post(message)

    def forward(self, message: Message | Shown, to: Channel) -> Message:
        """A copy of the message as it stands, without a word."""
        world = self._world
        with world.lock:
            found = world.find(message)
            assert Can.VIEW_CHANNEL in found.channel.permissions(self), f"{self.name} cannot see {found.channel.name}"
            assert Can.SEND_MESSAGES in to.permissions(self), f"{self.name} may not write in {to.name}"
            sent = Message(world, world.snowflakes.next(), to, self, world.timestamp(), forwarded=replace(found))
            return world.post(sent)

    def post(self, forum: Channel, title: str, text: str = "", *, files: list[File] | None = None) -> Thread:
        """Open a post; its first message has the post's id."""
        world = self._world
        with world.lock:
            assert forum.kind == FORUM, f"{forum.name} is no forum"
            thread = world.open_thread(forum, title, self)
            uploaded = self._uploaded(thread, files)
            message = Message(world, thread.id, thread, self, world.timestamp(), text, attachments=uploaded)
            mentions.mark(world, message, None)
            world.post(message)
            return thread

    def edit(self, message: Message, text: str) -> None:
        with self._world.lock:
            message.content, message.edited_at = text, self._world.timestamp()
            mentions.mark(self._world, message, None, silently=True)
            self._world.tell_message("MESSAGE_UPDATE", message)

    def preview(self, message: Message, embeds: list[Wire]) -> None:
        """The platform has found out what the links in it show, some time after it was sent."""
        with self._world.lock:
            message.embeds = list(embeds)
            self._world.tell_message("MESSAGE_UPDATE", message)

    def delete(self, message: Message | Shown) -> None:
        """For everybody; an ephemeral one is only dismissed."""
        with self._world.lock:
            found = self._world.find(message)
            own = found.author is self or found.only_for is self
            granted = found.channel.permissions(self)
            assert own or Can.MANAGE_MESSAGES in granted, f"{self.name} may not delete {found.shown().line()}"
            self._world.remove(found)

    def slash(self, channel: Channel, command: str, **options: Any) -> Interaction:
        """`command` with its subcommand after a space. A File for an attachment, a person, a channel or a role for
        those; for a choice its name or its value.
        """
        filling = self._fill(channel)
        return self._ask(filling, channel, COMMAND, filling.slash(command, options))

    def autocomplete(
        self, channel: Channel, command: str, focused: str, typed: str = "", **options: Any
    ) -> Interaction:
        """What is offered while `typed` stands in that option."""
        filling = self._fill(channel)
        data = filling.slash(command, {**options, focused: typed}, focused=focused)
        return self._ask(filling, channel, AUTOCOMPLETE, data)

    def use_on_message(self, command: str, message: Message | Shown) -> Interaction:
        found = self._world.find(message)
        filling = self._fill(found.channel)
        offered = filling.offered(command, ON_MESSAGE)
        filling.resolved["messages"] = {str(found.id): found.wire(handed=True)}
        return self._ask(filling, found.channel, COMMAND, {**filling.data(offered), "target_id": str(found.id)})

    def use_on_user(self, command: str, user: User, channel: Channel) -> Interaction:
        filling = self._fill(channel)
        offered = filling.offered(command, ON_USER)
        target = filling.user(user)
        return self._ask(filling, channel, COMMAND, {**filling.data(offered), "target_id": target})

    def press(self, message: Message | Shown, button: str) -> Interaction:
        """By its label, its picture, or both. Raises AssertionError if there is none that can be pressed."""
        found, component = self._component(message, button)
        assert component["type"] == components.BUTTON, f"{button!r} is no button"
        assert "custom_id" in component, f"{button!r} opens something and tells the bot nothing"
        data = {"custom_id": component["custom_id"], "component_type": components.BUTTON, "id": 1}
        return self._world.ask(self, found.channel, COMPONENT, data, message=found)

    def forge(self, message: Message | Shown, custom_id: str, *values: str) -> Interaction:
        """A press, or a choice of `values`, whose client sends what it likes; the platform says who, and where."""
        found = self._world.find(message)
        assert Can.VIEW_CHANNEL in found.channel.permissions(self), f"{self.name} cannot see {found.channel.name}"
        kind = components.SELECT if values else components.BUTTON
        data: Wire = {"custom_id": custom_id, "component_type": kind, "id": 1}
        if values:
            data["values"] = list(values)
        return self._world.ask(self, found.channel, COMPONENT, data, message=found)

    def forge_form(self, opened: Interaction, custom_id: str, **filled: Any) -> Interaction:
        """A form whose client sends it off under another name."""
        assert opened.modal, f"no modal: {opened.seen()}"
        opened.modal = {**opened.modal, "custom_id": custom_id}
        return self.submit(opened, **filled)

    def choose(self, message: Message | Shown, menu: str, *picked: str) -> Interaction:
        """Of a menu, by its placeholder; options by their label or value."""
        found, component = self._component(message, menu)
        assert component["type"] in components.SELECTS, f"{menu!r} is no menu"
        values = [_picked(component, each) for each in picked]
        kind = component["type"]
        data = {"custom_id": component["custom_id"], "component_type": kind, "values": values, "id": 1}
        return self._world.ask(self, found.channel, COMPONENT, data, message=found)

    def submit(self, opened: Interaction, **filled: Any) -> Interaction:
        """Send off the modal that an interaction opened. Fields by custom_id, or by label with underscores for what
        is no letter; those that are not given keep what stood in them.
        """
        modal = opened.modal
        assert modal, f"no modal: {opened.seen()}"
        filling = self._fill(opened.channel)
        left = dict(filled)
        values: dict[str, Any] = {}
        for label, component in components.inputs(modal):
            name = next((each for each in left if each in (component["custom_id"], _plain(label))), None)
            values[component["custom_id"]] = _entered(filling, label, component, left.pop(name) if name else None)
        assert not left, f"the modal has no {sorted(left)}"
        parts = [_submitted(each, values) for each in modal["components"]]
        return self._world.ask(
            self, opened.channel, MODAL_SUBMIT, {"custom_id": modal["custom_id"], "components": parts},
            message=opened.message, source=opened, resolved=filling.attachments,
        )  # fmt: skip

    def _fill(self, channel: Channel) -> Filling:
        return Filling(self._world, self, channel)

    def _ask(self, filling: Filling, channel: Channel, type: int, data: Wire) -> Interaction:
        return self._world.ask(self, channel, type, data, resolved=filling.attachments)

    def _uploaded(self, channel: Channel, files: list[File] | None) -> list[Attachment]:
        if files and channel.guild:
            assert Can.ATTACH_FILES in channel.permissions(self), f"{self.name} may not attach files in {channel.name}"
        return [self._world.keep(file, channel.id) for file in files or ()]

    def _component(self, message: Message | Shown, label: str) -> tuple[Message, Wire]:
        with self._world.lock:
            found = self._world.find(message)
            assert found.only_for in (None, self), f"{self.name} cannot see it"
            assert Can.VIEW_CHANNEL in found.channel.permissions(self), f"{self.name} cannot see {found.channel.name}"
            for each in found.buttons():
                emoji = (each.get("emoji") or {}).get("name")
                words = each.get("label") or each.get("placeholder")
                both = " ".join(part for part in (emoji, words) if part)
                if label in (words, emoji, both, each.get("custom_id")) and not each.get("disabled"):
                    return found, each
            raise AssertionError(f"no {label!r} in: {found.shown().line()}")


def _picked(component: Wire, said: str) -> str:
    if component["type"] != components.SELECT:
        return said
    values = [each["value"] for each in component["options"] if said in (each["label"], each["value"])]
    assert values, f"the menu offers {[each['label'] for each in component['options']]}, not {said!r}"
    return str(values[0])


def _plain(label: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in label.lower()).strip("_")


def _entered(filling: Filling, label: str, component: Wire, value: Any) -> Any:
    kind = component["type"]
    if kind == components.TEXT_INPUT:
        text = str(component.get("value") or "") if value is None else str(value)
        assert text or not component.get("required", True), f"{label!r} must be filled in"
        most = component.get("max_length") or components.MAX_INPUT
        assert len(text) <= most, f"{label!r} takes {most} characters"
        return text
    if kind == components.FILE_UPLOAD:
        files: list[File] = [] if value is None else value if isinstance(value, list) else [value]
        assert files or not component.get("required", True), f"{label!r} needs a file"
        assert len(files) <= (most := component.get("max_values") or 1), f"{label!r} takes {most} files"
        return [filling.file(each) for each in files]
    if kind == components.CHECKBOX:
        return bool(value)
    if kind == components.RADIO:
        return None if value is None else _picked({**component, "type": components.SELECT}, str(value))
    if value is None:
        return [each["value"] for each in component.get("options") or () if each.get("default")]
    picked = value if isinstance(value, list) else [value]
    menu = {**component, "type": components.SELECT} if kind == components.CHECKBOXES else component
    return [_picked(menu, str(each)) for each in picked]


def _submitted(part: Wire, values: dict[str, Any]) -> Wire:
    if part["type"] == components.ROW:
        return {"type": components.ROW, "components": [_told(each, values) for each in part["components"]]}
    if part["type"] == components.LABEL:
        return {"type": components.LABEL, "id": 1, "component": _told(part["component"], values)}
    return {"type": part["type"], "id": 1}


def _told(component: Wire, values: dict[str, Any]) -> Wire:
    id, kind = component["custom_id"], component["type"]
    several = kind in (*components.SELECTS, components.FILE_UPLOAD, components.CHECKBOXES)
    return {"type": kind, "id": 1, "custom_id": id, "values" if several else "value": values[id]}
