"""Compiles Triton's kernels ahead of their launches: all at once, where they would be compiled one after the other.

Triton gives up Python's lock while it compiles, so threads do. What was compiled once comes from Triton's cache, and a
list there says what it was, so that it is loaded ahead, too.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

MOST_THREADS = 16
_SHOWN = 300

Kernel = tuple[str, str, str]
"""A kernel's module and name, and what it is compiled for, as Triton writes that down."""


class Ahead:
    """Compiles kernels, or takes them from the cache, by threads, each from when it is added.

    `listed` is a file to write their list to, once all of them are there. `failed` is why some may not be among them.
    """

    def __init__(
        self, kernels: Sequence[Kernel] = (), listed: Path | None = None, failed: Exception | None = None
    ) -> None:
        self.failed = failed
        self._kernels: list[Kernel] = []
        self._listed = listed
        workers = min(MOST_THREADS, os.cpu_count() or 1)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="compiler")
        self._futures: list[Future[Any]] = []
        for kernel in kernels:
            self.add(kernel)

    def add(self, kernel: Kernel) -> None:
        """Have one more compiled, or taken from the cache."""
        module, name, wanted = kernel
        self._kernels.append(kernel)
        self._futures.append(self._threads.submit(_kernel(module, name).preload, wanted))

    def wait(self) -> int:
        """Wait until all are there, and return how many; what failed is said in the log, and compiled when launched."""
        failures = [failed for future in self._futures if (failed := future.exception()) is not None]
        self._threads.shutdown()
        if self.failed is not None:
            failures.append(self.failed)
        if failures:
            what = "; ".join(f"{type(failed).__name__}: {failed}" for failed in failures)
            sys.stderr.write(f"Not all kernels are compiled ahead: {what[:_SHOWN]}\n")
        elif self._listed is not None:
            with suppress(OSError):  # the next start compiles ahead once more
                _write(self._listed, json.dumps(self._kernels))
        return len(self._futures)


def compile_once(about: str, launches: Callable[[], None]) -> Ahead:
    """Begin to compile what `launches` would launch, or to load it where it was compiled before with the same cache.

    `launches` runs on tensors of the meta device, and is called only where there is no list for the same `about`,
    Triton, torch and card. `about` says everything else on which that depends. Nothing is launched meanwhile by this
    thread.
    """
    try:
        listed = _list_of(about)
    except (ImportError, AttributeError) as error:  # a Triton that is too old
        return Ahead(failed=error)
    with suppress(OSError, ValueError, ImportError, AttributeError):
        return Ahead([(module, name, wanted) for module, name, wanted in json.loads(listed.read_text("utf-8"))])
    return compile_ahead(launches, listed)


def compile_ahead(launches: Callable[[], None], listed: Path | None = None) -> Ahead:
    """Begin to compile what `launches` would launch, by tensors of the meta device; a list of it goes to `listed`.

    A kernel is compiled while those behind it are still being found.
    """
    ahead = Ahead(listed=listed)
    try:
        with _collecting(ahead):
            launches()
    except Exception as error:  # a shape that cannot be run says so when it is
        ahead.failed = error
    return ahead


def _list_of(about: str) -> Path:
    """Return the path of a list in Triton's cache, so that whoever clears that clears it too."""
    import triton
    from triton import knobs

    target = triton.runtime.driver.active.get_current_target()
    said = repr((about, triton.__version__, torch.__version__, target))
    return Path(knobs.cache.dir) / f"unstill-{hashlib.sha256(said.encode()).hexdigest()}.json"


def _write(path: Path, text: str) -> None:
    """Write a file at once or not at all: another engine may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_text(text, "utf-8")
    beside.replace(path)


def _kernel(module: str, name: str) -> Any:
    kernel = getattr(importlib.import_module(module), name)
    kernel.cache_key  # noqa: B018, hashes its source, which threads should not do side by side
    return kernel


@contextmanager
def _collecting(ahead: Ahead) -> Iterator[None]:
    from triton import knobs
    from triton.runtime.jit import JITFunction

    ours, run = threading.get_ident(), JITFunction.run
    found: set[tuple[str, str, str]] = set()

    def collect(*, key: str, fn: Any, compile: dict[str, Any], **_: Any) -> bool:
        if threading.get_ident() != ours:
            return False
        if (fn.module, fn.name, key) not in found:
            found.add((fn.module, fn.name, key))
            ahead.add((fn.module, fn.name, compile["specialization_data"]))
        return True  # it is not compiled by this thread

    def without_launch(kernel: Any, *given: Any, grid: Any, warmup: bool, **named: Any) -> Any:
        return run(kernel, *given, grid=grid, warmup=warmup or threading.get_ident() == ours, **named)

    # a kernel that is compiled already would be launched on tensors that have no memory
    with patch.object(JITFunction, "run", without_launch), patch.object(knobs.runtime, "jit_cache_hook", collect):
        yield
