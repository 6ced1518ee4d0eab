"""A group that wants quiet, told once for both platforms: a reaction stands for the receipt, where one may be given."""

from __future__ import annotations

from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse
from tests.system.telegram_house import ANIMATE, TelegramHouse, photo
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import File

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_queue.redis.connection import connect

EYES = ("\N{EYES}",)


async def set_quiet(url: str, *scopes: str) -> None:
    redis = connect(url)
    for scope in scopes:
        await PreferenceStore(redis).set(scope, Preferences(quiet=True))
    await redis.aclose()


async def test_quiet_groups_on_telegram(telegram: TelegramHouse) -> None:
    # Given two groups that want quiet, one of which allows thumbs alone, and one that does not
    ann = telegram.api.person("Ann")
    quiet, thumbs, _ = groups = [telegram.api.group(title, [ann]) for title in ("Quiet", "Thumbs", "Loud")]
    thumbs.reactions = frozenset({"\N{THUMBS UP SIGN}"})
    await set_quiet(telegram.house.valkey.url, *(f"telegram:{group.id}" for group in (quiet, thumbs)))
    # When a clip is asked for in each
    asked = [ann.send_photo(group, photo(), f"{ANIMATE} waves") for group in groups]
    # Then all have it, and the first photo bears the eyes
    for group in groups:
        await group.until(telegram_house.has_clips())
    assert [message.shown().reactions for message in asked] == [EYES, (), ()]


async def test_quiet_servers_on_discord(discord: DiscordHouse) -> None:
    # Given two servers that want quiet, one of which allows the bot no reactions, and one that does not
    servers = [discord.server(name, members=2) for name in ("Quiet", "Bare", "Loud")]
    (quiet, _), (bare, _), _ = servers
    assert quiet.guild and bare.guild
    bare.forbid(Can.ADD_REACTIONS)
    await set_quiet(discord.house.valkey.url, *(f"discord:{guild.id}" for guild in (quiet.guild, bare.guild)))
    # When a clip is asked for in each
    words = f"{discord.api.bot.mention} waves"
    asked = [people[1].say(channel, words, files=[File(photo(), "photo.png")]) for channel, people in servers]
    # Then all have it, and the first message bears the eyes
    for channel, _ in servers:
        await channel.until(discord_house.has_clips())
    assert [message.shown().reactions for message in asked] == [EYES, (), ()]
