"""The presets of presets.toml: sets of values to start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import model_validator

from unstill_config.entry import Entry, Value

SAMPLING = {"scheduler": ("", "unipc"), "timestep_spacing": ("", "trailing")}
"""What a model's defaults and presets may say of its steps, beside the options. "": as its checkpoint says."""


def check_sampling(values: Mapping[str, Value]) -> None:
    """Raise ValueError where one of these values is none that a renderer knows."""
    for name, known in SAMPLING.items():
        if values.get(name, "") not in known:
            raise ValueError(f"{name} = {values[name]} is none of {', '.join(filter(None, known))}")
    if not isinstance(whole := values.get("cache_interval", 1), int) or whole < 1:
        raise ValueError(f"cache_interval = {whole} is no whole number from 1 on")


class Preset(Entry):
    """`camera_help` says it instead of `help` of a model that draws no new pixels, where the two differ.

    A preset without `values` is for the `models` alone that it names.
    """

    title: str
    help: str
    camera_help: str = ""
    values: dict[str, Value] = {}
    models: dict[str, dict[str, Value]] = {}

    @model_validator(mode="after")
    def _agrees(self) -> Preset:
        for values in (self.values, *self.models.values()):
            check_sampling(values)
        return self

    def for_model(self, model: str) -> dict[str, Value]:
        """Return what it sets where that model makes the clip."""
        return self.values | self.models.get(model, {})

    def is_for(self, models: Iterable[str]) -> bool:
        """Return whether it is for all models, or for one of these."""
        return not self.models or bool(self.values) or any(model in self.models for model in models)

    def help_of(self, *, draws: bool) -> str:
        """Return what it does with a model that draws new pixels, or with one that does not."""
        return self.help if draws else self.camera_help or self.help
