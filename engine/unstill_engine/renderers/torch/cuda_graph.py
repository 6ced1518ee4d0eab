"""CUDA graphs of a function on tensors, one for each shape of its inputs.

A step of a diffusion model is about a thousand kernels; launched one by one from Python they keep the device waiting
where pictures are small.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from unstill_engine.renderers.torch.device import is_out_of_memory

Shapes = tuple[tuple[int, ...], ...]
Function = Callable[..., Tensor]


@dataclass(frozen=True)
class CapturedGraph:
    """A function captured for its own `inputs`, which are to be overwritten before it is replayed.

    `kept` is how many bytes more the device's allocator held after the capture than before.
    """

    inputs: tuple[Tensor, ...]
    _graph: torch.cuda.CUDAGraph
    _output: Tensor
    kept: int = 0

    def replay(self) -> Tensor:
        """Return what the function makes of `inputs`; the next replay overwrites it."""
        self._graph.replay()
        return self._output


Capture = Callable[[Function, Sequence[Tensor], Any], CapturedGraph]
"""Makes a graph of a function, for inputs of these shapes, in the pool of memory with this handle."""


class GraphCache:
    """Captures a function the first time that inputs of new shapes come, and has the graph ready from then on.

    All graphs share one memory pool, since never two of them run at once; what goes in and what comes out lies
    outside of it. The `keep` graphs that were used last are kept.
    """

    def __init__(self, keep: int = 4, capture: Capture | None = None) -> None:
        self._keep = keep
        self._capture = capture or capture_graph
        self._pool = torch.cuda.graph_pool_handle()
        self._held = 0
        self._graphs: OrderedDict[tuple[Function, Shapes], CapturedGraph] = OrderedDict()

    def get(self, function: Function, inputs: Sequence[Tensor]) -> CapturedGraph:
        """Return the graph of a function for inputs of these shapes; its own inputs do not hold these values yet.

        Raises:
            torch.OutOfMemoryError: there is too little memory for it, even without all other graphs.
        """
        shapes = function, tuple(tuple(tensor.shape) for tensor in inputs)
        graph = self._graphs.pop(shapes, None)
        if graph is None:
            while len(self._graphs) >= self._keep:
                self._graphs.popitem(last=False)
            graph = self._captured(function, inputs)
            self._held += graph.kept
        self._graphs[shapes] = graph
        return graph

    def held_beside(self, shape: Sequence[int]) -> int:
        """Return how many bytes are held while a graph is captured whose first input has that shape; 0, it is there.

        Counted are all captures since the last release: a single graph that goes gives nothing back.
        """
        if any(shapes[0] == tuple(shape) for _, shapes in self._graphs):
            return 0
        return self._held

    def release(self) -> int:
        """Give back all graphs and their memory; return how many bytes that were."""
        self._graphs.clear()
        held, self._held = self._held, 0
        self._pool = torch.cuda.graph_pool_handle()
        torch.cuda.empty_cache()
        return held

    def _captured(self, function: Function, inputs: Sequence[Tensor]) -> CapturedGraph:
        try:
            return self._capture(function, inputs, self._pool)
        except Exception as error:
            if not self._held or not is_out_of_memory(error):
                raise
        gc.collect()  # not in the `except`: its traceback holds the tensors of what failed
        self.release()
        return self._capture(function, inputs, self._pool)


@cache
def capture_stream(device: int) -> torch.cuda.Stream:
    """Return the one stream on which everything is captured: a library's workspace is kept for each stream."""
    return torch.cuda.Stream(device)


def capture_graph(function: Function, inputs: Sequence[Tensor], pool: Any) -> CapturedGraph:
    """Capture `function` for copies of the inputs."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved()
    own = tuple(tensor.clone() for tensor in inputs)
    stream = capture_stream(torch.cuda.current_device())
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # compiles kernels and lets the libraries set themselves up
        output = torch.empty_like(function(*own))
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool, stream=stream):
        output.copy_(function(*own))
    torch.cuda.empty_cache()
    return CapturedGraph(own, graph, output, max(0, torch.cuda.memory_reserved() - before))
