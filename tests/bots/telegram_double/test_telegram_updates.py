"""The double of Telegram's Bot API, seen through the client library: who the bot is, and what it is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from telegram import (
    Bot,
)
from telegram.error import (
    Conflict,
    EndPointNotFound,
    InvalidToken,
)
from tests.bots.telegram_double.wire import BUTTONS, client, the_update
from tests.waiting import PATIENCE, until
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


async def test_the_bot_is_who_its_token_says(telegram: TelegramApi, bot: Bot) -> None:
    assert (bot.id, bot.username) == (4321, "unstill_bot")
    assert bot.supports_inline_queries
    assert not bot.can_read_all_group_messages


@pytest.mark.parametrize("token", ["4321:" + "A" * 35, "nonsense"])
async def test_a_wrong_token_is_refused(telegram: TelegramApi, token: str) -> None:
    with pytest.raises(InvalidToken):
        async with client(telegram, token):
            pass


async def test_an_unknown_method_is_not_found(bot: Bot) -> None:
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("makeCoffee")


async def test_an_update_is_told_again_until_a_later_offset_confirms_it(bot: Bot, ann: Person, chat: Chat) -> None:
    ann.send_text(chat, "one")
    first = await the_update(bot)
    again = await the_update(bot)
    ann.send_text(chat, "two")
    second = await the_update(bot, first.update_id + 1)
    none = await bot.get_updates(offset=second.update_id + 1, timeout=0)
    assert again.update_id == first.update_id
    assert first.message and first.message.text == "one"
    assert second.message and second.message.text == "two"
    assert none == ()


async def test_a_poll_waits_until_somebody_writes(telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await until(lambda: telegram.world.updates.polls)
    assert not poll.done()
    ann.send_text(chat, "there")
    assert len(await asyncio.wait_for(poll, PATIENCE)) == 1


async def test_a_second_poller_ends_the_first(telegram: TelegramApi, bot: Bot) -> None:
    async with client(telegram) as other:
        first = asyncio.create_task(bot.get_updates(timeout=10))
        await until(lambda: telegram.world.updates.polls)
        await other.get_updates(timeout=0)
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first


async def test_a_poller_that_dies_takes_its_poll_along(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    """A line that is cut in the middle of a poll confirms nothing and stands in nobody's way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(telegram.url.rsplit(":", 1)[1]))
    writer.write(f"GET /bot{telegram.token}/getUpdates?timeout=30 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await writer.drain()
    await until(lambda: telegram.world.updates.polls)
    writer.transport.abort()
    await asyncio.sleep(0.5)
    ann.send_text(chat, "still there?")
    update = await the_update(bot)
    assert update.message and update.message.text == "still there?"
    assert [answered.status for answered in telegram.calls("getUpdates")] == [200]
    assert await reader.read() == b""


async def test_updates_are_kept_a_day_and_pressed_buttons_150_seconds(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    message = await bot.send_message(chat.id, "Waiting", reply_markup=BUTTONS)
    ann.send_text(chat, "good night")
    ann.press("Cancel", chat.messages[message.message_id])
    telegram.clock.move(200)
    assert [update.message is not None for update in await bot.get_updates(timeout=0)] == [True]
    telegram.clock.move(86_400)
    assert await bot.get_updates(timeout=0) == ()


async def test_only_the_kinds_that_were_asked_for_are_told(bot: Bot, ann: Person, chat: Chat) -> None:
    await bot.get_updates(timeout=0, allowed_updates=["edited_message"])
    message = ann.send_text(chat, "slow zom in")
    ann.edit(message, "slow zoom in")
    update = await the_update(bot)
    assert update.edited_message and update.edited_message.text == "slow zoom in"
    assert update.edited_message.edit_date


async def test_a_webhook_carries_its_secret_and_is_tried_until_it_says_ok(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    got: list[tuple[str | None, Any]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        return web.Response(status=200 if len(got) > 2 else 500)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        await bot.set_webhook(address, secret_token="s3cret")  # noqa: S106
        ann.send_text(chat, "one")
        ann.send_text(chat, "two")
        async with asyncio.timeout(PATIENCE):
            while (await bot.get_webhook_info()).pending_update_count:
                await asyncio.sleep(0.02)
        with pytest.raises(Conflict, match="while webhook is active"):
            await bot.get_updates(timeout=0)
        await bot.delete_webhook()
        assert await bot.get_updates(timeout=0) == ()
    finally:
        await runner.cleanup()
    assert [(secret, update["message"]["text"]) for secret, update in got] == [
        ("s3cret", "one"), ("s3cret", "one"), ("s3cret", "one"), ("s3cret", "two"),
    ]  # fmt: skip
