"""What a whole clip is made from: a checkpoint of random weights on disk, and photos."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from diffusers import DDIMScheduler
from PIL import Image
from tests.bench.gpu_models import build_unet, build_vae, made_on
from tests.engine.i2vgen_tiny import save_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from unstill_config.catalog import Catalog, Model

# CLIP ViT-H/14, by its published configuration: 352,984,064 and 632,076,800 parameters
TEXT = {
    "vocab_size": 49408, "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    "num_attention_heads": 16, "hidden_act": "gelu", "projection_dim": 1024,
    "bos_token_id": 598, "eos_token_id": 599, "pad_token_id": 599,
}  # fmt: skip
VISION = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
    "image_size": 224, "patch_size": 14, "hidden_act": "gelu", "projection_dim": 1024,
}  # fmt: skip
TINY = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 32,
}
SCHEDULER = {
    "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True,
    "clip_sample": False, "steps_offset": 1, "timestep_spacing": "leading",
}  # fmt: skip


def save_models(folder: Path, device: torch.device, dtype: torch.dtype, *, tiny: bool) -> None:
    """A checkpoint of random weights, laid out as ali-vilab/i2vgen-xl is."""
    with made_on(device, dtype):
        text = CLIPTextModel(CLIPTextConfig(**({**TEXT, **TINY} if tiny else TEXT)))
        vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**({**VISION, **TINY} if tiny else VISION)))
    parts = {
        "unet": build_unet(device, dtype, tiny=tiny),
        "vae": build_vae(device, dtype, tiny=tiny),
        "text_encoder": text.to(dtype),
        "image_encoder": vision.to(dtype),
    }
    for name, model in parts.items():
        model.save_pretrained(folder / name)
    DDIMScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    square = {"height": 224, "width": 224}
    CLIPImageProcessorPil(size={"shortest_edge": 224}, crop_size=square).save_pretrained(folder / "feature_extractor")
    save_tokenizer(folder / "tokenizer")


def model_at(folder: Path, mode: Literal["auto", "low"]) -> Model:
    model = Catalog.load().models["i2vgen-xl"]
    weights = {"repo": str(folder), "revision": "main", "variant": ""}
    return model.model_copy(update={"weights": weights}).using(mode)


def photo(folder: Path, width: int, height: int) -> Path:
    path = folder / f"{width}x{height}.png"
    rough = np.random.default_rng(5).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path
