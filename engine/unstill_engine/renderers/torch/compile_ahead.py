"""Compiles Triton's kernels ahead of their launches: all at once, where they would be compiled one after the other.

Triton gives up Python's lock while it compiles, so threads do. What was compiled once comes from its cache.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

MOST_THREADS = 16
_SHOWN = 300

Wanted = dict[tuple[Any, str], tuple[Any, str]]
"""By kernel and specialization: the kernel, and its specialization as Triton writes it down."""


class NotCompiled(Exception):
    """Some kernels were not compiled ahead; they are when they are launched."""


def once(about: str, compile: Callable[[], int]) -> int:
    """Call `compile` where no process has done so before with the same cache, Triton, torch and card.

    `about` says what is compiled: everything on which its kernels depend. Return how many were compiled, 0 where they
    had been. What cannot be compiled ahead is said in the log, and is tried again at the next start.
    """
    try:
        mark = _mark(about)
        if mark.exists():
            return 0
        count = compile()
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except (NotCompiled, ImportError, OSError) as error:
        sys.stderr.write(f"Not all kernels are compiled ahead: {str(error)[:_SHOWN]}\n")
        return 0
    return count


def _mark(about: str) -> Path:
    """The name of an empty file in Triton's cache, so that whoever clears that clears it too."""
    import triton
    from triton import knobs

    target = triton.runtime.driver.active.get_current_target()
    said = repr((about, triton.__version__, torch.__version__, target))
    return Path(knobs.cache.dir) / f"unstill-{hashlib.sha256(said.encode()).hexdigest()}"


def compile_ahead(launches: Callable[[], None]) -> int:
    """Compile what `launches` would launch that is not compiled yet; return how many kernels that were.

    `launches` runs on tensors of the meta device. Nothing is launched meanwhile by this thread; others are not
    touched.

    Raises:
        NotCompiled: `launches` failed, or the compiler did.
    """
    wanted: Wanted = {}
    failures: list[BaseException] = []
    try:
        with _collecting(wanted):
            launches()
    except Exception as error:  # a shape that cannot be run says so when it is
        failures.append(error)
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="compiler") as threads:
        compiled = [threads.submit(kernel.preload, specialization) for kernel, specialization in wanted.values()]
    failures += [failed for future in compiled if (failed := future.exception()) is not None]
    if failures:
        raise NotCompiled("; ".join(f"{type(failed).__name__}: {failed}" for failed in failures)) from failures[0]
    return len(compiled)


@contextmanager
def _collecting(wanted: Wanted) -> Iterator[None]:
    from triton import knobs
    from triton.runtime.jit import JITFunction

    ours, run = threading.get_ident(), JITFunction.run

    def collect(*, key: str, fn: Any, compile: dict[str, Any], **_: Any) -> bool:
        if threading.get_ident() != ours:
            return False
        kernel = fn.jit_function
        if (kernel, key) not in wanted:
            kernel.cache_key  # noqa: B018, hashes its source, which threads should not do side by side
            wanted[kernel, key] = kernel, compile["specialization_data"]
        return True  # it is not compiled now

    def without_launch(kernel: Any, *given: Any, grid: Any, warmup: bool, **named: Any) -> Any:
        return run(kernel, *given, grid=grid, warmup=warmup or threading.get_ident() == ours, **named)

    # a kernel that is compiled already would be launched on tensors that have no memory
    with patch.object(JITFunction, "run", without_launch), patch.object(knobs.runtime, "jit_cache_hook", collect):
        yield
