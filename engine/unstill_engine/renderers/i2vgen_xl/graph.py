"""CUDA graphs of the UNet's step, one for each shape of clip.

A step is some 900 kernels; launched one by one from Python they keep the device waiting where pictures are small.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.unet import ClipConstants, FastUNet

Shape = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Captured:
    graph: torch.cuda.CUDAGraph
    latents: Tensor
    times: Tensor
    clip: ClipConstants
    noise: Tensor


class StepGraphs:
    """Captures a step the first time that a shape comes, and replays it from then on.

    All graphs share one memory pool, since never two of them run at once; what goes in and what comes out lies
    outside of it. The `keep` shapes that were used last stay captured.
    """

    def __init__(self, unet: FastUNet, keep: int = 4) -> None:
        self.unet = unet
        self.keep = keep
        self._pool = torch.cuda.graph_pool_handle()
        self._captured: OrderedDict[Shape, _Captured] = OrderedDict()
        self._bound: tuple[ClipConstants, _Captured] | None = None

    def bind(self, clip: ClipConstants, latents: Tensor) -> None:
        """Makes `clip` what the steps from here on are for; `latents` are any of its size."""
        shape = (tuple(latents.shape), *(tuple(key.shape) for key, _ in clip.key_values))
        captured = self._captured.pop(shape, None)
        if captured is None:
            while len(self._captured) >= self.keep:
                self._captured.popitem(last=False)
            captured = self._capture(clip, latents)
        self._captured[shape] = captured
        captured.clip.picture.copy_(clip.picture)
        for (key, value), (new_key, new_value) in zip(captured.clip.key_values, clip.key_values, strict=True):
            key.copy_(new_key)
            value.copy_(new_value)
        self._bound = clip, captured

    def step(self, latents: Tensor, index: int) -> Tensor:
        """The predictions (R, 4, F, H, W) of step `index`; the next step overwrites them.

        Raises RuntimeError where no clip was bound.
        """
        if self._bound is None:
            raise RuntimeError("No clip is bound.")
        clip, captured = self._bound
        captured.latents.copy_(latents)
        captured.times.copy_(clip.times[index])
        captured.graph.replay()
        return captured.noise

    def release(self) -> None:
        """Gives back all graphs and their memory."""
        self._captured.clear()
        self._bound = None
        self._pool = torch.cuda.graph_pool_handle()
        torch.cuda.empty_cache()

    def _capture(self, clip: ClipConstants, latents: Tensor) -> _Captured:
        own = ClipConstants(
            clip.times,
            clip.picture.clone(),
            tuple((key.clone(), value.clone()) for key, value in clip.key_values),
        )
        inputs, times = latents.clone(), clip.times[0].clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # compiles kernels and lets the libraries set themselves up
            noise = torch.empty_like(self.unet.step(inputs, times, own))
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            noise.copy_(self.unet.step(inputs, times, own))
        return _Captured(graph, inputs, times, own, noise)
