"""A tiny I2VGen-XL with random weights: the same classes and files as the real one, made here, no download."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, I2VGenXLUNet
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from unstill_config.catalog import Catalog, Model
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL
from unstill_queue.contract.jobs import Parameters

torch.set_num_threads(1)  # beside other tests, threads of work this small wait for each other more than they work

VOCABULARY = 600
WIDE = 32
CATALOG = """
[models.tiny]
title = "Tiny"
renderer = "unstill_engine.renderers.i2vgen_xl.renderer:I2VGenXL"
synthetic = true
abilities = ["prompt", "negative_prompt", "guidance_scale", "num_inference_steps", "seed"]
size_multiple = 64
aspect_most = 2.0
resolutions = [64, 128]
licence = {{ name = "Apache-2.0" }}
weights = {{ repo = "{folder}", variant = "fp16" }}
ranges = {{ num_frames = [2, 32], fps = [4, 30], num_inference_steps = [1, 2000], guidance_scale = [1.0, 20.0] }}
cost = {{ base = 1.0, per_unit = 1.0 }}
# decodes two of eight frames at once
memory = {{ low = 0.01, weights = 0.01, render = 1.0, decode = 4.0, least_free = {{ 64 = 0 }} }}

[models.tiny.defaults]
resolution = 64
num_frames = 8
fps = 8
num_inference_steps = 3
guidance_scale = 9.0
timestep_spacing = "trailing"
"""


def build_unet() -> Any:
    return I2VGenXLUNet(
        sample_size=8,
        block_out_channels=(32, 32, 64, 64),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=WIDE,
        attention_head_dim=16,
    )


def build_vae() -> Any:
    return AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[8, 8, 16, 16],
        layers_per_block=1,
        latent_channels=4,
        sample_size=64,
        norm_num_groups=4,
    )


def build_text_encoder() -> Any:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDE,
            intermediate_size=64,
            num_hidden_layers=3,
            num_attention_heads=2,
            hidden_act="gelu",
            projection_dim=WIDE,
            bos_token_id=VOCABULARY - 2,
            eos_token_id=VOCABULARY - 1,
            pad_token_id=1,
        )
    )


def build_image_encoder() -> Any:
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=WIDE,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            hidden_act="gelu",
            projection_dim=WIDE,
        )
    )


MODELS: dict[str, Callable[[], Any]] = {
    "unet": build_unet,
    "vae": build_vae,
    "text_encoder": build_text_encoder,
    "image_encoder": build_image_encoder,
}


def awaken(model: torch.nn.Module) -> None:
    """Random values where initialisation leaves zeros and ones: whole branches would add nothing, and hide errors.

    Those are biases and norms, and the last layer of each temporal convolution.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
            elif name.endswith("conv4.3.weight"):
                parameter.normal_(std=0.02)


def save_tokenizer(folder: Path) -> None:
    """CLIP's byte-level BPE with the 256 bytes, the same at a word's end, and a few merges."""
    folder.mkdir(parents=True)
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in visible}
    for byte in range(256):
        letters.setdefault(byte, chr(256 + len(letters) - len(visible)))
    merges = [("t", "h"), ("th", "e</w>"), ("i", "n"), ("in", "g</w>"), ("a", "n"), ("an", "d</w>"), ("e", "r</w>")]
    pieces = [*letters.values(), *(f"{letter}</w>" for letter in letters.values()), *map("".join, merges)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    vocabulary |= {"<|startoftext|>": VOCABULARY - 2, "<|endoftext|>": VOCABULARY - 1}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)) + "\n", "utf-8")
    ends = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>", **ends}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")


def save_tiny(folder: Path, *, variant: str | None = None) -> Path:
    """The checkpoint's folder, laid out as ali-vilab/i2vgen-xl is."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for part, build in MODELS.items():
            model = build().eval()
            awaken(model)
            model.save_pretrained(folder / part, variant=variant)
    DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="leading",
    ).save_pretrained(folder / "scheduler")
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder / "feature_extractor"
    )
    save_tokenizer(folder / "tokenizer")
    return folder


def tiny_model(folder: Path, overrides: Path) -> Model:
    """Its table, by way of a host's own file of the catalogue, at `overrides`."""
    overrides.write_text(CATALOG.format(folder=folder), "utf-8")
    return Catalog.load(overrides).models["tiny"]


def tiny_renderer(folder: Path, scratch: Path) -> I2VGenXL:
    """Loaded; `scratch` is a folder for its table."""
    renderer = I2VGenXL("tiny", tiny_model(folder, scratch / "catalog.toml"))
    renderer.load("cpu")
    return renderer


def parameters(**values: Any) -> Parameters:
    """Of a small clip: 4 frames, 2 steps, with guidance."""
    given = {"prompt": "the cat is running and singing", "seed": 3, "num_frames": 4, "fps": 8, "resolution": 64}
    usual = {"num_inference_steps": 2, "guidance_scale": 9.0, "timestep_spacing": "trailing"}
    return Parameters("tiny", **{**given, **usual, **values})


def noisy_photo(folder: Path, size: tuple[int, int] = (96, 64)) -> Path:
    """A photo on which every shift by a pixel shows."""
    pixels = np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), np.uint8)
    path = folder / f"photo-{size[0]}x{size[1]}.png"
    Image.fromarray(pixels).save(path)
    return path
