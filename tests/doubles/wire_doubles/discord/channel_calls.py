"""Operations on channels, threads, servers and accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wire_doubles.discord.access import channel_of, check_may_send, guild_of, message_of, need
from wire_doubles.discord.channels import FORUM
from wire_doubles.discord.errors import (
    invalid_body,
    missing_permissions,
    required,
    unknown_member,
    unknown_user,
    wrong_channel_type,
)
from wire_doubles.discord.permissions import Can
from wire_doubles.discord.requests import Call
from wire_doubles.discord.routes import route
from wire_doubles.discord.threads import Thread

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Wire = dict[str, Any]


@route("GET", "/gateway", open=True)
def get_gateway(world: World, call: Call) -> Wire:
    return {"url": world.gateway.url}


@route("GET", "/gateway/bot")
def get_gateway_bot(world: World, call: Call) -> Wire:
    gateway = world.gateway
    start = {
        "total": gateway.identifies, "remaining": gateway.identifies_left,
        "reset_after": int(gateway.reset_after * 1000), "max_concurrency": gateway.concurrency,
    }  # fmt: skip
    return {"url": gateway.url, "shards": gateway.shards, "session_start_limit": start}


@route("GET", "/users/@me")
def get_me(world: World, call: Call) -> Wire:
    return {**world.bot.wire(), "verified": True, "mfa_enabled": False, "email": None, "locale": "en-US", "flags": 0}


@route("GET", "/users/@me/guilds")
def get_my_guilds(world: World, call: Call) -> list[Wire]:
    found = [guild for guild in world.guilds.values() if guild.bot_is_in]
    return [{**guild.outline(), "permissions": str(int(guild.permissions(world.bot)))} for guild in found]


@route("DELETE", "/users/@me/guilds/{guild_id}")
def leave_guild(world: World, call: Call) -> None:
    guild_of(world, call).remove_bot()


@route("GET", "/users/{user_id}")
def get_user(world: World, call: Call) -> Wire:
    id = call.id("user_id")
    if id == world.bot.id:
        return world.bot.wire()
    if id not in world.people:
        raise unknown_user()
    return world.people[id].wire()


@route("POST", "/users/@me/channels")
def create_dm(world: World, call: Call) -> Wire:
    """Opens a channel to anybody; whether they want to be written to shows when it is tried."""
    recipient = call.fields.get("recipient_id")
    if recipient is None:
        raise required("recipient_id")
    person = world.people.get(int(recipient))
    if person is None:
        raise invalid_body("recipient_id", "INVALID_RECIPIENT", "Invalid Recipient(s)")
    return world.dm(person).wire()


@route("GET", "/applications/@me")
@route("GET", "/oauth2/applications/@me")
def get_application(world: World, call: Call) -> Wire:
    owner: Wire = {
        "id": "1", "username": "host", "discriminator": "0", "global_name": "Host", "avatar": None, "public_flags": 0,
    }  # fmt: skip
    return {
        "id": str(world.bot.id), "name": world.app_name, "icon": None, "description": "", "summary": "",
        "bot_public": True, "bot_require_code_grant": False, "verify_key": "0" * 64, "owner": owner, "flags": 0,
        "team": None, "bot": world.bot.wire(), "interactions_endpoint_url": None, "tags": [],
        "approximate_guild_count": sum(guild.bot_is_in for guild in world.guilds.values()),
        "approximate_user_install_count": sum(person.installed for person in world.people.values()),
        "integration_types_config": {str(each): {} for each in sorted(world.installs)},
    }  # fmt: skip


@route("GET", "/guilds/{guild_id}")
def get_guild(world: World, call: Call) -> Wire:
    return guild_of(world, call).outline()


@route("GET", "/guilds/{guild_id}/channels")
def get_guild_channels(world: World, call: Call) -> list[Wire]:
    guild = guild_of(world, call)
    return [channel.wire() for channel in guild.channels.values() if channel.bot_sees and not channel.deleted]


@route("GET", "/guilds/{guild_id}/roles")
def get_roles(world: World, call: Call) -> list[Wire]:
    return [role.wire() for role in guild_of(world, call).roles.values()]


@route("GET", "/guilds/{guild_id}/threads/active")
def get_active_threads(world: World, call: Call) -> Wire:
    guild = guild_of(world, call)
    threads = [each for channel in guild.channels.values() for each in channel.threads.values()]
    active = [each.wire() for each in threads if each.bot_sees and not each.archived and not each.deleted]
    return {"threads": active, "members": []}


@route("GET", "/guilds/{guild_id}/members/{user_id}")
def get_member(world: World, call: Call) -> Wire:
    member = guild_of(world, call).members.get(call.id("user_id"))
    if member is None:
        raise unknown_member()
    return member.wire()


@route("GET", "/channels/{channel_id}")
def get_channel(world: World, call: Call) -> Wire:
    return channel_of(world, call).wire()


@route("PATCH", "/channels/{channel_id}", allowed=(5, 5.0))
def edit_channel(world: World, call: Call) -> Wire:
    """A thread's archive and lock alone."""
    channel = channel_of(world, call)
    if not isinstance(channel, Thread):
        need(world, channel, Can.MANAGE_CHANNELS)
        raise wrong_channel_type()
    fields = call.fields
    granted = channel.permissions(world.bot)
    locked = bool(fields.get("locked", channel.locked))
    manages = Can.MANAGE_THREADS in granted or channel.owner is world.bot
    if (channel.locked or locked) and Can.MANAGE_THREADS not in granted:
        raise missing_permissions()
    if not manages and Can.SEND_MESSAGES_IN_THREADS not in granted:
        raise missing_permissions()
    channel.set(archived=bool(fields.get("archived", channel.archived)), locked=locked)
    return channel.wire()


@route("POST", "/channels/{channel_id}/typing", allowed=(5, 5.0))
def trigger_typing(world: World, call: Call) -> None:
    channel = channel_of(world, call)
    check_may_send(world, channel)
    channel.typing.append(world.bot)


@route("POST", "/channels/{channel_id}/threads", allowed=(5, 5.0))
def create_thread(world: World, call: Call) -> Wire:
    channel = channel_of(world, call)
    if channel.kind == FORUM or channel.guild is None:
        raise wrong_channel_type()
    private = call.fields.get("type") == 12
    need(world, channel, Can.CREATE_PRIVATE_THREADS if private else Can.CREATE_PUBLIC_THREADS)
    return world.open_thread(channel, str(call.fields["name"]), world.bot, private=private).wire()


@route("POST", "/channels/{channel_id}/messages/{message_id}/threads", allowed=(5, 5.0))
def create_thread_on_message(world: World, call: Call) -> Wire:
    channel = channel_of(world, call)
    message = message_of(channel, call)
    need(world, channel, Can.CREATE_PUBLIC_THREADS)
    return world.open_thread(channel, str(call.fields["name"]), world.bot, on=message).wire()


@route("PUT", "/channels/{channel_id}/thread-members/@me")
def join_thread(world: World, call: Call) -> None:
    channel = channel_of(world, call)
    if isinstance(channel, Thread):
        channel.joined.add(world.bot.id)
