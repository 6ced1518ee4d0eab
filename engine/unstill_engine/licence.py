"""The gate before a model whose licence a host has to know and accept."""

from __future__ import annotations

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings


def why_not_accepted(settings: Settings, catalog: Catalog) -> str | None:
    """What the sources say and what to do, in one line; None where nothing is left to accept."""
    name = settings.engine.model
    statements = catalog.models[name].licence.statements
    if not statements or name in settings.engine.accept_licences:
        return None
    says = ", ".join(f"{statement.source} says {statement.says} ({statement.url})" for statement in statements)
    return (
        f"The licence of {name} has to be accepted before it is loaded: {says}. "
        f"If your use is within that, add {name} to UNSTILL_ENGINE__ACCEPT_LICENCES."
    )


def check_accepted(settings: Settings, catalog: Catalog) -> None:
    """Raises ConfigError where the engine's model may not be loaded yet."""
    why_not = why_not_accepted(settings, catalog)
    if why_not is not None:
        raise ConfigError(why_not)
