"""What was given to options, as the parameters of a clip and its finish, by what the model takes."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping

import msgspec

from unstill_config.catalog import Catalog, Model, Value
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.options import MOTIONS, OPTIONS, SEAMLESS, SEED_MAX, Option, one_of

_BY_NAME = {option.name: option for option in OPTIONS}


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
        if option.name in model.ranges and low == high:
            narrower.allowed = _allowed(low, high, model)
        return narrower
    return error


def resolve(
    prompt: str, given: Mapping[str, Value], catalog: Catalog, *, default_model: str
) -> tuple[Parameters, Finish]:
    """Explicit values over the preset's, over the model's own defaults; a missing seed is drawn.

    Values that came from a preset are brought into the model's range; explicit ones must lie in it, but for those
    that the model does not read: they are its own.

    Raises:
        OptionError: a value the model cannot do; all of them together.
    """
    name = str(given.get("model", default_model))
    if name not in catalog.models:
        raise OptionError("model", name, one_of(catalog.models))
    model = catalog.models[name]
    if wrong := list(faults(given, catalog, name)):
        raise OptionError.together(wrong)
    values = _values(given, catalog, name)
    fps = int(values["fps"])
    if "seconds" in given and "num_frames" not in given:
        values["num_frames"] = round(float(given["seconds"]) * fps)
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
        step_cache=float(values.get("step_cache", 0)),
        timestep_spacing=str(values.get("timestep_spacing", "")),
        target_fps=int(values.get("target_fps", model.target_fps_for(fps))),
        scheduler=str(values.get("scheduler", "")),
        cache_interval=int(values.get("cache_interval", 1)),
    )
    shape = str(values.get("shape", "original"))
    finish = Finish(
        shape=shape,
        fill=str(values.get("fill", catalog.finishes[shape].fill if shape in catalog.finishes else "")),
        output_fps=int(values["output_fps"]) if "output_fps" in values else None,
        fade=bool(values.get("fade", False)),
        loop=values.get("loop") is True,
        seamless=values.get("loop") == SEAMLESS,
        audio=bool(values.get("audio", False)),
    )
    return parameters, finish


def faults(given: Mapping[str, Value], catalog: Catalog, name: str) -> Iterator[OptionError]:
    """Yield what the model of that name cannot do of the values that were given, each by itself."""
    model = catalog.models[name]
    fps_is_wrong = False
    for option, value in given.items():
        if unread(option, model):
            continue
        try:
            _check_range(option, value, model)
        except OptionError as error:
            fps_is_wrong = fps_is_wrong or option == "fps"
            yield error
    # how many seconds there can be depends on the frame rate
    if "seconds" in given and "num_frames" not in given and not fps_is_wrong:
        try:
            _check_seconds(float(given["seconds"]), int(_values(given, catalog, name)["fps"]), model)
        except OptionError as error:
            yield error


def unread(option: str, model: Model) -> bool:
    """Return whether a model does nothing with an option: no ability has its name, and there is no choice of it."""
    if option not in _BY_NAME or not _BY_NAME[option].ability or option in model.abilities:
        return False
    least, most = model.ranges.get(option, (0, 0))
    return least == most


def _values(given: Mapping[str, Value], catalog: Catalog, name: str) -> dict[str, Value]:
    """Return the values of a clip: those given, over the preset's, over the model's own."""
    model = catalog.models[name]
    preset = catalog.presets[str(given["preset"])].for_model(name) if "preset" in given else {}
    asked = {**_within(preset, model), **given}
    # what it does not read, and has a range all the same, is its own
    own = {option for option in model.ranges if unread(option, model)}
    return {**model.defaults, **{option: value for option, value in asked.items() if option not in own}}


def allowed_by(option: Option, model: Model, catalog: Catalog) -> Allowed:
    """Return what a model takes of an option, at its usual frame rate: no more than there is an option for."""
    if option.name == "resolution":
        return one_of(model.resolutions)
    least, most = model.ranges.get(option.name, (option.least, option.most))
    if option.name == "seconds":
        fps = int(model.defaults["fps"])
        low, high = _seconds(fps, model)
        least, most = max(low, option.least or low), min(high, option.most or high)
        return Allowed("seconds_at_fps", least=f"{least:g}", most=f"{most:g}", fps=str(fps))
    if least is not None and least == most:
        return _allowed(least, least, model)
    return msgspec.structs.replace(option, least=least, most=most).allowed(catalog)


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
                _allowed(low, high, model),
                nearest=f"{min(max(number, low), high):g}",
            )
    if option == "resolution" and value not in model.resolutions:
        nearest = min(model.resolutions, key=lambda size: abs(size - int(value)))
        raise OptionError(option, str(value), one_of(model.resolutions), nearest=str(nearest))


def _allowed(low: float, high: float, model: Model) -> Allowed:
    if low == high:
        return Allowed("only", only=f"{low:g}", model=model.title)
    return Allowed("with_model", least=f"{low:g}", most=f"{high:g}", model=model.title)


def _seconds(fps: int, model: Model) -> tuple[float, float]:
    """Return the least and the most seconds, rounded inwards: what is suggested has to be accepted."""
    low, high = (bound / fps for bound in model.ranges["num_frames"])
    return math.ceil(low * 1000) / 1000, math.floor(high * 1000) / 1000


def _check_seconds(seconds: float, fps: int, model: Model) -> None:
    low, high = (bound / fps for bound in model.ranges["num_frames"])
    if not low <= seconds <= high:
        low, high = _seconds(fps, model)
        raise OptionError(
            "seconds",
            f"{seconds:g}",
            Allowed("seconds_at_fps", least=f"{low:g}", most=f"{high:g}", fps=str(fps)),
            nearest=f"{low if seconds < low else high:g}",
        )
