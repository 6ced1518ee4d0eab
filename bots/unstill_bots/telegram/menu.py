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
    BotCommandScopeChat,
)
from telegram.error import TelegramError

from unstill_bots.actions.commands import ADMINS, GROUP, PRIVATE, Command, offered
from unstill_bots.actions.host_commands import HOST_COMMANDS, HostCommand
from unstill_bots.actions.presses import TELEGRAM
from unstill_bots.host import registration
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.languages import LANGUAGES, SOURCE, first_subtag, in_general

SCOPES: dict[str, BotCommandScope] = {
    PRIVATE: BotCommandScopeAllPrivateChats(),
    GROUP: BotCommandScopeAllGroupChats(),
    ADMINS: BotCommandScopeAllChatAdministrators(),
}
CODES = {"": SOURCE, **{first_subtag(each): each for each in LANGUAGES if each != SOURCE and in_general(each)}}
"""Telegram's language codes to ours; none is for all the others. They have two letters, and no region."""
REGISTERED, HOSTS = "unstill:telegram:menu", "unstill:telegram:hosts"


def menus() -> list[tuple[BotCommandScope, str, list[BotCommand]]]:
    """Scope, language code and commands."""
    return [
        (scope, code, [_shown(command, language) for command in offered(TELEGRAM) if menu in command.menus])
        for menu, scope in SCOPES.items()
        for code, language in CODES.items()
    ]


def _shown(command: Command | HostCommand, language: str) -> BotCommand:
    return BotCommand(command.name, ChatReplies(language).gettext(command.description))


def host_menus(host: str) -> list[tuple[BotCommandScope, str, list[BotCommand]]]:
    """Return the same as `menus` for the private chat with a host: the host's commands after those of everybody."""
    return [
        (BotCommandScopeChat(int(host)), code, shown + [_shown(each, CODES[code]) for each in HOST_COMMANDS.values()])
        for scope, code, shown in menus()
        if scope is SCOPES[PRIVATE]
    ]


async def register_hosts(bot: Bot, redis: Redis, *, hosts: tuple[str, ...]) -> bool:
    """Register the host's commands in the hosts' chats, and take them from who hosts no more; as `register`."""

    async def offer(host: str) -> None:
        for scope, code, shown in host_menus(host):
            await bot.set_my_commands(shown, scope=scope, language_code=code or None)

    async def take_away(host: str) -> None:
        for scope, code, _ in host_menus(host):
            await bot.delete_my_commands(scope=scope, language_code=code or None)

    return await registration.register_hosts(redis, HOSTS, hosts, offer, take_away, (TelegramError,))


async def register(bot: Bot, redis: Redis) -> bool:
    """Register the commands, once for each change of them. False: it could not be done, which is logged."""
    told = menus()

    async def wanted() -> str:
        lines = [f"{bot.id} {scope.type} {code} {[c.to_dict() for c in menu]}" for scope, code, menu in told]
        return "\n".join(lines)

    async def tell() -> None:
        for scope, code, menu in told:
            await bot.set_my_commands(menu, scope=scope, language_code=code or None)

    return await registration.register_once(redis, REGISTERED, wanted, tell, (TelegramError,))
