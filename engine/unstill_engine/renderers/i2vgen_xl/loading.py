"""I2VGen-XL's folder to its parts on a device."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unstill_engine.renderers.download import model_folder
from unstill_engine.renderers.i2vgen_xl.clip_encoders import ImageEncoder, TextEncoder
from unstill_engine.renderers.i2vgen_xl.contents import CONTENTS
from unstill_engine.renderers.i2vgen_xl.tokens import Words
from unstill_engine.renderers.torch.checkpoint import Checkpoint
from unstill_engine.renderers.torch.lean_imports import lean_imports, load_classes
from unstill_engine.renderers.torch.stages import Stages

UNET = "diffusers.models.unets.unet_i2vgen_xl:I2VGenXLUNet"
VAE = "diffusers.models.autoencoders.autoencoder_kl:AutoencoderKL"
SCHEDULER = "diffusers.schedulers.scheduling_ddim:DDIMScheduler"


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
    text_encoder: TextEncoder
    image_encoder: ImageEncoder
    words: Words
    scheduler: Any
    clip_input: ClipInput


def load_parts(
    weights: Mapping[str, str],
    device: torch.device,
    dtype: torch.dtype,
    *,
    offload: bool = False,
    stages: Stages | None = None,
    meanwhile: Callable[[Any, Any], None] = lambda unet, vae: None,
) -> Parts:
    """Read all parts, the weights while the classes are imported. With `offload` CLIP stays in the host's memory.

    `meanwhile` is called with UNet and VAE while they have no weights yet, on the meta device.

    Raises:
        RenderError: "model_unavailable" or "disk_full".
        DevicePoisoned: the device answers nothing.
        torch.OutOfMemoryError: the device is too small for the weights.
    """
    stages = stages or Stages()
    with stages.measure("folder"):
        folder = model_folder(weights, CONTENTS)
    checkpoint = Checkpoint(folder, weights.get("variant", ""))
    encoders = torch.device("cpu") if offload else device
    homes = {"unet": device, "vae": device, "text_encoder": encoders, "image_encoder": encoders}
    with checkpoint.reading(homes, dtype) as found:
        with stages.measure("imports"):
            unet, vae, scheduler = load_classes(UNET, VAE, SCHEDULER)
        # to make one of its classes, diffusers imports itself by name
        with stages.measure("classes"), lean_imports():
            made = {
                "unet": _made(checkpoint, "unet", unet.from_config),
                "vae": _made(checkpoint, "vae", vae.from_config),
                "text_encoder": _made(checkpoint, "text_encoder", TextEncoder),
                "image_encoder": _made(checkpoint, "image_encoder", ImageEncoder),
            }
            words = checkpoint.read("tokenizer", lambda: Words.load(folder / "tokenizer"))
            schedule = checkpoint.read("scheduler", lambda: _scheduler(scheduler, folder))
            clip_input = checkpoint.read("feature_extractor", lambda: _clip_input(folder))
        with stages.measure("dry_run"):
            meanwhile(made["unet"], made["vae"])
        with stages.measure("weights"):
            return Parts(
                unet=found.fill("unet", made["unet"]),
                vae=found.fill("vae", made["vae"]),
                text_encoder=found.fill("text_encoder", made["text_encoder"], TextEncoder.PREFIX),
                image_encoder=found.fill("image_encoder", made["image_encoder"], ImageEncoder.PREFIX),
                words=words,
                scheduler=schedule,
                clip_input=clip_input,
            )


def _made(checkpoint: Checkpoint, part: str, kind: Callable[[dict[str, Any]], Any]) -> Any:
    """Return the part without weights, as its config.json says."""

    def made() -> Any:
        with torch.device("meta"):
            return kind(checkpoint.config(part))

    return checkpoint.read(part, made)


def _scheduler(kind: Any, folder: Path) -> Any:
    return kind.from_pretrained(folder, subfolder="scheduler", local_files_only=True)


def _clip_input(folder: Path) -> ClipInput:
    said = json.loads((folder / "feature_extractor" / "preprocessor_config.json").read_text("utf-8"))
    crop = said["crop_size"]
    size = (crop["width"], crop["height"]) if isinstance(crop, dict) else (crop, crop)
    return ClipInput(size, tuple(said["image_mean"]), tuple(said["image_std"]))
