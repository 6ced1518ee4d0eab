"""I2VGen-XL's folder to its parts on a device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, I2VGenXLUNet
from transformers import CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

from unstill_engine.renderers.download import model_folder
from unstill_engine.renderers.i2vgen_xl.contents import CONTENTS
from unstill_engine.renderers.torch.checkpoint import Checkpoint, silence_libraries


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
    """Read all parts. With `offload` the text and image encoders stay in the host's memory.

    Raises:
        RenderError: "model_unavailable" or "disk_full".
        torch.OutOfMemoryError: the device is too small for the weights.
    """
    silence_libraries()
    folder = model_folder(weights, CONTENTS)
    checkpoint = Checkpoint(folder, weights.get("variant", ""))
    encoders = torch.device("cpu") if offload else device
    return Parts(
        unet=checkpoint.model(I2VGenXLUNet, "unet", device, torch_dtype=dtype),
        vae=checkpoint.model(AutoencoderKL, "vae", device, torch_dtype=dtype),
        text_encoder=checkpoint.model(CLIPTextModel, "text_encoder", encoders, dtype=dtype),
        image_encoder=checkpoint.model(CLIPVisionModelWithProjection, "image_encoder", encoders, dtype=dtype),
        tokenizer=checkpoint.read("tokenizer", lambda: _tokenizer(folder)),
        scheduler=checkpoint.read("scheduler", lambda: _scheduler(folder)),
        clip_input=checkpoint.read("feature_extractor", lambda: _clip_input(folder)),
    )


def _tokenizer(folder: Path) -> Any:
    kind: Any = CLIPTokenizer
    return kind.from_pretrained(folder / "tokenizer", local_files_only=True)


def _scheduler(folder: Path) -> Any:
    kind: Any = DDIMScheduler
    return kind.from_pretrained(folder, subfolder="scheduler", local_files_only=True)


def _clip_input(folder: Path) -> ClipInput:
    said = json.loads((folder / "feature_extractor" / "preprocessor_config.json").read_text("utf-8"))
    crop = said["crop_size"]
    size = (crop["width"], crop["height"]) if isinstance(crop, dict) else (crop, crop)
    return ClipInput(size, tuple(said["image_mean"]), tuple(said["image_std"]))
