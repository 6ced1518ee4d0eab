"""A model's rank and needs, by which one is chosen for a host who leaves the choice."""

from __future__ import annotations

from pydantic import Field

from unstill_config.entry import Entry


class Needs(Entry):
    """Names what has to be on a machine before `auto` takes a model: `packages`, and `files` of its weights.

    `packages` are modules of Python, which the engine's `extra` brings; paths of `files` are relative to the weights.
    """

    extra: str
    packages: tuple[str, ...]
    files: tuple[str, ...]


class Auto(Entry):
    """Ranks a model for hosts who leave the choice: of those that fit, the one with the least `rank` is taken.

    `card` is the memory that a card has to have in all, in GB of 10**9 bytes as makers count; 0: it needs no card.
    """

    rank: int
    card: float = Field(default=0.0, ge=0)
