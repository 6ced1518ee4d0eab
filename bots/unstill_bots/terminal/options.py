"""`unstill animate`'s flags, made from the one declaration of every parameter."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from unstill_bots.intake import captions
from unstill_bots.intake.foreign import Follows, Foreign, foreign
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import NEAR, NEAR_LEAST, OPTIONS, Option
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


def joined(words: Sequence[str]) -> list[str]:
    """Return a command's words with "--loop seamless", as captions have it, as the one flag that it is here.

    What follows a flag and is a file's name stays a photo.
    """
    found = list(words)
    for option in OPTIONS:
        spelt = _spelt(option.name, *option.aliases) if option.type == "flag" and option.choices else ()
        for at in reversed(range(len(found) - 1)):
            value = found[at + 1].lower()
            if found[at] in spelt and value in option.choices and not Path(found[at + 1]).exists():
                found[at : at + 2] = [f"--{option.name}_{value}"]
    return found


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


def unknown(error: click.NoSuchOption) -> OptionError:
    """With the nearest flag of that command."""
    name = error.option_name.lstrip("-")
    known = [spelt.lstrip("-") for p in error.ctx.command.params for spelt in p.opts] if error.ctx else []
    near = difflib.get_close_matches(name, [spelt for spelt in known if len(spelt) >= NEAR_LEAST], n=1, cutoff=NEAR)
    return OptionError(error.option_name, "", nearest=near[0] if near else None, unknown=True)
