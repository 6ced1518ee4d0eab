"""Finds what a table names in diffusers, and checks it: what is wrong is said in one plain sentence each."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import diffusers
import transformers

from unstill_config.pipelines import Pipeline
from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.diffusers.adapter import Adapter

ARGUMENTS = (
    "prompt",
    "negative_prompt",
    "image",
    "last_image",
    "width",
    "height",
    "num_frames",
    "num_inference_steps",
    "guidance_scale",
    "generator",
)
"""Ours, which are most pipelines' own names too."""

_LIBRARIES = {"diffusers": diffusers, "transformers": transformers}


def check_packages(name: str, table: Pipeline) -> None:
    """Check that a model's packages are installed. Raises RenderError, which names those that are not."""
    needed = (*table.packages, *(("peft",) if table.loras else ()))
    # of a package within one, the outer one is looked for: else it would be imported
    missing = [package for package in needed if importlib.util.find_spec(package.partition(".")[0]) is None]
    if missing:
        raise unavailable(
            f"The model {name} needs {' and '.join(missing)}, which this machine has not",
            "Run: pip install 'unstill-engine[diffusion]'",
        )


def pipeline_class(name: str, class_name: str) -> Any:
    """Return a pipeline of the installed diffusers. Raises RenderError."""
    kind = getattr(diffusers, class_name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise unavailable(
            f"diffusers {diffusers.__version__} has no pipeline {class_name}, which the model {name} names",
            "Correct pipeline.class_name in the catalogue, or install a newer diffusers",
        )
    return kind


def part_class(name: str, part: str, library: str, class_name: str) -> Any:
    """Return the class of a part, as model_index.json names it: of diffusers or transformers, and never of a file
    that came with the model.

    Raises:
        RenderError: there is no such class.
    """
    kind = getattr(_LIBRARIES.get(library), class_name, None)
    if not isinstance(kind, type):
        raise unavailable(
            f"The {part} of the model {name} is {library}.{class_name}, which neither diffusers "
            f"{diffusers.__version__} nor transformers {transformers.__version__} has",
            "Code that comes with a model is never run; install newer versions, or choose another model",
        )
    return kind


def argument_names(name: str, table: Pipeline, kind: Any, *, photo: bool) -> dict[str, str]:
    """Return the pipeline's names for our arguments, without those that it has not. `photo`: it is given one.

    Raises:
        RenderError: the table names an argument that the pipeline does not take.
    """
    taken = inspect.signature(kind.__call__).parameters
    for ours in table.arguments.keys() - set(ARGUMENTS):
        raise unavailable(
            f"The model {name} names an argument for {ours}, which nobody asks a model for",
            f"In pipeline.arguments only {', '.join(ARGUMENTS)} can be named",
        )
    pictures = ("image", "last_image")
    wanted = {**table.arguments, **{value: value for value in table.fixed}}
    for ours, theirs in wanted.items():
        if theirs and theirs not in taken and (photo or ours not in pictures):
            raise unavailable(
                f"The model {name} gives {kind.__name__} the argument {theirs}, which it does not take",
                "Correct pipeline.arguments and pipeline.fixed in the catalogue",
            )
    names = {ours: table.arguments.get(ours, ours) for ours in ARGUMENTS if photo or ours not in pictures}
    names = {ours: theirs for ours, theirs in names.items() if theirs in taken}
    for argument, parameter in taken.items():
        # what is returned is for the renderer to say
        given = argument in names.values() or argument in table.fixed or argument in ("self", "output_type")
        given = given or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if not given and parameter.default is parameter.empty and not _is_own(name, table):
            raise unavailable(
                f"The model {name} gives {kind.__name__} nothing for {argument}, which it needs",
                "Name it in pipeline.arguments or pipeline.fixed in the catalogue, or another class",
            )
    return names


def _is_own(name: str, table: Pipeline) -> bool:
    """Whether the adapter gives arguments of its own, which no table names."""
    return getattr(named(name, "adapter", table.adapter), "arguments", None) is not Adapter.arguments


def checked_values(name: str, what: str, values: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """Return the values for a class' constructor. Raises RenderError where it has no such argument."""
    taken = inspect.signature(kind.__init__).parameters
    for value in values:
        if value not in taken:
            raise unavailable(
                f"The model {name} gives its {what} {kind.__name__} the value {value}, which it does not take",
                f"Correct pipeline.{what} in the catalogue",
            )
    return dict(values)


def named(name: str, field: str, path: str) -> Callable[..., Any]:
    """Return what stands at 'module:name'. Raises RenderError."""
    module, _, attribute = path.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise unavailable(
            f"The model {name} names {path}, which cannot be imported ({error})",
            f"Correct pipeline.{field} in the catalogue",
        ) from error
    if not callable(found) or (field == "adapter" and not (isinstance(found, type) and issubclass(found, Adapter))):
        what = "a class made from Adapter" if field == "adapter" else "a function"
        raise unavailable(
            f"The model {name} names {path}, which is not {what}", f"Correct pipeline.{field} in the catalogue"
        )
    return found


def unavailable(what: str, advice: str) -> RenderError:
    """Return the error of a model that cannot be had: what happened, and what to do."""
    return RenderError("model_unavailable", f"{what}. {advice}.")
