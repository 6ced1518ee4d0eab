"""Colours by the published formulas, in numpy: what the intake's colours are held against.

Neither the code under test nor Pillow's colour management has a part in it. Matrices are the printed ones, not derived.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Light = npt.NDArray[np.float64]
"""Height x width x 3, in 0 to 1."""
Pixels = npt.NDArray[np.uint8]

# to XYZ under D65: IEC 61966-2-1, Adobe RGB (1998), SMPTE EG 432-1
SRGB_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
ADOBE_XYZ = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
P3_XYZ = np.array([[0.48657, 0.26567, 0.19822], [0.22897, 0.69174, 0.07929], [0.0, 0.04511, 1.04394]])
XYZ_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
# under D50: ROMM RGB (ISO 22028-2), and sRGB adapted by Bradford
PROPHOTO_XYZ_D50 = np.array([[0.7977, 0.1352, 0.0313], [0.2880, 0.7119, 0.0001], [0.0, 0.0, 0.8249]])
XYZ_D50_SRGB = np.array([[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]])
BT2020_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])  # BT.2087

FROM_P3 = XYZ_SRGB @ P3_XYZ
FROM_ADOBE = XYZ_SRGB @ ADOBE_XYZ
FROM_PROPHOTO = XYZ_D50_SRGB @ PROPHOTO_XYZ_D50


def srgb_light(code: Light) -> Light:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def srgb_code(light: Light) -> Light:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def power(gamma: float) -> Callable[[Light], Light]:
    return lambda code: np.asarray(code**gamma)


def in_srgb(pixels: npt.NDArray[np.integer], curve: Callable[[Light], Light], matrix: Light | None = None) -> Light:
    """The picture in sRGB, as codes of 0 to 255 that are not rounded."""
    light = curve(pixels / np.iinfo(pixels.dtype).max)
    return srgb_code(light if matrix is None else light @ matrix.T) * 255


# -- HDR: ITU-R BT.2100, BT.2390 and BT.2408

M1, M2, C1, C2, C3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_eotf(code: Light) -> Light:
    """Luminance in cd/m²."""
    root = code ** (1 / M2)
    return np.asarray(10_000 * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1))


def pq_inverse(nits: Light) -> Light:
    root = (nits / 10_000) ** M1
    return np.asarray(((C1 + C2 * root) / (1 + C3 * root)) ** M2)


def hlg_eotf(code: Light) -> Light:
    """Luminance in cd/m² of a display with a peak of 1000, of pixels in BT.2020."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(1000 * luminance[..., None] ** 0.2 * scene)


def tone_mapped(nits: Light, peak: float, matrix: Light) -> Light:
    """The picture in sRGB, as codes of 0 to 255: BT.2390's EETF of the largest channel, from `peak` to 203 cd/m²."""
    largest = nits.max(axis=-1, keepdims=True)
    source, most = (
        float(pq_inverse(np.array(peak))),
        float(pq_inverse(np.array(203.0) if peak > 203 else np.array(peak))),
    )
    e1, most = pq_inverse(largest) / source, most / source
    knee = 1.5 * most - 0.5
    t = (e1 - knee) / (1 - knee) if knee < 1 else e1
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    mapped = pq_eotf(np.where(e1 < knee, e1, spline) * source)
    factor = np.divide(mapped, largest, out=np.ones_like(largest), where=largest > 0)
    return srgb_code(nits * factor / 203 @ matrix.T) * 255


def lab_in_srgb(lab: Light) -> Light:
    """CIE L*a*b* under D50 in sRGB, as codes of 0 to 255."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * np.array([0.9642, 1.0, 0.8249])
    return srgb_code(xyz @ XYZ_D50_SRGB.T) * 255


# -- pictures


def chart(channels: int = 3, depth: type[np.unsignedinteger] = np.uint8, patch: int = 16) -> npt.NDArray[np.uint8]:
    """Patches of all mixtures of six steps a channel (of sixteen and more for one or two), in a square of them."""
    steps = {1: 225, 2: 15, 3: 6, 4: 4}[channels]
    grids = np.meshgrid(*[np.linspace(0, 1, steps)] * channels, indexing="ij")
    colours = np.stack([grid.ravel() for grid in grids], axis=-1)
    columns = max(n for n in range(1, 19) if len(colours) % n == 0)
    patches = colours.reshape(-1, columns, channels).repeat(patch, axis=0).repeat(patch, axis=1)
    return np.round(patches * np.iinfo(depth).max).astype(depth)


def png(pixels: npt.NDArray[np.integer], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 or 16 bits and 1 to 4 channels, with these chunks before its pixels."""
    height, width, channels = pixels.shape
    depth = pixels.dtype.itemsize * 8
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    head = struct.pack(">IIBBBBB", width, height, depth, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    body = zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes(), 1)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


# -- chunks and profiles


def gama(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def chrm(white: tuple[float, float], *primaries: tuple[float, float]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(v * 100_000) for point in (white, *primaries) for v in point))


def iccp(profile: bytes, name: bytes = b"ICC") -> tuple[bytes, bytes]:
    return b"iCCP", name + b"\x00\x00" + zlib.compress(profile)


def _icc(kind: bytes, data: bytes, pcs: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    text = name.encode() + b"\x00"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(8 + 3 + 67),
        b"wtpt": _xyz((0.9642, 1.0, 0.8249)),
        **tags,
    }
    at = 132 + 12 * len(tags)
    index, body = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        index += tag + struct.pack(">II", at + len(body), len(value))
        body += value.ljust(-(-len(value) // 4) * 4, b"\x00")
    head = struct.pack(">I4sI4s4s4s12x4s28x", at + len(body), b"", 0x02100000, kind, data, pcs, b"acsp")
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\x00") + index + body


def _xyz(values: npt.ArrayLike) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in np.asarray(values).tolist()))


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(matrix_d50: Light, gamma: float, name: str, **tags: bytes) -> bytes:
    """An ICC profile of version 2: three colourants and one exponent, and other tags by their names."""
    columns = {tag: _xyz(matrix_d50[:, k]) for k, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(gamma))
    more = {tag.encode(): value for tag, value in tags.items()}
    return _icc(b"mntr", b"RGB ", b"XYZ ", name, columns | curves | more)


def gray_profile(gamma: float, name: str = "gray") -> bytes:
    return _icc(b"mntr", b"GRAY", b"XYZ ", name, {b"kTRC": _gamma(gamma)})


def ink_lab(cmyk: Light) -> Light:
    """What inks look like on an imagined press: L*a*b* of cyan, magenta, yellow and black in 0 to 1, each linear."""
    weights = np.array([[-20.0, -30.0, 0.0], [-25.0, 40.0, 0.0], [-5.0, 0.0, 50.0], [-50.0, 0.0, 0.0]])
    lab: Light = np.array([100.0, 0.0, 0.0]) + cmyk @ weights
    return lab


def cmyk_profile(name: str = "press") -> bytes:
    """The same press as an ICC profile with a table of 16 bits for two steps an ink."""
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    lab = (ink_lab(corners) + np.array([0, 128, 128])) * [
        652.8,
        256,
        256,
    ]  # of version 2: 100 is 0xFF00, and 0 is 0x8000
    line = struct.pack(">2H", 0, 65535)
    table = (
        b"mft2"
        + bytes(4)
        + struct.pack(">4B", 4, 3, 2, 0)
        + struct.pack(">9i", *(65536 * v for v in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    )
    table += struct.pack(">2H", 2, 2) + line * 4 + lab.round().astype(">u2").tobytes() + line * 3
    return _icc(b"prtr", b"CMYK", b"Lab ", name, {b"A2B0": table})
