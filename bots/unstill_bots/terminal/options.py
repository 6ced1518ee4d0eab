"""`unstill animate`'s flags, made from the one declaration of every parameter."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from unstill_bots.intake import captions
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.options import MOTIONS, OPTIONS, Option, find
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.resolving import narrowed, resolve

F = TypeVar("F", bound=Callable[..., Any])


def spellings(option: Option) -> list[str]:
    """`--num-frames`, `--num_frames`, and each also with one dash, as captions take them."""
    names = dict.fromkeys(spelt for name in (option.name, *option.aliases) for spelt in (name.replace("_", "-"), name))
    return [f"--{name}" for name in names] + [f"-{name}" for name in names]


class _Flag(click.Option):
    """Shows one of its spellings in the help; the others stand behind."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        return f"{self.opts[0]} {self.metavar or ''}".strip(), self.help or ""


def parameters(command: F) -> F:
    """A click decorator: a flag for every option there is."""
    for option in reversed(OPTIONS):
        unit = f", {option.unit}" if option.unit else ""
        names = ", ".join(f"--{alias}" for alias in option.aliases)
        also = f" (also {names})" if names else ""
        click.option(
            f"given_{option.name}",
            *spellings(option),
            cls=_Flag,
            is_flag=option.type == "flag",
            flag_value="yes" if option.type == "flag" else None,
            default=None,
            type=str,
            metavar=None if option.type == "flag" else _metavar(option),
            help=f"{option.help}{unit}{also}",
        )(command)
    return command


def _metavar(option: Option) -> str:
    bounds = "" if option.least is None or option.most is None else f" {option.least:.12g}..{option.most:.12g}"
    return {"int": f"N{bounds}", "float": f"X{bounds}", "text": "WORDS", "choice": "NAME"}[option.type]


def read(prompt: str, typed: Mapping[str, str | None], catalog: Catalog, default_model: str) -> tuple[str, str]:
    """The caption that says the same as prompt and flags, flags over the prompt's own options; and its model.

    Raises:
        OptionError: an option is unknown, or a value cannot be used, by itself or with that model.
    """
    # the model first: by what it takes the others are judged
    flags = {name: text for name in sorted(typed, key="model".__ne__) if (text := typed[name]) is not None}
    caption = captions.parse(prompt, catalog, flags.get("model", default_model))
    given: dict[str, Value] = dict(caption.given)
    for name, text in flags.items():
        try:
            given[name] = find(name).parse(text, catalog)
        except OptionError as error:
            raise narrowed(error, given, catalog, default_model=default_model) from None
    resolved, _ = resolve(caption.prompt, given, catalog, default_model=default_model)
    return str(captions.Caption(caption.prompt, given)), resolved.model


def caption_of(recipe: Recipe) -> captions.Caption:
    """What asks for the same clip again."""
    asked, finish = recipe.parameters, recipe.finish
    near_motion = min(MOTIONS, key=lambda name: abs(MOTIONS[name] - asked.motion))
    given: dict[str, Value | None] = {
        "model": asked.model,
        "seed": asked.seed,
        "num_frames": asked.num_frames,
        "fps": asked.fps,
        "resolution": None if _is_of_the_photo(asked) else asked.resolution,
        "num_inference_steps": asked.num_inference_steps,
        "guidance_scale": asked.guidance_scale,
        "motion": None if near_motion == "medium" else near_motion,
        "negative_prompt": printable(asked.negative_prompt) or None,
        "camera": printable(asked.camera) or None,
        "shape": None if finish.shape == "original" else finish.shape,
        "fill": finish.fill or None,
        "output_fps": finish.output_fps,
        "loop": finish.loop or None,
        "fade": finish.fade or None,
        "audio": finish.audio or None,
    }
    return captions.Caption(
        printable(asked.prompt), {name: value for name, value in given.items() if value is not None}
    )


def _is_of_the_photo(asked: Parameters) -> bool:
    """Whether a frame's size was made from the photo and the shape, and is not that of the resolution."""
    sides = [side for side in (asked.width, asked.height) if side]
    return min(sides, default=asked.resolution) != asked.resolution


def printable(text: str) -> str:
    """Without what a terminal would obey: the words may be a stranger's."""
    return "".join(character if character.isprintable() else " " for character in text)


def unknown(error: click.NoSuchOption) -> OptionError:
    """With the nearest flag of that command."""
    name = error.option_name
    known = [spelt for p in error.ctx.command.params for spelt in p.opts] if error.ctx else []
    near = difflib.get_close_matches(name, [spelt for spelt in known if spelt.startswith("--")], n=1, cutoff=0.5)
    return OptionError(name, "", nearest=near[0].lstrip("-") if near else None, unknown=True)
