"""The attention over one pixel's 16 frames by one warp, all of it in registers, as PTX.

A warp has 16 rows of a product of warpgroups, and of each row what its lane holds of an operand of `mma.m16n8k16`, so
that queries, keys and probabilities are multiplied as they lie; only of the values each 8 x 8 is transposed.
"""

from __future__ import annotations

import math
import struct

DIM = 64
"""The channels of a head."""
_PACKED = DIM // 4
"""Registers of two bfloat16 that a lane has of 16 rows: for each 8 channels one of row `lane / 4`, one of row + 8."""
_MMA = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"


def attention_ptx() -> str:
    """Return the instructions. Operands are registers of two bfloat16, 16 each: results, queries, keys and values.

    Scores are scaled by 1 / sqrt(DIM), and what is stored is rounded to the nearest.
    """
    out, query, key, value = ([f"${_PACKED * part + i}" for i in range(_PACKED)] for part in range(4))
    scale = f"0f{struct.unpack('>I', struct.pack('>f', DIM**-0.5 * math.log2(math.e)))[0]:08X}"
    zeros = "{z, z, z, z}"
    lines = [
        ".reg .f32 s<8>, o<4>, top<2>, sum<2>, other, z;",
        ".reg .b32 p<4>, v<2>;",
        "mov.f32 z, 0f00000000;",
    ]

    def multiply(result: str, a: list[str], b: tuple[str, str], added: str) -> None:
        lines.append(f"{_MMA} {result}, {{{', '.join(a)}}}, {{{', '.join(b)}}}, {added};")

    scores = ["{s0, s1, s2, s3}", "{s4, s5, s6, s7}"]
    for step in range(DIM // 16):
        for half in range(2):  # of the keys
            first = 4 * step
            held = (key[first + half], key[first + 2 + half])
            multiply(scores[half], query[first : first + 4], held, scores[half] if step else zeros)
    for half in range(2):  # of the queries
        mine = [f"s{i + 2 * half}" for i in (0, 1, 4, 5)]
        top, total = f"top{half}", f"sum{half}"
        lines.append(f"max.f32 {top}, {mine[0]}, {mine[1]};")
        lines += [f"max.f32 {top}, {top}, {score};" for score in mine[2:]]
        lines += _over_four_lanes("max.f32", top)
        lines.append(f"mul.f32 {top}, {top}, {scale};")
        lines.append(f"neg.f32 {top}, {top};")
        for score in mine:
            lines += [f"fma.rn.f32 {score}, {score}, {scale}, {top};", f"ex2.approx.ftz.f32 {score}, {score};"]
        lines.append(f"add.f32 {total}, {mine[0]}, {mine[1]};")
        lines += [f"add.f32 {total}, {total}, {score};" for score in mine[2:]]
        lines += _over_four_lanes("add.f32", total)
        lines.append(f"rcp.approx.ftz.f32 {total}, {total};")
    lines += [f"cvt.rn.bf16x2.f32 p{i}, s{2 * i + 1}, s{2 * i};" for i in range(4)]
    for column in range(DIM // 8):
        for half in range(2):  # of the keys
            lines.append(f"movmatrix.sync.aligned.m8n8.trans.b16 v{half}, {value[2 * column + half]};")
        multiply("{o0, o1, o2, o3}", [f"p{i}" for i in range(4)], ("v0", "v1"), zeros)
        for half in range(2):  # of the queries
            low, high = f"o{2 * half}", f"o{2 * half + 1}"
            lines += [f"mul.f32 {each}, {each}, sum{half};" for each in (low, high)]
            lines.append(f"cvt.rn.bf16x2.f32 {out[2 * column + half]}, {high}, {low};")
    return "{\n" + "\n".join(lines) + "\n}"


def _over_four_lanes(combine: str, register: str) -> list[str]:
    lines = []
    for apart in (1, 2):
        lines.append(f"shfl.sync.bfly.b32 other, {register}, {apart}, 31, -1;")
        lines.append(f"{combine} {register}, {register}, other;")
    return lines


PTX = attention_ptx()
CONSTRAINTS = ",".join(["=&r"] * _PACKED + ["r"] * (3 * _PACKED))
"""Sixteen results and 48 inputs. `&`: results share no register, as they are written before all values are read."""
