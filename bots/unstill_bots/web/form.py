"""The form for a clip, made from the one schema of options: what the models that are served read, and nothing else."""

from __future__ import annotations

import msgspec

from unstill_bots.actions.option_offers import Offer, is_offered, offers
from unstill_bots.intake import captions
from unstill_bots.intake.served import Served
from unstill_bots.text.advice import advice
from unstill_bots.text.page_replies import PageReplies
from unstill_config.catalog import Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import Option
from unstill_queue.contract.resolving import resolve

APART = ("preset", "model")
"""Options that stand before the others: a press each, and what decides which others there are."""


class Field(msgspec.Struct, frozen=True):
    """One option as a field. `choices` are texts and values; without them it is typed. `kind` is an input's type, or
    'flag'; 'file' takes a picture. Bounds are inclusive.
    """

    name: str
    label: str
    hint: str
    kind: str
    choices: tuple[Offer, ...] = ()
    least: float | None = None
    most: float | None = None
    step: str = ""
    value: str = ""


class Form(msgspec.Struct, frozen=True):
    """The form of one model. `models` is empty where there is no choice. `example` are words that it can do."""

    model: str
    draws: bool
    example: str
    models: tuple[Offer, ...]
    presets: tuple[Offer, ...]
    fields: tuple[Field, ...]


def form_of(served: Served, replies: PageReplies, model: str = "", given: dict[str, str] | None = None) -> Form:
    """Return the form for a model that is served, or for the usual one, with the values that were `given`."""
    model = model if model in served.models else served.default
    entry, given = served.models.get(model), given or {}
    draws = entry.draws if entry else served.draws
    read = [
        option
        for option in served.options
        if option.name not in APART and (entry is None or not option.ability or option.name in entry.abilities)
    ]
    models = [option for option in served.options if option.name == "model"]
    return Form(
        model,
        draws,
        replies.example(draws=draws).partition(" --")[0],
        tuple(offers(models[0], served, replies, model)) if models else (),
        tuple((replies.translated(preset.title), name) for name, preset in served.catalog.presets_for(model).items()),
        tuple(_field(option, served, replies, model, given.get(option.name, "")) for option in read),
    )


def _field(option: Option, served: Served, replies: PageReplies, model: str, value: str) -> Field:
    label, hint = replies.translated(option.name).replace("_", " "), replies.translated(option.help)
    if option.apart:
        return Field(option.name, label, replies.last_picture_hint(), "file")
    if option.type == "flag" and option.choices:
        texts = tuple((replies.translated(choice), choice) for choice in ("yes", "no", *option.choices))
        return Field(option.name, label, hint, "select", texts, value=value)
    if option.type == "flag":
        return Field(option.name, label, hint, "flag", value=value)
    if is_offered(option) or option.choices:
        choices = (
            tuple(offers(option, served, replies, model))
            if is_offered(option)
            else tuple((replies.translated(choice), choice) for choice in option.choices)
        )
        return Field(option.name, label, hint, "select", choices, value=value)
    if option.type == "text":
        return Field(option.name, label, hint, "text", value=value)
    least, most = _bounds(option, served, model)
    return Field(option.name, label, hint, "number", (), least, most, "1" if option.type == "int" else "any", value)


def _bounds(option: Option, served: Served, model: str) -> tuple[float | None, float | None]:
    entry = served.models.get(model)
    return entry.ranges.get(option.name, (option.least, option.most)) if entry else (option.least, option.most)


def advised(words: str, served: Served, replies: PageReplies, usual: str) -> tuple[str, bool]:
    """Return what to say of words as they are typed, or nothing, and whether they are wrong."""
    try:
        caption = captions.parse(words, served.catalog, usual)
        given: dict[str, Value] = dict(caption.given)
        parameters, _ = resolve(caption.prompt, given, served.catalog, default_model=usual)
    except OptionError as error:
        return replies.option_error(error), True
    if not caption.prompt:
        return "", False
    model = served.catalog.models[parameters.model]
    found = advice(caption.prompt, parameters, draws=model.draws, language=replies.language)
    return (replies.advice(found) if found is not None else ""), False
