"""Runs the instructions of PTX that a warp's attention is made of, for 32 lanes at once, as NVIDIA specifies them."""

from __future__ import annotations

import re
import struct
from typing import Any

import torch
from torch import Tensor

LANE = torch.arange(32)
GROUP, QUARTER = LANE // 4, LANE % 4
"""The row and the pair of columns that each lane's part of a fragment has."""

Registers = dict[str, Tensor]
"""Registers by their names, for all lanes: (32,) float32, or (32, 2) of bfloat16, the lower half first."""


def run(text: str, registers: Registers) -> None:
    """Run `text` on what the registers hold, over that."""
    for line in text.strip("{}\n").splitlines():
        name, operands = line.rstrip(";").split(" ", 1)
        if name == ".reg":
            continue
        parts = [re.findall(r"[$\w-]+", part) for part in re.findall(r"\{[^}]*\}|[^,{}]+", operands) if part.strip()]
        if name.startswith("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"):
            _multiply(registers, *parts)
            continue
        target, *sources = (names[0] for names in parts)
        registers[target] = _compute(name, [_value(registers, source) for source in sources])


def _value(registers: Registers, name: str) -> Any:
    if name.startswith("0f"):
        return torch.full((32,), struct.unpack(">f", bytes.fromhex(name[2:]))[0])
    return registers[name] if name in registers else int(name)


def _compute(name: str, values: list[Any]) -> Tensor:
    match name:
        case "mov.f32":
            found = values[0]
        case "neg.f32":
            found = -values[0]
        case "max.f32":
            found = torch.maximum(*values)
        case "add.f32":
            found = values[0] + values[1]
        case "mul.f32":
            found = values[0] * values[1]
        case "fma.rn.f32":
            found = (values[0].double() * values[1] + values[2]).float()
        case "ex2.approx.ftz.f32":
            found = torch.exp2(values[0])
        case "rcp.approx.ftz.f32":
            found = 1 / values[0]
        case "cvt.rn.bf16x2.f32":  # the first is the upper half
            found = torch.stack([values[1], values[0]], 1).bfloat16()
        case "shfl.sync.bfly.b32":
            assert values[2:] == [31, -1]
            found = values[0][LANE ^ values[1]]
        case "movmatrix.sync.aligned.m8n8.trans.b16":
            found = values[0].reshape(8, 8).t().reshape(32, 2)
        case _:
            raise NotImplementedError(name)
    assert isinstance(found, Tensor)
    return found


def _multiply(registers: Registers, result: list[str], a: list[str], b: list[str], added: list[str]) -> None:
    left, right, total = torch.zeros(16, 16), torch.zeros(16, 8), torch.zeros(16, 8)
    for half in (0, 1):
        for i in range(4):
            left[GROUP + 8 * (i % 2), 2 * QUARTER + half + 8 * (i // 2)] = registers[a[i]][:, half].float()
        for i in range(2):
            right[2 * QUARTER + half + 8 * i, GROUP] = registers[b[i]][:, half].float()
        for i in range(2):
            total[GROUP + 8 * i, 2 * QUARTER + half] = registers[added[2 * i + half]]
    total = total + left @ right
    for i in range(4):
        registers[result[i]] = total[GROUP + 8 * (i // 2), 2 * QUARTER + i % 2]


def fragment(rows: Tensor) -> list[Tensor]:
    """Return what lanes have of 16 rows of an accumulator once they are bfloat16, for each register."""
    columns = rows.shape[1] // 8
    pairs = rows.bfloat16().view(2, 8, columns, 4, 2).permute(2, 0, 1, 3, 4)
    return list(pairs.reshape(2 * columns, 32, 2))


def joined(registers: list[Tensor]) -> Tensor:
    """Return the 16 rows of such fragments."""
    pairs = torch.stack(registers).view(-1, 2, 8, 4, 2).permute(1, 2, 0, 3, 4)
    return pairs.reshape(16, -1)
