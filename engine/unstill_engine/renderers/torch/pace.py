"""Limits how far a loop of steps runs ahead of its device."""

from __future__ import annotations

import torch


class Pace:
    """Keeps a loop one step ahead of the device: far enough for it never to wait, and near enough to be cancelled."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._before: torch.cuda.Event | None = None

    def keep(self) -> None:
        """Wait until the step before the last one is done. Call it once after each step."""
        if not self._cuda:
            return
        done = torch.cuda.Event()
        done.record()
        if self._before is not None:
            self._before.synchronize()
        self._before = done
