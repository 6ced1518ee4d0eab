"""A model's folder to its parts on a device."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, I2VGenXLUNet
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection
from transformers.utils import logging as transformers_logging

from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.i2vgen_xl.accelerator import is_out_of_memory
from unstill_engine.renderers.i2vgen_xl.download import model_folder, variant_in


@dataclass(frozen=True)
class ClipInput:
    """What CLIP's image encoder is shown: width and height, and each channel's mean and deviation, of 0 to 1."""

    size: tuple[int, int]
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


@dataclass(frozen=True)
class Parts:
    """The models of one checkpoint, in evaluation mode, and what they need."""

    unet: Any
    vae: Any
    text_encoder: Any
    image_encoder: Any
    tokenizer: Any
    scheduler: Any
    clip_input: ClipInput


def load_parts(weights: Mapping[str, str], device: torch.device, dtype: torch.dtype, *, offload: bool = False) -> Parts:
    """Weights are read from safetensors alone. With `offload` the text and image encoders stay in the host's memory.

    Raises:
        RenderError: "model_unavailable" or "disk_full".
        torch.OutOfMemoryError: the device is too small for the weights.
    """
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    folder = model_folder(weights)
    variant = weights.get("variant", "")
    encoders = torch.device("cpu") if offload else device

    def model(kind: Any, part: str, to: torch.device, **options: Any) -> Any:
        def load() -> Any:
            loaded, found = kind.from_pretrained(
                folder,
                subfolder=part,
                variant=variant_in(folder, part, variant),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **options,
            )
            if found["missing_keys"]:  # both libraries would go on with random values in their place
                raise ValueError(f"it lacks the weights {', '.join(sorted(found['missing_keys'])[:3])}")
            return loaded

        return _read(folder, part, load).to(to).eval().requires_grad_(False)

    return Parts(
        unet=model(I2VGenXLUNet, "unet", device, torch_dtype=dtype),
        vae=model(AutoencoderKL, "vae", device, torch_dtype=dtype),
        text_encoder=model(CLIPTextModel, "text_encoder", encoders, dtype=dtype),
        image_encoder=model(CLIPVisionModelWithProjection, "image_encoder", encoders, dtype=dtype),
        tokenizer=_read(
            folder, "tokenizer", lambda: CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        ),
        scheduler=_read(folder, "scheduler", lambda: _scheduler(folder)),
        clip_input=_read(folder, "feature_extractor", lambda: _clip_input(folder)),
    )


def _read(folder: Path, part: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # each library has its own ways to fail on a broken file
        if is_out_of_memory(error):
            raise
        why = f"{type(error).__name__}: {error}".splitlines()[0][:200].rstrip(".")
        raise RenderError(
            "model_unavailable",
            f"The model's {part} in {folder} cannot be read ({why}). Delete that folder and fetch the model anew.",
        ) from error


def _scheduler(folder: Path) -> Any:
    kind: Any = DDIMScheduler
    return kind.from_pretrained(folder, subfolder="scheduler", local_files_only=True)


def _clip_input(folder: Path) -> ClipInput:
    said = json.loads((folder / "feature_extractor" / "preprocessor_config.json").read_text("utf-8"))
    crop = said["crop_size"]
    size = (crop["width"], crop["height"]) if isinstance(crop, dict) else (crop, crop)
    return ClipInput(size, tuple(said["image_mean"]), tuple(said["image_std"]))
