"""A tiny Kandinsky 6 with random weights, as `save_pretrained` leaves the real one: made here, without a download."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo,
    FlowMatchEulerDiscreteScheduler,
    Kandinsky6Transformer3DModel,
    MMAudioVAE,
    MMAudioVocoder,
)
from tests.engine.i2vgen_tiny import build_text_encoder as build_clip
from tests.engine.i2vgen_tiny import save_tokenizer as save_clip_tokenizer
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from unstill_config.catalog import Catalog, Model

torch.set_num_threads(1)  # beside other tests, threads of work this small wait for each other more than they work

NAME = "kandinsky-6-lite"
WIDE, CLIP_WIDE = 16, 32
LATENTS, SOUND_LATENTS, MELS = 4, 4, 8


def build_transformer() -> Any:
    return Kandinsky6Transformer3DModel(
        in_visual_dim=LATENTS,
        out_visual_dim=LATENTS,
        in_text_dim=WIDE,
        in_text_dim2=CLIP_WIDE,
        time_dim=16,
        model_dim=24,
        ff_dim=32,
        num_text_blocks=1,
        num_visual_blocks=2,
        axes_dims=(4, 4, 4),
        in_audio_dim=SOUND_LATENTS,
        out_audio_dim=SOUND_LATENTS,
        model_dim_a=24,
        # as the released ones have it
        text_token_padding=True,
        ca_rope=True,
        cross_gates=True,
        fix_modulation=True,
        visual_token_type_num_embeddings=2,
    )


def build_vae() -> Any:
    return AutoencoderKLHunyuanVideo(
        latent_channels=LATENTS, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
    )


def build_audio_vae() -> Any:
    return MMAudioVAE(mel_bins=MELS, latent_channels=SOUND_LATENTS, hidden_channels=8, layers_per_block=1)


def build_vocoder() -> Any:
    return MMAudioVocoder(
        num_mels=MELS, upsample_initial_channel=64, resblock_kernel_sizes=(3,), resblock_dilation_sizes=((1,),)
    )


def build_text_encoder() -> Any:
    text = {
        "vocab_size": 300,
        "hidden_size": WIDE,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [1, 1, 2]},
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": WIDE}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))


MODELS: dict[str, Callable[[], Any]] = {
    "transformer": build_transformer,
    "vae": build_vae,
    "audio_vae": build_audio_vae,
    "vocoder": build_vocoder,
    "text_encoder": build_text_encoder,
    "text_encoder_2": build_clip,
}


def save_tokenizer(folder: Path, clip: Path) -> None:
    """Save one of the 256 bytes, without merges: those that CLIP's tiny one has, as Qwen's is of the same kind."""
    letters = [piece for piece in json.loads((clip / "vocab.json").read_text("utf-8")) if len(piece) == 1]
    tokenizer: Any = Qwen2Tokenizer(vocab={letter: number for number, letter in enumerate(letters)}, merges=[])
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    tokenizer.save_pretrained(folder)


def save_kandinsky(folder: Path, *, without: str = "") -> Path:
    """Save a tiny one; `without` is a part that its folder lacks."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for part, build in MODELS.items():
            if part != without:
                model = build().eval()
                if part in ("transformer", "audio_vae"):
                    _awaken(model)
                model.save_pretrained(folder / part)
    save_clip_tokenizer(folder / "tokenizer_2")
    save_tokenizer(folder / "tokenizer", folder / "tokenizer_2")
    scheduler: Any = FlowMatchEulerDiscreteScheduler(shift=5.0)
    scheduler.save_pretrained(folder / "scheduler")
    index: dict[str, Any] = {
        "_class_name": "Kandinsky6TI2VAPipeline",
        "_diffusers_version": "0.42.0.dev0",
        "audio_vae": ["diffusers", "MMAudioVAE"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
        "text_encoder_2": ["transformers", "CLIPTextModel"],
        # not read: the table names another class for it
        "tokenizer": ["transformers", "Qwen2_5_VLProcessor"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "transformer": ["diffusers", "Kandinsky6Transformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLHunyuanVideo"],
        "vocoder": ["diffusers", "MMAudioVocoder"],
    }
    if without:
        index[without] = [None, None]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _awaken(model: torch.nn.Module) -> None:
    """Random values where initialisation leaves zeros: modulations and gates would let nothing through."""
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.2)


def tiny_kandinsky(folder: Path, **values: Any) -> Model:
    """Return the shipped table, with the tiny folder as its repository, and sizes to go with it. However little memory
    this machine has, that is enough.
    """
    model = Catalog.load().models[NAME]
    assert model.pipeline is not None
    table = model.pipeline.model_copy(update={"areas": {resolution: 64 * 64 for resolution in model.resolutions}})
    changed = {"weights": {"repo": str(folder)}, "pipeline": table, "memory": None, **values}
    return Model.model_validate_json(model.model_copy(update=changed).model_dump_json())
