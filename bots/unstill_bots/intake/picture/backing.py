"""A backing for a picture with clear parts: one against which what it shows can be seen."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

BACKINGS = (255, 0, 128, 192, 64)
"""Shades of gray, the most expected first: a page, a screen in the dark, and between them for what has both."""
CONTRAST = 48
"""The least difference of luma, of 255, between writing and its backing at which it is easy to read."""
TOLERATED = 0.1
"""How much more of the edges may be lost on one backing before a less expected one is taken."""
CORNERS = 0.05
"""The share of a picture that is clear where it has rounded corners: what it shows is on no backing but its own."""
VISIBLE = 8
"""Alpha of 255 under which nothing is seen on any backing."""
_LONGEST = 384
_OUTLINE = 10
"""How far, of 384 pixels, something that contrasts may be from an edge that it outlines, as a sticker's border does."""


def shows_something(image: Image.Image) -> bool:
    """Return whether any part of a picture can be seen: of one without alpha, all can."""
    return image.mode != "RGBA" or any(image.getchannel("A").histogram()[VISIBLE:])


def on_backing(image: Image.Image) -> Image.Image:
    """The picture as RGB; one of RGBA that has clear parts on white, or where that hides it, on another gray."""
    if image.mode != "RGBA":
        return image
    alpha = image.getchannel("A")
    if not any(alpha.histogram()[:255]):
        return image.convert("RGB")
    shade = _backing(image)
    opaque = Image.new("RGB", image.size, (shade,) * 3)
    opaque.paste(image, mask=alpha)
    return opaque


def _backing(image: Image.Image) -> int:
    """The first of `BACKINGS` on which hardly more of the edges is lost than on the best of them."""
    small = image.copy()
    small.thumbnail((_LONGEST, _LONGEST))
    alpha, luma = small.getchannel("A"), small.convert("RGB").convert("L")
    if sum(alpha.histogram()[:128]) < CORNERS * small.width * small.height:
        return BACKINGS[0]
    visible = _where(alpha, range(32, 256))
    if visible.getbbox() is None:  # hardly anything can be seen, and all of it counts
        visible = _where(alpha, range(1, 256))
    clear = alpha.filter(ImageFilter.MinFilter(5))
    edges = ImageChops.darker(visible, _where(clear, range(128)))
    if edges.getbbox() is None:
        edges = visible
    lost = [_lost(shade, edges, visible, luma) for shade in BACKINGS]
    return BACKINGS[next(n for n, share in enumerate(lost) if share <= min(lost) + TOLERATED)]


def _lost(shade: int, edges: Image.Image, visible: Image.Image, luma: Image.Image) -> float:
    """The share of the edges that do not stand out from the backing, and have nothing beside them that does."""
    hidden = range(max(0, shade - CONTRAST + 1), shade + CONTRAST)
    standing_out = ImageChops.darker(visible, _where(luma, [value for value in range(256) if value not in hidden]))
    beside = _where(standing_out.filter(ImageFilter.BoxBlur(_OUTLINE)), range(1, 256))
    return _count(ImageChops.subtract(edges, beside)) / max(1, _count(edges))


def _where(band: Image.Image, values: range | list[int]) -> Image.Image:
    """255 where the band has one of the values, else 0."""
    table = [0] * 256
    for value in values:
        table[value] = 255
    return band.point(table)


def _count(mask: Image.Image) -> int:
    return mask.histogram()[255]
