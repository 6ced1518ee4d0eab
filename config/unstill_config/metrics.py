"""Figures that only one process sees, such as how long a picture took: they go to the one `Metrics` in use.

Changes of state are not counted here: they stand in the queue's ledger, which sees each of them exactly once.
"""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Takes metrics. A name ends with its unit (`_seconds`, `_bytes`) and always comes with the same labels.

    Both methods are called in the middle of other work: they return at once and raise nothing.
    """

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        """Add `amount`, 0 or more, to a total."""

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        """Take one measurement of a distribution."""


class NoMetrics:
    """Keeps nothing."""

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        pass

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        pass


_metrics: Metrics = NoMetrics()


def use(metrics: Metrics) -> Metrics:
    """Send this process's metrics there from now on. Returns what they went to before."""
    global _metrics
    before, _metrics = _metrics, metrics
    return before


def count(name: str, amount: float = 1.0, /, **labels: str) -> None:
    """Add to the total `name` of this process."""
    _metrics.count(name, amount, labels)


def observe(name: str, value: float, /, **labels: str) -> None:
    """Pass on one measurement of `name`, in the unit that its name ends with."""
    _metrics.observe(name, value, labels)
