"""The device as a renderer meets it: what memory it has left, and which of its errors it does not survive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unstill_engine.renderers.base import DevicePoisoned

_NO_MEMORY = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
_DEVICE_LOST = ("CUDA error", "Triton Error [CUDA]", "CUBLAS_STATUS_", "CUDNN_STATUS_", "cuDNN error")


def free_bytes(device: torch.device) -> int:
    """What a render may use: the device's free memory, and what this process' own allocator holds of it.

    A processor is taken to have all of the machine's memory.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + int(torch.cuda.memory_reserved(device))
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, by whichever allocator: PyTorch's for the card or for the host, CUDA's, or cuBLAS'."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


@contextmanager
def device_errors() -> Iterator[None]:
    """Turns an error after which CUDA answers nothing but the same error into `DevicePoisoned`.

    Raises:
        DevicePoisoned: the context is lost. Whatever else was raised passes, out of memory too.
    """
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error) or not _is_lost(error):
            raise
        raise DevicePoisoned(str(error).splitlines()[0]) from error


def _is_lost(error: RuntimeError) -> bool:
    accelerator = getattr(torch, "AcceleratorError", None)  # from torch 2.8 on
    if accelerator is not None and isinstance(error, accelerator):
        return True
    return any(words in str(error) for words in _DEVICE_LOST)
