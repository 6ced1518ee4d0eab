"""Makes the caption that asks for the clip of a recipe again."""

from __future__ import annotations

from msgspec.structs import fields, replace

from unstill_bots.intake import captions
from unstill_bots.intake.rewriter import is_rewritten
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.options import EXACT, MOTIONS, SEAMLESS
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.resolving import resolve

OF_THE_PHOTO = ("width", "height")
"""Parameters that are made from the photo and the shape."""


def caption_of(recipe: Recipe, catalog: Catalog) -> captions.Caption:
    """Return what asks for the same clip again: without a preset, or with one that says what no option does.

    Where this catalogue has nothing that asks for all of it, it is what comes nearest; see `unsaid`.
    """
    shown = _shown(recipe)
    made = [_caption(shown, catalog, preset) for preset in ("", *catalog.presets)]
    return min(made, key=lambda caption: len(unsaid(shown, caption, catalog)))


def unsaid(recipe: Recipe, caption: captions.Caption, catalog: Catalog) -> tuple[str, ...]:
    """Return the parameters of a recipe, by name, that a caption does not ask for with this catalogue."""
    shown = _shown(recipe)
    asked, finish = shown.parameters, shown.finish
    try:
        read = captions.parse(str(caption), catalog, asked.model)
        made, finished = resolve(read.prompt, read.given, catalog, default_model=asked.model)
    except OptionError as error:  # of a model or a shape that is gone, or a range that is another now
        return tuple(dict.fromkeys(fault.option for fault in error.faults))
    names = [field.name for field in fields(Parameters) if field.name not in OF_THE_PHOTO]
    other = [name for name in names if getattr(made, name) != getattr(asked, name)]
    other += [field.name for field in fields(Finish) if getattr(finished, field.name) != getattr(finish, field.name)]
    return tuple(other)


def printable(text: str) -> str:
    """Without what a terminal would obey: the words may be a stranger's."""
    return "".join(character if character.isprintable() else " " for character in text)


def _shown(recipe: Recipe) -> Recipe:
    """Return the recipe with words that may stand in a terminal."""
    asked = recipe.parameters
    texts = {name: printable(getattr(asked, name)).strip() for name in ("prompt", "negative_prompt", "camera")}
    return replace(recipe, parameters=replace(asked, **texts))


def _caption(recipe: Recipe, catalog: Catalog, preset: str) -> captions.Caption:
    """Return the caption that says what is sayable of a recipe, and that preset; "": none."""
    asked, finish = recipe.parameters, recipe.finish
    model = catalog.models.get(asked.model)
    chosen = catalog.presets[preset].for_model(asked.model) if preset else {}
    usual: dict[str, Value] = {"motion": "medium", "negative_prompt": "", "camera": "", "shape": "original"}
    usual |= {**(model.defaults if model else {}), **chosen}
    always: dict[str, Value | None] = {
        "model": asked.model,
        "preset": preset or None,
        "seed": asked.seed,
        "num_frames": asked.num_frames,
        "fps": asked.fps,
        "resolution": None if _is_of_the_photo(asked) else asked.resolution,
        "num_inference_steps": asked.num_inference_steps,
        "guidance_scale": asked.guidance_scale,
    }
    other: dict[str, Value] = {
        "motion": min(MOTIONS, key=lambda name: abs(MOTIONS[name] - asked.motion)),
        "negative_prompt": asked.negative_prompt,
        "camera": asked.camera,
        "shape": finish.shape,
        "loop": SEAMLESS if finish.seamless else finish.loop,
        "fade": finish.fade,
        "audio": finish.audio,
    }
    last: dict[str, Value | None] = {
        "fill": finish.fill or None,
        "output_fps": finish.output_fps,
        # else a language model would make another prompt of this one
        EXACT: True if model is not None and is_rewritten(model) else None,
    }
    given = {**always, **{name: value for name, value in other.items() if value != usual.get(name, False)}, **last}
    return captions.Caption(asked.prompt, {name: value for name, value in given.items() if value is not None})


def _is_of_the_photo(asked: Parameters) -> bool:
    """Return whether a frame's size was made from the photo and the shape, and is not that of the resolution."""
    sides = [side for side in (asked.width, asked.height) if side]
    return min(sides, default=asked.resolution) != asked.resolution
