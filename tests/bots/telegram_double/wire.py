"""How the tests of the double reach it: the client library that the bot uses, and what they send."""

from __future__ import annotations

import io

from PIL import Image
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Update,
)
from telegram.request import HTTPXRequest
from wire_doubles.telegram_api import TOKEN, TelegramApi

BUTTONS = InlineKeyboardMarkup([[InlineKeyboardButton("Cancel", callback_data="c:1")]])


def png(width: int = 64, height: int = 48) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 40, 40)).save(out, "PNG")
    return out.getvalue()


def client(telegram: TelegramApi, token: str = TOKEN, *, read_timeout: float = 10.0, local: bool = False) -> Bot:
    def request() -> HTTPXRequest:
        # certificates take long to load, and there are none here
        return HTTPXRequest(read_timeout=read_timeout, connection_pool_size=8, httpx_kwargs={"verify": False})

    return Bot(
        token,
        base_url=f"{telegram.url}/bot",
        base_file_url=f"{telegram.url}/file/bot",
        request=request(),
        get_updates_request=request(),
        local_mode=local,
    )


async def the_update(bot: Bot, offset: int | None = None) -> Update:
    updates = await bot.get_updates(offset=offset, timeout=2)
    assert len(updates) == 1, updates
    return updates[0]
