"""The models that engines serve now, and what those can do: what help, options, examples and advice speak of."""

from __future__ import annotations

import time

import msgspec

from unstill_config.catalog import Catalog, Model
from unstill_queue.contract.options import OPTIONS, Option
from unstill_queue.ledger.ledger import Ledger

GUIDANCE_ADVISED = 12
"""The guidance scale that the advice names at most."""
FRESH = 2.0
"""Seconds for which an answer of the ledger is good: engines say as often that they are there."""


class Served(msgspec.Struct, frozen=True):
    """The models that engines announce now: `names`, in the catalogue's order; none while no engine is running.

    `default` is the model that texts and examples speak of: the one that is used where nobody names one, or the first
    that is served where that one is not.
    """

    catalog: Catalog
    names: tuple[str, ...]
    default: str

    @classmethod
    def of(cls, catalog: Catalog, lanes: set[str], usual: str) -> Served:
        """Return what is served where engines are alive on `lanes`. `usual` is used where nobody names a model."""
        names = tuple(name for name in catalog.models if name in lanes)
        return cls(catalog, names, usual if usual in names or not names else names[0])

    @property
    def models(self) -> dict[str, Model]:
        """The models to offer, by name: those that are served. While none is, the default, which is to come back."""
        return {
            name: self.catalog.models[name] for name in self.names or (self.default,) if name in self.catalog.models
        }

    @property
    def offered(self) -> Catalog:
        """The catalogue with the models to offer alone."""
        return self.catalog.model_copy(update={"models": self.models})

    @property
    def synthetic(self) -> bool:
        """Whether the default draws new pixels. Else a camera moves over the photo, and nothing in it moves."""
        model = self.models.get(self.default)
        return model is None or model.synthetic

    @property
    def guided(self) -> bool:
        """Whether the default takes the guidance scale that is advised where a clip looks distorted."""
        model = self.models.get(self.default)
        return model is None or model.ranges.get("guidance_scale", (0, 0))[1] >= GUIDANCE_ADVISED

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that one of the models to offer reads, in the schema's order; `model` where there is a choice."""
        models = self.models
        return tuple(
            option
            for option in OPTIONS
            if not (option.name == "model" and len(models) == 1)
            and (not option.ability or any(option.name in model.abilities for model in models.values()))
        )

    def instead_of(self, model: str) -> str | None:
        """Return the model to offer where one is not served; None where that one is, or none is."""
        return None if model in self.names or not self.names else self.default

    def title(self, model: str) -> str:
        """Return what a model is called; its name where the catalogue does not know it any more."""
        return self.catalog.models[model].title if model in self.catalog.models else model


class Serving:
    """Asks the ledger which models engines serve, at most every two seconds. `usual` as in `Served.of`."""

    def __init__(self, ledger: Ledger, catalog: Catalog, usual: str) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._usual = usual
        self._known: Served | None = None
        self._known_until = 0.0

    async def now(self) -> Served:
        """Return what is served now. Raises RedisError."""
        if self._known is None or time.monotonic() >= self._known_until:
            lanes = {lane for lane, engines in (await self._ledger.engines()).items() if engines}
            self._known = Served.of(self._catalog, lanes, self._usual)
            self._known_until = time.monotonic() + FRESH
        return self._known
