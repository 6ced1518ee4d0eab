"""What the ledger's script counts and measures: each figure by its name, and what its labels are called.

All stand in one hash, `unstill:metrics`. A counter's field is its name and the values of its labels; a histogram's has
the number of a bucket behind them, from 1, or `sum`, in milliseconds. A change of state counts once, however often it
is told; `quota_refusals` count each time that somebody asked and was refused.
"""

from __future__ import annotations

from typing import Final

import msgspec

BUCKETS: Final = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
"""Seconds at which the buckets of all histograms end; one more takes what is longer."""

COUNTERS: Final[dict[str, tuple[str, ...]]] = {
    "requests": ("platform",),
    "jobs_queued": ("platform", "queue"),
    "quota_refusals": ("quota", "of"),
    "answers": ("platform", "result", "code", "state"),
    "tries_lost": ("queue", "reason"),
    "deliveries_refused": ("platform", "reason"),
    "records_set_aside": (),
}

HISTOGRAMS: Final[dict[str, tuple[str, ...]]] = {
    "answer_seconds": ("platform", "result"),
    "wait_seconds": ("queue",),
    "render_seconds": ("queue",),
}


class Histogram(msgspec.Struct):
    """Measurements of one kind: how many fell into each bucket, one more than BUCKETS, and their sum in seconds."""

    buckets: list[int]
    sum: float = 0.0


class Counted(msgspec.Struct, frozen=True):
    """Has what was counted and measured since the queue began, by name and by the values of the labels."""

    counters: dict[str, dict[tuple[str, ...], int]]
    histograms: dict[str, dict[tuple[str, ...], Histogram]]


def read_counted(fields: dict[bytes, bytes]) -> Counted:
    """Read the hash, but for what is damaged or only a newer version knows."""
    counted = Counted({name: {} for name in COUNTERS}, {name: {} for name in HISTOGRAMS})
    for field, value in fields.items():
        name, *labels = field.decode(errors="replace").split("|")
        if not value.isdigit():
            continue
        if len(labels) == len(COUNTERS.get(name, ())) and name in COUNTERS:
            counted.counters[name][tuple(labels)] = int(value)
        elif name in HISTOGRAMS and len(labels) == len(HISTOGRAMS[name]) + 1:
            *labels, part = labels
            known = counted.histograms[name].setdefault(tuple(labels), Histogram([0] * (len(BUCKETS) + 1)))
            if part == "sum":
                known.sum = int(value) / 1000
            elif part.isdecimal() and 1 <= int(part) <= len(known.buckets):
                known.buckets[int(part) - 1] = int(value)
    return counted
