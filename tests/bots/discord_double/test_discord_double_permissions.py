"""The double computes permissions as the client library does, for any roles and overwrites."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, cast

import discord
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_doubles.discord.guilds import Role
from wire_doubles.discord.permissions import EVERYTHING, NOTHING, Can
from wire_doubles.discord.users import User
from wire_doubles.discord_api import DiscordApi

SPEAKING = (
    *(Can.VIEW_CHANNEL, Can.SEND_MESSAGES, Can.EMBED_LINKS, Can.ATTACH_FILES, Can.MENTION_EVERYONE),
    *(Can.MANAGE_MESSAGES, Can.READ_MESSAGE_HISTORY, Can.SEND_MESSAGES_IN_THREADS),
)
WHOLE = Can(sum(SPEAKING))
rights = st.sets(st.sampled_from(SPEAKING)).map(lambda chosen: Can(sum(chosen)))
overwrite = st.tuples(rights, rights)
"""What is allowed, and what is denied; what is both is allowed."""


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(rights, rights, rights), st.sampled_from([NOTHING, Can.ADMINISTRATOR]),
    st.tuples(overwrite, overwrite, overwrite, overwrite),
)  # fmt: skip
def test_roles_and_overwrites_mean_what_they_mean_to_the_library(
    granted: tuple[Can, Can, Can], admin: Can, ruled: tuple[tuple[Can, Can], ...]
) -> None:
    # Given a server with its own rights for everybody, for the bot's role and for another, and a ruled channel
    api = DiscordApi()
    guild = api.guild("Cats", api.person("Ann"))
    helpers = guild.role("helpers", granted[2])
    guild.give(api.bot, helpers)
    guild.allow(guild.everyone, granted[0])
    guild.allow(guild.bot_role, granted[1] | admin)
    channel = guild.text_channel("general")
    targets: tuple[Role | User, ...] = (guild.everyone, guild.bot_role, helpers, api.bot)
    for target, (allow, deny) in zip(targets, ruled, strict=True):
        channel.overwrite(target, allow=allow, deny=deny & ~allow)
    thread = channel.thread("inside", api.world.people[guild.owner.id])
    # When the library is told of it
    told = _library_view(api, guild.wire() | {"channels": [channel.wire()], "threads": [thread.wire()]})
    known = told.get_channel(channel.id)
    inside = told.get_thread(thread.id)
    assert isinstance(known, discord.TextChannel) and inside is not None
    # Then it comes to the same
    theirs = Can(known.permissions_for(told.me).value & int(WHOLE))
    assert theirs == channel.permissions(api.bot) & WHOLE
    in_thread, ours = inside.permissions_for(told.me), thread.permissions(api.bot)
    assert in_thread.send_messages_in_threads == (Can.SEND_MESSAGES_IN_THREADS in ours)
    # where one may not speak in the channel the library takes files away in its threads, too; the platform does not
    if Can.SEND_MESSAGES in channel.permissions(api.bot):
        assert in_thread.attach_files == (Can.ATTACH_FILES in ours)


@functools.cache
def _state() -> Any:
    """The library's memory, which wants a loop to be made in."""

    async def made() -> Any:
        return discord.Client(intents=discord.Intents(guilds=True))._connection

    return asyncio.run(made())


def _library_view(api: DiscordApi, wire: dict[str, Any]) -> discord.Guild:
    state = _state()
    state.user = discord.user.ClientUser(state=state, data=cast(Any, api.bot.wire()))
    return discord.Guild(data=cast(Any, wire), state=state)


def test_an_owner_may_everything_and_a_stranger_nothing() -> None:
    api = DiscordApi()
    ann, bob = api.person("Ann"), api.person("Bob")
    channel = api.guild("Cats", ann).text_channel("general")
    channel.overwrite(ann, deny=Can.VIEW_CHANNEL)
    assert channel.permissions(ann) == EVERYTHING
    assert channel.permissions(bob) == NOTHING
