"""Wan 2.2 on a GPU, stock beside ours, at full size with random weights.

Random weights say nothing of quality; speed, memory and rounding are those of any weights.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from tests.bench.gpu_timing import relative_error, sustained, wait
from tests.engine.diffusers_tiny import save_tokenizer
from torch import Tensor
from transformers import UMT5Config, UMT5EncoderModel

from unstill_engine.renderers.diffusers.fast_wan.accelerate import ops_on
from unstill_engine.renderers.diffusers.fast_wan.decoder import FastDecoder
from unstill_engine.renderers.diffusers.fast_wan.transformer import FastTransformer

GIB = 2**30
TI2V_5B = {
    "num_attention_heads": 24, "in_channels": 48, "out_channels": 48, "text_dim": 4096, "ffn_dim": 14336,
    "num_layers": 30,
}  # fmt: skip
I2V_A14B = {
    "num_attention_heads": 40, "in_channels": 36, "out_channels": 16, "text_dim": 4096, "ffn_dim": 13824,
    "num_layers": 40,
}  # fmt: skip
VAE_22 = {
    "base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "is_residual": True, "in_channels": 12, "out_channels": 12,
    "patch_size": 2, "scale_factor_spatial": 16, "latents_mean": [0.0] * 48, "latents_std": [1.0] * 48,
}  # fmt: skip
TINY = {"num_attention_heads": 2, "attention_head_dim": 24, "text_dim": 32, "ffn_dim": 64, "num_layers": 2}
TINY_VAE = {"base_dim": 4, "decoder_base_dim": 8}
Size = tuple[int, int, int]
"""Frames, height, width."""


def build_transformer(config: dict[str, Any], device: torch.device, dtype: torch.dtype, *, tiny: bool) -> Any:
    """Return the transformer as `from_pretrained(torch_dtype=...)` leaves it: what it keeps in fp32 is fp32."""
    torch.manual_seed(0)
    with torch.device("meta"):
        model = WanTransformer3DModel(**config | (TINY if tiny else {}))
    model.to_empty(device=device)
    keep = set(WanTransformer3DModel._keep_in_fp32_modules)
    for name, weight in model.named_parameters():
        weight.data = weight.data.to(torch.float32 if keep & set(name.split(".")) else dtype)
        _draw(name, weight)
    rope = type(model.rope)(model.config.attention_head_dim, model.config.patch_size, model.config.rope_max_seq_len)
    model.rope = rope.to(device)
    return model.eval().requires_grad_(False)


def build_decoder(device: torch.device, dtype: torch.dtype, *, tiny: bool) -> Any:
    """Return Wan 2.2's VAE."""
    torch.manual_seed(0)
    with torch.device(device):
        vae = AutoencoderKLWan(**VAE_22 | (TINY_VAE if tiny else {}))
    return vae.to(dtype).eval().requires_grad_(False)


def _draw(name: str, weight: Tensor) -> None:
    """Values of the size that initialisation gives; what it leaves at one is one."""
    if weight.ndim == 1 and "norm" in name and name.endswith("weight"):
        weight.data.fill_(1.0)
    elif weight.ndim == 1:
        weight.data.uniform_(-0.02, 0.02)
    else:
        weight.data.normal_(std=weight[0].numel() ** -0.5)


def given(model: Any, size: Size, device: torch.device, dtype: torch.dtype, spatial: int) -> dict[str, Any]:
    """Return what the pipeline gives to a forward of `size`: for Wan 2.2's 5B a timestep for each token."""
    frames, height, width = (size[0] - 1) // 4 + 1, size[1] // spatial, size[2] // spatial
    generator = torch.Generator().manual_seed(1)
    config = model.config
    sample = torch.randn(1, config.in_channels, frames, height, width, generator=generator)
    words = torch.randn(1, 512, config.text_dim, generator=generator)
    step = torch.tensor([700.0], device=device)
    if config.in_channels == config.out_channels:
        by_frame = torch.full((frames, 1), 700.0)
        by_frame[0] = 0.0
        step = by_frame.expand(-1, height * width // 4).flatten()[None].to(device)
    return {
        "hidden_states": sample.to(device, dtype),
        "timestep": step,
        "encoder_hidden_states": words.to(device, dtype),
        "return_dict": False,
    }


def build_words(device: torch.device, dtype: torch.dtype, *, tiny: bool) -> Any:
    """Return the encoder of words, UMT5-xxl."""
    torch.manual_seed(0)
    large = {"vocab_size": 256384, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
    small = {"vocab_size": 64, "d_model": TINY["text_dim"], "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    config = UMT5Config(**(small if tiny else large), feed_forward_proj="gated-gelu", dropout_rate=0.0)
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return UMT5EncoderModel(config).eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(default)


def save(folder: Path, device: torch.device, dtype: torch.dtype, *, tiny: bool) -> None:
    """Save a whole Wan 2.2 5B as `save_pretrained` leaves it, made on `device`."""
    makers: dict[str, Callable[[], Any]] = {
        "text_encoder": lambda: build_words(device, dtype, tiny=tiny),
        "transformer": lambda: build_transformer(TI2V_5B, device, dtype, tiny=tiny),
        "vae": lambda: build_decoder(device, torch.float32, tiny=tiny),
        "scheduler": lambda: UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0, num_train_timesteps=1000
        ),
    }
    for part, make in makers.items():
        make().save_pretrained(folder / part)
    save_tokenizer(folder / "tokenizer")
    index = {
        "_class_name": "WanPipeline",
        "expand_timesteps": True,
        "boundary_ratio": None,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))


@torch.no_grad()
def measure_forward(
    config: dict[str, Any],
    sizes: dict[Size, int],
    spatial: int,
    device: torch.device,
    dtype: torch.dtype,
    *,
    tiny: bool,
) -> Iterator[dict[str, Any]]:
    """A transformer's forward, stock and ours, sustained over so many forwards as `sizes` says; error against fp32."""
    model = build_transformer(config, device, dtype, tiny=tiny)
    ours = FastTransformer(model, ops_on(device))

    def alone(**kwargs: Any) -> Any:
        # each forward whole: nothing is left over from the one before
        ours.forget()
        return ours(**kwargs)

    outputs: dict[Size, tuple[Tensor, Tensor]] = {}
    for size, times in sizes.items():
        inputs = given(model, size, device, dtype, spatial)
        row: dict[str, Any] = {"size": size}
        for name, call in (("stock", model), ("ours", alone)):
            with peak(device) as used:
                begin = time.perf_counter()
                call(**inputs)
                wait(device)
                row[f"{name}_first_s"] = time.perf_counter() - begin
                row[f"{name}_ms"] = 1e3 * sustained(partial(call, **inputs), device, times)
            row[f"{name}_peak_gib"] = used[0]
        outputs[size] = model(**inputs)[0].float().cpu(), alone(**inputs)[0].float().cpu()
        row["times"] = row["stock_ms"] / row["ours_ms"]
        yield row
    smallest = min(sizes, key=lambda size: size[0] * size[1] * size[2])
    ours.forget()
    reference = model.float()(**_float(given(model, smallest, device, dtype, spatial)))[0].cpu()
    stock, fast = (relative_error(out, reference) for out in outputs[smallest])
    yield {"size": smallest, "stock_error": stock, "ours_error": fast}


def _float(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value.float() if isinstance(value, Tensor) else value for name, value in inputs.items()}


@torch.no_grad()
def measure_decode(size: Size, device: torch.device, *, tiny: bool) -> dict[str, Any]:
    """Decode a clip's latents: stock in fp32, as it ships, and ours in fp16. Error against stock's without TF32."""
    frames, height, width = (size[0] - 1) // 4 + 1, size[1] // 16, size[2] // 16
    z = torch.randn(1, 48, frames, height, width, generator=torch.Generator().manual_seed(3)).to(device)
    few = z[:, :, :3].contiguous()
    half = torch.float16 if device.type == "cuda" else torch.float32
    vae = build_decoder(device, torch.float32, tiny=tiny)
    row: dict[str, Any] = {"size": size}
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        reference = vae.decode(few, return_dict=False)[0]
    with peak(device) as used:
        row["stock_ms"] = 1e3 * sustained(lambda: vae.decode(z, return_dict=False)[0], device, 1)
    row["stock_peak_gib"] = used[0]
    row["stock_error"] = relative_error(vae.decode(few, return_dict=False)[0], reference)
    decoder = FastDecoder(vae.to(half), ops_on(device))

    def decode() -> None:
        for chunk in decoder.chunks(z.to(half)):
            (chunk + 1).mul_(127.5).round_().to(torch.uint8)

    with peak(device) as used:
        begin = time.perf_counter()
        decode()
        wait(device)
        row["ours_first_s"] = time.perf_counter() - begin
        row["ours_ms"] = 1e3 * sustained(decode, device, 1)
    row["ours_peak_gib"] = used[0]
    row["ours_error"] = relative_error(torch.cat(list(decoder.chunks(few.to(half))), 2).float(), reference)
    row["times"] = row["stock_ms"] / row["ours_ms"]
    return row


@contextmanager
def peak(device: torch.device) -> Iterator[list[float]]:
    """Yields a list that holds, behind the block, the GiB that were allocated at their most within it."""
    used: list[float] = [0.0]
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    yield used
    if device.type == "cuda":
        used[0] = torch.cuda.max_memory_allocated() / GIB
