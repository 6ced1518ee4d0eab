"""Connected parts of a mask."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


class Parts(msgspec.Struct, frozen=True, eq=False):
    """What is connected: `boxes` (N, 4) as left, top, right, bottom, `areas` (N,) in pixels, the mean length of a
    row's run in each, (N,), and the mean of the values there, (N, C).
    """

    boxes: Whole
    areas: Whole
    runs: Floats
    means: Floats

    def chosen(self, which: Whole) -> Parts:
        return Parts(self.boxes[which], self.areas[which], self.runs[which], self.means[which])


def components(mask: Mask, values: Bytes) -> Parts:
    """Find what is connected in a mask (H, W), also by corners; with the means of values (H, W, C) there."""
    _, width = mask.shape
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    if not len(rows):
        none = np.zeros(0, np.int64)
        return Parts(none.reshape(0, 4), none, none.astype(np.float64), np.zeros((0, values.shape[2])))
    labels = _joined(rows, starts, ends, width + 2)
    order = np.argsort(labels, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(labels[order]) > 0])
    boxes = np.stack(
        [
            np.minimum.reduceat(starts[order], first),
            np.minimum.reduceat(rows[order], first),
            np.maximum.reduceat(ends[order], first),
            np.maximum.reduceat(rows[order], first) + 1,
        ],
        axis=1,
    )
    areas = np.add.reduceat((ends - starts)[order], first)
    sums = np.pad(np.cumsum(values, axis=1, dtype=np.int64), ((0, 0), (1, 0), (0, 0)))
    totals = np.add.reduceat((sums[rows, ends] - sums[rows, starts])[order], first)
    return Parts(boxes, areas, areas / np.diff(np.r_[first, len(order)]), totals / areas[:, None])


def _joined(rows: Whole, starts: Whole, ends: Whole, stride: int) -> Whole:
    """A label for each run of a row: the least number of a run that it is connected with."""
    first = np.searchsorted(rows * stride + ends, (rows - 1) * stride + starts)
    last = np.searchsorted(rows * stride + starts, (rows - 1) * stride + ends, side="right")
    counts = np.maximum(last - first, 0)
    below = np.repeat(np.arange(len(rows)), counts)
    above = np.repeat(first, counts) + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    labels = np.arange(len(rows))
    while True:
        least = np.minimum(labels[above], labels[below])
        joined = labels.copy()
        np.minimum.at(joined, labels[above], least)
        np.minimum.at(joined, labels[below], least)
        joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined
