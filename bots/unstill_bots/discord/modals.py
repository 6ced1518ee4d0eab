"""The form that asks for words, preset, shape and length: for pictures that somebody pointed at, or uploads in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import discord
from discord.app_commands import Choice
from msgspec.structs import replace

from unstill_bots.actions.option_offers import offers, words
from unstill_bots.discord.localized import shortened
from unstill_bots.discord.parameters import shown
from unstill_bots.discord.pending import DiscordRequest, id_of
from unstill_bots.host.background import quickly
from unstill_bots.intake.pending import numbered
from unstill_bots.intake.served import Served, Serving
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.catalog import Value
from unstill_queue.contract.options import TEXT_TO_VIDEO, find

LABEL_MOST, TITLE_MOST, TEXT_MOST = 45, 45, 4000
PICTURES_MOST = 10
"""Files of one upload."""
FORM = "form"
PICTURE, WORDS = "picture", "words"
CHOSEN = ("preset", "shape", "seconds")
"""The options that have a menu of their own; others stand among the words."""


class WordsForm(discord.ui.Modal):
    """discord.py forgets it at once: what comes back is found by its custom id, also after a restart.

    `upload`: it asks for the pictures, too. `prompt` and `given` are what it is filled in with.
    """

    def __init__(
        self,
        form: int,
        replies: ServerReplies,
        served: Served,
        *,
        upload: bool = False,
        prompt: str = "",
        given: Mapping[str, Value] = MappingProxyType({}),
    ) -> None:
        super().__init__(title=shortened(replies.modal_title(), TITLE_MOST), custom_id=f"{FORM} {form}")
        if upload:
            least = 0 if served.able(TEXT_TO_VIDEO) else 1
            files: discord.ui.FileUpload[Any] = discord.ui.FileUpload(
                custom_id=PICTURE, required=bool(least), min_values=least, max_values=PICTURES_MOST
            )
            self._ask(replies.modal_picture(), files)
        model = str(given.get("model", served.default))
        menus = {name: shown(offers(find(name), served, replies, model)) for name in CHOSEN}
        chosen = {name for name, menu in menus.items() if any(one.value == given.get(name) for one in menu)}
        filled = words(prompt, {name: value for name, value in given.items() if name not in chosen})
        asked: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=WORDS,
            style=discord.TextStyle.paragraph,
            placeholder=shortened(replies.example(draws=served.draws)),
            required=False,
            max_length=TEXT_MOST,
            default=filled[:TEXT_MOST] or None,
        )
        self._ask(replies.modal_words(draws=served.draws), asked)
        for (name, menu), label in zip(menus.items(), replies.modal_options(), strict=True):
            if menu:
                self._ask(label, _menu(name, menu, given.get(name)))
        self.stop()

    def _ask(self, label: str, field: discord.ui.Item[Any]) -> None:
        self.add_item(discord.ui.Label(text=shortened(label, LABEL_MOST), component=field))


async def show(interaction: discord.Interaction, replies: ServerReplies, serving: Serving, **filled: Any) -> None:
    """Open the form; `filled` as in `WordsForm`. Raises RedisError, TimeoutError, DiscordException."""
    await interaction.response.send_modal(WordsForm(interaction.id, replies, await quickly(serving.now()), **filled))


def _menu(name: str, choices: Sequence[Choice[Any]], now: Value | None) -> discord.ui.Select[Any]:
    options = [discord.SelectOption(label=one.name, value=str(one.value), default=one.value == now) for one in choices]
    return discord.ui.Select(custom_id=name, options=options, required=False, min_values=0, max_values=1)


def is_ours(custom_id: str) -> bool:
    return custom_id.startswith(f"{FORM} ")


def form_of(custom_id: str) -> str:
    return custom_id.partition(" ")[2]


def written(data: Any) -> str:
    """Return the words of a form that came back, with what was chosen; empty where nothing was filled in."""
    fields = dict(_fields(data.get("components", ())))
    chosen = {name: str(values[0]) for name in CHOSEN if (values := fields.get(name))}
    return words(str(fields.get(WORDS) or ""), chosen)


def uploaded(interaction: discord.Interaction) -> list[discord.Attachment]:
    """Return the files of a form that came back."""
    data: Any = interaction.data
    told = data.get("resolved", {}).get("attachments", {})
    files = dict(_fields(data.get("components", ()))).get(PICTURE) or ()
    return [discord.Attachment(data=told[id], state=interaction._state) for id in files if id in told]


def _fields(components: Any) -> Iterator[tuple[str, Any]]:
    for component in components:
        if "component" in component:
            yield from _fields([component["component"]])
        elif "components" in component:
            yield from _fields(component["components"])
        elif "custom_id" in component:
            yield component["custom_id"], component.get("values", component.get("value"))


def of_form(asks: Sequence[DiscordRequest], form: str) -> list[DiscordRequest]:
    """Return requests under ids of the form that they came from, so that what is sent twice is asked for once."""
    return [replace(ask, id=numbered(id_of(ask.channel, form), number)) for number, ask in enumerate(asks)]
