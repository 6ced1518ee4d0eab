"""Application commands: what the bot registered, held to the platform's limits."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.errors import (
    ApiError,
    bad_length,
    invalid_body,
    required,
    too_many_commands_today,
    unknown_command,
)

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

# command types
SLASH, ON_USER, ON_MESSAGE = 1, 2, 3
# option types
SUB, SUB_GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(1, 12)
MOST = {SLASH: 100, ON_USER: 15, ON_MESSAGE: 15}
MAX_NAME, MAX_DESCRIPTION, MAX_OPTIONS, MAX_CHOICES, MAX_CHOICE, MAX_COMMAND = 32, 100, 25, 25, 100, 8000
CREATES_A_DAY = 200
DAY = 24 * 3600.0
# the platform's: letters and numbers of any script, and in lower case where there is one
_NAME = re.compile(r"[-_'\w\u0900-\u097F\u0E00-\u0E7F]{1,32}")
LOCALES = frozenset((
    "id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu", "nl", "no", "pl", "pt-BR",
    "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru", "uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko",
))  # fmt: skip


class Commands:
    """By the server that they are for, None for everywhere. `replaced` counts how often all were set at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._created: deque[float] = deque()
        self.of: dict[int | None, dict[int, Wire]] = {}
        self.replaced = 0

    def listed(self, guild_id: int | None = None) -> list[Wire]:
        return list(self.of.get(guild_id, {}).values())

    def find(self, name: str, type: int, guild_id: int | None = None) -> Wire | None:
        """The server's own before those for everywhere."""
        for scope in (guild_id, None):
            for command in self.listed(scope):
                if command["name"] == name and command["type"] == type:
                    return command
        return None

    def replace(self, body: Any, guild_id: int | None = None) -> list[Wire]:
        """All of them at once. Raises 50035 and 30034."""
        if not isinstance(body, list):
            raise invalid_body("_", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        made = [self._checked(command, str(number)) for number, command in enumerate(body)]
        names = [(command["name"], command["type"]) for command in made]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise _wrong(f"{number}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique")
        for type, most in MOST.items():
            if sum(command["type"] == type for command in made) > most:
                raise ApiError(400, 30032, f"Maximum number of application commands reached ({most})")
        before = {(command["name"], command["type"]): command for command in self.listed(guild_id)}
        self.of[guild_id] = {}
        for command in made:
            self._put(command, before.get((command["name"], command["type"])), guild_id)
        self.replaced += 1
        return self.listed(guild_id)

    def put(self, body: Any, guild_id: int | None = None) -> Wire:
        """One, new or instead of that of its name. Raises 50035 and 30034."""
        command = self._checked(body, "")
        same = (command["name"], command["type"])
        before = next((each for each in self.listed(guild_id) if (each["name"], each["type"]) == same), None)
        return self._put(command, before, guild_id)

    def change(self, id: int, body: Wire, guild_id: int | None = None) -> Wire:
        """Raises 10063 and 50035."""
        before = self.get(id, guild_id)
        return self._put(self._checked({**before, **body}, ""), before, guild_id)

    def get(self, id: int, guild_id: int | None = None) -> Wire:
        """Raises 10063."""
        try:
            return self.of[guild_id][id]
        except KeyError:
            raise unknown_command() from None

    def delete(self, id: int, guild_id: int | None = None) -> None:
        """Raises 10063."""
        self.get(id, guild_id)
        del self.of[guild_id][id]

    def _put(self, command: Wire, before: Wire | None, guild_id: int | None) -> Wire:
        world = self._world
        if before is None:
            now = world.clock.now()
            while self._created and self._created[0] <= now - DAY:
                self._created.popleft()
            if len(self._created) >= CREATES_A_DAY:
                raise too_many_commands_today()
            self._created.append(now)
        told = {
            "default_member_permissions": None, "dm_permission": True, "nsfw": False, "contexts": None,
            "integration_types": None, "name_localizations": None, "description_localizations": None,
            "description": "", "options": [], **command,
            "id": before["id"] if before else str(world.snowflakes.next()),
            "application_id": str(world.bot.id), "version": str(world.snowflakes.next()),
        }  # fmt: skip
        # without a word it is where the application can be
        told["integration_types"] = told["integration_types"] or (
            sorted(self._world.installs) if guild_id is None else [0]
        )
        if guild_id is not None:
            told["guild_id"] = str(guild_id)
        self.of.setdefault(guild_id, {})[int(told["id"])] = told
        return told

    def _checked(self, command: Any, at: str) -> Wire:
        if not isinstance(command, dict):
            raise _wrong(at, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        type = command.get("type", SLASH)
        if type not in MOST:
            raise _wrong(f"{at}.type", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3}.")
        _check_name(command, at, free=type != SLASH)
        if type == SLASH:
            _check_description(command, at)
            _check_options(command.get("options") or [], f"{at}.options")
        elif command.get("description") or command.get("options"):
            raise _wrong(f"{at}.description", "CONTEXT_MENU_DESCRIPTION_NOT_SUPPORTED", "Context menus have none")
        for field, known in (("contexts", {0, 1, 2}), ("integration_types", {0, 1})):
            if not set(command.get(field) or ()) <= known:
                raise _wrong(f"{at}.{field}", "BASE_TYPE_CHOICES", f"Value must be one of {known}.")
        if not set(command.get("integration_types") or ()) <= self._world.installs:
            why = "The application does not support this installation type."
            raise _wrong(f"{at}.integration_types", "APPLICATION_COMMAND_INVALID_INTEGRATION_TYPE", why)
        permissions = command.get("default_member_permissions")
        if permissions is not None and not str(permissions).isdigit():
            raise _wrong(f"{at}.default_member_permissions", "NUMBER_TYPE_COERCE", "Value is not int.")
        if _weight(command) > MAX_COMMAND:
            raise _wrong(at, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")
        return {**command, "type": type}


def _check_options(options: list[Wire], at: str) -> None:
    if len(options) > MAX_OPTIONS:
        raise bad_length(at, 0, MAX_OPTIONS)
    names: set[str] = set()
    optional = False
    for number, option in enumerate(options):
        here = f"{at}.{number}"
        type = int(option.get("type") or 0)
        if type not in range(SUB, ATTACHMENT + 1):
            raise _wrong(f"{here}.type", "BASE_TYPE_CHOICES", "Value must be one of 1 to 11.")
        _check_name(option, here)
        _check_description(option, here)
        if option["name"] in names:
            raise _wrong(f"{here}.name", "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
        names.add(option["name"])
        if type in (SUB, SUB_GROUP):
            _check_options(option.get("options") or [], f"{here}.options")
            continue
        if option.get("required") and optional:
            raise _wrong(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must come first")
        optional = optional or not option.get("required")
        _check_choices(option, type, here)
        _check_range(option, type, here)


def _check_choices(option: Wire, type: int, at: str) -> None:
    choices = option.get("choices") or []
    if choices and type not in (STRING, INTEGER, NUMBER):
        raise _wrong(f"{at}.choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "This type takes no choices")
    if choices and option.get("autocomplete"):
        raise _wrong(f"{at}.choices", "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", "Autocomplete takes no choices")
    check_choices(choices, type, f"{at}.choices")


def check_choices(choices: list[Wire], type: int, at: str) -> None:
    """Of an option or of an autocompletion. Raises 50035."""
    if len(choices) > MAX_CHOICES:
        raise bad_length(at, 0, MAX_CHOICES)
    for number, choice in enumerate(choices):
        here = f"{at}.{number}"
        for name in (choice.get("name", ""), *(choice.get("name_localizations") or {}).values()):
            if not 1 <= len(name) <= MAX_CHOICE:
                raise bad_length(f"{here}.name", 1, MAX_CHOICE)
        value = choice.get("value")
        fits = isinstance(value, str) if type == STRING else isinstance(value, (int, float)) and type != STRING
        if not fits or isinstance(value, bool):
            raise _wrong(f"{here}.value", "BASE_TYPE_CHOICES", "The value is of another type than the option.")
        if isinstance(value, str) and not 1 <= len(value) <= MAX_CHOICE:
            raise bad_length(f"{here}.value", 1, MAX_CHOICE)


def _check_range(option: Wire, type: int, at: str) -> None:
    for field in ("min_value", "max_value"):
        if field in option and type not in (INTEGER, NUMBER):
            raise _wrong(f"{at}.{field}", "APPLICATION_COMMAND_OPTIONS_RANGE_INVALID", "This type takes no range")
    for field, most in (("min_length", 6000), ("max_length", 6000)):
        if field in option and (type != STRING or not 0 <= option[field] <= most):
            raise _wrong(f"{at}.{field}", "NUMBER_TYPE_MAX", f"Value should be at most {most}, and of a string.")


def _check_name(thing: Wire, at: str, *, free: bool = False) -> None:
    """`free`: of a context menu, which may have spaces and capitals."""
    name = thing.get("name")
    if not name:
        raise required(f"{at}.name")
    for field, said in _localized(thing, "name", at):
        if not isinstance(said, str) or not 1 <= len(said) <= MAX_NAME:
            raise bad_length(field, 1, MAX_NAME)
        if not free and (not _NAME.fullmatch(said) or said != said.lower()):
            raise _wrong(field, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_description(thing: Wire, at: str) -> None:
    if not thing.get("description"):
        raise required(f"{at}.description")
    for field, said in _localized(thing, "description", at):
        if not isinstance(said, str) or not 1 <= len(said) <= MAX_DESCRIPTION:
            raise bad_length(field, 1, MAX_DESCRIPTION)


def _localized(thing: Wire, name: str, at: str) -> list[tuple[str, Any]]:
    """Each of the texts with its place. Raises 50035 for a language that the platform does not have."""
    found = [(f"{at}.{name}", thing[name])]
    for locale, said in (thing.get(f"{name}_localizations") or {}).items():
        if locale not in LOCALES:
            raise _wrong(f"{at}.{name}_localizations", "BASE_TYPE_CHOICES", f"{locale} is no locale.")
        found.append((f"{at}.{name}_localizations.{locale}", said))
    return found


def _weight(thing: Wire) -> int:
    """Characters of names, descriptions and values; of the localizations the longest counts."""
    total = sum(_longest(thing, name) for name in ("name", "description"))
    if isinstance(thing.get("value"), str):
        total += len(thing["value"])
    return total + sum(_weight(each) for each in (*(thing.get("options") or ()), *(thing.get("choices") or ())))


def _longest(thing: Wire, name: str) -> int:
    said = [thing.get(name) or "", *(thing.get(f"{name}_localizations") or {}).values()]
    return max(len(each) for each in said)


def _wrong(path: str, code: str, message: str) -> ApiError:
    return invalid_body(path.strip(".") or "_", code, message)
