"""Fills the unknown parts of a map from what is known around them, by push and pull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


def filled(values: Map, known: Map) -> Map:
    """Return the values, (H, W, C), kept where `known`, (H, W), is 1 and filled in smoothly where it is 0.

    Push and pull (Gortler, Grzeszczuk, Szeliski, Cohen 1996): averages of what is known, each half as fine as the one
    before, until all is known; then back, each filling what the finer one lacks. Where nothing is known, zeros.
    """
    height, width = known.shape
    weighted = values * known[..., None]
    if known.min() >= 1 or max(height, width) == 1:
        return _divided(weighted, known)
    coarse_sum, coarse_known = _halved(weighted), _halved(known[..., None])[..., 0]
    coarse = filled(_divided(coarse_sum, coarse_known), np.minimum(4 * coarse_known, 1).astype(np.float32))
    around = _doubled(coarse, height, width)
    return np.asarray(weighted + (1 - known[..., None]) * around, np.float32)


def _divided(weighted: Map, weight: Map) -> Map:
    return np.asarray(weighted / np.maximum(weight, 1e-6)[..., None], np.float32)


def _halved(values: Map) -> Map:
    """The mean of each four, (H, W, C) to (H/2, W/2, C), rounded up; what is beyond the edge counts as 0."""
    height, width = values.shape[:2]
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    rows = values[0::2] + values[1::2]
    return np.asarray((rows[:, 0::2] + rows[:, 1::2]) / 4, np.float32)


def _doubled(values: Map, height: int, width: int) -> Map:
    """Twice as fine, each new one three parts of the nearer and one of the farther neighbour."""
    for axis, length in ((0, height), (1, width)):
        values = np.moveaxis(values, axis, 0)
        before, after = np.concatenate([values[:1], values[:-1]]), np.concatenate([values[1:], values[-1:]])
        fine = np.empty((2 * len(values), *values.shape[1:]), np.float32)
        fine[0::2], fine[1::2] = (3 * values + before) / 4, (3 * values + after) / 4
        values = np.moveaxis(fine[:length], 0, axis)
    return np.ascontiguousarray(values)
