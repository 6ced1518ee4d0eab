"""Times on a device, and what it can do at most."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(call: Callable[[], Any], device: torch.device, repeats: int = 9, warm: int = 2) -> float:
    """Median time of one call, by the device's own clock."""
    for _ in range(warm):
        call()
    wait(device)
    if device.type != "cuda":
        times = []
        for _ in range(2):
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        return statistics.median(times)
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)]
    for before, after in marks:
        before.record()
        call()
        after.record()
    torch.cuda.synchronize(device)
    return float(statistics.median(before.elapsed_time(after) for before, after in marks)) / 1e3


def captured_seconds(call: Callable[[], Any], device: torch.device, times: int = 8) -> float:
    """Time of one call out of several in a CUDA graph: what it takes on the device, without its launch from Python."""
    if device.type != "cuda":
        return seconds(call, device)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        call()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(times):
            call()
    return seconds(graph.replay, device, repeats=5, warm=1) / times


def sustained(call: Callable[[], Any], device: torch.device, times: int) -> float:
    """Mean time of `times` calls without a pause in between: a card at its power limit is slower than at first."""
    call()
    wait(device)
    begin = time.perf_counter()
    for _ in range(times):
        call()
    wait(device)
    return (time.perf_counter() - begin) / times


def ceilings(device: torch.device, size: int = 8192, lasting: float = 1.5) -> dict[str, float]:
    """Bf16 products in a short burst and sustained, TFLOP/s; a copy, TB/s counting both ways. Random data."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    burst = seconds(lambda: a @ b, device, repeats=10)
    times = max(2, min(4000, int(lasting / burst)))
    steady = sustained(lambda: a @ b, device, times)
    source = torch.empty(size * size * 16 if device.type == "cuda" else size, device=device, dtype=torch.bfloat16)
    source.normal_()
    target = torch.empty_like(source)
    copy = seconds(lambda: target.copy_(source), device)
    work = 2 * size**3 / 1e12
    return {
        "product_burst_tflops": work / burst,
        "product_sustained_tflops": work / steady,
        "copy_tb_s": 2 * source.numel() * 2 / copy / 1e12,
    }


def relative_error(out: torch.Tensor, reference: torch.Tensor) -> float:
    """|out - reference| / |reference|, NaN where anything is not finite."""
    difference = (out.double() - reference.double()).norm() / reference.double().norm()
    return float(difference)
