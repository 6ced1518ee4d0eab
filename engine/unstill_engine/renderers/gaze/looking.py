"""One look at a picture."""

from __future__ import annotations

from PIL import Image

from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.gaze.detail import detail_of
from unstill_engine.renderers.gaze.faces import faces_in
from unstill_engine.renderers.gaze.lettering import lettering_in
from unstill_engine.renderers.gaze.regions import Gaze, Kind, Region
from unstill_engine.renderers.gaze.things import things_in

#: A copy in which all that is sought can be seen, at its long side; the rest of the look works on it.
_SIDE = 1024
#: How far a head goes beyond its face, which is from brows to chin: parts of the face's width and height.
_HAIR, _EARS, _CHIN = 0.55, 0.22, 0.15
#: The same for one that fills the picture, which is found more exactly and leaves a camera less room to be careful.
_HAIR_NEAR, _EARS_NEAR, _CHIN_NEAR = 0.45, 0.08, 0.05
#: From this part of the picture's height on a face counts as near, and from the second as one that fills it.
_NEAR = (0.25, 0.55)
_FACE_LEAST = 0.3
_TEXT, _TEXT_LEAST = 0.6, 0.2
#: Lettering of this part of the picture's height counts in full.
_TEXT_HEIGHT = 0.05
#: An outline, and room to read, around the ink of a line: parts of its height.
_TEXT_EDGE = 0.2
#: A line of which this share lies in a head is a part of it, such as glasses; a caption reaches beyond the head.
_IN_HEAD = 0.9
_THING = 0.5
_REGIONS_MOST = 24

#: What a look takes at most beside the picture: 38 MiB were measured over noise.
LOOK_BYTES = 48 * 2**20


def look(image: Image.Image) -> Gaze:
    """Find what matters in a picture of mode RGB: heads, lettering, and things where there is no head.

    The same picture gives the same answer. It takes about 0.1 s of one core, whatever the picture's size.
    """
    small = image
    if max(image.size) > _SIDE:
        factor = _SIDE / max(image.size)
        size = max(round(image.width * factor), 1), max(round(image.height * factor), 1)
        small = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    heads = _heads(small)
    found = [*heads, *_lines(small, heads), *([] if heads else _things(small))]
    found.sort(key=lambda region: -region.weight)
    across, down = image.width / small.width, image.height / small.height
    regions = tuple(
        Region(
            region.left * across,
            region.top * down,
            region.right * across,
            region.bottom * down,
            region.weight,
            region.kind,
        )
        for region in found[:_REGIONS_MOST]
    )
    return Gaze(image.size, regions, detail_of(small))


def _heads(image: Image.Image) -> list[Region]:
    faces = faces_in(image)
    if not len(faces):
        return []
    wide, tall = faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1]
    weights = (wide * tall / (wide * tall).max()) ** 0.5
    heads = []
    for face, w, t, weight in zip(faces.tolist(), wide.tolist(), tall.tolist(), weights.tolist(), strict=True):
        hair, ears, chin = _around(t / image.height)
        box = face[0] - ears * w, face[1] - hair * t, face[2] + ears * w, face[3] + chin * t
        heads.append(_clipped(image.size, box, max(weight, _FACE_LEAST), Kind.FACE))
    return heads


def _around(tall: float) -> tuple[float, float, float]:
    """How far a head goes above, beside and below a face that takes this part of the picture's height."""
    near = min(max((tall - _NEAR[0]) / (_NEAR[1] - _NEAR[0]), 0.0), 1.0)
    return (
        _HAIR + near * (_HAIR_NEAR - _HAIR),
        _EARS + near * (_EARS_NEAR - _EARS),
        _CHIN + near * (_CHIN_NEAR - _CHIN),
    )


def _lines(image: Image.Image, heads: list[Region]) -> list[Region]:
    """Lines of lettering, without what looks like it in a head, such as glasses."""
    lines = []
    for left, top, right, bottom in lettering_in(image).tolist():
        if any(_share_within((left, top, right, bottom), head) >= _IN_HEAD for head in heads):
            continue
        part = min((bottom - top) / image.height / _TEXT_HEIGHT, 1.0)
        edge = _TEXT_EDGE * (bottom - top)
        box = left - edge, top - edge, right + edge, bottom + edge
        lines.append(_clipped(image.size, box, max(_TEXT * part, _TEXT_LEAST), Kind.TEXT))
    return lines


def _share_within(box: tuple[float, float, float, float], head: Region) -> float:
    left, top, right, bottom = box
    wide = min(right, head.right) - max(left, head.left)
    tall = min(bottom, head.bottom) - max(top, head.top)
    return max(wide, 0.0) * max(tall, 0.0) / ((right - left) * (bottom - top))


def _things(image: Image.Image) -> list[Region]:
    return [
        _clipped(image.size, (left, top, right, bottom), _THING * weight, Kind.DETAIL)
        for left, top, right, bottom, weight in things_in(image).tolist()
    ]


def _clipped(size: Size, box: tuple[float, float, float, float], weight: float, kind: Kind) -> Region:
    left, top, right, bottom = box
    return Region(max(left, 0.0), max(top, 0.0), min(right, float(size[0])), min(bottom, float(size[1])), weight, kind)
