"""CUDA graphs of a function on tensors, one for each shape of its inputs.

A step of a diffusion model is about a thousand kernels; launched one by one from Python they keep the device waiting
where pictures are small.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Shapes = tuple[tuple[int, ...], ...]
Function = Callable[..., Tensor]


@dataclass(frozen=True)
class CapturedGraph:
    """A function captured for its own `inputs`, which are to be overwritten before it is replayed."""

    inputs: tuple[Tensor, ...]
    _graph: torch.cuda.CUDAGraph
    _output: Tensor

    def replay(self) -> Tensor:
        """Return what the function makes of `inputs`; the next replay overwrites it."""
        self._graph.replay()
        return self._output


class GraphCache:
    """Captures a function the first time that inputs of new shapes come, and has the graph ready from then on.

    All graphs share one memory pool, since never two of them run at once; what goes in and what comes out lies
    outside of it. The `keep` graphs that were used last are kept.
    """

    def __init__(self, keep: int = 4) -> None:
        self._keep = keep
        self._pool = torch.cuda.graph_pool_handle()
        self._graphs: OrderedDict[tuple[Function, Shapes], CapturedGraph] = OrderedDict()

    def get(self, function: Function, inputs: Sequence[Tensor]) -> CapturedGraph:
        """Return the graph of a function for inputs of these shapes; its own inputs do not hold these values yet."""
        shapes = function, tuple(tuple(tensor.shape) for tensor in inputs)
        graph = self._graphs.pop(shapes, None)
        if graph is None:
            while len(self._graphs) >= self._keep:
                self._graphs.popitem(last=False)
            graph = self._capture(function, inputs)
        self._graphs[shapes] = graph
        return graph

    def release(self) -> None:
        """Give back all graphs and their memory."""
        self._graphs.clear()
        self._pool = torch.cuda.graph_pool_handle()
        torch.cuda.empty_cache()

    def _capture(self, function: Function, inputs: Sequence[Tensor]) -> CapturedGraph:
        own = tuple(tensor.clone() for tensor in inputs)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # compiles kernels and lets the libraries set themselves up
            output = torch.empty_like(function(*own))
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            output.copy_(function(*own))
        return CapturedGraph(own, graph, output)
