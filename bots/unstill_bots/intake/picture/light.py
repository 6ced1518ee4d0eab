"""Codes of a colour space made into light, and light into sRGB, in floats: for HDR and for pictures of 16 bits.

HDR is made SDR by the curve of ITU-R BT.2390 (EETF), from the picture's own peak to the white of SDR in HDR, 203 cd/m²
(BT.2408). It works on the largest of red, green and blue, and all three are scaled alike, so that hues stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, reduce
from typing import Any, cast

from PIL import Image, ImageChops, ImageMath

from unstill_bots.intake.picture.colour_spaces import Curve, Space, luminance, to_light_of_srgb

WHITE = 203.0
"""Luminance of SDR's white, in cd/m²."""
HLG_PEAK = 1000.0
"""Luminance of HLG's brightest code, in cd/m², on the display for which its gamma is 1.2."""
_STRIP = 500_000
"""Pixels that are worked on at a time: each has some twenty floats in between."""


def pq_light(code: float) -> float:
    """Luminance in cd/m² of a code in 0 to 1 (SMPTE ST 2084)."""
    root = math.pow(max(0.0, code), 32 / 2523)
    return 10_000 * math.pow(max(0.0, root - 0.8359375) / (18.8515625 - 18.6875 * root), 8192 / 1305)


def pq_code(light: float) -> float:
    root = math.pow(max(0.0, light) / 10_000, 1305 / 8192)
    return math.pow((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root), 2523 / 32)


def hlg_light(code: float) -> float:
    """Light of the scene in 0 to 1 (ARIB STD-B67)."""
    if code <= 0.5:
        return code * code / 3
    return (math.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12


def curve_light(curve: Curve, code: float) -> float:
    if code < curve.start:
        return curve.c * code
    return math.pow(max(0.0, curve.a * code + curve.b), curve.gamma)


def gain(light: float, peak: float) -> float:
    """By what light of that luminance is multiplied, so that `peak` becomes WHITE. Both in cd/m²."""
    if light <= 0 or peak <= WHITE:
        return 1.0
    brightest = pq_code(peak)
    most = pq_code(WHITE) / brightest
    knee = 1.5 * most - 0.5
    code = min(1.0, pq_code(light) / brightest)
    if code <= knee:
        return 1.0
    t = (code - knee) / (1 - knee)
    mapped = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_light(mapped * brightest) / light


class Table:
    """A function of 0 to 1 for whole images, whose codes run from 0 to 255: exact for L, and for F straight between."""

    def __init__(self, function: Callable[[float], float]) -> None:
        self.nodes = [function(n / 255) for n in range(256)]
        self.slopes = [
            after - before for before, after in zip(self.nodes, [*self.nodes[1:], self.nodes[-1]], strict=True)
        ]

    def __call__(self, codes: Image.Image) -> Image.Image:
        if codes.mode == "L":
            return codes.point(self.nodes, "F")
        whole = codes.convert("L")
        node, slope = whole.point(self.nodes, "F"), whole.point(self.slopes, "F")
        return _math(lambda v: v["n"] + v["s"] * (v["codes"] - v["whole"]), n=node, s=slope, codes=codes, whole=whole)


class ToSrgb:
    """Makes channels of a space into RGB in sRGB. Holds what is worked out once for a picture: tables and a matrix.

    Args:
        largest: the largest code of the whole picture, in 0 to 255, from which its peak follows.

    Raises ValueError where the space's points are no space.
    """

    def __init__(self, space: Space, largest: float) -> None:
        light: Callable[[float], float]
        self.brighten: Callable[[Image.Image], Image.Image] | None = None
        """The gain by the largest of the channels: for PQ of their codes, for HLG of their light in parts of WHITE."""
        code = _widened if space.narrow else float
        if space.curve == "PQ":
            peak = min(10_000.0, pq_light(code(largest / 255)))
            light = lambda v: pq_light(code(v)) / WHITE  # noqa: E731
            self.brighten = Table(lambda v: gain(pq_light(code(v)), peak))
        elif space.curve == "HLG":
            peak = HLG_PEAK * hlg_light(code(largest / 255)) ** 1.2
            light = lambda v: hlg_light(code(v))  # noqa: E731
            by_root = Table(lambda v: gain(v**4 * HLG_PEAK, peak))
            self.brighten = lambda v: by_root(_math(lambda a: (a["v"] * (WHITE / HLG_PEAK)) ** 0.25 * 255.0, v=v))
        else:
            curve = space.curve
            assert isinstance(curve, Curve)  # noqa: S101
            light = lambda v: curve_light(curve, code(v))  # noqa: E731
        self.light, self.hlg = Table(light), space.curve == "HLG"
        self.weights, self.matrix = luminance(space), to_light_of_srgb(space)

    def __call__(self, channels: Sequence[Image.Image]) -> Image.Image:
        """Return one channel of gray or three, each L, or F with values of 0 to 255, as RGB."""
        width, height = channels[0].size
        whole = Image.new("RGB", (width, height))
        rows = max(1, _STRIP // width)
        for top in range(0, height, rows):
            box = (0, top, width, min(height, top + rows))
            whole.paste(Image.merge("RGB", self._strip([channel.crop(box) for channel in channels])), box)
        return whole

    def _strip(self, codes: list[Image.Image]) -> list[Image.Image]:
        lights = [self.light(channel) for channel in codes]
        if self.hlg:  # the light of the scene becomes that of a display
            scene = lights[0] if len(lights) == 1 else _sum(self.weights, lights)
            system = _math(lambda v: v["y"] ** 0.2 * (HLG_PEAK / WHITE), y=scene)
            lights = [_product(light, system) for light in lights]
        if self.brighten is not None:
            factor = self.brighten(reduce(_larger, lights if self.hlg else codes))
            lights = [_product(light, factor) for light in lights]
        if len(lights) == 1:
            return [_encoded(lights[0])] * 3
        return [_encoded(_sum(row, lights)) for row in self.matrix]


def _widened(code: float) -> float:
    return min(1.0, max(0.0, (code * 255 - 16) / 219))


def _math(expression: Callable[[dict[str, Any]], Any], **images: Image.Image) -> Image.Image:
    return cast(Image.Image, ImageMath.lambda_eval(expression, **images))


def _product(one: Image.Image, other: Image.Image) -> Image.Image:
    return _math(lambda v: v["one"] * v["other"], one=one, other=other)


def _larger(one: Image.Image, other: Image.Image) -> Image.Image:
    if one.mode == "L":
        return ImageChops.lighter(one, other)
    return _math(lambda v: v["max"](v["one"], v["other"]), one=one, other=other)


def _sum(weights: Sequence[float], images: Sequence[Image.Image]) -> Image.Image:
    r, g, b = images
    x, y, z = weights
    return _math(lambda v: v["r"] * x + v["g"] * y + v["b"] * z, r=r, g=g, b=b)


def _encoded(light: Image.Image) -> Image.Image:
    steps = _math(lambda v: v["int"](v["min"](v["max"](v["light"], 0.0), 1.0) * 65535.0), light=light)
    return steps.point(_srgb_codes(), "L")


@cache
def _srgb_codes() -> list[int]:
    """Codes of 8 bits for light in 65,536 steps."""
    lights = (n / 65535 for n in range(65536))
    return [round(255 * (v * 12.92 if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055)) for v in lights]
