"""The one schema as the options of `/animate`, and what was chosen there as a caption."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Optional

import discord
from discord import app_commands
from discord.app_commands import Choice

from unstill_bots.discord.localized import CHOICE_MOST, DESCRIPTIONS, described, marked, shortened, translated
from unstill_bots.intake.captions import Caption
from unstill_config.catalog import Catalog, Value
from unstill_config.languages import closest
from unstill_queue.contract.options import OPTIONS, PROMPT_MAX, Option

IMAGE, PROMPT = "image", "prompt"
OPTIONS_MOST, CHOICES_MOST = 25, 25
"""Options of a command, and choices of an option: Discord's application commands."""

Interaction = discord.Interaction[Any]
Animate = Callable[[Interaction, discord.Attachment, str], Awaitable[None]]
"""Given the picture and the words, the chosen options among them."""
Completion = Callable[[Interaction, Any], Coroutine[Any, Any, list[Choice[Any]]]]
Offer = tuple[str, Value]
"""What is shown, and what it stands for."""


def animate_command(take: Animate, catalog: Catalog, default_model: str) -> app_commands.Command[Any, ..., None]:
    """`/animate`, which calls `take`. Choices that are data are offered while one types: no catalogue is too big."""

    async def animate(interaction: Interaction, image: discord.Attachment, prompt: str = "", **given: Any) -> None:
        await take(interaction, image, words(prompt, given))

    options = OPTIONS[: OPTIONS_MOST - 2]
    parameters = [
        _parameter("interaction", Interaction),
        _parameter(IMAGE, discord.Attachment),
        _parameter(PROMPT, app_commands.Range[str, 1, PROMPT_MAX], ""),
        *(_parameter(option.name, _annotation(option), None) for option in options),
    ]
    animate.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app_commands.describe(
        image=marked(DESCRIPTIONS[IMAGE]),
        prompt=marked(DESCRIPTIONS[PROMPT]),
        **{option.name: marked(described(option, catalog), option) for option in options},
    )(animate)
    fixed = {option.name: _fixed(option) for option in options if option.choices}
    app_commands.choices(**fixed)(animate)
    offers = {option.name: _completion(option, catalog, default_model) for option in options if _is_offered(option)}
    app_commands.autocomplete(**offers)(animate)
    return app_commands.Command(name=marked("animate"), description=marked(DESCRIPTIONS["animate"]), callback=animate)


def words(prompt: str, given: Mapping[str, Value | None]) -> str:
    """As they would be typed: what was chosen first, where nothing in the prompt can swallow it."""
    chosen = {name: value for name, value in given.items() if value is not None and value != ""}
    return " ".join(filter(None, (str(Caption("", chosen)), prompt.strip())))


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _annotation(option: Option) -> Any:
    """Ranges are checked by the platform's client. A model's own range may be narrower; the answer says so."""
    least, most = option.least or 0, option.most or 0
    match option.type:
        case "int":
            inner: Any = app_commands.Range[int, int(least), int(most)]
        case "float":
            inner = app_commands.Range[float, float(least), float(most)]
        case "text":
            inner = app_commands.Range[str, 1, PROMPT_MAX]
        case "flag":
            inner = bool
        case "choice":
            inner = str
    return Optional[inner]  # noqa: UP045  # discord.py reads no `X | None` that is made of a Range


def _fixed(option: Option) -> list[Choice[str]]:
    return [Choice(name=marked(name), value=name) for name in option.choices[:CHOICES_MOST]]


# -- what is offered while one types


def _is_offered(option: Option) -> bool:
    return bool(option.catalogue) or option.name == "resolution"


def _completion(option: Option, catalog: Catalog, default_model: str) -> Completion:
    async def complete(interaction: Interaction, current: Any) -> list[Choice[Any]]:
        model = str(interaction.namespace["model"]) if "model" in interaction.namespace else default_model
        language = closest(interaction.locale.value)
        return offered(offers(option, catalog, language, model), str(current))

    return complete


def offers(option: Option, catalog: Catalog, language: str, model: str) -> list[Offer]:
    """All there are, in the catalogue's order."""
    match option.catalogue:
        case "presets":
            return [
                (": ".join(translated(part, language) for part in (preset.title, preset.help) if part), name)
                for name, preset in catalog.presets.items()
            ]
        case "models":
            return [(entry.title, name) for name, entry in catalog.models.items()]
        case "finishes":
            return [(entry.title, name) for name, entry in catalog.finishes.items()]
        case _:
            sizes = catalog.models[model].resolutions if model in catalog.models else ()
            return [(f"{size} {option.unit}".strip(), size) for size in sizes]


def offered(found: Iterable[Offer], typed: str) -> list[Choice[Any]]:
    """Those that what was typed so far begins, then those that it is part of; none that the platform would refuse."""
    folded = typed.strip().casefold()

    def at(offer: Offer) -> int:
        """Where it stands: 0 at the beginning, -1 nowhere."""
        places = [text.casefold().find(folded) for text in (offer[0], str(offer[1]))]
        return min((place for place in places if place >= 0), default=-1)

    shown: dict[str, Choice[Any]] = {}
    for title, value in sorted((offer for offer in found if at(offer) >= 0), key=lambda offer: at(offer) > 0):
        if not isinstance(value, str) or 1 <= len(value) <= CHOICE_MOST:
            name = shortened(title or str(value), CHOICE_MOST)
            shown.setdefault(name, Choice(name=name, value=value))
    return list(shown.values())[:CHOICES_MOST]
