"""A sequence of hostile files in which each number always gives the same file."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.bots.hostile.forgeries import FORGERIES
from tests.bots.hostile.mutations import mutate
from tests.bots.hostile.sources import NAMES, source


def generated(number: int) -> tuple[str, bytes]:
    """File `number`, with words on what it is: every other is forged, the rest are damaged sound ones."""
    chance = random.Random(f"hostile {number}")
    if number % 2:
        forge = FORGERIES[number // 2 % len(FORGERIES)]
        return f"{number}: {forge.__name__}", forge(chance)
    kind, name = NAMES[number // 2 % len(NAMES)]
    return f"{number}: {kind} {name}, damaged", mutate(source(kind, name), chance)


def damaged(number: int, files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """File `number` of those that are made by damaging the given ones."""
    chance = random.Random(f"damaged {number}")
    name, data = files[number % len(files)]
    return f"{number}: {name}, damaged", mutate(data, chance)
