"""The one schema as the options of `/animate`, and what was chosen there as a caption."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Optional

import discord
from discord import app_commands
from discord.app_commands import Choice

from unstill_bots.actions.option_offers import Offer, is_offered, matching, offers
from unstill_bots.discord.localized import CHOICE_MOST, DESCRIPTIONS, described, marked, shortened
from unstill_bots.intake.served import Served
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.options import LAST_IMAGE, OPTIONS, PROMPT_MAX, Option

IMAGE, PROMPT = "image", "prompt"
OPTIONS_MOST, CHOICES_MOST = 25, 25
"""Options of a command, and choices of an option: Discord's application commands."""

Interaction = discord.Interaction[Any]
Animate = Callable[[Interaction, Sequence[discord.Attachment], str, Mapping[str, Value]], Awaitable[None]]
"""Given the picture and the last one, the words, and the chosen options."""
Now = Callable[[], Awaitable[Served]]
"""Says what is served now."""
Completion = Callable[[Interaction, Any], Coroutine[Any, Any, list[Choice[Any]]]]


def animate_command(take: Animate, catalog: Catalog, now: Now, *leave_out: str) -> app_commands.Command[Any, ..., None]:
    """`/animate`, which calls `take`. Choices that are data are offered while one types: no catalogue is too big."""

    async def animate(
        interaction: Interaction, image: discord.Attachment | None = None, prompt: str = "", **given: Any
    ) -> None:
        chosen = {name: value for name, value in given.items() if value is not None}
        images = [file for file in (image, chosen.get(LAST_IMAGE)) if file]
        await take(interaction, images, prompt, chosen | ({LAST_IMAGE: True} if LAST_IMAGE in chosen else {}))

    options = [option for option in OPTIONS if not option.apart and option.name not in leave_out][: OPTIONS_MOST - 3]
    parameters = [
        _parameter("interaction", Interaction),
        _parameter(IMAGE, Optional[discord.Attachment], None),  # noqa: UP045
        _parameter(PROMPT, app_commands.Range[str, 1, PROMPT_MAX], ""),
        *(_parameter(option.name, _annotation(option), None) for option in options),
        _parameter(LAST_IMAGE, Optional[discord.Attachment], None),  # noqa: UP045
    ]
    animate.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app_commands.describe(
        image=marked(DESCRIPTIONS[IMAGE]),
        prompt=marked(DESCRIPTIONS[PROMPT]),
        last_image=marked(DESCRIPTIONS[LAST_IMAGE]),
        **{option.name: marked(described(option, catalog, Replies()), option) for option in options},
    )(animate)
    fixed = {option.name: _fixed(option) for option in options if option.choices}
    app_commands.choices(**fixed)(animate)
    offers = {option.name: _completion(option, now) for option in options if is_offered(option)}
    app_commands.autocomplete(**offers)(animate)
    return app_commands.Command(name=marked("animate"), description=marked(DESCRIPTIONS["animate"]), callback=animate)


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
        case "flag" if not option.choices:
            inner = bool
        case _:
            inner = str
    return Optional[inner]  # noqa: UP045  # discord.py reads no `X | None` that is made of a Range


def _fixed(option: Option) -> list[Choice[str]]:
    names = ("yes", "no", *option.choices) if option.type == "flag" else option.choices
    return [Choice(name=marked(name), value=name) for name in names[:CHOICES_MOST]]


# -- what is offered while one types


def _completion(option: Option, now: Now) -> Completion:
    async def complete(interaction: Interaction, current: Any) -> list[Choice[Any]]:
        served = await now()
        model = str(interaction.namespace["model"]) if "model" in interaction.namespace else served.default
        return shown(matching(offers(option, served, Replies(interaction.locale.value), model), str(current)))

    return complete


def shown(found: Iterable[Offer]) -> list[Choice[Any]]:
    """Make choices of what was found, but for what the platform would refuse."""
    choices: dict[str, Choice[Any]] = {}
    for title, value in found:
        if not isinstance(value, str) or 1 <= len(value) <= CHOICE_MOST:
            name = shortened(title or str(value), CHOICE_MOST)
            choices.setdefault(name, Choice(name=name, value=value))
    return list(choices.values())[:CHOICES_MOST]
