"""A small convolutional network, computed by numpy: steps and weights out of one file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Step = tuple[str, int, int, int]

_PRODUCT_MOST = 200_000


class Network:
    """Steps of (operation, output, input, argument), each value of shape (H, W, C), without a batch.

    All operations keep their place, so a picture of any size that 32 divides will do. Convolutions pad as TensorFlow's
    SAME does. The file holds weights in half precision and computes in single.
    """

    def __init__(self, file: Path) -> None:
        with np.load(file) as arrays:
            program = json.loads(arrays["program"].tobytes())
            self._weights = {name: arrays[name].astype(np.float32) for name in arrays.files if name != "program"}
        self._steps: list[Step] = [(name, made, given, argument) for name, made, given, argument in program["steps"]]
        self._input, self._outputs = program["input"], (program["boxes"], program["scores"])

    def __call__(self, pixels: Floats) -> tuple[Floats, Floats]:
        """Boxes (H, W, 16) and scores (H, W, 1) of a picture (H, W, 3)."""
        values = {self._input: pixels}
        uses = Counter(given for _, _, given, _ in self._steps)
        uses.update(argument for name, _, _, argument in self._steps if name == "add")
        uses.update(self._outputs)
        for number, (name, made, given, argument) in enumerate(self._steps):
            used = (given, argument) if name == "add" else (given,)
            uses.subtract(used)
            value = values[given]
            # In place where nobody needs what was there: new memory costs more than the arithmetic.
            out = None if uses[given] or given == self._input else value
            if name == "relu":
                values[made] = np.maximum(value, 0, out=out)
            elif name == "add":
                values[made] = np.add(value, values[argument], out=out)
            else:
                values[made] = self._step(number, name, value, argument)
            for each in used:
                if not uses[each]:
                    values.pop(each, None)
        boxes, scores = (values[output] for output in self._outputs)
        return boxes, scores

    def _step(self, number: int, name: str, value: Floats, argument: int) -> Floats:
        if name == "conv":
            return _convolved(value, self._weights[f"w{number}"], self._weights[f"b{number}"], argument)
        if name == "depthwise":
            return _depthwise(value, self._weights[f"w{number}"], self._weights[f"b{number}"], argument)
        if name == "pool":
            return np.maximum(
                np.maximum(value[::2, ::2], value[1::2, ::2]), np.maximum(value[::2, 1::2], value[1::2, 1::2])
            )
        if name == "widen":
            return np.pad(value, ((0, 0), (0, 0), (0, argument)))
        return _doubled(_doubled(value, 0), 1)


def _padded(value: Floats, kernel: int, stride: int) -> Floats:
    """Zeros around, as SAME has them: where they are odd, one more below and to the right."""
    before, after = zip(*(_pads(side, kernel, stride) for side in value.shape[:2]), strict=True)
    return np.pad(value, ((before[0], after[0]), (before[1], after[1]), (0, 0)))


def _pads(side: int, kernel: int, stride: int) -> tuple[int, int]:
    pads = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return pads // 2, pads - pads // 2


def _taps(value: Floats, kernel: int, stride: int) -> list[list[Floats]]:
    """For each place in the kernel what it meets, (H', W', C)."""
    padded = _padded(value, kernel, stride)
    height, width = -(-value.shape[0] // stride), -(-value.shape[1] // stride)
    return [
        [
            padded[y : y + height * stride : stride, x : x + width * stride : stride][:height, :width]
            for x in range(kernel)
        ]
        for y in range(kernel)
    ]


def _convolved(value: Floats, weights: Floats, bias: Floats, stride: int) -> Floats:
    """Weights (k, k, in, out)."""
    kernel = weights.shape[0]
    if kernel == 1 and stride == 1:
        return _multiplied(value, weights[0, 0], bias)
    met = np.concatenate([tap for row in _taps(value, kernel, stride) for tap in row], axis=2)
    return _multiplied(met, weights.reshape(-1, weights.shape[-1]), bias)


def _multiplied(value: Floats, weights: Floats, bias: Floats) -> Floats:
    """(H, W, in) by (in, out), and the bias, in pieces that OpenBLAS gives to one thread.

    It shares larger ones among threads, which wait for one another: on a machine that is busy five times as long.
    """
    height, width, _ = value.shape
    most = max(_PRODUCT_MOST // weights.size, 1)
    rows = next(part for part in range(min(width, most), 0, -1) if width % part == 0)
    made = np.asarray((value.reshape(-1, rows, value.shape[2]) @ weights).reshape(height, width, -1))
    made += bias
    return made


def _depthwise(value: Floats, weights: Floats, bias: Floats, stride: int) -> Floats:
    """Weights (k, k, channels)."""
    height, width, channels = value.shape
    kernel = weights.shape[0]
    if stride > 1:
        taps = _taps(value, kernel, stride)
        made = np.broadcast_to(bias, taps[0][0].shape).copy()
        for row, their_weights in zip(taps, weights, strict=True):
            for tap, weight in zip(row, their_weights, strict=True):
                made += tap * weight
        return made
    # Whole rows at a time: numpy is twice as fast over one long axis as over many short ones.
    padded = _padded(value, kernel, 1).reshape(height + kernel - 1, -1)
    made = np.broadcast_to(np.tile(bias, width), (height, width * channels)).copy()
    product = np.empty_like(made)
    for y in range(kernel):
        for x in range(kernel):
            met = padded[y : y + height, x * channels : (x + width) * channels]
            made += np.multiply(met, np.tile(weights[y, x], width), out=product)
    return made.reshape(value.shape)


def _doubled(value: Floats, axis: int) -> Floats:
    """Twice as many, interpolated: each is three quarters of the nearer one and a quarter of the next."""
    before = np.concatenate([np.take(value, [0], axis), np.take(value, range(value.shape[axis] - 1), axis)], axis)
    after = np.concatenate([np.take(value, range(1, value.shape[axis]), axis), np.take(value, [-1], axis)], axis)
    pairs = np.stack([0.75 * value + 0.25 * before, 0.75 * value + 0.25 * after], axis + 1)
    shape = list(value.shape)
    shape[axis] *= 2
    return np.asarray(pairs.reshape(shape), np.float32)
