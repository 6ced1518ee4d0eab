"""Loads a model's folder as pipelines: parts of diffusers and transformers alone, from safetensors alone."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unstill_config.catalog import Model
from unstill_config.pipelines import Lora, Pipeline
from unstill_engine.renderers.diffusers.tables import (
    argument_names,
    check_packages,
    checked_values,
    part_class,
    pipeline_class,
    unavailable,
)
from unstill_engine.renderers.download import Contents, model_folder
from unstill_engine.renderers.torch.checkpoint import Checkpoint, silence_libraries
from unstill_engine.renderers.torch.device import dtype_on

INDEX = "model_index.json"
"""diffusers' own list of a model's parts, each with its library and class."""

Home = Callable[[str], torch.device]
"""Where a part of that name is loaded to."""


@dataclass(frozen=True)
class Loaded:
    """Has a model's pipelines: `photo` makes a clip of a photo, `text` of words alone; they share their parts.

    Names are the pipelines' own for our arguments.
    """

    photo: Any
    photo_names: dict[str, str]
    text: Any = None
    text_names: dict[str, str] | None = None


def load_pipelines(name: str, model: Model, table: Pipeline, device: torch.device, home: Home) -> Loaded:
    """Read a model's parts, and lay its LoRAs over them.

    Raises:
        RenderError: "model_unavailable" or "disk_full".
        torch.OutOfMemoryError: the device is too small for the weights.
    """
    silence_libraries()
    check_packages(name, table)
    kind = pipeline_class(name, table.class_name)
    names = argument_names(name, table, kind, photo=True)
    text_kind = pipeline_class(name, table.text_class_name) if table.text_class_name else None
    text_names = argument_names(name, table, text_kind, photo=False) if text_kind else None
    folder, index = _folder(name, model, table, kind)
    checkpoint = Checkpoint(folder, model.weights.get("variant", ""))
    parts = {
        part: _part(name, table, checkpoint, part, entry, device, home) for part, entry in _parts(index, kind).items()
    }
    _check_parts(name, table, folder, parts, (kind, text_kind) if text_kind else (kind,))
    pipeline = _on(kind, device)(**parts, **_config(index, kind))
    for lora in table.loras:
        _lay_lora(name, pipeline, lora)
    if table.loras:
        _fuse(pipeline, table)
    _choose_attention(pipeline, table, device)
    text = _on(text_kind, device)(**_shared(text_kind, parts), **_config(index, text_kind)) if text_kind else None
    return Loaded(pipeline, names, text, text_names)


def _check_parts(name: str, table: Pipeline, folder: Path, parts: dict[str, Any], kinds: tuple[Any, ...]) -> None:
    """Raises RenderError where a part is missing that a pipeline needs, or that the table names."""
    wanted = [(part, kind.__name__) for kind in kinds for part, needed in _needed(kind).items() if needed]
    wanted += [(part, "its table in the catalogue") for part in (*table.encoders, *table.denoisers)]
    for part, who in wanted:
        if part not in parts:
            raise unavailable(
                f"The model {name} in {folder} has no {part}, which {who} needs",
                "Check weights.repo, pipeline.class_name and pipeline.text_class_name in the catalogue",
            )


def _folder(name: str, model: Model, table: Pipeline, kind: Any) -> tuple[Path, dict[str, Any]]:
    """Return the folder with all parts that the pipeline takes, and its index."""
    folder = model_folder(model.weights, Contents(weights=(), files=(INDEX,)))
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        index |= {part: path.split(".") for part, path in table.classes.items() if part in index}
        parts = _parts(index, kind)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise unavailable(f"{folder / INDEX} cannot be read ({error})", "Fetch the model anew") from error
    weights: list[str] = []
    others: list[str] = []
    for part, (library, class_name) in parts.items():
        module = issubclass(part_class(name, part, library, class_name), torch.nn.Module)
        (weights if module else others).append(part)
    contents = Contents(
        weights=tuple(weights),
        files=(INDEX, *(f"{part}/{_config_name(part)}" for part in others)),
        more=tuple(f"{part}/*" for part in others),
    )
    return model_folder(model.weights, contents), index


def _config_name(part: str) -> str:
    match part.rstrip("_0123456789"):
        case "scheduler":
            return "scheduler_config.json"
        case "tokenizer":
            return "tokenizer_config.json"
        case _:
            return "preprocessor_config.json"


def _parts(index: dict[str, Any], kind: Any) -> dict[str, tuple[str, str]]:
    """Return library and class of each part that the folder has and the pipeline takes."""
    found = {part: index[part] for part in _needed(kind) if isinstance(index.get(part), list)}
    for part, entry in found.items():
        if len(entry) < 2 or not all(isinstance(word, str | None) for word in entry[:2]):
            raise ValueError(f"its {part} is no library and class")
    return {part: (entry[0], entry[1]) for part, entry in found.items() if all(entry[:2])}


def _needed(kind: Any) -> dict[str, bool]:
    """Return a pipeline's parts, and whether it is nothing without them."""
    optional = set(getattr(kind, "_optional_components", ()))
    return {
        part: parameter.default is inspect.Parameter.empty and part not in optional
        for part, parameter in inspect.signature(kind.__init__).parameters.items()
        if part != "self"
    }


def _config(index: dict[str, Any], kind: Any) -> dict[str, Any]:
    """Return the values that the folder says of the pipeline itself, such as `expand_timesteps`."""
    return {key: index[key] for key in _needed(kind) if key in index and not isinstance(index[key], list)}


def _shared(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
    return {part: parts[part] for part in _needed(kind) if part in parts}


def _part(
    name: str,
    table: Pipeline,
    checkpoint: Checkpoint,
    part: str,
    entry: tuple[str, str],
    device: torch.device,
    home: Home,
) -> Any:
    kind = part_class(name, part, *entry)
    if issubclass(kind, torch.nn.Module):
        keyword = "dtype" if entry[0] == "transformers" else "torch_dtype"
        return checkpoint.model(kind, part, home(part), **{keyword: dtype_of(table, part, device)})
    made = checkpoint.read(part, lambda: kind.from_pretrained(checkpoint.folder / part, local_files_only=True))
    if part == "scheduler" and table.scheduler:
        made = kind.from_config(made.config, **checked_values(name, "scheduler", table.scheduler, kind))
    return made


def dtype_of(table: Pipeline, part: str, device: torch.device) -> torch.dtype:
    """Return the number type of a part: the table's on a card, and what the device can do where it has not that."""
    if device.type != "cuda":
        return torch.float32
    dtype: torch.dtype = getattr(torch, table.dtypes.get(part, table.dtypes.get("default", "bfloat16")))
    return dtype_on(device) if dtype == torch.bfloat16 else dtype


def _on(kind: Any, device: torch.device) -> Any:
    """Return the pipeline's class with its work on `device`, wherever its parts are at that moment."""
    return type(kind.__name__, (kind,), {"_execution_device": property(lambda self: device)})


def _lay_lora(name: str, pipeline: Any, lora: Lora) -> None:
    folder = model_folder({"repo": lora.repo, "revision": lora.revision}, Contents(weights=(), files=(lora.file,)))
    adapter = f"lora_{lora.part}"
    second = {"load_into_transformer_2": True} if lora.part == "transformer_2" else {}
    wrong = f"The LoRA {lora.file} in {folder} does not match the {lora.part} of the model {name}"
    advice = "Correct pipeline.loras in the catalogue"
    try:
        pipeline.load_lora_weights(
            folder, weight_name=lora.file, adapter_name=adapter, local_files_only=True, use_safetensors=True, **second
        )
    except Exception as error:  # diffusers and peft have each their own ways to fail on weights of another model
        raise unavailable(f"{wrong} ({str(error).splitlines()[0][:200]})", advice) from error
    if adapter not in getattr(getattr(pipeline, lora.part), "peft_config", {}):  # it only warns, and goes on without
        raise unavailable(f"{wrong}: none of its weights is for it", advice)


def _fuse(pipeline: Any, table: Pipeline) -> None:
    """Add the LoRAs to the weights for good, so that a step costs what it costs without."""
    for lora in table.loras:
        pipeline.fuse_lora(components=[lora.part], lora_scale=lora.scale, adapter_names=[f"lora_{lora.part}"])
    pipeline.unload_lora_weights()


def _choose_attention(pipeline: Any, table: Pipeline, device: torch.device) -> None:
    """Take the first backend that this machine has; none, diffusers' own choice."""
    for backend in table.attention if device.type == "cuda" else ():
        try:
            for part in table.denoisers:
                getattr(pipeline, part).set_attention_backend(backend)
        except (ImportError, RuntimeError, ValueError):
            continue
        return
