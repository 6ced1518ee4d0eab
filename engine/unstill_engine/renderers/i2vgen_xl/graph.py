"""The UNet's step as CUDA graphs: a clip is bound to one once, and its steps replay it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.unet import ClipConstants, FastUNet
from unstill_engine.renderers.torch.cuda_graph import GraphCache


class Captured(Protocol):
    """A function captured for its own `inputs`."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    def replay(self) -> Tensor: ...


class Graphs(Protocol):
    """Captures functions, once for each of them and the shapes of what goes in; a `GraphCache` on CUDA."""

    def get(self, function: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Captured: ...

    def held_beside(self, shape: Sequence[int]) -> int: ...

    def release(self) -> int: ...


class StepGraphs:
    """A graph for each of the shapes of clip that were used last; one clip is bound at a time."""

    def __init__(self, unet: FastUNet, graphs: Graphs | None = None) -> None:
        self._unet = unet
        self._graphs: Graphs = graphs if graphs is not None else GraphCache()
        # no methods: graphs are to go without a collection
        self._step = partial(_flat_step, unet)
        self._keeping = partial(_flat_cached, unet.keeping_step)
        self._shallow = partial(_flat_cached, unet.shallow_step)
        self._bound: tuple[ClipConstants, tuple[Captured, ...]] | None = None

    def bind(self, clip: ClipConstants, latents: Tensor, *, cached: bool = False) -> None:
        """Make `clip` what the steps from here on are for; `latents` are any of its size.

        `cached`: some of its steps are shallow.
        """
        self._bound = None  # a graph that is to go is not to be held
        constants = (clip.picture, *(tensor for pair in clip.key_values for tensor in pair))
        given = (latents, clip.times[0])
        if cached:
            features = self._unet.features(latents, clip.rows)
            kinds = self._keeping, self._shallow
            graphs = tuple(self._graphs.get(kind, (*given, *constants, features)) for kind in kinds)
        else:
            graphs = (self._graphs.get(self._step, (*given, *constants)),)
        for graph in graphs:
            for own, constant in zip(graph.inputs[2:], constants, strict=False):
                own.copy_(constant)
        self._bound = clip, graphs

    def step(self, latents: Tensor, index: int, *, shallow: bool = False) -> Tensor:
        """Return the predictions (R, 4, F, H, W) of step `index`; the next step overwrites them.

        `shallow`: with the features of the last step that was not, of a clip that was bound as `cached`.

        Raises:
            RuntimeError: no clip was bound.
        """
        if self._bound is None:
            raise RuntimeError("No clip is bound.")
        clip, graphs = self._bound
        graph = graphs[shallow]
        own_latents, own_times, *_ = graph.inputs
        own_latents.copy_(latents)
        own_times.copy_(clip.times[index])
        noise = graph.replay()
        if not shallow and len(graphs) > 1:
            graphs[1].inputs[-1].copy_(graph.inputs[-1])
        return noise

    def held_beside(self, shape: Sequence[int]) -> int:
        """Return how many bytes are held while a graph for latents of that shape is captured; 0, there is one."""
        return self._graphs.held_beside(shape)

    def release(self) -> int:
        """Give back all graphs and their memory; return how many bytes that were."""
        self._bound = None
        return self._graphs.release()


def _flat_step(unet: FastUNet, latents: Tensor, times: Tensor, picture: Tensor, *key_values: Tensor) -> Tensor:
    """`unet.step` by its tensors alone; keys and values alternate."""
    return unet.step(latents, times, _constants(times, picture, key_values))


def _flat_cached(
    step: Callable[..., Tensor], latents: Tensor, times: Tensor, picture: Tensor, *key_values_features: Tensor
) -> Tensor:
    """The same of a step that writes or reads the features, which come last."""
    *key_values, features = key_values_features
    return step(latents, times, _constants(times, picture, key_values), features)


def _constants(times: Tensor, picture: Tensor, key_values: Sequence[Tensor]) -> ClipConstants:
    pairs = tuple(zip(key_values[::2], key_values[1::2], strict=True))
    return ClipConstants(times[None], picture, pairs)
