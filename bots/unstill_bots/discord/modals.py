"""The form that asks for words and a preset, for pictures that somebody pointed at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import discord
from msgspec.structs import replace

from unstill_bots.actions.option_offers import words
from unstill_bots.discord.localized import CHOICE_MOST, shortened
from unstill_bots.discord.parameters import CHOICES_MOST
from unstill_bots.discord.pending import PLATFORM, DiscordRequest
from unstill_bots.intake.served import Served
from unstill_bots.text.server_replies import ServerReplies
from unstill_queue.contract.options import PROMPT_MAX

LABEL_MOST, TITLE_MOST = 45, 45
FORM = "form"
WORDS, PRESET = "words", "preset"


class WordsForm(discord.ui.Modal):
    """discord.py forgets it at once: what comes back is found by its custom id, also after a restart."""

    def __init__(self, form: int, replies: ServerReplies, served: Served) -> None:
        super().__init__(title=shortened(replies.modal_title(), TITLE_MOST), custom_id=f"{FORM} {form}")
        asked: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=WORDS,
            style=discord.TextStyle.paragraph,
            placeholder=shortened(replies.example(synthetic=served.synthetic)),
            required=False,
            max_length=PROMPT_MAX,
        )
        self.add_item(
            discord.ui.Label(
                text=shortened(replies.modal_words(synthetic=served.synthetic), LABEL_MOST), component=asked
            )
        )
        presets = [
            discord.SelectOption(
                label=shortened(replies.translated(preset.title) or name, CHOICE_MOST),
                value=name,
                description=shortened(replies.translated(preset.help_of(synthetic=served.synthetic)), CHOICE_MOST),
            )
            for name, preset in served.catalog.presets.items()
            if 1 <= len(name) <= CHOICE_MOST
        ][:CHOICES_MOST]
        if presets:
            chosen: discord.ui.Select[Any] = discord.ui.Select(
                custom_id=PRESET, options=presets, required=False, min_values=0, max_values=1
            )
            self.add_item(discord.ui.Label(text=shortened(replies.modal_preset(), LABEL_MOST), component=chosen))
        self.stop()


def is_ours(custom_id: str) -> bool:
    return custom_id.startswith(f"{FORM} ")


def form_of(custom_id: str) -> str:
    return custom_id.partition(" ")[2]


def written(data: Any) -> str:
    """The words of a form that came back, a preset among them; empty where nothing was filled in."""
    fields = dict(_fields(data.get("components", ())))
    preset = fields.get(PRESET) or []
    return words(str(fields.get(WORDS) or ""), {PRESET: str(preset[0])} if preset else {})


def _fields(components: Any) -> Iterator[tuple[str, Any]]:
    for component in components:
        if "component" in component:
            yield from _fields([component["component"]])
        elif "components" in component:
            yield from _fields(component["components"])
        elif "custom_id" in component:
            yield component["custom_id"], component.get("values", component.get("value"))


def of_form(asks: Sequence[DiscordRequest], form: str) -> list[DiscordRequest]:
    """Called by the form that they came from, so that the same form sent twice is asked for once."""
    return [
        replace(ask, id=f"{PLATFORM}:{ask.channel}:{form}" + (f".{number}" if number else ""))
        for number, ask in enumerate(asks)
    ]
