"""Lays a host's own tables over those that ship."""

from __future__ import annotations

import logging
from typing import Any

from unstill_config.wording import one_line

log = logging.getLogger(__name__)

GONE = (("models", "licence", "notice"), ("models", "licence", "url"))
"""What earlier versions had: a kind of entry, a field, and a field in that. A host's file may still say it."""


def without_gone(tables: dict[str, Any], source: str) -> dict[str, Any]:
    """Return tables without what is no longer read, which is logged. `source` names their file."""
    for kind, field, gone in GONE:
        entries = tables.get(kind)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            within = entry.get(field) if isinstance(entry, dict) else None
            if isinstance(within, dict) and gone in within:
                del within[gone]
                log.warning("%s", one_line(f"{source}: {kind}.{name}.{field}.{gone} is no longer read. Remove it."))
    return tables


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return the first tables with what the second say in them, key by key."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = laid_over(merged[key], value)
        else:
            merged[key] = value
    return merged
