"""How a person's app fills in a command: only what the command takes, in the shape that the bot gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wire_doubles.discord.attachments import Attachment, File
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.commands import (
    ATTACHMENT,
    BOOLEAN,
    CHANNEL,
    INTEGER,
    NUMBER,
    ROLE,
    SLASH,
    STRING,
    SUB,
    SUB_GROUP,
    USER,
)
from wire_doubles.discord.guilds import Role
from wire_doubles.discord.permissions import Can
from wire_doubles.discord.users import User

if TYPE_CHECKING:
    from wire_doubles.discord.people import Person
    from wire_doubles.discord.world import World

Wire = dict[str, Any]
PYTHON = {STRING: (str,), INTEGER: (int,), BOOLEAN: (bool,), NUMBER: (int, float)}


class Filling:
    """One use of a command by one person in one channel."""

    def __init__(self, world: World, person: Person, channel: Channel) -> None:
        self._world = world
        self._person = person
        self._channel = channel
        self.attachments: list[Attachment] = []
        self.resolved: Wire = {}

    def slash(self, words: str, values: dict[str, Any], *, focused: str | None = None) -> Wire:
        """`words`: the command, and its subcommand after a space. Raises AssertionError for what the app would not
        send; with `focused`, while that option is typed, required ones may be missing.
        """
        name, *subs = words.split()
        command = self.offered(name, SLASH)
        options = self._filled(command, subs, values, focused)
        data = self.data(command)
        return {**data, "options": options} if options else data

    def data(self, command: Wire) -> Wire:
        data: Wire = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return {**data, "resolved": self.resolved} if self.resolved else data

    def offered(self, name: str, type: int) -> Wire:
        """The command, as long as the person's app shows it here. Raises AssertionError."""
        channel, person = self._channel, self._person
        guild = channel.guild
        command = self._world.commands.find(name, type, guild.id if guild else None)
        known = [each["name"] for each in self._world.commands.listed()]
        assert command, f"no command {name!r} of type {type}: {known}"
        here = 0 if guild else 1 if channel.with_bot else 2
        contexts = command["contexts"]
        assert contexts is None or here in contexts, f"{name!r} is not shown in context {here}: {contexts}"
        by_guild = (guild is not None and guild.bot_is_in) or channel.with_bot
        ways = command["integration_types"]
        reaches = (by_guild and 0 in ways) or (person.installed and 1 in ways)
        assert reaches, f"{person.name} has {name!r} neither by the server nor installed: {ways}"
        if guild is not None:
            granted = channel.permissions(person)
            assert Can.USE_APPLICATION_COMMANDS in granted, f"{person.name} may use no commands in {channel.name}"
            needed = command["default_member_permissions"]
            if needed is not None:
                lacking = int(needed) & ~int(guild.permissions(person))
                assert not lacking and int(needed), f"{person.name} is not shown {name!r}: lacks {Can(lacking)!r}"
        return command

    def user(self, user: User) -> str:
        """Its id; the account goes along."""
        id, guild = str(user.id), self._channel.guild
        self.resolved.setdefault("users", {})[id] = user.wire()
        if guild and user.id in guild.members:
            told = guild.members[user.id].wire(with_user=False)
            permissions = str(int(self._channel.permissions(user)))
            self.resolved.setdefault("members", {})[id] = {**told, "permissions": permissions}
        return id

    def file(self, file: File) -> str:
        kept = self._world.keep(file, self._world.bot.id, ephemeral=True)
        self.attachments.append(kept)
        return str(kept.id)

    def _filled(self, at: Wire, subs: list[str], values: dict[str, Any], focused: str | None) -> list[Wire]:
        options = {option["name"]: option for option in at["options"]} if at.get("options") else {}
        if subs:
            sub = options.get(subs[0])
            assert sub and sub["type"] in (SUB, SUB_GROUP), f"no subcommand {subs[0]!r}: {list(options)}"
            inner = self._filled(sub, subs[1:], values, focused)
            return [{"name": sub["name"], "type": sub["type"], "options": inner}]
        assert not any(each["type"] in (SUB, SUB_GROUP) for each in options.values()), f"which of {list(options)}?"
        unknown = set(values) - set(options)
        assert not unknown, f"{at['name']!r} takes no {sorted(unknown)}: {sorted(options)}"
        missing = [name for name, option in options.items() if option.get("required") and name not in values]
        assert focused or not missing, f"{at['name']!r} needs {missing}"
        return [self._option(options[name], value, name == focused) for name, value in values.items()]

    def _option(self, option: Wire, value: Any, focused: bool) -> Wire:
        told: Wire = {"name": option["name"], "type": option["type"]}
        if focused:
            return {**told, "value": str(value), "focused": True}
        return {**told, "value": self._value(option, value)}

    def _value(self, option: Wire, value: Any) -> Any:
        type, name = option["type"], option["name"]
        if type == ATTACHMENT:
            assert isinstance(value, File), f"{name!r} takes a file"
            return self.file(value)
        if type == USER:
            assert isinstance(value, User), f"{name!r} takes a person"
            return self.user(value)
        if type == CHANNEL:
            assert isinstance(value, Channel), f"{name!r} takes a channel"
            kinds = option.get("channel_types")
            assert not kinds or value.kind in kinds, f"{name!r} takes channels of {kinds}"
            self.resolved.setdefault("channels", {})[str(value.id)] = value.interaction_wire(self._person)
            return str(value.id)
        if type == ROLE:
            assert isinstance(value, Role), f"{name!r} takes a role"
            self.resolved.setdefault("roles", {})[str(value.id)] = value.wire()
            return str(value.id)
        assert type in PYTHON, f"{name!r} is of a type that the double does not fill in: {type}"
        fits = isinstance(value, PYTHON[type]) and (type == BOOLEAN or not isinstance(value, bool))
        assert fits, f"{name!r} does not take {value!r}"
        return self._within(option, value)

    def _within(self, option: Wire, value: Any) -> Any:
        choices = option.get("choices") or []
        if choices:
            chosen = [each["value"] for each in choices if value in (each["value"], each["name"])]
            assert chosen, f"{option['name']!r} offers {[each['name'] for each in choices]}, not {value!r}"
            return chosen[0]
        size = len(value) if isinstance(value, str) else value
        least = option.get("min_length" if isinstance(value, str) else "min_value")
        most = option.get("max_length" if isinstance(value, str) else "max_value")
        assert least is None or size >= least, f"{option['name']!r} is at least {least}"
        assert most is None or size <= most, f"{option['name']!r} is at most {most}"
        return value
