"""PNGs of 16 bits a channel, where all of them count: for light that 8 bits cannot hold, and for a clear colour.

Pillow reads gray with 16 bits, and of other pictures the upper 8. The lower ones are read by decoding once more.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageMath

from unstill_bots.intake.picture.colour_spaces import Curve, Space
from unstill_bots.intake.picture.icc_profiles import space_of
from unstill_bots.intake.picture.light import ToSrgb
from unstill_bots.intake.picture.pixels import Box, bands, eight_bit
from unstill_bots.intake.picture.png_file import without_texts

PIXELS = 16_000_000
"""Of larger pictures the upper 8 bits have to do: to decode them twice takes too much memory and time."""
STEEP = 1.5
"""The exponent up to which 8 bits have too few codes for shadows: light itself has 1."""
_DEPTH = 24
"""Where a PNG says its bits a channel."""


def sixteen_bit(
    image: Image.Image, data: bytes, meaning: bytes | Space | None, size: tuple[int, int]
) -> Image.Image | None:
    """Return the picture as RGB or RGBA in sRGB, reduced to `size`; None where it has no more than eight bits can show.

    `image` is what `data` holds, decoded. `meaning` is that of `colour_signals.Said`.
    """
    key = image.info.get("transparency")
    keyed = key if image.mode == "RGB" and isinstance(key, tuple) else None
    space = space_of(meaning) if isinstance(meaning, bytes) else meaning
    if space is not None and isinstance(space.curve, Curve) and space.curve.gamma > STEEP:
        space = None
    if image.format != "PNG" or data[_DEPTH] != 16 or (space is None and keyed is None) or isinstance(key, int):
        return None
    lower = _lower_bits(image, data)
    to_srgb = ToSrgb(space, _largest(image, lower)) if space is not None else None

    def band(box: Box) -> Image.Image:
        high, low = image.crop(box), lower.crop(box) if lower is not None else None
        alpha = high.getchannel("A") if high.mode == "RGBA" else None
        if keyed is not None:
            alpha = _not_key(high, low, keyed)
        high.info.clear()
        colours = to_srgb(_codes(high, low)) if to_srgb is not None else eight_bit(high)
        if alpha is not None:
            colours.putalpha(alpha)
        return colours

    return bands(image, size, band)


def _lower_bits(image: Image.Image, data: bytes) -> Image.Image | None:
    if image.mode == "I;16" or image.width * image.height > PIXELS:
        return None
    again = Image.open(io.BytesIO(without_texts(data)), formats=["PNG"])
    tile = again.tile[0]
    if tile.args not in ("RGB;16B", "RGBA;16B"):  # gray with alpha: Pillow has no such reader for it
        return None
    again.tile = [tile._replace(args=tile.args.replace("16B", "16L"))]  # the second byte of each pair, not the first
    again.load()
    return again


def _largest(image: Image.Image, lower: Image.Image | None) -> float:
    """The largest code of red, green and blue, in 0 to 255."""
    if image.mode == "I;16":
        return float(image.getextrema()[1]) / 257  # type: ignore[arg-type]
    most = 0
    for number in range(3):
        high = image.getchannel(number)
        top = max(code for code, count in enumerate(high.histogram()) if count)
        low = 255
        if lower is not None:
            is_top = high.point([255 * (code == top) for code in range(256)])
            held = ImageChops.darker(is_top, lower.getchannel(number)).histogram()
            low = max(code for code, count in enumerate(held) if count)
        most = max(most, top * 256 + low)
    return most / 257


def _codes(high: Image.Image, low: Image.Image | None) -> list[Image.Image]:
    """One or three channels, F with values of 0 to 255, or L where the lower bits are not known."""
    if high.mode == "I;16":
        return [high.convert("F").point(lambda value: value / 257)]
    colours = high.convert("RGB").split()
    if low is None:
        return list(colours)
    pairs = zip(colours, low.convert("RGB").split(), strict=True)
    return [ImageMath.lambda_eval(lambda v: (v["up"] * 256 + v["low"]) / 257.0, up=up, low=low) for up, low in pairs]


def _not_key(high: Image.Image, low: Image.Image | None, key: Sequence[int]) -> Image.Image:
    """255 but for where the colour is the key's, which has 16 bits a channel."""
    alpha = Image.new("L", high.size)
    for image, shift in ((high, 8), (low, 0)):
        for channel, value in zip(image.split() if image is not None else (), key, strict=False):
            other = channel.point([255 * (code != value >> shift & 255) for code in range(256)])
            alpha = ImageChops.lighter(alpha, other)
    return alpha
