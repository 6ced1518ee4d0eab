"""Catalogues with models that make clips of two pictures, of words alone, and with sound."""

from __future__ import annotations

from unstill_config.catalog import Catalog


def with_abilities(catalog: Catalog, model: str, *abilities: str) -> Catalog:
    """Return the catalogue with more abilities of a model."""
    entry = catalog.models[model]
    able = entry.model_copy(update={"abilities": (*entry.abilities, *abilities)})
    return catalog.model_copy(update={"models": {**catalog.models, model: able}})
