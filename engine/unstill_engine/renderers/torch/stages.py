"""Measures what a start takes, by stages, for the engine's log and the bench."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Adds up the seconds that a start spends in each of its stages. They follow each other; none is within another."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count what is done meanwhile."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - begun

    def tell(self, name: str) -> None:
        """Write a line to the process' log."""
        spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items())
        sys.stderr.write(f"The model {name} is loaded: {spent}.\n")
