"""The UNet's step as CUDA graphs: a clip is bound to one once, and its steps replay it."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.unet import ClipConstants, FastUNet
from unstill_engine.renderers.torch.cuda_graph import CapturedGraph, GraphCache


class StepGraphs:
    """A graph for each of the `keep` shapes of clip that were used last; one clip is bound at a time."""

    def __init__(self, unet: FastUNet, keep: int = 4) -> None:
        self._graphs = GraphCache(partial(_flat_step, unet), keep)  # no method: graphs are to go without a collection
        self._bound: tuple[ClipConstants, CapturedGraph] | None = None

    def bind(self, clip: ClipConstants, latents: Tensor) -> None:
        """Make `clip` what the steps from here on are for; `latents` are any of its size."""
        constants = (clip.picture, *(tensor for pair in clip.key_values for tensor in pair))
        graph = self._graphs.get((latents, clip.times[0], *constants))
        for own, constant in zip(graph.inputs[2:], constants, strict=True):
            own.copy_(constant)
        self._bound = clip, graph

    def step(self, latents: Tensor, index: int) -> Tensor:
        """Return the predictions (R, 4, F, H, W) of step `index`; the next step overwrites them.

        Raises:
            RuntimeError: no clip was bound.
        """
        if self._bound is None:
            raise RuntimeError("No clip is bound.")
        clip, graph = self._bound
        own_latents, own_times, *_ = graph.inputs
        own_latents.copy_(latents)
        own_times.copy_(clip.times[index])
        return graph.replay()

    def release(self) -> None:
        """Give back all graphs and their memory."""
        self._bound = None
        self._graphs.release()


def _flat_step(unet: FastUNet, latents: Tensor, times: Tensor, picture: Tensor, *key_values: Tensor) -> Tensor:
    """`unet.step` by its tensors alone; keys and values alternate."""
    pairs = tuple(zip(key_values[::2], key_values[1::2], strict=True))
    return unet.step(latents, times, ClipConstants(times[None], picture, pairs))
