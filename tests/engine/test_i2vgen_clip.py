"""CLIP's encoders are transformers' own, number by number, and a checkpoint of older names is read as a newer one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.engine.i2vgen_tiny import VOCABULARY, WIDE, build_image_encoder, build_text_encoder, noisy_photo, parameters
from tests.engine.i2vgen_tiny import tiny_renderer as loaded
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.i2vgen_xl.clip_encoders import ImageEncoder, TextEncoder
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL


def ours(kind: Any, stock: Any) -> Any:
    """Our encoder with the weights of a stock one."""
    encoder = kind(stock.config.to_dict())
    weights = {name.removeprefix(kind.PREFIX): value for name, value in stock.state_dict().items()}
    assert encoder.load_state_dict(weights, strict=False).missing_keys == []
    return encoder.eval()


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
@torch.no_grad()
def test_words_are_encoded_as_transformers_does(activation: str) -> None:
    config = CLIPTextConfig(**{**build_text_encoder().config.to_dict(), "hidden_act": activation})
    stock = CLIPTextModel(config).eval()
    tokens = torch.randint(0, VOCABULARY, (2, 77))
    inner = stock(tokens, output_hidden_states=True).hidden_states[-2]
    found = ours(TextEncoder, stock)(tokens)
    assert found.shape == (2, 77, WIDE)
    assert torch.allclose(found, stock.final_layer_norm(inner), atol=1e-6)


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
@torch.no_grad()
def test_a_picture_is_encoded_as_transformers_does(activation: str) -> None:
    config = CLIPVisionConfig(**{**build_image_encoder().config.to_dict(), "hidden_act": activation})
    stock = CLIPVisionModelWithProjection(config).eval()
    pixels = torch.randn(2, 3, config.image_size, config.image_size)
    assert torch.allclose(ours(ImageEncoder, stock)(pixels), stock(pixels).image_embeds, atol=1e-6)


def frames(renderer: I2VGenXL, picture: Path) -> list[Any]:
    plan = renderer.plan(parameters(), Photos(picture))
    return [chunk for chunk in renderer.render(plan, Photos(picture), lambda *_: None, lambda: False)]


def test_an_older_checkpoint_in_several_files_makes_the_same_clip(tiny_i2vgen: Path, tmp_path: Path) -> None:
    """Names ahead of CLIP's weights, the VAE's attention as it was called first, and an index of files."""
    picture = noisy_photo(tmp_path)
    folder = Path(shutil.copytree(tiny_i2vgen, tmp_path / "model"))
    for part, prefix in (("text_encoder", "text_model."), ("image_encoder", "vision_model.")):
        path = folder / part / "model.safetensors"
        kept = ("visual_projection.", prefix)
        weights = {name if name.startswith(kept) else prefix + name: value for name, value in load_file(path).items()}
        save_file({**weights, f"{prefix}embeddings.position_ids": torch.arange(77)}, path, metadata={"format": "pt"})
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, value in load_file(path).items():
        for new, former in old.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{former}.")
        renamed[name] = value
    assert any("proj_attn" in name for name in renamed)
    save_file(renamed, path, metadata={"format": "pt"})
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    unet = load_file(path)
    names = sorted(unet)
    where = {
        name: f"diffusion_pytorch_model-{1 + number % 2:05}-of-00002.safetensors" for number, name in enumerate(names)
    }
    for file in set(where.values()):
        save_file({name: unet[name] for name in names if where[name] == file}, path.with_name(file))
    path.with_name(f"{path.name}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    path.unlink()

    found, expected = frames(loaded(folder, tmp_path), picture), frames(loaded(tiny_i2vgen, tmp_path), picture)

    assert len(found) == len(expected)
    assert all((one == other).all() for one, other in zip(found, expected, strict=True))
