"""A torch model in a page: a VAE whose latents drift, from what any torch model is given and its table alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from unstill_config.catalog import Memory, Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled, Revised
from unstill_engine.renderers.download import Contents, model_folder
from unstill_engine.renderers.torch.checkpoint import Checkpoint, silence_libraries
from unstill_engine.renderers.torch.device import dtype_on, free_bytes, loading_errors, open_device
from unstill_engine.renderers.torch.frames import FrameDecoder
from unstill_engine.renderers.torch.oom_fallback import OomFallback
from unstill_engine.renderers.torch.placement import GIB, MemoryMode, Placement, place
from unstill_queue.contract.jobs import Parameters


def modes(memory: Memory, parameters: Parameters) -> Iterator[MemoryMode]:
    yield MemoryMode(min(memory.decode_frames, parameters.num_frames))
    yield MemoryMode(1)


def estimate(memory: Memory, parameters: Parameters, mode: MemoryMode) -> int:
    megapixels = parameters.resolution**2 / 1e6
    return round((memory.weights + megapixels * memory.decode * mode.decode_frames) * GIB)


class Decoder:
    """Takes no more than `most` frames at once, as a card would that has little memory left."""

    def __init__(self, vae: AutoencoderKL, most: int) -> None:
        self._vae = vae
        self.most = most

    def decode(self, latents: Tensor) -> Tensor:
        if len(latents) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        pictures: Tensor = self._vae.decode(latents).sample.permute(0, 2, 3, 1)
        return pictures


class Toy:
    """The prompt says how many frames fit at once; with 0 not even the latents do."""

    def __init__(self, name: str, model: Model) -> None:
        self._name = name
        self._model = model

    def load(self, device: str) -> None:
        silence_libraries()
        with loading_errors(self._name, device):
            self._device = open_device(device)
            checkpoint = Checkpoint(model_folder(self._model.weights, Contents(weights=("vae",))))
            dtype = dtype_on(self._device)
            vae = checkpoint.model(AutoencoderKL, "vae", self._device, torch_dtype=dtype)
        self._decoder = Decoder(vae, 0)
        self._frames = FrameDecoder(self._decoder, vae.config.scaling_factor, dtype)

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        placed = self._place(parameters)
        chosen, side = placed.parameters, placed.parameters.resolution
        return Plan(side, side, chosen.num_frames, chosen.fps, 1.0, placed.memory, chosen, placed.notes)

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames | Revised]:
        self._decoder.most = int(plan.parameters.prompt)
        fallback = OomFallback(
            self._model,
            plan,
            self._place(plan.parameters).mode,
            replan=lambda parameters: self.plan(parameters, photos),
            release=lambda: None,
            fresh=True,
            splits=False,
            offloads=False,
        )

        def attempt(plan: Plan, mode: MemoryMode) -> Iterator[Frames]:
            if cancelled():
                raise RenderCancelled
            if not self._decoder.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            generator = torch.Generator().manual_seed(plan.parameters.seed)
            still = torch.randn((1, 4, 1, plan.height // 8, plan.width // 8), generator=generator)
            latents = torch.cat([still.roll(index, -1) for index in range(plan.num_frames)], 2).to(self._device)
            on_step(1, 1)
            yield from fallback.in_chunks(
                lambda start, stop: self._frames.decode(latents, start, stop), plan.num_frames, mode.decode_frames
            )

        yield from fallback.run(attempt)

    def _place(self, parameters: Parameters) -> Placement:
        return place(parameters, self._model, free_bytes(self._device), modes=modes, estimate=estimate)
