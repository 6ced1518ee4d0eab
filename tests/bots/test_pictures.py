"""Pictures that are well: upright, sRGB, opaque, small enough, and nothing left of the file but its pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from unstill_bots.intake.media import sniff
from unstill_bots.intake.pictures import Limits, PictureError, Pictures, SafePicture, make_safe

SIZE = (96, 64)
GPS = 0x8825


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def corners(size: tuple[int, int] = SIZE) -> Image.Image:
    """Red, green, blue and white quarters, clockwise from the upper left."""
    width, height = size
    image = Image.new("RGB", size, "red")
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), "lime")
    draw.rectangle((width // 2, height // 2, width, height), "blue")
    draw.rectangle((0, height // 2, width // 2 - 1, height), "white")
    return image


def opened(picture: SafePicture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    assert (image.size, image.mode) == ((picture.width, picture.height), "RGB")
    return image


def near(pixel: object, colour: tuple[int, int, int], tolerance: int = 6) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(is_ - should) <= tolerance for is_, should in zip(pixel, colour, strict=True))


def quarters(image: Image.Image) -> list[str]:
    names = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 255): "white"}
    width, height = image.size
    places = [(width // 4, height // 4), (3 * width // 4, height // 4), (3 * width // 4, 3 * height // 4)]
    places.append((width // 4, 3 * height // 4))
    return [next(name for colour, name in names.items() if near(image.getpixel(at), colour, 12)) for at in places]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as started:
        yield started


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
async def test_each_format_is_taken(pictures: Pictures, kind: str) -> None:
    safe = await pictures.make_safe(file_of(corners(), kind))

    assert quarters(opened(safe)) == ["red", "lime", "blue", "white"]
    assert (safe.width, safe.height) == SIZE
    assert sniff(safe.data).name == {"png": "PNG", "jpg": "JPEG"}[safe.format]
    assert safe.notes == ()


async def test_a_lossless_source_loses_nothing(pictures: Pictures) -> None:
    original = Image.effect_noise((320, 200), 90).convert("RGB")

    safe = await pictures.make_safe(file_of(original, "PNG"))

    assert opened(safe).tobytes() == original.tobytes()


STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that is held so stores a picture, by EXIF's number of the orientation."""


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_upright_whatever_the_camera_was(pictures: Pictures, turn: int, kind: str) -> None:
    # Given the picture as a camera held that way stores it
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = corners().transpose(STORED_AS[turn]) if turn > 1 else corners()

    safe = await pictures.make_safe(file_of(stored, kind, exif=exif))

    assert quarters(opened(safe)) == ["red", "lime", "blue", "white"]
    assert (safe.width, safe.height) == SIZE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_no_metadata_gets_through(pictures: Pictures, kind: str) -> None:
    # Given GPS, a serial number, a comment and XMP
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(GPS).update({1: "N", 2: (48.0, 12.0, 30.0), 3: "E", 4: (11.0, 34.0, 1.0)})
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SECRET-TEXT")
    more: dict[str, dict[str, object]] = {
        "JPEG": {"comment": b"SECRET-COMMENT", "xmp": b"SECRET-XMP"},
        "PNG": {"pnginfo": text},
    }
    source = file_of(corners(), kind, exif=exif, **more.get(kind, {"xmp": b"SECRET-XMP"}))
    assert b"SECRET-CAMERA" in source

    safe = await pictures.make_safe(source)

    assert b"SECRET" not in safe.data
    assert not opened(safe).getexif()
    assert set(opened(safe).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


async def test_large_pictures_are_reduced_in_their_own_shape(pictures: Pictures) -> None:
    for size, kept in [
        ((5000, 2500), (2896, 1448)),
        ((2500, 4000), (1619, 2590)),
        ((4096, 1024), (4096, 1024)),
        ((11_000, 1375), (5792, 724)),
    ]:
        safe = await pictures.make_safe(file_of(corners(size), "PNG", compress_level=1))

        assert (safe.width, safe.height) == kept
        assert quarters(opened(safe)) == ["red", "lime", "blue", "white"]


async def test_a_phone_s_photo_keeps_about_two_thousand_pixels(pictures: Pictures) -> None:
    safe = await pictures.make_safe(file_of(corners((4032, 3024)), "JPEG"))

    assert 1900 <= safe.width <= 2400
    assert abs(safe.width / safe.height - 4 / 3) < 0.002


def sixteen_bit() -> bytes:
    rows = b"".join(b"\x00" + b"".join(struct.pack(">H", x * 1024) for x in range(64)) for _ in range(64))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def test_sixteen_bits_become_eight_without_clipping(pictures: Pictures) -> None:
    image = opened(await pictures.make_safe(sixteen_bit()))

    assert [image.getpixel((x, 5)) for x in (0, 16, 32, 63)] == [(v, v, v) for v in (0, 64, 128, 251)]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
async def test_other_modes_become_rgb(pictures: Pictures, mode: str) -> None:
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"

    image = opened(await pictures.make_safe(file_of(corners().convert(mode), kind)))

    assert near(image.getpixel((SIZE[0] // 4, SIZE[1] * 3 // 4)), (255, 255, 255), 10)
    if mode in ("P", "CMYK", "YCbCr"):
        assert quarters(image) == ["red", "lime", "blue", "white"]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_the_first_frame_of_what_moves(pictures: Pictures, kind: str) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "lime", "blue")]

    safe = await pictures.make_safe(file_of(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))

    assert near(opened(safe).getpixel((5, 5)), (255, 0, 0))
    assert safe.notes == ("picture_first_frame",)


async def test_colours_are_brought_into_srgb_by_the_profile(pictures: Pictures) -> None:
    # Given a profile in which red and green have changed places, under another name than sRGB
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")
    renamed = swapped.replace("sRGB".encode("utf-16-be"), "ours".encode("utf-16-be"))

    safe = await pictures.make_safe(file_of(corners(), "PNG", icc_profile=renamed))

    assert safe.notes == ()
    assert quarters(opened(safe)) == ["lime", "red", "blue", "white"]


async def test_a_junk_profile_is_said_and_ignored(pictures: Pictures) -> None:
    safe = await pictures.make_safe(file_of(corners(), "JPEG", icc_profile=b"junk" * 100))

    assert safe.notes == ("picture_profile_ignored",)
    assert quarters(opened(safe)) == ["red", "lime", "blue", "white"]


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((1, 1), "picture_too_small"),
        ((400, 15), "picture_too_small"),
        ((1, 10_000), "picture_too_small"),
        ((1000, 60), "picture_too_narrow"),
        ((8000, 6000), "picture_too_many_for_format"),
    ],
)
async def test_shapes_that_no_model_takes(pictures: Pictures, size: tuple[int, int], code: str) -> None:
    with pytest.raises(PictureError) as refusal:
        await pictures.make_safe(file_of(Image.new("1", size), "PNG"))

    assert refusal.value.code == code
    assert "?" not in str(refusal.value)


async def test_limits_can_be_set(tmp_path: Path) -> None:
    data = file_of(corners(), "PNG")

    with pytest.raises(PictureError, match="larger than"):
        await make_safe(data, limits=Limits(bytes=len(data) - 1))
    assert (await make_safe(data, limits=Limits(longest=32))).width == 32
    assert (await make_safe(data, limits=Limits(area=600))).height == 20
