"""The double of Discord: where pictures are downloaded from."""

from __future__ import annotations

import io

import aiohttp
import discord
import pytest
from PIL import Image
from tests.bots.discord_double.bot import Bot, png
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.people import Person
from wire_doubles.discord_api import DiscordApi, File


async def get(url: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as answer:
        return answer.status, answer.content_type, await answer.read()


async def test_an_address_is_good_for_a_day_and_a_fresh_one_is_had_by_asking(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    sent = ann.say(general, bot.mention, files=[File(png())])
    await bot.until(lambda: bool(bot.seen))
    [told] = bot.seen[0].attachments
    assert await told.read() == png()
    assert await told.read(use_cached=True) == png()
    discord_api.clock.move(24 * 3600 + 1)
    with pytest.raises(discord.NotFound):
        await told.read()
    fresh = await bot.get_partial_messageable(general.id).fetch_message(sent.id)
    assert fresh.attachments[0].url != told.url
    assert await fresh.attachments[0].read() == png()


async def test_what_is_not_signed_is_not_given(discord_api: DiscordApi, ann: Person, general: Channel) -> None:
    sent = ann.say(general, files=[File(png(), "one.png"), File(png(), "two.png")])
    one, two = (discord_api.cdn.url(each) for each in sent.attachments)
    assert (await get(one))[0] == 200
    assert (await get(one.split("?")[0]))[0] == 404
    assert (await get(one.split("?")[0] + "?" + two.split("?")[1]))[0] == 404
    assert (await get(one.replace("ex=", "ex=f")))[0] == 404
    discord_api.cdn.lost.add(sent.attachments[0].id)
    assert (await get(one))[0] == 404
    assert [download.status for download in discord_api.cdn.downloads] == [200, 404, 404, 404, 404]


async def test_files_may_lie(discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel) -> None:
    lie = File(b"<html>" * 100, "cat.png", mime="image/png", size=10, width=640, height=480)
    ann.say(general, bot.mention, files=[lie])
    await bot.until(lambda: bool(bot.seen))
    [told] = bot.seen[0].attachments
    assert (told.content_type, told.size, told.width) == ("image/png", 10, 640)
    assert len(await told.read()) == 600


async def test_pictures_of_people_come_in_every_format(discord_api: DiscordApi, ann: Person) -> None:
    ann.set_avatar(png(200, 100))
    for ending, kind in (("png", "PNG"), ("webp", "WEBP"), ("jpg", "JPEG")):
        status, _, data = await get(f"{discord_api.cdn_url}/avatars/{ann.id}/{ann.avatar}.{ending}?size=1024")
        with Image.open(io.BytesIO(data)) as image:
            assert (status, image.format, image.size) == (200, kind, (200, 100))
    assert (await get(f"{discord_api.cdn_url}/embed/avatars/3.png"))[:2] == (200, "image/png")
    assert (await get(f"{discord_api.cdn_url}/avatars/{ann.id}/other.png"))[0] == 404


async def test_stickers_come_as_what_they_are(discord_api: DiscordApi) -> None:
    for format, ending, kind in ((1, "png", "image/png"), (3, "json", "application/json"), (4, "gif", "image/gif")):
        sticker = discord_api.sticker(b"data", format=format)
        assert await get(f"{discord_api.cdn_url}/stickers/{sticker.id}.{ending}") == (200, kind, b"data")


async def test_addresses_that_lead_elsewhere(discord_api: DiscordApi) -> None:
    # Given an address on another host, and one of the CDN that leads to it
    elsewhere = discord_api.cdn.elsewhere(b"secret")
    moved = discord_api.cdn.redirect(elsewhere)
    assert moved.startswith(discord_api.cdn_url)
    # Then who follows is seen
    assert (await get(moved))[0] == 302
    async with aiohttp.ClientSession() as session, session.get(moved) as answer:
        assert await answer.read() == b"secret"
    hosts = [(download.host.split(":")[0], download.status) for download in discord_api.cdn.downloads]
    assert hosts == [("127.0.0.1", 302), ("127.0.0.1", 302), ("localhost", 200)]
