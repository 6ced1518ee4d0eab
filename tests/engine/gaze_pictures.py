"""Pictures of which a person wrote down what matters in them, before any detector had looked.

Boxes are left, top, right, bottom. A head is its hair or hat, ears and chin; lettering is where its ink is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Box = tuple[float, float, float, float]
Size = tuple[int, int]

FOLDER = Path(__file__).parent / "gaze_people"
LAKE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"

#: What matters in each photo, in its own pixels.
HEADS = {
    "hopper": (122.0, 15.0, 302.0, 275.0),
    "collins": (140.0, 12.0, 284.0, 174.0),
    "obama": (168.0, 10.0, 322.0, 202.0),
    "biden": (136.0, 36.0, 278.0, 194.0),
}
THINGS = {
    "coffee": (64.0, 11.0, 384.0, 312.0),
    "cat": (125.0, 72.0, 352.0, 272.0),
    "rocket": (244.0, 103.0, 278.0, 340.0),
    "pagoda": (52.0, 22.0, 288.0, 320.0),
    "flower": (125.0, 63.0, 336.0, 269.0),
}


class Scene(msgspec.Struct):
    """A picture, and the boxes of what matters in it: heads, lettering, and things."""

    image: Image.Image
    heads: list[Box] = []
    lettering: list[Box] = []
    things: list[Box] = []

    @property
    def matters(self) -> list[Box]:
        return [*self.heads, *self.lettering, *self.things]


@cache
def _photo(name: str) -> Image.Image:
    with Image.open(FOLDER / f"{name}.jpg") as image:
        return image.convert("RGB")


def whole(name: str) -> Scene:
    """A photo as it is."""
    scene = Scene(_photo(name).copy())
    scene.heads += [HEADS[name]] if name in HEADS else []
    scene.things += [THINGS[name]] if name in THINGS else []
    return scene


def cut(name: str, box: tuple[int, int, int, int], size: Size) -> Scene:
    """A part of a photo, brought to a size."""
    scene = Scene(_photo(name).crop(box).resize(size, Image.Resampling.LANCZOS))
    across, down = size[0] / (box[2] - box[0]), size[1] / (box[3] - box[1])
    left, top, right, bottom = HEADS.get(name) or THINGS[name]
    there = ((left - box[0]) * across, (top - box[1]) * down, (right - box[0]) * across, (bottom - box[1]) * down)
    (scene.heads if name in HEADS else scene.things).append(there)
    return scene


def lake(size: Size) -> Scene:
    """The lake out of focus: a place in which nothing matters."""
    with Image.open(LAKE) as image:
        return Scene(ImageOps.fit(image.convert("RGB"), size).filter(ImageFilter.GaussianBlur(6)))


def wall(size: Size, colour: tuple[int, int, int], seed: int = 1) -> Scene:
    """A rough wall."""
    grain = np.random.default_rng(seed).normal(0, 9, (size[1], size[0], 1))
    pixels = np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)
    return Scene(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1)))


def sea(size: Size, horizon: float, sky: tuple[int, int, int] = (120, 170, 220)) -> Scene:
    """Sky over water, which meet at a part of the height."""
    width, height = size
    line = round(height * horizon)
    pixels = np.zeros((height, width, 3))
    pixels[:line] = np.linspace(np.array(sky), np.array(sky) * 0.6 + 100, line)[:, None]
    pixels[line:] = np.linspace([40, 70, 100], [25, 45, 70], height - line)[:, None]
    ripple = np.random.default_rng(3).normal(0, 5, (height - line, width))
    pixels[line:] += ripple[..., None]
    return Scene(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def person(scene: Scene, name: str, centre: tuple[float, float], tall: float, *, mirrored: bool = False) -> Scene:
    """Put a person into a picture: the head's centre and its height, in parts of the picture."""
    photo, (left, top, right, bottom) = _photo(name), HEADS[name]
    width, height = scene.image.size
    factor = tall * height / (bottom - top)
    if mirrored:
        photo, left, right = ImageOps.mirror(photo), photo.width - right, photo.width - left
    size = round(photo.width * factor), round(photo.height * factor)
    at = (
        round(centre[0] * width - (left + right) / 2 * factor),
        round(centre[1] * height - (top + bottom) / 2 * factor),
    )
    mask = Image.new("L", size, 0)
    soft = max(round(0.06 * min(size)), 2)
    ImageDraw.Draw(mask).rectangle((soft, 0, size[0] - soft, size[1]), fill=255)
    scene.image.paste(photo.resize(size, Image.Resampling.LANCZOS), at, mask.filter(ImageFilter.GaussianBlur(soft / 2)))
    head = (at[0] + left * factor, at[1] + top * factor, at[0] + right * factor, at[1] + bottom * factor)
    scene.heads.append((max(head[0], 0), max(head[1], 0), min(head[2], width), min(head[3], height)))
    return scene


def words(
    scene: Scene, text: str, at: tuple[float, float], tall: float, ink: str = "white", edge: str = "black"
) -> Scene:
    """Write a line, its middle at a place in parts of the picture, `tall` a part of the height."""
    width, height = scene.image.size
    font = ImageFont.load_default(tall * height)
    stroke = max(round(tall * height / 12), 1) if edge else 0
    draw = ImageDraw.Draw(scene.image)
    place = (at[0] * width, at[1] * height)
    kind = {"font": font, "anchor": "mm", "stroke_width": stroke}
    left, top, right, bottom = draw.textbbox(place, text, **kind)  # type: ignore[arg-type]
    draw.text(place, text, fill=ink, stroke_fill=edge or None, **kind)  # type: ignore[arg-type]
    scene.lettering.append((max(left, 0), max(top, 0), min(right, width), min(bottom, height)))
    return scene


def band(scene: Scene, top: float, bottom: float, colour: str) -> Scene:
    """A plain band across a picture, for lettering."""
    width, height = scene.image.size
    ImageDraw.Draw(scene.image).rectangle((0, round(top * height), width, round(bottom * height)), fill=colour)
    return scene


def thing(scene: Scene, kind: str, box: Box) -> Scene:
    """Draw a sun, a sail, a lighthouse, a bird or a balloon into a box, in parts of the picture."""
    width, height = scene.image.size
    left, top, right, bottom = there = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    draw, middle = ImageDraw.Draw(scene.image), (left + right) / 2
    if kind == "sun":
        draw.ellipse(there, fill=(255, 225, 120))
    elif kind == "sail":
        draw.polygon(
            [(middle, top), (right, bottom - 0.25 * (bottom - top)), (middle, bottom - 0.25 * (bottom - top))],
            fill=(250, 250, 245),
        )
        draw.polygon(
            [
                (middle - 3, top + 8),
                (left, bottom - 0.25 * (bottom - top)),
                (middle - 3, bottom - 0.25 * (bottom - top)),
            ],
            fill=(225, 225, 215),
        )
        draw.polygon(
            [
                (left, bottom - 0.18 * (bottom - top)),
                (right, bottom - 0.18 * (bottom - top)),
                (right - 0.2 * (right - left), bottom),
                (left + 0.2 * (right - left), bottom),
            ],
            fill=(120, 50, 40),
        )
    elif kind == "lighthouse":
        for number in range(6):
            y = top + number * (bottom - top) / 6
            draw.rectangle(
                (left, y, right, y + (bottom - top) / 6), fill=(200, 40, 40) if number % 2 else (245, 245, 240)
            )
    elif kind == "bird":
        for side in (left, right):
            draw.line([(side, top), (middle, bottom)], fill=(30, 30, 35), width=max(round((bottom - top) / 4), 2))
    else:
        draw.ellipse((left, top, right, bottom - 0.25 * (bottom - top)), fill=(230, 90, 40))
        draw.rectangle(
            (middle - 0.12 * (right - left), bottom - 0.12 * (bottom - top), middle + 0.12 * (right - left), bottom),
            fill=(90, 60, 30),
        )
    scene.things.append(there)
    return scene


WIDE, TALL, SQUARE = (900, 600), (540, 900), (720, 720)

#: A name, and how the picture is made.
SCENES: dict[str, Callable[[], Scene]] = {
    # portraits
    "portrait of an officer": lambda: whole("hopper"),
    "portrait of an astronaut": lambda: whole("collins"),
    "portrait before a flag": lambda: whole("obama"),
    "full length": lambda: whole("biden"),
    "selfie": lambda: cut("hopper", (104, 0, 320, 288), (540, 720)),
    "selfie with the hat cut by the edge": lambda: cut("hopper", (90, 40, 330, 300), (600, 650)),
    "face at the top": lambda: cut("collins", (60, 0, 380, 427), (540, 720)),
    "at the left": lambda: person(lake(WIDE), "obama", (0.15, 0.3), 0.4),
    "at the right": lambda: person(lake(WIDE), "collins", (0.86, 0.28), 0.38),
    "at the left, looking in": lambda: person(wall(WIDE, (150, 120, 100)), "hopper", (0.14, 0.32), 0.5, mirrored=True),
    "in the upper right corner": lambda: person(wall(WIDE, (60, 80, 70)), "biden", (0.88, 0.17), 0.28),
    "far away by a lake": lambda: person(lake(WIDE), "obama", (0.2, 0.62), 0.13),
    "low in a tall picture": lambda: person(lake(TALL), "collins", (0.5, 0.8), 0.16),
    "high in a tall picture": lambda: person(wall(TALL, (190, 180, 170)), "obama", (0.3, 0.12), 0.18),
    # groups
    "two at the ends": lambda: person(person(lake(WIDE), "obama", (0.12, 0.3), 0.3), "collins", (0.88, 0.3), 0.3),
    "two at the left": lambda: person(person(lake(WIDE), "hopper", (0.1, 0.35), 0.32), "biden", (0.42, 0.3), 0.3),
    "three in a row": lambda: person(
        person(person(wall(WIDE, (120, 130, 150)), "obama", (0.18, 0.25), 0.24), "hopper", (0.5, 0.27), 0.24),
        "biden",
        (0.82, 0.24),
        0.24,
    ),
    "four, small": lambda: person(
        person(
            person(person(lake(WIDE), "obama", (0.15, 0.4), 0.15), "hopper", (0.36, 0.42), 0.15),
            "biden",
            (0.57, 0.4),
            0.15,
        ),
        "collins",
        (0.78, 0.42),
        0.15,
    ),
    "two, one above the other": lambda: person(
        person(wall(TALL, (140, 110, 110)), "collins", (0.5, 0.13), 0.2), "obama", (0.5, 0.68), 0.2
    ),
    "two in the lower right": lambda: person(
        person(sea(WIDE, 0.5), "collins", (0.66, 0.72), 0.2), "biden", (0.86, 0.7), 0.2
    ),
    # memes
    "captions over and under a cat": lambda: words(
        words(whole("cat"), "WHEN THE BUILD", (0.5, 0.08), 0.12), "IS GREEN AGAIN", (0.5, 0.92), 0.12
    ),
    "captions over and under a cup": lambda: words(
        words(cut("coffee", (0, 0, 480, 320), (900, 600)), "ONE DOES NOT SIMPLY", (0.5, 0.07), 0.11),
        "SKIP THE COFFEE",
        (0.5, 0.93),
        0.11,
    ),
    "caption under a person": lambda: words(whole("collins"), "TO THE MOON", (0.5, 0.93), 0.1),
    "caption over a person": lambda: words(
        person(wall(SQUARE, (90, 100, 120)), "obama", (0.5, 0.45), 0.3), "NOT BAD", (0.5, 0.07), 0.11
    ),
    "caption across a head": lambda: words(whole("obama"), "WHEN IT WORKS AT LAST", (0.5, 0.07), 0.08),
    "black words on a white band": lambda: words(
        band(lake(SQUARE), 0.0, 0.2, "white"), "me on holiday, day one", (0.5, 0.1), 0.075, "black", ""
    ),
    "subtitle": lambda: words(lake(WIDE), "I told you it would rain.", (0.5, 0.92), 0.065, "#ffe14d"),
    "title at the left edge": lambda: words(lake(WIDE), "LAKE", (0.13, 0.12), 0.16),
    "two lines of a poster": lambda: words(
        words(wall(TALL, (30, 40, 90)), "OPEN AIR", (0.5, 0.07), 0.09), "SATURDAY AT NINE", (0.5, 0.95), 0.05
    ),
    # horizons, and things
    "sun at the left": lambda: thing(sea(WIDE, 0.62, (240, 170, 120)), "sun", (0.08, 0.4, 0.2, 0.58)),
    "sail at the right": lambda: thing(sea(WIDE, 0.55), "sail", (0.8, 0.34, 0.95, 0.64)),
    "lighthouse at the edge": lambda: thing(sea(WIDE, 0.6), "lighthouse", (0.9, 0.08, 0.95, 0.62)),
    "bird near the top": lambda: thing(sea(WIDE, 0.8), "bird", (0.68, 0.04, 0.8, 0.12)),
    "balloon in a tall picture": lambda: thing(sea(TALL, 0.85), "balloon", (0.1, 0.03, 0.5, 0.3)),
    "pagoda": lambda: whole("pagoda"),
    "flower": lambda: whole("flower"),
    "rocket": lambda: whole("rocket"),
}
