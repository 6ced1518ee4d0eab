"""Paints `lake.jpg`, the photo of the demo: an evening over a mountain lake, made of noise and light alone.

    python -m tests.pictures.make_sample [OUT.jpg]

Needs numpy and Pillow. The same numbers give the same picture, so the picture can be made again at any time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float64]
Picture = NDArray[np.float64]

WIDTH, HEIGHT = 1600, 1067
HORIZON = 640
SUN = (660.0, 492.0)
SEED = 11
BYTES_MOST = 300_000
SAMPLE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"


def noise(shape: tuple[int, int], scale: tuple[float, float], octaves: int, rng: np.random.Generator) -> Plane:
    """Fractal value noise with mean 0 and deviation 1; `scale` is the first octave's size in pixels, (y, x)."""
    total = np.zeros(shape)
    for octave in range(octaves):
        cells = [max(2, round(side * 2**octave / size) + 3) for side, size in zip(shape, scale, strict=True)]
        lattice = Image.fromarray(rng.standard_normal(cells).astype(np.float32))
        inner = (1, 1, cells[1] - 1, cells[0] - 1)
        layer = np.asarray(lattice.resize((shape[1], shape[0]), Image.Resampling.BICUBIC, inner))
        total += 0.53**octave * layer
    normal: Plane = (total - total.mean()) / total.std()
    return normal


def smooth(low: float, high: float, value: Plane) -> Plane:
    t = np.clip((value - low) / (high - low), 0, 1)
    step: Plane = t * t * (3 - 2 * t)
    return step


def mix(below: Picture, above: Picture | tuple[float, ...], amount: Plane) -> Picture:
    return below + (np.asarray(above) - below) * amount[..., None]


def ramp(stops: list[tuple[float, tuple[int, int, int]]], at: Plane) -> Picture:
    """Colours between stops, 0 to 1."""
    places = [place for place, _ in stops]
    return np.stack([np.interp(at, places, [colour[c] / 255 for _, colour in stops]) for c in range(3)], axis=-1)


def sky(x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    stops = [
        (0.00, (38, 62, 108)), (0.30, (88, 112, 156)), (0.55, (176, 158, 172)),
        (0.72, (236, 180, 146)), (0.86, (252, 204, 142)), (1.00, (255, 220, 160)),
    ]  # fmt: skip
    away = np.hypot((x - SUN[0]) * 0.75, y - SUN[1])
    picture = ramp(stops, np.clip(y / HORIZON + 0.03 * np.exp(-away / 300), 0, 1))
    halos = ((420, 0.42, (1.0, 0.80, 0.48)), (150, 0.50, (1.0, 0.90, 0.64)), (46, 0.60, (1.0, 0.97, 0.86)))
    for size, strength, colour in halos:
        picture = mix(picture, colour, strength * np.exp(-((away / size) ** 1.3)))
    disc = np.hypot(x - SUN[0], y - SUN[1])
    depth = np.clip(y / HORIZON, 0, 1)
    for stretch, cover, thick in (((150.0, 560.0), 0.35, 0.85), ((46.0, 300.0), 0.75, 0.55)):
        field = noise(y.shape, stretch, 7, rng) + 0.25 * noise(y.shape, (22, 70), 5, rng)
        # Clouds lie flatter and thinner towards the horizon.
        body = smooth(cover, cover + 1.5, field - 1.1 * np.abs(depth - 0.42))
        above = np.roll(body, 9, axis=0)
        lit = smooth(-0.25, 0.35, body - above + 0.15 * np.exp(-away / 420))
        dark = ramp([(0, (84, 98, 140)), (0.6, (168, 134, 152)), (1, (226, 166, 136))], depth)
        warmth = depth + 0.35 * np.exp(-away / 380)
        bright = ramp([(0, (226, 198, 196)), (0.5, (255, 206, 170)), (1, (255, 226, 168))], warmth)
        picture = mix(picture, mix(dark, bright, lit), thick * body)
    return mix(picture, (1.0, 0.985, 0.92), (1 - smooth(19.0, 24.0, disc)) * 0.97)


def _flat(colour: tuple[int, int, int], like: Picture) -> Picture:
    return np.broadcast_to(np.array(colour) / 255, like.shape)


def ridge(x: Plane, base: float, height: float, width: float, rough: float, rng: np.random.Generator) -> Plane:
    """A skyline: the y of the ridge for each x. Peaks are where two folded noises meet."""
    wide = noise((4, x.size), (4, width), 2, rng)[1]
    folds = 1 - np.abs(noise((4, x.size), (4, width * 0.55), 8, rng)[1])
    fine = noise((4, x.size), (4, width * 0.10), 6, rng)[1]
    skyline: Plane = base - height * (0.45 * wide + rough * folds + 0.05 * fine)
    return skyline


def mountain(picture: Picture, x: Plane, y: Plane, skyline: Plane, look: dict[str, tuple[int, int, int]], air: float,
             snow: float, rng: np.random.Generator) -> Picture:  # fmt: skip
    below = y - skyline[None, :]
    inside = smooth(-0.7, 0.7, below)
    grain = noise(y.shape, (120, 64), 7, rng)
    # Gullies run down the slopes: the noise is sheared by the depth under the skyline.
    facing = np.gradient(grain, axis=1) * 8 - np.gradient(skyline)[None, :] * 0.55 * np.exp(-np.maximum(below, 0) / 130)
    toward = np.sign(SUN[0] - x) * np.clip(np.abs(SUN[0] - x) / 260, 0, 1)
    light = smooth(-1.2, 1.5, facing * toward + 0.25 * grain)
    rock = mix(_flat(look["shade"], picture), np.array(look["light"]) / 255, light)
    if snow:
        cap = smooth(0.1, 0.9, snow - below / 95 + 0.55 * grain + 0.25 * light)
        white = mix(_flat((134, 146, 184), picture), np.array((255, 226, 206)) / 255, light)
        rock = mix(rock, white, cap * 0.9)
    haze = np.clip(air + (1 - air) * 0.55 * smooth(20, 230, below), 0, 0.93)
    glow = np.exp(-(((x - SUN[0]) / 520) ** 2))
    veil = ramp([(0, (150, 158, 186)), (1, (252, 208, 164))], glow)
    return mix(picture, mix(rock, veil, haze), inside)


def pines(picture: Picture, y: Plane, line: Plane, tallest: float, colour: tuple[int, int, int], spacing: float,
          rng: np.random.Generator) -> Picture:  # fmt: skip
    """A wood's edge along `line`: every tree a tapering stack of ragged boughs."""
    columns = np.arange(WIDTH)
    top = line.copy()
    at = -20.0
    mask = np.zeros(y.shape)
    while at < WIDTH + 20:
        size = tallest * (0.45 + 0.6 * rng.random() ** 1.4)
        foot = line[int(np.clip(at, 0, WIDTH - 1))] + 6
        rows = np.arange(max(0, int(foot - size)), min(HEIGHT, int(foot) + 1))
        if rows.size:
            down = np.clip((rows - (foot - size)) / size, 0, 1)
            boughs = 0.62 + 0.38 * ((down * (7 + size / 16) + rng.random()) % 1.0)
            half = size * 0.17 * down**0.85 * boughs * (0.85 + 0.3 * rng.random(rows.size)) + 0.5
            lean = at + size * 0.01 * rng.standard_normal()
            low, high = max(0, int(at - size / 3)), min(WIDTH, int(at + size / 3) + 1)
            if low < high:
                reach = np.abs(columns[None, low:high] - lean)
                mask[rows, low:high] = np.maximum(mask[rows, low:high], np.clip(half[:, None] - reach + 0.5, 0, 1))
        at += spacing * (0.3 + 1.4 * rng.random())
    mask = np.maximum(mask, smooth(-1, 1, y - top[None, :]))
    return mix(picture, np.array(colour) / 255, mask)


def shore(x: Plane, level: float, lift: float, width: float, rng: np.random.Generator) -> Plane:
    bank: Plane = level - lift * np.maximum(0, 0.35 + noise((4, x.size), (4, width), 5, rng)[1])
    return bank


def lake(land: Picture, x: Plane, y: Plane, rng: np.random.Generator) -> Picture:
    """The land upside down, broken by waves that grow towards the viewer, darker where one looks down into it."""
    below = np.maximum(y - HORIZON, 0)
    near = below / (HEIGHT - HORIZON)
    rows = np.arange(HEIGHT - HORIZON)
    waves = np.zeros(y.shape)
    for size, strength in ((5.0, 0.5), (13.0, 0.8), (34.0, 0.7)):
        flat = noise((900, WIDTH), (size, size * 9), 3, rng)
        # Perspective: what is far lies closer together.
        places = (rows / rows.size) ** 0.62 * 899
        waves[HORIZON:] += strength * flat[places.astype(int)]
    shift = waves * (0.8 + 15 * near**1.2)
    source = np.clip(HORIZON - 1 - below * 1.04 + shift * 1.6, 0, HORIZON - 1).astype(int)
    across = np.clip(x + waves * 3 * near, 0, WIDTH - 1).astype(int)
    mirrored = land[source, across]
    deep = ramp([(0, (70, 92, 118)), (1, (16, 34, 54))], near)
    water = mix(mirrored, deep, np.clip(0.16 + 0.50 * near**0.9, 0, 1))
    column = np.exp(-(((x - SUN[0]) / (34 + 150 * near)) ** 2))
    glitter = smooth(0.55, 1.7, waves + 0.9 * column) * column * (0.95 - 0.55 * near)
    water = mix(water, (1.0, 0.86, 0.58), np.clip(glitter, 0, 1))
    mist = np.exp(-below / 26) * 0.34
    water = mix(water, ramp([(0, (190, 190, 204)), (1, (255, 222, 184))], np.exp(-(((x - SUN[0]) / 520) ** 2))), mist)
    whole: Picture = np.where((y >= HORIZON)[..., None], water, land)
    return whole


def reeds(picture: Picture, rng: np.random.Generator) -> Picture:
    """Dark grass in the foreground, left and right, a few blades lit from behind."""
    canvas = picture.copy()
    for _ in range(1500):
        side = rng.random() < 0.6
        root = (rng.random() ** 1.5) * 520 if side else WIDTH - (rng.random() ** 1.7) * 360
        edge = root / 520 if side else (WIDTH - root) / 360
        length = (210 - 130 * edge) * (0.35 + 0.8 * rng.random())
        bend = rng.normal(0.12, 0.22) * length
        steps = np.linspace(0, 1, max(12, int(length * 1.6)))
        ys = (HEIGHT + 12 - length * steps).astype(int)
        xs = root + bend * steps**2.2
        thick = 1.9 * (1 - steps) + 0.35
        tone = np.array((22, 26, 24)) / 255 + rng.random() ** 6 * np.array((150, 104, 46)) / 255
        for shift in (-1, 0, 1, 2):
            column = np.floor(xs).astype(int) + shift
            cover = np.clip(thick - np.abs(column + 0.5 - xs) + 0.5, 0, 1)
            fits = (column >= 0) & (column < WIDTH) & (ys >= 0) & (ys < HEIGHT)
            r, c = ys[fits], column[fits]
            canvas[r, c] += (tone - canvas[r, c]) * cover[fits, None]
    return canvas


def paint() -> Image.Image:
    rng = np.random.default_rng(SEED)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    row = x[0]
    picture = sky(x, y, rng)
    ranges: tuple[tuple[float, float, float, float, dict[str, tuple[int, int, int]], float, float], ...] = (
        (470, 105, 620, 0.55, {"shade": (104, 112, 152), "light": (222, 178, 160)}, 0.46, 0.9),
        (548, 100, 520, 0.60, {"shade": (66, 80, 118), "light": (176, 132, 118)}, 0.26, -0.1),
        (606, 70, 420, 0.55, {"shade": (44, 58, 84), "light": (132, 108, 98)}, 0.20, 0.0),
    )
    for base, height, width, rough, look, air, snow in ranges:
        skyline = ridge(row, base, height, width, rough, rng)
        picture = mountain(picture, x, y, skyline, look, air, snow, rng)
    picture = pines(picture, y, shore(row, 634, 16, 500, rng), 34, (66, 74, 86), 7, rng)
    clearing = 60 * np.exp(-(((row - SUN[0]) / 330) ** 2))
    picture = pines(picture, y, shore(row, 640, 10, 330, rng) + clearing, 62, (30, 40, 46), 11, rng)
    picture = lake(picture, x, y, rng)
    picture = reeds(picture, rng)
    away = np.hypot(x - SUN[0], y - SUN[1])
    picture = mix(picture, (1.0, 0.84, 0.58), 0.16 * np.exp(-away / 330))
    corner = np.hypot((x - WIDTH / 2) / WIDTH, (y - HEIGHT / 2) / HEIGHT)
    picture = picture * (1 - 0.42 * smooth(0.35, 0.80, corner))[..., None]
    picture = picture + rng.normal(0, 0.006, (HEIGHT, WIDTH, 1))
    picture = np.clip(picture, 0, 1)
    picture = picture + 0.10 * (smooth(0, 1, picture) - picture)
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    picture = paint()
    for quality in range(92, 40, -2):
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True, subsampling="4:2:0")
        if out.stat().st_size <= BYTES_MOST:
            break
    sys.stdout.write(f"{out} {out.stat().st_size} bytes, quality {quality}\n")


if __name__ == "__main__":
    main()
