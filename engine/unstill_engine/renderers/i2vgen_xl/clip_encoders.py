"""CLIP's two encoders (Radford et al. 2021), with the weights' names as transformers has them.

They run once a clip, so torch's own modules are fast enough; to import transformers' modelling code alone takes longer
than to import everything else that this renderer needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": partial(F.gelu, approximate="tanh"),
    "gelu_pytorch_tanh": partial(F.gelu, approximate="tanh"),
    "quick_gelu": _quick_gelu,
    "relu": F.relu,
    "silu": F.silu,
}
_EPS = 1e-5
_USUAL: dict[str, Any] = {"hidden_act": "quick_gelu", "layer_norm_eps": _EPS, "num_channels": 3, "projection_dim": 512}
"""Values that a config.json need not say."""


def _table(rows: int, width: int) -> nn.Embedding:
    """Return an embedding without values: to draw some where there is no device, torch imports sympy."""
    table: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(rows, width))
    return table


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, *, causal: bool) -> Tensor:
        count, length, width = x.shape
        query, key, value = (
            project(x).view(count, length, self.heads, -1).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(count, length, width))
        return out


class _Mlp(nn.Module):
    def __init__(self, width: int, inner: int, activation: str) -> None:
        super().__init__()
        self.activation = _ACTIVATIONS[activation]
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.activation(self.fc1(x)))
        return out


class _Layer(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.self_attn = _Attention(width, config["num_attention_heads"])
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width, eps), nn.LayerNorm(width, eps)
        self.mlp = _Mlp(width, config["intermediate_size"], config["hidden_act"])

    def forward(self, x: Tensor, *, causal: bool) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x), causal=causal)
        out: Tensor = x + self.mlp(self.layer_norm2(x))
        return out


class _Layers(nn.Module):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config["num_hidden_layers"]))


class TextEncoder(nn.Module):
    """CLIP for words. `config` is the text_encoder's config.json."""

    PREFIX = "text_model."
    """Stands ahead of the weights' names in most checkpoints."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        config = {**_USUAL, "max_position_embeddings": 77, **config}
        width = config["hidden_size"]
        self.embeddings = nn.Module()
        self.embeddings.token_embedding = _table(config["vocab_size"], width)
        self.embeddings.position_embedding = _table(config["max_position_embeddings"], width)
        self.encoder = _Layers(config)
        self.final_layer_norm = nn.LayerNorm(width, config["layer_norm_eps"])

    def forward(self, tokens: Tensor) -> Tensor:
        """`tokens` (N, L) to the state ahead of the last layer, (N, L, E), normalised as the last one's would be."""
        embeddings: Any = self.embeddings
        x = embeddings.token_embedding(tokens) + embeddings.position_embedding.weight[: tokens.shape[1]]
        for layer in self.encoder.layers[:-1]:
            x = layer(x, causal=True)
        out: Tensor = self.final_layer_norm(x)
        return out


class ImageEncoder(nn.Module):
    """CLIP for a picture, with its projection. `config` is the image_encoder's config.json."""

    PREFIX = "vision_model."

    @property
    def dtype(self) -> torch.dtype:
        return self.visual_projection.weight.dtype

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        config = {**_USUAL, **config}
        width, patch, eps = config["hidden_size"], config["patch_size"], config["layer_norm_eps"]
        self.embeddings = nn.Module()
        self.embeddings.class_embedding = nn.Parameter(torch.empty(width))
        self.embeddings.patch_embedding = nn.Conv2d(config["num_channels"], width, patch, patch, bias=False)
        self.embeddings.position_embedding = _table((config["image_size"] // patch) ** 2 + 1, width)
        self.pre_layrnorm = nn.LayerNorm(width, eps)  # the checkpoints' spelling
        self.encoder = _Layers(config)
        self.post_layernorm = nn.LayerNorm(width, eps)
        self.visual_projection = nn.Linear(width, config["projection_dim"], bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """`pixels` (N, 3, S, S), normalised, S being the config's image_size, to embeddings (N, P)."""
        embeddings: Any = self.embeddings
        patches = embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
        whole = embeddings.class_embedding.expand(len(pixels), 1, -1)
        x = self.pre_layrnorm(torch.cat([whole, patches], 1) + embeddings.position_embedding.weight)
        for layer in self.encoder.layers:
            x = layer(x, causal=False)
        out: Tensor = self.visual_projection(self.post_layernorm(x[:, 0]))
        return out
