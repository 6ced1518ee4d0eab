"""Which graphs are kept, what they hold, and that they give way where there is too little memory for another one.

Captures are the device's affair: here a recorder takes their place, which counts memory as the allocator does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from unstill_engine.renderers.torch import cuda_graph
from unstill_engine.renderers.torch.cuda_graph import CapturedGraph, GraphCache


class Card:
    """So much memory, of which each capture keeps as much as its first input is long."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.held: dict[int, int] = {}
        self.handles = 0
        self.failed = 0
        self.broken = False

    def handle(self) -> int:
        self.handles += 1
        return self.handles

    def capture(self, function: Any, inputs: Sequence[Tensor], pool: int) -> CapturedGraph:
        if self.broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        needed = len(inputs[0])
        self.held = {handle: held for handle, held in self.held.items() if handle == self.handles}
        if sum(self.held.values()) + needed > self.room:
            self.failed += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.held[pool] = self.held.get(pool, 0) + needed
        return CapturedGraph(tuple(inputs), cast(torch.cuda.CUDAGraph, None), function(*inputs), needed)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card(room=100)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", card.handle)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    return card


def step(tensor: Tensor) -> Tensor:
    return tensor + 1


def shallow_step(tensor: Tensor) -> Tensor:
    return tensor


def test_a_shape_is_captured_once_and_those_used_last_are_kept(card: Card) -> None:
    graphs = GraphCache(2, card.capture)
    first = graphs.get(step, [torch.zeros(10)])
    second = graphs.get(step, [torch.zeros(20)])
    assert graphs.get(step, [torch.ones(10)]) is first
    # When a third shape comes, the one that was not used for longest goes
    graphs.get(step, [torch.zeros(5)])
    assert graphs.get(step, [torch.zeros(10)]) is first
    assert graphs.get(step, [torch.zeros(20)]) is not second


def test_what_graphs_hold_counts_until_all_are_released(card: Card) -> None:
    # Given graphs of two functions
    graphs = GraphCache(capture=card.capture)
    graphs.get(step, [torch.zeros(30)])
    graphs.get(shallow_step, [torch.zeros(40)])
    # Then what both hold is beside a shape that has no graph, and nothing is beside one that has
    assert graphs.held_beside((50,)) == 70
    assert graphs.held_beside((30,)) == graphs.held_beside((40,)) == 0
    # and what is released is of both
    assert graphs.release() == 70
    assert graphs.held_beside((30,)) == graphs.release() == 0


def test_a_capture_for_which_others_leave_no_room_is_tried_again_without_them(card: Card) -> None:
    graphs = GraphCache(capture=card.capture)
    small = graphs.get(step, [torch.zeros(60)])
    # When a graph fits only where the kept one goes
    large = graphs.get(step, [torch.zeros(90)])
    # Then it is there, whole, and the other one is gone
    assert (len(large.inputs[0]), card.failed) == (90, 1)
    assert graphs.held_beside((60,)) == 90
    assert graphs.get(step, [torch.zeros(60)]) is not small


def test_a_capture_that_does_not_fit_by_itself_fails_once_more_and_no_more(card: Card) -> None:
    graphs = GraphCache(capture=card.capture)
    graphs.get(step, [torch.zeros(60)])
    with pytest.raises(torch.OutOfMemoryError):
        graphs.get(step, [torch.zeros(101)])
    assert card.failed == 2
    # and where nothing else is held, it is not tried twice
    with pytest.raises(torch.OutOfMemoryError):
        graphs.get(step, [torch.zeros(101)])
    assert card.failed == 3


def test_another_error_than_memory_passes_as_it_is(card: Card) -> None:
    graphs = GraphCache(capture=card.capture)
    kept = graphs.get(step, [torch.zeros(60)])
    card.broken = True
    with pytest.raises(RuntimeError, match="illegal"):
        graphs.get(step, [torch.zeros(61)])
    assert graphs.get(step, [torch.zeros(60)]) is kept


def test_all_is_captured_on_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library keeps its workspace for each stream it met: on a stream a capture, 32 MiB a capture."""
    made: list[int] = []

    def stream(device: int) -> object:
        made.append(device)
        return object()

    monkeypatch.setattr(torch.cuda, "Stream", stream)
    cuda_graph.capture_stream.cache_clear()
    try:
        assert cuda_graph.capture_stream(0) is cuda_graph.capture_stream(0)
        assert cuda_graph.capture_stream(1) is not cuda_graph.capture_stream(0)
        assert made == [0, 1]
    finally:
        cuda_graph.capture_stream.cache_clear()
