"""The options of a clip in forms and commands: what is offered for one, and what was chosen as a caption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unstill_bots.intake.captions import Caption, joined
from unstill_bots.intake.served import Served
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog, Preset, Value
from unstill_queue.contract.options import Option

Offer = tuple[str, Value]
"""The text that is shown, and the value that it stands for."""


LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20)
"""Seconds that are offered, of those that a model can do."""


def is_offered(option: Option) -> bool:
    """Return whether an option's values are data, which a host may change, and not part of the schema."""
    return bool(option.catalogue) or option.name == "resolution"


def offers(option: Option, served: Served, replies: Replies, model: str) -> list[Offer]:
    """Return all values of an option, in the catalogue's order: models that are served, and what a `model` does. Of
    the length a few whole seconds.
    """
    catalog = served.catalog
    draws = catalog.models[model].draws if model in catalog.models else served.draws
    if option.name == "seconds":
        return [(replies.seconds(length), length) for length in _lengths(catalog, model)]
    match option.catalogue:
        case "presets":
            return [
                (": ".join(filter(None, map(replies.translated, _texts(preset, draws=draws)))), name)
                for name, preset in catalog.presets_for(model).items()
            ]
        case "models":
            return [(entry.title, name) for name, entry in served.models.items()]
        case "finishes":
            return [(replies.translated(entry.title), name) for name, entry in catalog.finishes.items()]
        case _:
            sizes = catalog.models[model].resolutions if model in catalog.models else ()
            return [(f"{size} {option.unit}".strip(), size) for size in sizes]


def _texts(preset: Preset, *, draws: bool) -> tuple[str, str]:
    return preset.title, preset.help_of(draws=draws)


def _lengths(catalog: Catalog, model: str) -> list[int]:
    if model not in catalog.models:
        return []
    entry = catalog.models[model]
    least, most = (frames / int(entry.defaults["fps"]) for frames in entry.ranges["num_frames"])
    return [length for length in LENGTHS if least <= length <= most]


def matching(found: Iterable[Offer], typed: str) -> list[Offer]:
    """Return the offers that begin with what was typed so far, then those that contain it."""
    folded = typed.strip().casefold()

    def at(offer: Offer) -> int:
        """Return where it stands: 0 at the beginning, -1 nowhere."""
        places = [text.casefold().find(folded) for text in (offer[0], str(offer[1]))]
        return min((place for place in places if place >= 0), default=-1)

    return sorted((offer for offer in found if at(offer) >= 0), key=lambda offer: at(offer) > 0)


def words(prompt: str, given: Mapping[str, Value | None]) -> str:
    """Return a caption: what was chosen, then the prompt, so that no word of the prompt is read as a value."""
    chosen = {name: value for name, value in given.items() if value is not None and value != ""}
    return joined(str(Caption("", chosen)), prompt.strip())
