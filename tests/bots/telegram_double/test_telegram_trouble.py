"""The double of Telegram's Bot API, seen through the client library: what goes wrong on the way."""

from __future__ import annotations

import httpx
import pytest
from telegram import (
    Bot,
)
from telegram.error import (
    BadRequest,
    NetworkError,
    TelegramError,
    TimedOut,
)
from tests.bots.telegram_double.wire import client, png, the_update
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


async def test_a_lost_answer_comes_after_the_deed(telegram: TelegramApi, bot: Bot, chat: Chat) -> None:
    telegram.trouble.next("sendMessage", "lost")
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "was it said?")
    telegram.trouble.next("sendMessage", "dropped")
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "this was not")
    telegram.trouble.next("sendMessage", "bad gateway")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(chat.id, "nor this")
    assert [shown.text for shown in chat.history()][1:] == ["was it said?"]


async def test_a_gateways_page_and_words_of_ones_own_are_answered(
    telegram: TelegramApi, bot: Bot, chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.trouble.next("sendMessage", "gateway page")
    with pytest.raises(NetworkError, match=r"Bad Gateway \(502\). Parsing the server response b'<html>"):
        await bot.send_message(chat.id, "hello")
    assert "nginx" in caplog.text
    telegram.trouble.refuse("sendMessage", "MEDIA_EMPTY", times=2)
    for _ in range(2):
        with pytest.raises(BadRequest, match=r"(?i)media_empty"):
            await bot.send_message(chat.id, "hello")
    await bot.send_message(chat.id, "hello")
    assert [shown.text for shown in chat.history()][1:] == ["hello"]


async def test_a_slow_answer_times_out_though_the_deed_is_done(telegram: TelegramApi, chat: Chat) -> None:
    async with client(telegram, read_timeout=0.3) as bot:
        telegram.trouble.next("sendPhoto", "slow", seconds=2.0)
        with pytest.raises(TimedOut):
            await bot.send_photo(chat.id, png())
    assert chat.history()[-1].kind == "photo"


async def test_the_platform_goes_down_and_comes_back_with_everything(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    telegram.trouble.outage = True
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "hello")
    telegram.trouble.outage = False
    url = telegram.url
    await telegram.down()
    with pytest.raises(NetworkError, match="ConnectError"):
        await bot.send_message(chat.id, "hello")
    ann.send_text(chat, "is anybody there?")
    await telegram.up()
    assert telegram.url == url
    message = (await the_update(bot)).message
    assert message and message.text == "is anybody there?"


async def test_the_same_seed_brings_the_same_trouble() -> None:
    async def statuses(seed: int) -> list[int]:
        async with TelegramApi(seed=seed) as telegram, client(telegram) as bot:
            telegram.trouble.lost = telegram.trouble.bad_gateway = 0.3
            telegram.trouble.only = frozenset({"getMyCommands"})
            for _ in range(12):
                try:
                    await bot.get_my_commands()
                except TelegramError:
                    continue
            return [answered.status for answered in telegram.calls("getMyCommands")]

    first = await statuses(1)
    assert first == await statuses(1)
    assert set(first) == {0, 200, 502}


def test_it_runs_in_a_thread_of_its_own() -> None:
    with TelegramApi.threaded() as telegram:
        ann = telegram.person("Ann")
        chat = telegram.private(ann)
        ann.send_text(chat, "hello")
        with httpx.Client(base_url=f"{telegram.url}/bot{telegram.token}") as http:
            update = http.post("/getUpdates", data={"timeout": 1}).json()["result"][0]
            http.post("/sendMessage", data={"chat_id": update["message"]["chat"]["id"], "text": "hello yourself"})
        assert chat.transcript() == "#1 Ann: hello\n#2 Unstill: hello yourself"
