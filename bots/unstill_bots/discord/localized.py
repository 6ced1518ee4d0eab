"""Names and descriptions of commands in the languages that we have, within what the platform takes."""

from __future__ import annotations

import re

from discord import Locale
from discord.app_commands import ContextMenu, TranslationContextLocation, Translator, locale_str
from discord.app_commands.translator import TranslationContextTypes

from unstill_bots.actions.commands import offered
from unstill_bots.actions.presses import DISCORD
from unstill_bots.text.replies import Replies
from unstill_bots.text.translations import N_
from unstill_config.catalog import Catalog
from unstill_config.languages import SOURCE
from unstill_queue.contract.options import Option

NAME_MOST, DESCRIPTION_MOST = 32, 100
"""Characters of a command's or an option's name, and of its description: Discord's application commands."""
CHOICE_MOST = 100
"""Characters of a choice's name, and of its value."""

OWN_NAMES = {
    "image": N_("image"),
    "prompt": N_("prompt"),
    "which": N_("which"),
    "host": N_("host"),
    "action": N_("action"),
    "whom": N_("whom"),
    "newest": N_("newest"),
    "all": N_("all"),
}
"""Options that are no option of the clip, and their choices."""

DESCRIPTIONS = {
    **{command.name: command.with_options or command.description for command in offered(DISCORD)},
    "image": N_("the picture to animate"),
    "prompt": N_("what moves, and how"),
    "last_image": N_("a second picture, with which the clip ends"),
    "which": N_("your newest one, or all of them"),
    "host": N_("what only who hosts the bot may do"),
    "action": N_("what to do"),
    "whom": N_("for block and unblock: a name, or platform:id"),
}

ANIMATE, ANIMATE_AVATAR, REPORT_CLIP = N_("Animate"), N_("Animate avatar"), N_("Report clip")
"""In the menus of messages and of people."""

# letters, marks of scripts that need them, digits, '-', '_' and an apostrophe: as the platform checks it
_NAME = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")


def is_name(text: str) -> bool:
    """Whether the platform takes it after a slash, or as an option's name."""
    return _NAME.fullmatch(text) is not None and text == text.lower()


def shortened(text: str, most: int = DESCRIPTION_MOST) -> str:
    """Of at least one character and at most that many."""
    text = " ".join(text.split())
    return (text if len(text) <= most else f"{text[: most - 1].rstrip()}…") or "…"


def described(option: Option, catalog: Catalog, replies: Replies) -> str:
    """Describe what an option does, and where there is room which numbers it takes."""
    said = replies.option_described(option, catalog)
    return shortened(said if len(said) <= DESCRIPTION_MOST else replies.translated(option.help))


def marked(text: str, option: Option | None = None) -> locale_str:
    """To be translated when the commands are told to the platform; with `option`, its description."""
    return locale_str(shortened(text), words=text, option=option)


class Localized(Translator):
    """Translates by the catalogues of sentences; a language that we have not gets the English."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def translate(self, string: locale_str, locale: Locale, context: TranslationContextTypes) -> str | None:
        """None where the English stays: also for a name that the platform would refuse."""
        replies = Replies(locale.value)
        words: str = string.extras.get("words", string.message)
        if replies.language == SOURCE or not words:
            return None
        option: Option | None = string.extras.get("option")
        if option is not None:
            return described(option, self._catalog, replies)
        text = replies.translated(words)
        if text == words:
            return None
        match context.location:
            case TranslationContextLocation.command_name if isinstance(context.data, ContextMenu):
                return shortened(text, NAME_MOST)
            case TranslationContextLocation.command_name | TranslationContextLocation.parameter_name:
                # nouns of some languages begin with a capital, which no name may have
                return text.lower() if is_name(text.lower()) else None
            case _:
                return shortened(text)
