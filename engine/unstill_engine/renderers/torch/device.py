"""The device as a renderer meets it: its number type, the memory it has left, and the errors it does not survive."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch.nn import functional

from unstill_engine.renderers.base import DevicePoisoned, RenderError

_NO_MEMORY = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
_DEVICE_LOST = ("CUDA error", "Triton Error [CUDA]", "CUBLAS_STATUS_", "CUDNN_STATUS_", "cuDNN error")
_BF16_CAPABILITY = (8, 0)


def open_device(name: str) -> torch.device:
    """Return the device of that name, "cpu", "cuda" or "cuda:1"; a card becomes the process' current one.

    Raises:
        RuntimeError: there is no such card.
    """
    device = torch.device(name)
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
        torch.cuda.set_device(device)  # kernels and graphs go to the current one
    return device


def dtype_on(device: torch.device) -> torch.dtype:
    """Return the number type for weights and activations: bfloat16, float16 on older cards, float32 on a processor."""
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if _is_capable(device) else torch.float16


def runs_triton(device: torch.device) -> bool:
    """Whether Triton is installed and `device` is a card of compute capability 8.0 or newer."""
    return device.type == "cuda" and _is_capable(device) and importlib.util.find_spec("triton") is not None


@contextmanager
def waking(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Have the card's libraries set themselves up beside the block, which waits for them at its end.

    cuBLAS, cuDNN and attention load what they need at their first call, without Python's lock.
    """
    if device.type != "cuda":
        yield
        return
    thread = threading.Thread(target=_wake, args=(device, dtype), name="waking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _wake(device: torch.device, dtype: torch.dtype) -> None:
    with suppress(RuntimeError):  # what is wrong with the device is said where it is used
        picture = torch.zeros(1, 64, 16, 16, device=device, dtype=dtype).to(memory_format=torch.channels_last)
        functional.conv2d(picture, picture.new_zeros(64, 64, 3, 3), padding=1)
        rows = picture.new_zeros(1, 4, 128, 64)
        functional.scaled_dot_product_attention(rows, rows, rows)
        functional.linear(rows, picture.new_zeros(64, 64))
        if device.type == "cuda":
            torch.cuda.synchronize(device)


def free_bytes(device: torch.device) -> int:
    """Return what a render may use: the device's free memory, and what this process' own allocator holds of it.

    Never more than the share of the device that the allocator is held to. A processor is taken to have all of the
    machine's memory.
    """
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        most = round(torch.cuda.memory.get_per_process_memory_fraction(device) * total)
        return min(int(free) + int(torch.cuda.memory_reserved(device)), most)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, by whichever allocator: PyTorch's for the card or for the host, CUDA's, or cuBLAS'."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


@contextmanager
def device_errors() -> Iterator[None]:
    """Turn an error after which CUDA answers nothing but the same error into `DevicePoisoned`.

    Raises:
        DevicePoisoned: the context is lost. Whatever else was raised passes, out of memory too.
    """
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error) or not _is_lost(error):
            raise
        raise DevicePoisoned(str(error).splitlines()[0]) from error


@contextmanager
def loading_errors(model: str, device: str) -> Iterator[None]:
    """Turn what goes wrong while `model` is loaded on `device` into the errors of `Renderer.load`.

    Raises:
        RenderError: "out_of_memory", the device is too small for the model.
        DevicePoisoned: the device answers nothing.
    """
    try:
        with device_errors():
            yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RenderError(
            "out_of_memory",
            f"{device} has too little memory for the model {model}. Free some of it, or choose another model.",
        ) from error


def _is_capable(device: torch.device) -> bool:
    return torch.cuda.get_device_capability(device) >= _BF16_CAPABILITY


def _is_lost(error: RuntimeError) -> bool:
    accelerator = getattr(torch, "AcceleratorError", None)  # from torch 2.8 on
    if accelerator is not None and isinstance(error, accelerator):
        return True
    return any(words in str(error) for words in _DEVICE_LOST)
