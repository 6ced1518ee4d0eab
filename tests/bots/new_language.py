"""Run by test_new_language in a copy of the product to which Italian was added: what of it a person meets."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import discord
from discord.app_commands import TranslationContextLocation, locale_str
from discord.app_commands.translator import TranslationContext

from unstill_bots.discord.localized import Localized
from unstill_bots.telegram.menu import menus
from unstill_bots.terminal.common import shared
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Failed


def command() -> None:
    """Has the options that all commands of the terminal have."""


async def localized() -> str | None:
    context: TranslationContext[Literal[TranslationContextLocation.other], Any] = TranslationContext(
        TranslationContextLocation.other, None
    )
    string = locale_str("make a picture move", words="make a picture move")
    return await Localized(Catalog.load()).translate(string, discord.Locale.italian, context)


shared(command)
language = next(option for option in command.__click_params__ if option.name == "language")  # type: ignore[attr-defined]
answer = {
    "replies": Replies("it-CH").failed(Failed("engine_lost", details={"tries": "2"})),
    "setting": ChatReplies("it").setting_value("language", "it"),
    "host": Settings.load().bots.language,
    "telegram": {code: offered[0].description for _, code, offered in menus() if code in ("zh", "it")},
    "discord": asyncio.run(localized()),
    "terminal": list(language.type.choices),
}
print(json.dumps(answer))
