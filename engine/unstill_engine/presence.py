"""Finds whether a machine has what a model needs beside a card and memory: packages, and weights."""

from __future__ import annotations

import importlib.util

from unstill_config.catalog import Catalog


def why_not_installed(name: str, catalog: Catalog) -> str | None:
    """Return which package a model lacks here, and what to do, in a sentence each; None where it lacks none."""
    needs = catalog.models[name].needs
    lacking = [package for package in needs.packages if importlib.util.find_spec(package) is None] if needs else []
    if needs is None or not lacking:
        return None
    return (
        f"{name} needs {' and '.join(lacking)}, not installed here. "
        f"Run: pip install 'unstill-engine[{needs.extra}]', or use another model."
    )


def why_not_fetched(name: str, catalog: Catalog) -> str | None:
    """Return that a model's weights are not on this machine, and what to do, in a sentence each; None where they are.

    It asks nobody else. A model that says nothing of what it needs is not looked at.
    """
    model = catalog.models[name]
    if model.needs is None:
        return None
    from unstill_engine.renderers.download import Contents, lacking_here  # what fetches may not be installed

    if lacking_here(model.weights, Contents(weights=(), files=model.needs.files)) is None:
        return None
    return (
        f"{name} has no weights on this machine. An engine that is told UNSTILL_ENGINE__MODEL={name} fetches them once."
    )


def why_not_here(name: str, catalog: Catalog) -> str | None:
    """Return the first of the two above that holds; None where the model can be loaded without asking anybody."""
    return why_not_installed(name, catalog) or why_not_fetched(name, catalog)
