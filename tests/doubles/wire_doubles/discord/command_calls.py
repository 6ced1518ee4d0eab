"""Operations on application commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wire_doubles.discord.access import guild_of
from wire_doubles.discord.errors import unknown_application
from wire_doubles.discord.requests import Call
from wire_doubles.discord.routes import route

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Wire = dict[str, Any]
GLOBAL = "/applications/{application_id}/commands"
IN_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


def _scope(world: World, call: Call) -> int | None:
    """The server that they are for. Raises 10002, 10004, 50001."""
    if call.id("application_id") != world.bot.id:
        raise unknown_application()
    return guild_of(world, call).id if "guild_id" in call.path else None


@route("GET", GLOBAL)
@route("GET", IN_GUILD)
def get_commands(world: World, call: Call) -> list[Wire]:
    found = world.commands.listed(_scope(world, call))
    if call.flag("with_localizations"):
        return found
    return [{name: value for name, value in each.items() if "_localizations" not in name} for each in found]


@route("PUT", GLOBAL, allowed=(2, 60.0))
@route("PUT", IN_GUILD, allowed=(2, 60.0))
def replace_commands(world: World, call: Call) -> list[Wire]:
    return world.commands.replace(call.body, _scope(world, call))


@route("POST", GLOBAL, allowed=(5, 20.0))
@route("POST", IN_GUILD, allowed=(5, 20.0))
def create_command(world: World, call: Call) -> Wire:
    return world.commands.put(call.body, _scope(world, call))


@route("GET", GLOBAL + "/{command_id}")
@route("GET", IN_GUILD + "/{command_id}")
def get_command(world: World, call: Call) -> Wire:
    return world.commands.get(call.id("command_id"), _scope(world, call))


@route("PATCH", GLOBAL + "/{command_id}", allowed=(5, 20.0))
@route("PATCH", IN_GUILD + "/{command_id}", allowed=(5, 20.0))
def edit_command(world: World, call: Call) -> Wire:
    return world.commands.change(call.id("command_id"), call.fields, _scope(world, call))


@route("DELETE", GLOBAL + "/{command_id}", allowed=(5, 20.0))
@route("DELETE", IN_GUILD + "/{command_id}", allowed=(5, 20.0))
def delete_command(world: World, call: Call) -> None:
    world.commands.delete(call.id("command_id"), _scope(world, call))
