"""The models that engines serve now, and what those can do: what help, options, examples and advice speak of."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Self

import msgspec
from redis.exceptions import RedisError

from unstill_config.catalog import Catalog, Model, Preset
from unstill_config.settings import Settings
from unstill_queue.contract.options import EXACT, OPTIONS, Option
from unstill_queue.ledger.ledger import Ledger

GUIDANCE_ADVISED = 12
"""The guidance scale that the advice names at most."""
HEAR_EVERY = 10.0
"""Seconds between two times that a front end asks which model to use where nobody names one."""
FIRST = "camera"
"""The model that is spoken of where nobody has said which, and no engine was heard of yet."""
FRESH = 2.0
"""Seconds for which an answer of the ledger is good: engines say as often that they are there."""


class Served(msgspec.Struct, frozen=True):
    """The models that engines announce now: `names`, in the catalogue's order; none while no engine is running.

    `default` is the model that texts and examples speak of: the one that is used where nobody names one, or the best
    that is served where that one is not. `rewrites`: a language model makes prompts of people's words here.
    """

    catalog: Catalog
    names: tuple[str, ...]
    default: str
    rewrites: bool = False

    @classmethod
    def of(
        cls, catalog: Catalog, lanes: set[str], usual: str | None, otherwise: str = FIRST, *, rewrites: bool = False
    ) -> Served:
        """Return what is served where engines are alive on `lanes`.

        `usual` is used where nobody names a model; None: the best that is served, and `otherwise` while nothing is.
        """
        names = tuple(name for name in catalog.models if name in lanes)
        best = catalog.best_of(names)
        if usual is None:
            return cls(catalog, names, best or otherwise, rewrites)
        return cls(catalog, names, usual if usual in names or best is None else best, rewrites)

    @property
    def models(self) -> dict[str, Model]:
        """The models to offer, by name: those that are served. While none is, the default, which is to come back."""
        return {
            name: self.catalog.models[name] for name in self.names or (self.default,) if name in self.catalog.models
        }

    @property
    def presets(self) -> dict[str, Preset]:
        """Return the presets to offer: those that do something with one of the models to offer."""
        return self.catalog.presets_for(*self.models)

    @property
    def offered(self) -> Catalog:
        """The catalogue with the models to offer alone."""
        return self.catalog.model_copy(update={"models": self.models})

    @property
    def draws(self) -> bool:
        """Whether the default draws new pixels. Else a camera moves over the photo, and nothing in it moves."""
        model = self.models.get(self.default)
        return model is None or model.draws

    @property
    def guided(self) -> bool:
        """Whether the default takes the guidance scale that is advised where a clip looks distorted."""
        model = self.models.get(self.default)
        return model is None or model.ranges.get("guidance_scale", (0, 0))[1] >= GUIDANCE_ADVISED

    @property
    def options(self) -> tuple[Option, ...]:
        """Return the options that one of the models to offer reads, in the schema's order; `model` where there is a
        choice, and `exact` where words are rewritten.
        """
        models = self.models
        return tuple(
            option
            for option in OPTIONS
            if not (option.name == "model" and len(models) == 1)
            and (option.name != EXACT or self.rewrites)
            and (not option.ability or any(option.name in model.abilities for model in models.values()))
        )

    def able(self, ability: str) -> str:
        """Return the best model that is served and has an ability; nothing where none has."""
        able = [name for name in self.names if ability in self.catalog.models[name].abilities]
        return self.catalog.best_of(able) or ""

    def instead_of(self, model: str) -> str | None:
        """Return the model to offer where one is not served; None where that one is, or none is."""
        return None if model in self.names or not self.names else self.default

    def title(self, model: str) -> str:
        """Return what a model is called; its name where the catalogue does not know it any more."""
        return self.catalog.models[model].title if model in self.catalog.models else model


class Serving:
    """Asks the ledger which models engines serve, at most every two seconds; the rest is as in `Served.of`."""

    def __init__(self, ledger: Ledger, catalog: Catalog, usual: str | None, *, rewrites: bool = False) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._usual = usual
        self._rewrites = rewrites
        self._known = Served.of(catalog, set(), usual, rewrites=rewrites)
        self._known_until = 0.0
        self._heard: str | None = None

    @classmethod
    def of(cls, ledger: Ledger, catalog: Catalog, settings: Settings) -> Self:
        """Make what asks for a front end of a host's settings."""
        return cls(ledger, catalog, settings.engine.usual, rewrites=settings.prompt.is_on)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Return the names of options that do nothing here, whatever is served."""
        return () if self._rewrites else (EXACT,)

    @property
    def model(self) -> str:
        """The model that is used where nobody names one, by the last that was heard; the host's own choice holds."""
        return self._usual or self._known.default

    async def hear(self) -> None:
        """See to it that `model` is that of now. Raises RedisError."""
        if self._usual is None:
            if not self._known.names:
                # an engine that came in this moment is not to be missed
                self._known_until = 0.0
            await self.now()

    async def run(self) -> None:
        """Hear of it until cancelled, as what is read of words before they are written down waits for nobody."""
        while self._usual is None:
            with contextlib.suppress(RedisError, OSError):
                await self.now()
            await asyncio.sleep(HEAR_EVERY)

    async def now(self) -> Served:
        """Return what is served now. Raises RedisError."""
        if time.monotonic() >= self._known_until:
            found = await self._ledger.engines()
            lanes = {lane for lane, engines in found.items() if engines}
            # while no engine is there, one is to come back, or for the first time, that has said which models it brings
            coming = self._heard or self._catalog.best_of(found) or FIRST
            self._known = Served.of(self._catalog, lanes, self._usual, coming, rewrites=self._rewrites)
            if self._known.names:
                self._heard = self._known.default
            self._known_until = time.monotonic() + FRESH
        return self._known
