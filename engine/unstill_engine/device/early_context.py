"""Begins a card's context while Python imports what will use it.

To make one takes about as long as to import torch, and torch, which keeps Python's lock meanwhile, would begin it last.
A process has one primary context a card, which the CUDA runtime takes over where it is there.
"""

from __future__ import annotations

import ctypes
import threading

DRIVER = "libcuda.so.1"


def begin_context(device: str) -> threading.Thread | None:
    """Make the context of a card, "cuda" or "cuda:1", by a thread, which is returned; None, it is no card.

    What goes wrong is not told here: whoever uses the card meets it, and has words for it.
    """
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return None
    thread = threading.Thread(target=_retain, args=(int(index or 0),), name="context", daemon=True)
    thread.start()
    return thread


def _retain(index: int) -> None:
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return
    card, context = ctypes.c_int(), ctypes.c_void_p()
    if driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(card), index) == 0:
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), card)
