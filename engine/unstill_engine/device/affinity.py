"""Chooses which of its models an engine takes jobs for first: the loaded one, as far as that is fair to the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

LOADS_A_TURN = 4
"""A turn is at least so many times as long as loading took, so that loading takes no more than a fifth of the time."""
GIVEN_UP_FOR = 900.0
"""Seconds after which a model that could not be loaded is tried again, where a job of it waits."""


class Affinity:
    """Puts the models in an order by the round robin of the one that is loaded and those that wait, in turns of time.

    A model stays for `turn` seconds as long as it has work; then whichever waited longest goes first, and itself last.
    So where each has work all the time, one that waits begins after at most a turn, a job and a load of each other.
    """

    def __init__(self, models: Sequence[str], turn: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.models = tuple(models)
        self._turn = turn
        self._clock = clock
        self._loaded: str | None = None
        self._since = 0.0
        self._left_at: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._given_up: dict[str, float] = {}

    @property
    def loaded(self) -> str | None:
        """The model that is loaded; None while none is."""
        return self._loaded

    @property
    def served(self) -> tuple[str, ...]:
        """The models that are not given up, in the order in which they were named."""
        now = self._clock()
        return tuple(name for name in self.models if self._given_up.get(name, now) <= now)

    @property
    def turn(self) -> float:
        """The seconds for which the model that is loaded stays while another's work waits."""
        return max(self._turn, LOADS_A_TURN * max(self._took.values(), default=0.0))

    @property
    def order(self) -> tuple[str, ...]:
        """The models to take jobs for, the first one first."""
        served = self.served
        others = sorted(
            (name for name in served if name != self._loaded), key=lambda name: self._left_at.get(name, -1.0)
        )
        if self._loaded not in served:
            return tuple(others)
        stays = self._clock() - self._since < self.turn
        return (self._loaded, *others) if stays else (*others, self._loaded)

    def before(self) -> dict[str, float]:
        """Return the seconds that each served model needs before it can begin, as far as that was measured."""
        return {name: 0.0 if name == self._loaded else self._took.get(name, 0.0) for name in self.served}

    def unloaded(self) -> None:
        """Note that no model is loaded any more."""
        if self._loaded is not None:
            self._left_at[self._loaded] = self._clock()
        self._loaded = None

    def now_loaded(self, name: str, seconds: float) -> None:
        """Note that a model was loaded within so many seconds, and begin its turn."""
        self._loaded, self._since, self._took[name] = name, self._clock(), seconds
        self._given_up.pop(name, None)

    def give_up(self, name: str) -> None:
        """Note that a model could not be loaded, and do not serve it for GIVEN_UP_FOR."""
        self._given_up[name] = self._clock() + GIVEN_UP_FOR
