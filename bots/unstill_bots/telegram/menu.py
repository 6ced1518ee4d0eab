"""The commands as Telegram's clients offer them, in each language, for private chats, groups and their admins."""

from __future__ import annotations

from redis.asyncio import Redis
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from unstill_bots.host.registration import register_once
from unstill_bots.text.chat_replies import ChatReplies

EVERYBODY = ("animate", "queue", "cancel", "delete", "presets", "status", "help", "privacy", "forgetme")
LANGUAGES = {"": "en", "zh": "zh_CN"}
"""Telegram's language codes to ours; none is for all the others."""
REGISTERED = "unstill:telegram:menu"


def menus() -> list[tuple[BotCommandScope, str, list[BotCommand]]]:
    """Scope, language code and commands."""
    scopes: list[tuple[BotCommandScope, tuple[str, ...]]] = [
        (BotCommandScopeAllPrivateChats(), (*EVERYBODY, "settings", "start")),
        (BotCommandScopeAllGroupChats(), EVERYBODY),
        (BotCommandScopeAllChatAdministrators(), (*EVERYBODY, "settings")),
    ]
    return [
        (scope, code, [BotCommand(name, ChatReplies(language).command(name)) for name in names])
        for scope, names in scopes
        for code, language in LANGUAGES.items()
    ]


async def register(bot: Bot, redis: Redis) -> bool:
    """Once for each change of them. False: it could not be done, which is logged."""
    offered = menus()

    async def wanted() -> str:
        told = [f"{bot.id} {scope.type} {code} {[c.to_dict() for c in menu]}" for scope, code, menu in offered]
        return "\n".join(told)

    async def tell() -> None:
        for scope, code, menu in offered:
            await bot.set_my_commands(menu, scope=scope, language_code=code or None)

    return await register_once(redis, REGISTERED, wanted, tell, (TelegramError,))
