"""The presets of presets.toml: sets of values to start from."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from pydantic import model_validator

from unstill_config.entry import Entry, Value
from unstill_config.wording import nearest

SAMPLING = {"scheduler": ("", "unipc"), "timestep_spacing": ("", "trailing")}
"""Values that a model's defaults and presets may say of its steps, beside the options. "": as its checkpoint says."""
CHOICES: dict[str, tuple[Value, ...]] = {
    **SAMPLING,
    "motion": ("low", "medium", "high"),
    "fill": ("pad", "crop", "blur"),
    "loop": (False, True, "seamless"),
}
NUMBERS: dict[str, tuple[type[int | float], float, float]] = {
    **dict.fromkeys(("resolution", "num_frames", "fps", "num_inference_steps"), (int, -math.inf, math.inf)),
    "guidance_scale": (float, -math.inf, math.inf),
    "seed": (int, 0, 2**32 - 1),
    "output_fps": (int, 10, 60),
    "target_fps": (int, 0, math.inf),
    "cache_interval": (int, 1, math.inf),
    "step_cache": (float, 0, math.inf),
}
TEXTS = ("negative_prompt", "camera", "shape")
SWITCHES = ("fade", "audio")
VALUES = (*CHOICES, *NUMBERS, *TEXTS, *SWITCHES)
"""All that a preset may set, and a model's defaults. What a model has narrower ranges for is brought into them."""


def check_values(values: Mapping[str, Value]) -> None:
    """Raise ValueError where one of these values is none that a clip can have; other names are passed over."""
    for name, value in values.items():
        if name in CHOICES and not any(type(value) is type(known) and value == known for known in CHOICES[name]):
            known = ", ".join(str(each).lower() for each in CHOICES[name] if each != "")
            raise ValueError(f"{name} = {value} is none of {known}")
        if name in NUMBERS:
            kind, least, most = NUMBERS[name]
            number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
            if not least <= number <= most or (kind is int and number != round(number)):
                what = f"{'whole ' if kind is int else ''}number"
                bounds = (
                    ""
                    if least == -math.inf
                    else f" from {least:.12g}{f' to {most:.12g}' if most < math.inf else ' on'}"
                )
                raise ValueError(f"{name} = {value} is no {what}{bounds}")
        if name in SWITCHES and not isinstance(value, bool):
            raise ValueError(f"{name} = {value} is neither true nor false")
        if name in TEXTS and not isinstance(value, str):
            raise ValueError(f"{name} = {value} is no text")


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
            for name in values.keys() - set(VALUES):
                raise ValueError(f"{name} is nothing that a preset sets{_hint(name, VALUES)}")
            check_values(values)
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


def check_presets(
    presets: Mapping[str, Preset], target_fps: Mapping[str, Collection[int]], shapes: Collection[str]
) -> None:
    """Raise ValueError where a preset names what there is not: a model, a shape, or a frame rate to tell a model.

    `target_fps` are the frame rates of each model, by its name.
    """
    for name, preset in presets.items():
        for model, values in preset.models.items():
            if model not in target_fps:
                raise ValueError(f"presets.{name}.models.{model} names no model{_hint(model, target_fps)}")
            if (told := values.get("target_fps", 0)) not in (0, *target_fps[model]):
                raise ValueError(f"presets.{name}.models.{model}: target_fps = {told} is none of the model's")
        for values in (preset.values, *preset.models.values()):
            if "shape" in values and (shape := str(values["shape"])) not in shapes:
                raise ValueError(f"presets.{name} names no shape: {shape}{_hint(shape, shapes)}")


def _hint(name: str, names: Iterable[str]) -> str:
    close = nearest(name, names)
    return f". Did you mean {close}?" if close else ""
