"""How a kernel's work is cut into programs."""

from __future__ import annotations

from dataclasses import dataclass

import triton


@dataclass(frozen=True)
class Tile:
    """What one program of a product computes: `rows` x (`cols` + `tail`), `depth` inputs at a time."""

    rows: int = 128
    cols: int = 256
    tail: int = 0
    depth: int = 64
    warps: int = 8
    stages: int = 3

    @property
    def width(self) -> int:
        return self.cols + self.tail


@dataclass(frozen=True)
class Pass:
    """How sums are taken: a program reads `part` pixels, `rows` at a time."""

    part: int = 256
    rows: int = 32
    warps: int = 4


def columns(channels: int) -> int:
    """Return how many channels a program takes at once."""
    return 64 if channels % 64 == 0 else triton.next_power_of_2(min(channels, 64))


def split_width(width: int) -> tuple[int, int]:
    """Return the largest power of two in `width`, and one that covers the rest: blocks are powers of two."""
    cols: int = triton.next_power_of_2(width // 2 + 1)
    return cols, triton.next_power_of_2(width - cols) if width > cols else 0
