"""`unstill animate`'s flags, made from the one declaration of every parameter."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from unstill_bots.intake import captions
from unstill_bots.intake.foreign import Follows, Foreign, foreign
from unstill_bots.intake.rewriter import is_rewritten
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.options import EXACT, MOTIONS, NEAR, NEAR_LEAST, OPTIONS, SEAMLESS, Option
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.resolving import resolve

F = TypeVar("F", bound=Callable[..., Any])


def spellings(option: Option) -> list[str]:
    """`--num-frames`, `--num_frames`, and each also with one dash, as captions take them."""
    return _spelt(option.name, *option.aliases)


def _spelt(*names: str) -> list[str]:
    spelt = dict.fromkeys(each for name in names for each in (name.replace("_", "-"), name))
    return [f"--{name}" for name in spelt] + [f"-{name}" for name in spelt if name != "h"]


class _Flag(click.Option):
    """Shows one of its spellings in the help; the others stand behind."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        return f"{self.opts[0]} {self.metavar or ''}".strip(), self.help or ""


def parameters(command: F) -> F:
    """A click decorator: a flag for every option there is, and hidden ones for those of other programs."""
    known = foreign()
    for name in (*known.same, *known.sides, *known.switches, *_names_of(known, "number", "word", "references")):
        _hidden(name, is_flag=False)(command)
    for name in (*known.words, *known.reads_as, *_names_of(known, "nothing")):
        _hidden(name, is_flag=True)(command)
    for option in reversed([option for option in OPTIONS if not option.apart]):
        # such a name may mean another program's option, which only the caption's reader can tell
        apart = [name for name in option.aliases if name in known.elsewhere]
        for name in apart:
            _hidden(name, is_flag=False)(command)
        unit = f", {option.unit}" if option.unit else ""
        names = ", ".join(f"--{alias}" for alias in option.aliases)
        also = f" (also {names})" if names else ""
        click.option(
            f"given_{option.name}",
            *_spelt(*(name for name in (option.name, *option.aliases) if name not in apart)),
            cls=_Flag,
            **_taking("yes" if option.type == "flag" else None),
            type=str,
            metavar=None if option.type == "flag" else _metavar(option),
            help=f"{option.help}{unit}{also}",
        )(command)
        for choice in option.choices if option.type == "flag" else ():
            # what follows a flag is a photo, and no value
            _other(option, choice)(command)
    return command


def _names_of(known: Foreign, *kinds: Follows) -> list[str]:
    return [name for kind in kinds for name in known.left_out.get(kind, ())]


def _hidden(name: str, *, is_flag: bool) -> Callable[[F], F]:
    return click.option(f"given_{name}", *_spelt(name), **_taking("" if is_flag else None), type=str, hidden=True)


def _other(option: Option, choice: str) -> Callable[[F], F]:
    """Return a flag for another value of an option whose own flag takes none."""
    return click.option(
        f"given_{option.name}",
        *_spelt(f"{option.name}_{choice}"),
        cls=_Flag,
        **_taking(choice),
        type=str,
        help=f"--{option.name} as {choice}",
    )


def _taking(flag_value: str | None) -> dict[str, Any]:
    """Return how click reads a flag of that value, or, for None, values each time that it is typed. To give click a
    `flag_value` of None would make a value of "-1" another flag.
    """
    if flag_value is None:
        return {"multiple": True, "default": None}
    return {"is_flag": True, "flag_value": flag_value, "default": None}


def _metavar(option: Option) -> str:
    bounds = "" if option.least is None or option.most is None else f" {option.least:.12g}..{option.most:.12g}"
    return {"int": f"N{bounds}", "float": f"X{bounds}", "text": "WORDS", "choice": "NAME"}[option.type]


def read(prompt: str, typed: Mapping[str, Sequence[str]], catalog: Catalog, default_model: str) -> tuple[str, str]:
    """Return the prompt with the flags after it, by their names as they were typed, and the model of that caption.

    Raises:
        OptionError: an option is unknown, or a value cannot be used, by itself or with that model.
    """
    words = captions.followed_by(prompt, flags(typed), catalog)
    caption = captions.parse(words, catalog, default_model)
    resolved, _ = resolve(caption.prompt, caption.given, catalog, default_model=default_model)
    return words, resolved.model


def flags(typed: Mapping[str, Sequence[str]]) -> str:
    """Return flags, by their names as they were typed, as they stand in a caption."""
    return " ".join(f"--{name} {_quoted(text)}".strip() for name, texts in typed.items() for text in texts)


def given_by(flags: Mapping[str, str | Sequence[str] | None]) -> dict[str, list[str]]:
    """Return what click read of `parameters`, by name, without the flags that were not typed."""
    texts = {
        name.removeprefix("given_"): [text] if isinstance(text, str) else list(text or ())
        for name, text in flags.items()
    }
    return {name: each for name, each in texts.items() if each}


def _quoted(text: str) -> str:
    """Write a value into a caption. What is one plain word needs no quotes, and is quoted so in what is said of it."""
    return text if re.fullmatch(r"[\w.:/*+][\w.:/*+-]*|-?[\d.]+|", text) else captions.quoted(text)


def caption_of(recipe: Recipe, catalog: Catalog) -> captions.Caption:
    """What asks for the same clip again."""
    asked, finish = recipe.parameters, recipe.finish
    model = catalog.models.get(asked.model)
    heard = bool(model.defaults.get("audio", False)) if model else False
    unwanted = str(model.defaults.get("negative_prompt", "")) if model else ""
    near_motion = min(MOTIONS, key=lambda name: abs(MOTIONS[name] - asked.motion))
    given: dict[str, Value | None] = {
        "model": asked.model,
        "preset": _unsaid(asked, catalog),
        "seed": asked.seed,
        "num_frames": asked.num_frames,
        "fps": asked.fps,
        "resolution": None if _is_of_the_photo(asked) else asked.resolution,
        "num_inference_steps": asked.num_inference_steps,
        "guidance_scale": asked.guidance_scale,
        "motion": None if near_motion == "medium" else near_motion,
        "negative_prompt": None if asked.negative_prompt == unwanted else printable(asked.negative_prompt),
        "camera": printable(asked.camera) or None,
        "shape": None if finish.shape == "original" else finish.shape,
        "fill": finish.fill or None,
        "output_fps": finish.output_fps,
        "loop": finish.loop or (SEAMLESS if finish.seamless else None),
        "fade": finish.fade or None,
        "audio": None if finish.audio == heard else finish.audio,
        # else a language model would make another prompt of this one
        EXACT: True if model is not None and is_rewritten(model) else None,
    }
    return captions.Caption(
        printable(asked.prompt), {name: value for name, value in given.items() if value is not None}
    )


_SAMPLING = ("scheduler", "timestep_spacing", "cache_interval", "target_fps")
"""Parameters that no option says."""


def _unsaid(asked: Parameters, catalog: Catalog) -> str | None:
    """Return the preset of a model by which a clip is sampled as it was; None where none is needed, or known."""
    for name in (None, *(name for name, preset in catalog.presets.items() if not preset.values)):
        given: dict[str, Value] = {"fps": asked.fps, **({"preset": name} if name else {})}
        try:
            made, _ = resolve("", given, catalog, default_model=asked.model)
        except OptionError:  # of a model or a frame rate that is no longer known
            return None
        if all(getattr(made, value) == getattr(asked, value) for value in _SAMPLING):
            return name
    return None


def _is_of_the_photo(asked: Parameters) -> bool:
    """Whether a frame's size was made from the photo and the shape, and is not that of the resolution."""
    sides = [side for side in (asked.width, asked.height) if side]
    return min(sides, default=asked.resolution) != asked.resolution


def printable(text: str) -> str:
    """Without what a terminal would obey: the words may be a stranger's."""
    return "".join(character if character.isprintable() else " " for character in text)


def unknown(error: click.NoSuchOption) -> OptionError:
    """With the nearest flag of that command."""
    name = error.option_name.lstrip("-")
    known = [spelt.lstrip("-") for p in error.ctx.command.params for spelt in p.opts] if error.ctx else []
    near = difflib.get_close_matches(name, [spelt for spelt in known if len(spelt) >= NEAR_LEAST], n=1, cutoff=NEAR)
    return OptionError(error.option_name, "", nearest=near[0] if near else None, unknown=True)
