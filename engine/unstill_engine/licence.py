"""The gate before a model whose licence a host has to know and accept."""

from __future__ import annotations

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import AUTO, Settings


def why_not_accepted(settings: Settings, catalog: Catalog, name: str | None = None) -> str | None:
    """Return what the sources say of a model, or the first, and what to do, in one line; None: it is accepted."""
    name = name or settings.engine.wanted[0]
    statements = () if name == AUTO else catalog.models[name].licence.statements
    if not statements or name in settings.engine.accept_licences:
        return None
    says = ", ".join(f"{statement.source} says {statement.says} ({statement.url})" for statement in statements)
    return (
        f"The licence of {name} has to be accepted before it is loaded: {says}. "
        f"If your use is within that, add {name} to UNSTILL_ENGINE__ACCEPT_LICENCES."
    )


def check_accepted(settings: Settings, catalog: Catalog) -> None:
    """Check that the licences of the engine's models are accepted, where that is needed. AUTO asks for nothing.

    Raises:
        ConfigError: one of them may not be loaded yet.
    """
    for name in settings.engine.wanted:
        why_not = why_not_accepted(settings, catalog, name)
        if why_not is not None:
            raise ConfigError(why_not)
