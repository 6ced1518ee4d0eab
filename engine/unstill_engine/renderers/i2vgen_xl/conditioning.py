"""What a clip is made from: words and photo, encoded as the UNet is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.loading import Parts
from unstill_engine.renderers.i2vgen_xl.shapes import covering


@dataclass(frozen=True)
class Conditioning:
    """R is 2 under classifier-free guidance, what is not wanted first, else 1. F frames of latents H by W.

    `text` (R, 77, E); `image` (R, 1, E), zeros in the first of two rows; `picture` (1, 4, F, H, W), the photo's
    latents and after them each frame's place from 0 to 1; `fps` (1,).
    """

    text: Tensor
    image: Tensor
    picture: Tensor
    fps: Tensor


@dataclass(frozen=True)
class Noise:
    """All that is random of a clip: `latents` (1, 4, F, H, W), and (1, 4, H, W) for the photo's own latents."""

    latents: Tensor
    picture: Tensor

    @classmethod
    def of(cls, seed: int, num_frames: int, height: int, width: int, device: torch.device, dtype: torch.dtype) -> Noise:
        """From the seed alone, by the processor's generator: the same on every device. H and W of the latents.

        The clip's comes first, so that it is what stock I2VGenXLPipeline draws from a generator of that seed.
        """
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn((1, 4, num_frames, height, width), generator=generator, dtype=dtype)
        picture = torch.randn((1, 4, height, width), generator=generator, dtype=dtype)
        return cls(latents.to(device), picture.to(device))


class Encoders:
    """CLIP for the words and for the photo, and the VAE's encoder."""

    def __init__(self, parts: Parts, device: torch.device) -> None:
        self.words = parts.words
        self._parts = parts
        self._device = device

    @torch.no_grad()
    def condition(
        self,
        photo: Image.Image,
        size: tuple[int, int],
        texts: tuple[str, ...],
        *,
        fps: int,
        noise: Noise,
        offload: bool = False,
    ) -> Conditioning:
        """`photo` of the clip's shape; `size` is the clip's width and height in pixels.

        `texts`: what is not wanted and the prompt, or without guidance the prompt alone. With `offload` CLIP is on
        the device only while it encodes.
        """
        with self._at_hand(offload):
            text = self._text(texts)
            image = self._image(photo, size[0])
        return Conditioning(
            text=text,
            image=torch.cat([*[torch.zeros_like(image)] * (len(texts) - 1), image]),
            picture=self._picture(photo, size, noise),
            fps=torch.tensor([fps], device=self._device),
        )

    @contextmanager
    def _at_hand(self, offload: bool) -> Iterator[None]:
        models = (self._parts.text_encoder, self._parts.image_encoder)
        try:
            for model in models:
                model.to(self._device)
            yield
        finally:
            if offload:
                for model in models:
                    model.to("cpu")

    def _text(self, texts: tuple[str, ...]) -> Tensor:
        """The state ahead of CLIP's last layer, which is what the UNet was trained with, normalised as the last one."""
        encoded: Tensor = self._parts.text_encoder(self.words.tokens(texts).to(self._device))
        return encoded

    def _image(self, photo: Image.Image, width: int) -> Tensor:
        encoder, wanted = self._parts.image_encoder, self._parts.clip_input
        square = covering(photo, (width, width)).resize(wanted.size, Image.Resampling.BILINEAR)
        pixels = _pixels(square, self._device)
        mean, deviation = (
            torch.tensor(values, device=self._device).view(1, 3, 1, 1) for values in (wanted.mean, wanted.deviation)
        )
        encoded: Tensor = encoder(((pixels - mean) / deviation).to(encoder.dtype))
        return encoded[:, None]

    def _picture(self, photo: Image.Image, size: tuple[int, int], noise: Noise) -> Tensor:
        vae = self._parts.vae
        pixels = 2 * _pixels(covering(photo, size), self._device) - 1
        posterior = vae.encode(pixels.to(vae.dtype)).latent_dist
        picture = torch.empty_like(noise.latents)
        picture[:, :, 0] = (posterior.mean + posterior.std * noise.picture) * vae.config.scaling_factor
        num_frames = picture.shape[2]
        for frame in range(1, num_frames):
            picture[:, :, frame] = frame / (num_frames - 1)
        return picture


def _pixels(picture: Image.Image, device: torch.device) -> Tensor:
    """(1, 3, H, W), 0 to 1."""
    levels = torch.from_numpy(np.array(picture)).to(device)
    return levels.permute(2, 0, 1)[None].float() / 255
