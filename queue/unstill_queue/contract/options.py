"""The one declaration of every parameter a person can set.

The caption parser, the slash commands, the terminal's flags, the web form and /help are all made
from `OPTIONS`; `resolve` turns what was given into `Parameters` and a `Finish`.
"""

from __future__ import annotations

import difflib
import math
import secrets
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from unstill_config.catalog import Catalog, Model, Value
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.jobs import Finish, Parameters

SEED_MAX = 2**32 - 1
PROMPT_MAX = 500
MOTIONS = {"low": 0.5, "medium": 1.0, "high": 1.75}
_TRUE = frozenset({"", "1", "true", "yes", "on", "是", "开"})
_FALSE = frozenset({"0", "false", "no", "off", "否", "关"})


def one_of(names: Iterable[object]) -> Allowed:
    """Return what is allowed where an option takes one of these names."""
    return Allowed("names", names=", ".join(map(str, names)))


class Option(msgspec.Struct, frozen=True):
    """One parameter. `least` and `most` are inclusive and hold unless a model's own range is narrower."""

    name: str
    type: Literal["int", "float", "text", "flag", "choice"]
    help: str
    aliases: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    #: Which catalogue holds the choices, where they are data.
    catalogue: Literal["", "models", "presets", "finishes"] = ""
    synonyms: Mapping[str, str] = {}

    def choices_in(self, catalog: Catalog) -> tuple[str, ...]:
        if self.catalogue:
            return tuple(getattr(catalog, self.catalogue))
        return self.choices

    def allowed(self, catalog: Catalog) -> Allowed:
        """Return what the option takes."""
        if self.type == "choice":
            return one_of(self.choices_in(catalog))
        if self.type == "flag":
            return Allowed("flag")
        if self.type == "text":
            return Allowed("text", most=str(PROMPT_MAX))
        kind = "whole_number" if self.type == "int" else "number"
        return Allowed(kind, least=f"{self.least:.12g}", most=f"{self.most:.12g}", unit=self.unit)

    def parse(self, text: str, catalog: Catalog) -> Value:
        """Read one value as a person typed it.

        Raises:
            OptionError: not of this option's type, or outside what it allows.
        """
        given = text.strip()
        if self.type == "text":
            if len(given) > PROMPT_MAX:
                raise OptionError(self.name, f"{given[:20]}…", self.allowed(catalog))
            return given
        if self.type == "flag":
            return self._parse_flag(given, catalog)
        if self.type == "choice":
            return self._parse_choice(given, catalog)
        return self._parse_number(given, catalog)

    def number(self, text: str) -> float | None:
        """The number that was typed, with or without its unit, whether it is allowed or not."""
        plain = text.lower().removesuffix(self.unit).removesuffix("s" if self.unit == "seconds" else "").strip()
        try:
            number = float(plain)
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def _parse_flag(self, given: str, catalog: Catalog) -> bool:
        if given.lower() in _TRUE:
            return True
        if given.lower() in _FALSE:
            return False
        raise OptionError(self.name, given, self.allowed(catalog))

    def _parse_choice(self, given: str, catalog: Catalog) -> str:
        choices = self.choices_in(catalog)
        folded = self.synonyms.get(given.lower(), given.lower())
        if folded in choices:
            return folded
        near = difflib.get_close_matches(folded, choices, n=1)
        raise OptionError(self.name, given, self.allowed(catalog), nearest=near[0] if near else None)

    def _parse_number(self, given: str, catalog: Catalog) -> int | float:
        number = self.number(given)
        if number is None:
            raise OptionError(self.name, given, self.allowed(catalog))
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        near = min(max(round(number) if self.type == "int" else number, low), high)
        if near != number:
            raise OptionError(self.name, given, self.allowed(catalog), nearest=f"{near:.12g}")
        return int(number) if self.type == "int" else number


OPTIONS: tuple[Option, ...] = (
    Option("preset", "choice", "a set of values to start from", ("p", "style"), catalogue="presets"),
    Option("model", "choice", "what renders the clip", ("m", "engine"), catalogue="models"),
    Option(
        "seconds", "float", "length of the clip", ("s", "sec", "secs", "duration", "length", "d"), 0.2, 20, "seconds"
    ),
    Option("num_frames", "int", "length of the clip in frames", ("frames", "f"), 8, 480, "frames"),
    Option("fps", "int", "frames a second that are rendered", ("framerate",), 4, 60),
    Option("num_inference_steps", "int", "denoising steps: more is slower and finer", ("steps",), 1, 100),
    Option("guidance_scale", "float", "how closely the words are followed", ("gs", "cfg", "guidance"), 1, 20),
    Option("seed", "int", "the same seed gives the same clip", ("sd",), 0, SEED_MAX),
    Option("negative_prompt", "text", "what should not appear", ("neg", "no", "negative", "without")),
    Option("resolution", "int", "short side that is rendered", ("res", "size", "r"), 128, 1024, "px"),
    Option(
        "motion",
        "choice",
        "how much moves",
        ("strength",),
        choices=tuple(MOTIONS),
        synonyms={"0": "low", "1": "low", "2": "medium", "3": "high", "4": "high", "subtle": "low", "strong": "high"},
    ),
    Option("camera", "text", "camera words: zoom in, pan left, tilt up, rotate", ("cam",)),
    Option(
        "shape",
        "choice",
        "shape of the clip",
        ("ar", "aspect", "format", "ratio"),
        catalogue="finishes",
        synonyms={"9:16": "reels", "1:1": "square", "16:9": "landscape", "vertical": "reels", "keep": "original"},
    ),
    Option("output_fps", "int", "frames a second of the file", ("ofps",), 10, 60),
    Option("loop", "flag", "forwards, then backwards", ("boomerang",)),
    Option("fade", "flag", "fade in and out"),
    Option("audio", "flag", "add a silent sound track", ("sound",)),
)

_BY_NAME = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}


def find(name: str) -> Option:
    """The option called that, by its name or an alias; case, '-' and '_' do not matter.

    Raises:
        OptionError: unknown; carries the nearest known name.
    """
    folded = name.lower().replace("-", "_")
    if folded in _BY_NAME:
        return _BY_NAME[folded]
    near = difflib.get_close_matches(folded, _BY_NAME, n=1, cutoff=0.5)
    raise OptionError(name, "", nearest=near[0] if near else None, unknown=True)


def narrowed(error: OptionError, given: Mapping[str, Value], catalog: Catalog, *, default_model: str) -> OptionError:
    """The same, by what the model takes that was asked for beside it: most take less than there is an option for."""
    model = catalog.models.get(str(given.get("model", default_model)))
    option = None if error.unknown else _BY_NAME.get(error.option)
    if model is None or option is None or not error.value:
        return error
    number = option.number(error.value)
    try:
        if option.name in model.ranges:
            low, high = model.ranges[option.name]
            msgspec.structs.replace(option, least=low, most=high).parse(error.value, catalog)
        elif option.name == "resolution" and number is not None:
            _check_range(option.name, round(number), model)
        elif option.name == "seconds" and number is not None:
            _check_seconds(number, int(given.get("fps", model.defaults["fps"])), model)
    except OptionError as narrower:
        return narrower
    return error


def resolve(
    prompt: str, given: Mapping[str, Value], catalog: Catalog, *, default_model: str
) -> tuple[Parameters, Finish]:
    """Explicit values over the preset's, over the model's own defaults; a missing seed is drawn.

    Values that came from a preset are brought into the model's range; explicit ones must lie in it.

    Raises:
        OptionError: a value the model cannot do.
    """
    name = str(given.get("model", default_model))
    if name not in catalog.models:
        raise OptionError("model", name, one_of(catalog.models))
    model = catalog.models[name]
    preset = catalog.presets[str(given["preset"])].for_model(name) if "preset" in given else {}
    values: dict[str, Value] = {**model.defaults, **_within(preset, model), **given}
    for option, value in given.items():
        _check_range(option, value, model)
    fps = int(values["fps"])
    if "seconds" in given and "num_frames" not in given:
        values["num_frames"] = round(float(given["seconds"]) * fps)
        _check_seconds(float(given["seconds"]), fps, model)
    parameters = Parameters(
        model=name,
        prompt=prompt.strip(),
        seed=int(values["seed"]) if "seed" in values else secrets.randbelow(SEED_MAX + 1),
        num_frames=_on_grid(int(values["num_frames"]), model),
        fps=fps,
        resolution=int(values["resolution"]),
        negative_prompt=str(values.get("negative_prompt", "")),
        num_inference_steps=int(values["num_inference_steps"]),
        guidance_scale=float(values["guidance_scale"]),
        motion=MOTIONS[str(values.get("motion", "medium"))],
        camera=str(values.get("camera", "")),
    )
    finish = Finish(
        shape=str(values.get("shape", "original")),
        output_fps=int(values["output_fps"]) if "output_fps" in values else None,
        fade=bool(values.get("fade", False)),
        loop=bool(values.get("loop", False)),
        audio=bool(values.get("audio", False)),
    )
    return parameters, finish


def _on_grid(num_frames: int, model: Model) -> int:
    """The nearest count that is both on the model's grid and in its range, whose ends may be off the grid."""
    low, high = model.ranges["num_frames"]
    grid = model.frame_grid
    nearest = grid.nearest(num_frames)
    if nearest > high:
        return nearest - grid.multiple
    return nearest + grid.multiple if nearest < low else nearest


def _within(preset: Mapping[str, Value], model: Model) -> dict[str, Value]:
    fitted = dict(preset)
    for name, (low, high) in model.ranges.items():
        if name in fitted:
            kind = type(fitted[name])
            fitted[name] = kind(min(max(float(fitted[name]), low), high))
    if "resolution" in fitted:
        fitted["resolution"] = min(model.resolutions, key=lambda size: abs(size - int(fitted["resolution"])))
    return fitted


def _check_range(option: str, value: Value, model: Model) -> None:
    if option in model.ranges:
        low, high = model.ranges[option]
        number = float(value)
        if not low <= number <= high:
            raise OptionError(
                option,
                f"{number:g}",
                Allowed("with_model", least=f"{low:g}", most=f"{high:g}", model=model.title),
                nearest=f"{min(max(number, low), high):g}",
            )
    if option == "resolution" and value not in model.resolutions:
        nearest = min(model.resolutions, key=lambda size: abs(size - int(value)))
        raise OptionError(option, str(value), one_of(model.resolutions), nearest=str(nearest))


def _check_seconds(seconds: float, fps: int, model: Model) -> None:
    low, high = (bound / fps for bound in model.ranges["num_frames"])
    if not low <= seconds <= high:
        # rounded inwards: what is suggested has to be accepted
        low, high = math.ceil(low * 1000) / 1000, math.floor(high * 1000) / 1000
        raise OptionError(
            "seconds",
            f"{seconds:g}",
            Allowed("seconds_at_fps", least=f"{low:g}", most=f"{high:g}", fps=str(fps)),
            nearest=f"{low if seconds < low else high:g}",
        )
