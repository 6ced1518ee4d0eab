"""Tiny Wan models with random weights, as `save_pretrained` leaves the real ones: made here, without a download."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from PIL import Image
from safetensors.torch import save_file
from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

from unstill_config.catalog import Catalog, Model
from unstill_engine.renderers.diffusers.renderer import Diffusers
from unstill_queue.contract.jobs import Parameters

torch.set_num_threads(1)  # beside other tests, threads of work this small wait for each other more than they work

WORDS = ("a", "photo", "of", "the", "sea", "waves", "roll", "in", "blur", "low", "quality")
WIDE = 32


def build_transformer(in_channels: int, out_channels: int) -> Any:
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=in_channels,
        out_channels=out_channels,
        text_dim=WIDE,
        freq_dim=16,
        ffn_dim=32,
        num_layers=2,
        rope_max_seq_len=32,
    )


def build_vae(kind: str) -> Any:
    common = {
        "base_dim": 4,
        "z_dim": 4,
        "dim_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "temperal_downsample": [False, True, True],
        "latents_mean": [0.1] * 4,
        "latents_std": [1.5] * 4,
    }
    if kind == "a14b":
        return AutoencoderKLWan(**common)
    return AutoencoderKLWan(
        **common,
        decoder_base_dim=8,
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
        scale_factor_temporal=4,
    )


def build_text_encoder() -> Any:
    return UMT5EncoderModel(
        UMT5Config(vocab_size=64, d_model=WIDE, d_kv=8, d_ff=32, num_layers=1, num_heads=2, dropout_rate=0.0)
    )


def save_tokenizer(folder: Path) -> None:
    special = [(token, 0.0) for token in ("<pad>", "</s>", "<unk>")]
    letters = [(letter, -5.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    kind: Any = T5TokenizerFast
    kind(vocab=[*special, *((f"▁{word}", -1.0) for word in WORDS), *letters]).save_pretrained(folder)


def save_wan(folder: Path, kind: str = "5b") -> Path:
    """Save a tiny "5b", of one transformer that takes the photo as its first frame, or "a14b", of two experts."""
    torch.manual_seed(11)
    build_text_encoder().save_pretrained(folder / "text_encoder")
    save_tokenizer(folder / "tokenizer")
    build_vae(kind).save_pretrained(folder / "vae")
    flow: Any = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0, num_train_timesteps=1000
    )
    flow.save_pretrained(folder / "scheduler")
    if kind == "a14b":
        experts = {part: build_transformer(12, 4) for part in ("transformer", "transformer_2")}
    else:
        experts = {"transformer": build_transformer(4, 4)}
    for part, expert in experts.items():
        expert.save_pretrained(folder / part)
    index: dict[str, Any] = {
        "_class_name": "WanImageToVideoPipeline" if kind == "a14b" else "WanPipeline",
        "_diffusers_version": "0.35.0.dev0",
        "boundary_ratio": 0.9 if kind == "a14b" else None,
        "expand_timesteps": kind == "5b",
        "image_encoder": [None, None],
        "image_processor": [None, None],
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": ["diffusers", "WanTransformer3DModel"] if kind == "a14b" else [None, None],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def save_lora(path: Path, *, key: str = "blocks.0.self_attn.q", size: int = 24) -> Path:
    """Save a LoRA as the makers of the four-step one write theirs: with their own names for the layers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(5)
    save_file(
        {
            f"diffusion_model.{key}.lora_down.weight": torch.randn(4, size),
            f"diffusion_model.{key}.lora_up.weight": torch.randn(size, 4),
            f"diffusion_model.{key}.alpha": torch.tensor(4.0),
        },
        path,
    )
    return path


def tiny_wan(folder: Path, name: str = "wan-ti2v-5b", pipeline: Mapping[str, Any] = {}, **values: Any) -> Model:
    """Return the shipped table of that model, with the tiny folder as its repository and sizes to go with it."""
    model = Catalog.load().models[name]
    assert model.pipeline is not None
    areas = dict(zip(model.resolutions, (96 * 64, 128 * 96), strict=True))
    table = model.pipeline.model_copy(update={"areas": areas, "loras": (), **pipeline})
    assert model.memory is not None
    small = {field: 0.001 for field in ("weights", "render", "render_plain", "decode", "tile", "leaf")}
    memory = model.memory.model_copy(update={**small, "encoders": 0.0002, "vae": 0.0002})
    changed = {"weights": {"repo": str(folder)}, "pipeline": table, "memory": memory, **values}
    # as a host's own table is: checked, and not only laid over
    return Model.model_validate_json(model.model_copy(update=changed).model_dump_json())


def loaded(model: Model, name: str = "wan-ti2v-5b") -> Diffusers:
    renderer = Diffusers(name, model)
    renderer.load("cpu")
    return renderer


def asked(model: str = "wan-ti2v-5b", **values: Any) -> Parameters:
    usual: dict[str, Any] = {
        "prompt": "the waves roll in",
        "seed": 3,
        "num_frames": 9,
        "fps": 16,
        "resolution": 480,
        "num_inference_steps": 2,
        "guidance_scale": 5.0 if model == "wan-ti2v-5b" else 1.0,
    }
    return Parameters(model=model, **{**usual, **values})


def noisy_photo(folder: Path, size: tuple[int, int] = (96, 64), seed: int = 1) -> Path:
    path = folder / f"photo{size[0]}x{size[1]}-{seed}.png"
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def tiny_catalog(folders: Mapping[str, Path]) -> str:
    """Return a host's catalogue in which the models of these names are tiny ones, in these folders."""
    lines = []
    for name, folder in folders.items():
        table = tiny_wan(folder, name).model_dump(mode="json")
        areas = ", ".join(f"{resolution} = {area}" for resolution, area in table["pipeline"]["areas"].items())
        memory = ", ".join(f"{field} = {table['memory'][field]}" for field in ("weights", "encoders", "vae", "render"))
        lines += [
            f"[models.{name}]",
            "host_memory = 0.0",
            f'weights = {{ repo = "{folder}" }}',
            f"memory = {{ {memory}, render_plain = 0.001, decode = 0.001, tile = 0.001, leaf = 0.001 }}",
            f"pipeline = {{ loras = [], areas = {{ {areas} }} }}",
        ]
    return "\n".join(lines)
