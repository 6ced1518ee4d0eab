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

from unstill_bots.actions.commands import ADMINS, GROUP, PRIVATE, Command, offered
from unstill_bots.actions.presses import TELEGRAM
from unstill_bots.host.registration import register_once
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.languages import LANGUAGES, SOURCE, first_subtag

SCOPES: dict[str, BotCommandScope] = {
    PRIVATE: BotCommandScopeAllPrivateChats(),
    GROUP: BotCommandScopeAllGroupChats(),
    ADMINS: BotCommandScopeAllChatAdministrators(),
}
CODES = {"": SOURCE, **{first_subtag(language): language for language in LANGUAGES if language != SOURCE}}
"""Telegram's language codes to ours; none is for all the others."""
REGISTERED = "unstill:telegram:menu"


def menus() -> list[tuple[BotCommandScope, str, list[BotCommand]]]:
    """Scope, language code and commands."""
    return [
        (scope, code, [_shown(command, language) for command in offered(TELEGRAM) if menu in command.menus])
        for menu, scope in SCOPES.items()
        for code, language in CODES.items()
    ]


def _shown(command: Command, language: str) -> BotCommand:
    return BotCommand(command.name, ChatReplies(language).gettext(command.description))


async def register(bot: Bot, redis: Redis) -> bool:
    """Register the commands, once for each change of them. False: it could not be done, which is logged."""
    told = menus()

    async def wanted() -> str:
        lines = [f"{bot.id} {scope.type} {code} {[c.to_dict() for c in menu]}" for scope, code, menu in told]
        return "\n".join(lines)

    async def tell() -> None:
        for scope, code, menu in told:
            await bot.set_my_commands(menu, scope=scope, language_code=code or None)

    return await register_once(redis, REGISTERED, wanted, tell, (TelegramError,))
