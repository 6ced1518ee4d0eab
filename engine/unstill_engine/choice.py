"""Which models an engine serves: those that its settings name, where AUTO stands for the best that fits its card."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import AUTO, Settings
from unstill_engine.device.cards import card_bytes, visible_devices
from unstill_engine.fleet import ALL
from unstill_engine.host_memory import HostMemory, host_memory, why_too_little
from unstill_engine.licence import check_accepted, why_not_accepted
from unstill_engine.presence import why_not_here

NO_CARD = "cpu"
GB = 10**9


class Choice(msgspec.Struct, frozen=True):
    """Has the models of an engine, and why AUTO became what it did; "" where AUTO was not among them."""

    models: tuple[str, ...]
    why: str = ""


def check_names(settings: Settings, catalog: Catalog) -> None:
    """Check that the catalogue has the models that are named, and that their licences are accepted.

    Raises:
        ConfigError: one is not there, or its licence is not accepted.
    """
    setting = "UNSTILL_ENGINE__MODELS" if settings.engine.models else "UNSTILL_ENGINE__MODEL"
    for name in settings.engine.wanted:
        if name != AUTO and name not in catalog.models:
            known = ", ".join((AUTO, *catalog.models))
            raise ConfigError(f"{setting}={name}: there is no such model; known: {known}.")
    check_accepted(settings, catalog)


def chosen(settings: Settings, catalog: Catalog, environ: Mapping[str, str], engines: int = 1) -> Choice:
    """Return the models for the one device of these settings. `engines`: so many share the machine's memory.

    Raises:
        ConfigError: AUTO finds nothing that fits.
    """
    wanted = settings.engine.wanted
    if AUTO not in wanted:
        return Choice(wanted)
    device = settings.engine.device
    card = 0 if device == NO_CARD else card_bytes("cuda:0" if device == ALL else device, environ) or 0
    best, why = _best(settings, catalog, card, host_memory(engines))
    if best is None:
        raise ConfigError(f"UNSTILL_ENGINE__MODEL={AUTO}: no model of the catalogue fits here ({why}). Name one.")
    if device == NO_CARD and (cards := visible_devices(environ)):
        why += f"; {cards[0]} is not used: UNSTILL_ENGINE__DEVICE=cuda would"
    return Choice(tuple(dict.fromkeys(best if name == AUTO else name for name in wanted)), why)


def _best(settings: Settings, catalog: Catalog, card: int, memory: HostMemory | None) -> tuple[str | None, str]:
    """The model and why it is that one; what would come before it is named with what is in its way."""
    passed = []
    name: str | None
    for name, auto in sorted(
        ((name, model.auto) for name, model in catalog.models.items() if model.auto), key=lambda one: one[1].rank
    ):
        if card < auto.card * GB:
            passed.append(f"{name} needs a card of {auto.card:g} GB")
        elif why_not_accepted(settings, catalog, name) is not None:
            passed.append(f"the licence of {name} is not accepted")
        elif why_too_little(name, catalog, memory) is not None:
            passed.append(f"{name} needs {catalog.models[name].host_memory:g} GiB of the machine's memory")
        elif (absent := why_not_here(name, catalog)) is not None:
            passed.append(absent.partition(". ")[0])
        else:
            break
    else:
        name = None
    has = f"a card of {card / GB:.0f} GB" if card else "no card"
    found = f"the best for {has} whose licence is free" if name else f"there is {has}"
    return name, "; ".join([found, *passed])
