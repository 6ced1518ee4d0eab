"""What phones and programs make of a photo: HEIC and AVIF, many megapixels, a file without its end, texts in a PNG."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image, PngImagePlugin
from tests.bots.hostile.heif import box, grid, heic, several
from tests.bots.hostile.largest import tiled
from tests.bots.hostile.law import examine
from tests.bots.hostile.sources import chunk, encoded, exif, frames, photo
from tests.bots.test_pictures import SIZE, STORED_AS, corners, near, opened, quarters

from unstill_bots.intake import pictures as under_test
from unstill_bots.intake.media import sniff
from unstill_bots.intake.pictures import Limits, PictureError, Pictures
from unstill_bots.text.replies import Replies

pytestmark = pytest.mark.asyncio(loop_scope="module")
UPRIGHT = ["red", "lime", "blue", "white"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as started:
        yield started


async def refusal(pictures: Pictures, data: bytes) -> PictureError:
    with pytest.raises(PictureError) as refused:
        await pictures.make_safe(data)
    return refused.value


# -- HEIC and AVIF


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [None, 0, 1])
async def test_a_heic_is_turned_once_whatever_its_exif_says_too(
    pictures: Pictures, turns: int, mirror: int | None
) -> None:
    # Given a photo as a phone stores it that was held this way, where EXIF says that it is turned as well
    stored = corners()
    if mirror is not None:
        stored = stored.transpose((Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT)[mirror])
    stored = stored.rotate(-90 * turns, expand=True)

    safe = await pictures.make_safe(grid(stored, tile=64, turns=turns, mirror=mirror, exif=exif(6)))

    assert quarters(opened(safe)) == UPRIGHT
    assert ((safe.width, safe.height), safe.format, safe.notes) == (SIZE, "jpg", ())


def exif_of_avif(turn: int) -> bytes:
    """A picture that `irot` and `imir` turn, with the same in its EXIF, which Pillow's encoder takes out."""
    made = Image.Exif()
    made[0x0112] = turn
    made[0x0113] = turn
    stored = corners()
    stored = stored.transpose(STORED_AS[turn]) if turn > 1 else stored
    coded = encoded(stored, "AVIF", speed=10, exif=made, quality=90)
    for order in ("<", ">"):
        coded = coded.replace(struct.pack(order + "HH", 0x0113, 3), struct.pack(order + "HH", 0x0112, 3))
    assert coded.count(b"irot") + coded.count(b"imir") >= (turn > 1)
    return coded


@pytest.mark.parametrize("turn", range(1, 9))
async def test_an_avif_is_turned_once_where_its_exif_says_the_same(pictures: Pictures, turn: int) -> None:
    safe = await pictures.make_safe(exif_of_avif(turn))

    assert quarters(opened(safe)) == UPRIGHT
    assert (safe.width, safe.height) == SIZE


async def test_an_avif_is_turned_as_its_container_says_and_not_as_exif_or_xmp(pictures: Pictures) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    safe = await pictures.make_safe(encoded(corners(), "AVIF", speed=10, xmp=xmp))

    assert quarters(opened(safe)) == UPRIGHT


async def test_a_heic_with_ten_bits_full_colour_or_alpha_is_taken(pictures: Pictures) -> None:
    for data in (
        grid(corners(), tile=64, bits=10),
        grid(corners(), tile=64, bits=10, chroma=422),
        grid(corners(), tile=64, chroma=444),
        grid(corners().convert("RGBA"), tile=64),
        heic(corners()),
        heic(corners().convert("L")).replace(b"heic", b"mif1", 1),
    ):
        safe = await pictures.make_safe(data)

        assert (safe.width, safe.height) == SIZE
        if data[8:12] == b"heic":
            assert quarters(opened(safe)) == UPRIGHT


async def test_of_several_pictures_the_main_one_is_used_and_of_a_moving_one_the_first(pictures: Pictures) -> None:
    main = await pictures.make_safe(several([photo(size=SIZE), corners()]))
    assert (quarters(opened(main)), main.notes) == (UPRIGHT, ("picture_main",))

    moving = await pictures.make_safe(encoded(corners(), "AVIF", speed=10, **frames(size=SIZE)))
    assert (quarters(opened(moving)), moving.notes) == (UPRIGHT, ("picture_first_frame",))


async def test_a_film_under_a_picture_s_brand_is_said_to_be_one(pictures: Pictures) -> None:
    film = box(b"ftyp", b"hevc" + bytes(4) + b"hevciso2") + box(b"free") + box(b"moov", box(b"mvhd", bytes(100)))

    assert (await refusal(pictures, film)).code == "picture_video"
    # and a picture with a track beside it is a picture
    assert quarters(opened(await pictures.make_safe(heic(corners()) + film[24:]))) == UPRIGHT


@pytest.mark.parametrize("size", [(4032, 3024), (8064, 6048), (16_382, 3628)])
async def test_a_phone_s_heic_of_12_to_59_megapixels_is_taken_at_the_default_limits(
    pictures: Pictures, size: tuple[int, int]
) -> None:
    safe = await pictures.make_safe(grid(tiled("RGB", size)))

    examine(safe, Limits())
    assert abs(safe.width / safe.height - size[0] / size[1]) < 0.01 * size[0] / size[1]
    assert safe.width * safe.height > 0.69 * Limits().area


async def test_photos_are_read_for_who_is_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a process of somebody whose limits count, as that of processes does not for root
    code = (
        "import os, runpy, unstill_bots.intake.picture.child\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "runpy.run_module('unstill_bots.intake.picture.child', run_name='__main__')"
    )
    monkeypatch.setattr(under_test, "_COMMAND", (sys.executable, "-P", "-W", "ignore", "-c", code))

    for data in (grid(corners((1100, 900))), encoded(corners((1100, 900)), "AVIF", speed=10)):
        safe = await Pictures().make_safe(data)

        assert quarters(opened(safe)) == UPRIGHT


# -- JPEGs of many megapixels, and progressive ones


@pytest.mark.parametrize("size", [(8064, 6048), (12_032, 9024)])
async def test_a_phone_s_jpeg_of_48_to_108_megapixels_is_taken(pictures: Pictures, size: tuple[int, int]) -> None:
    safe = await pictures.make_safe(encoded(tiled("RGB", size), "JPEG", quality=50, subsampling=2))

    examine(safe, Limits())
    assert safe.width * safe.height > 0.69 * Limits().area


async def test_limits_are_said_as_they_are(pictures: Pictures) -> None:
    # Given what is over the pixels of its own kind, and a JPEG of as many that is not
    jpeg = await refusal(pictures, encoded(Image.new("L", (20_000, 10_001)), "JPEG"))
    progressive = await refusal(
        pictures, encoded(Image.new("RGB", (9000, 8000)), "JPEG", progressive=True, subsampling=0)
    )
    png = await refusal(pictures, encoded(Image.new("1", (8000, 5001)), "PNG"))
    deep = await refusal(pictures, grid(Image.new("RGB", (256, 256)), tile=256, chroma=444, claim=(5000, 4001)))

    assert str(jpeg).startswith("The picture has more than 200 megapixels.")
    assert str(progressive).startswith("The progressive JPEG has more than 66 megapixels.")
    assert str(png).startswith("The PNG has more than 40 megapixels.")
    assert str(deep).startswith("The HEIC 4:4:4 has more than 20 megapixels.")
    for error in (progressive, png, deep):
        assert "a JPEG of at most 200 megapixels" in str(error)
        assert "200" in Replies("zh-CN").picture_error(error)
    # a long row with fewer is not told that it had more
    assert (await pictures.make_safe(encoded(Image.new("L", (16_000, 2400), 99), "PNG"))).width > 5000


# -- JPEGs that end too early


def a_photo(**options: object) -> bytes:
    return encoded(photo(size=(640, 480)), "JPEG", quality=90, **options)


@pytest.mark.parametrize("options", [{"subsampling": 2}, {"subsampling": 0}, {"restart_marker_blocks": 8}])
async def test_what_a_jpeg_lacks_at_its_end_is_left_out_and_said(
    pictures: Pictures, options: dict[str, object]
) -> None:
    whole, full = a_photo(**options), await pictures.make_safe(a_photo(**options))
    for share, least in ((0.9999, 470), (0.95, 430), (0.85, 380)):
        begun = whole[: int(len(whole) * share)]

        cut = await pictures.make_safe(begun)

        # Then what is there is as it was, without a gray row, also where a card lost the bytes and kept the length
        assert (cut.width, cut.notes) == (640, ("picture_truncated",))
        assert least <= cut.height <= 480
        before, after = opened(full), opened(cut)
        there = (0, 0, 640, cut.height - 32)
        assert before.crop(there).tobytes() == after.crop(there).tobytes()
        assert any(not near(after.getpixel((x, cut.height - 1)), (128, 128, 128), 3) for x in range(0, 640, 40))
        assert await pictures.make_safe(begun.rstrip(b"\x00") + bytes(5000)) == cut


async def test_a_jpeg_with_almost_nothing_is_broken(pictures: Pictures) -> None:
    for whole in (a_photo(subsampling=2), a_photo(progressive=True), encoded(photo("L", (640, 480)), "JPEG")):
        for share in (0.001, 0.05, 0.12):
            assert (await refusal(pictures, whole[: int(len(whole) * share)])).code == "picture_broken"
    # the line is at three quarters of its rows
    whole = a_photo(subsampling=2)
    assert (await refusal(pictures, whole[: len(whole) * 6 // 10])).code == "picture_broken"


async def test_a_progressive_jpeg_needs_detail_everywhere_and_not_its_last_scans(pictures: Pictures) -> None:
    whole = a_photo(progressive=True)

    cut = await pictures.make_safe(whole[: len(whole) * 6 // 10])

    assert ((cut.width, cut.height), cut.notes) == ((640, 480), ("picture_truncated",))


async def test_a_whole_jpeg_with_a_gray_edge_keeps_it(pictures: Pictures) -> None:
    framed = Image.new("RGB", (640, 480), (128, 128, 128))
    framed.paste(photo(size=(600, 400)), (20, 20))

    safe = await pictures.make_safe(encoded(framed, "JPEG") + b"more behind its end")

    assert ((safe.width, safe.height), safe.notes) == ((640, 480), ())


# -- PNGs with large texts


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
async def test_a_png_may_hold_texts_of_any_size(pictures: Pictures, kind: bytes) -> None:
    # Given the recipe that a program which makes pictures left there, or a bomb
    size = 3_000_000 if kind == b"tEXt" else 100_000_000
    packed = zlib.compress(b"a" * size, 1)
    body = {
        b"tEXt": b"workflow\0" + b"a" * size,
        b"zTXt": b"workflow\0\0" + packed,
        b"iTXt": b"workflow\0\x01\0\0\0" + packed,
    }[kind]
    png = encoded(corners(), "PNG")
    at = png.index(b"IDAT") - 4

    for data in (png[:at] + chunk(kind, body) * 3 + png[at:], png[:-12] + chunk(kind, body) + png[-12:]):
        safe = await pictures.make_safe(data)

        assert quarters(opened(safe)) == UPRIGHT


async def test_a_png_s_text_that_says_how_the_camera_was_held_still_counts(pictures: Pictures) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    text.add_text("prompt", "a" * 2_000_000)
    data = encoded(corners().transpose(Image.Transpose.ROTATE_90), "PNG", pnginfo=text)

    assert quarters(opened(await pictures.make_safe(data))) == UPRIGHT


# -- by bytes


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"heic", "HEIC"), (b"hevc", "HEIC"), (b"mif1avif", "AVIF"), (b"mif1heic", "HEIC"), (b"msf1heic", "HEIC"),
        (b"mif1miafavif", "AVIF"), (b"avis", "AVIF"), (b"mif1", "HEIC"), (b"heicavif", "HEIC"),
    ],
)  # fmt: skip
async def test_a_container_is_known_by_its_brands(brands: bytes, name: str) -> None:
    head = struct.pack(">I", 12 + len(brands)) + b"ftyp" + brands[:4] + bytes(4) + brands[4:] + bytes(50)

    sniffed = sniff(head)

    assert (sniffed.kind, sniffed.name) == ("picture", name)
    assert sniff(head[:8] + b"isom" + head[12:]).kind == "video"


async def test_what_the_encoders_write_is_known() -> None:
    assert sniff(heic(corners())).name == sniff(grid(corners(), tile=64)).name == "HEIC"
    out = io.BytesIO()
    corners().save(out, "AVIF", speed=10)
    assert sniff(out.getvalue()).name == "AVIF"
