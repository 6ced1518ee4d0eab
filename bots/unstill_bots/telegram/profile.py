"""What Telegram shows of the bot before anybody has written to it: its texts, its picture, its menu button.

What a host has set with @BotFather stays.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from redis.asyncio import Redis
from telegram import Bot, InputProfilePhotoStatic, MenuButton, MenuButtonCommands, MenuButtonWebApp, WebAppInfo
from telegram.error import TelegramError

from unstill_bots.host.registration import register_once
from unstill_bots.telegram.menu import CODES
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.languages import SOURCE

log = structlog.get_logger(__name__)

PICTURE = Path(__file__).with_name("profile.jpg")
REGISTERED = "unstill:telegram:profile"
APP_PATH = "/telegram"
"""Where the page signs in who comes from Telegram."""
WRITTEN = "unstill:telegram:profile:texts"
"""A hash: each text that we wrote ourselves, by its name and language, as its digest."""


def texts() -> list[tuple[str, str, str]]:
    """Return name, language code and text; those of a language before those for all others."""
    told = []
    for code, language in sorted(CODES.items(), reverse=True):
        replies = ChatReplies(language)
        told += [("short_description", code, replies.what_for()), ("description", code, replies.before_start())]
    return told


async def register(bot: Bot, redis: Redis, *, app: str | None = None, language: str = SOURCE) -> bool:
    """Tell Telegram, once for each change of it. False: it could not be done, which is logged.

    `app`: the address of the page, which the menu button opens then, with a word in `language` on it.
    """
    told, picture = texts(), await asyncio.to_thread(PICTURE.read_bytes)
    button: MenuButton = MenuButtonCommands()
    if app is not None:
        button = MenuButtonWebApp(ChatReplies(language).button_page(), WebAppInfo(f"{app}{APP_PATH}"))

    async def wanted() -> str:
        return f"{bot.id} {told} {hashlib.sha256(picture).hexdigest()} {button.to_json() if app else ''}".rstrip()

    async def tell() -> None:
        for name, code, text in told:
            await _write(bot, redis, name, code, text)
        await bot.set_chat_menu_button(menu_button=button)
        if not (await bot.get_user_profile_photos(bot.id, limit=1)).total_count:
            await bot.set_my_profile_photo(InputProfilePhotoStatic(picture))

    return await register_once(
        redis, REGISTERED, wanted, tell, (TelegramError,), what="the profile's texts and picture"
    )


async def _write(bot: Bot, redis: Redis, name: str, code: str, text: str) -> None:
    """Write a text where there is none, or one of ours."""
    stands: Callable[..., Awaitable[object]] = getattr(bot, f"get_my_{name}")
    write: Callable[..., Awaitable[bool]] = getattr(bot, f"set_my_{name}")
    shown = str(getattr(await stands(language_code=code or None), name))
    ours = await redis.hget(WRITTEN, f"{name} {code}")  # type: ignore[misc]
    if shown and (ours is None or _digest(shown) != ours.decode()):
        log.info("a text of the bot's profile is the host's own and stays", text=name, language=code)
        return
    await redis.hset(WRITTEN, f"{name} {code}", _digest(text))  # type: ignore[misc]
    await write(text, language_code=code or None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
