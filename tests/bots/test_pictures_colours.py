"""Colours: what a file says of them counts, and the picture shows them in sRGB."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import AsyncIterator, Callable

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
import pytest_asyncio
from PIL import Image
from tests.bots import colour_references as ref
from tests.bots.colour_references import chart, chrm, gama, iccp, in_srgb, png, power, srgb_light

from unstill_bots.intake.pictures import Pictures, SafePicture

pytestmark = pytest.mark.asyncio(loop_scope="module")

P3 = (b"cICP", bytes((12, 13, 0, 1)))
SAME = (b"sRGB", b"\x00")
PROPHOTO = ref.rgb_profile(ref.PROPHOTO_XYZ_D50, 1.8, "sRGB IEC61966-2.1")  # its name is all that it has of sRGB
SRGB_POINTS = chrm((0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
PROPHOTO_POINTS = chrm((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as started:
        yield started


def shown(picture: SafePicture) -> npt.NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(picture.data)), np.float64)


def error(picture: SafePicture, reference: npt.NDArray[np.float64]) -> float:
    """Mean of 255."""
    return float(np.abs(shown(picture) - reference).mean())


@pytest.mark.parametrize(
    ("chunks", "curve", "matrix"),
    [
        pytest.param([P3], srgb_light, ref.FROM_P3, id="cICP: Display P3"),
        pytest.param([(b"cICP", bytes((9, 14, 0, 1)))], srgb_light, ref.BT2020_BT709, id="cICP: BT.2020"),
        pytest.param([(b"cICP", bytes((1, 5, 0, 1)))], power(2.8), None, id="cICP: gamma 2.8"),
        pytest.param([gama(1 / 1.8)], power(1.8), None, id="gAMA 1.8"),
        pytest.param([gama(1.0)], power(1.0), None, id="gAMA: light itself"),
        pytest.param([gama(1 / 1.8), PROPHOTO_POINTS], power(1.8), ref.FROM_PROPHOTO, id="gAMA and cHRM"),
        pytest.param([PROPHOTO_POINTS], srgb_light, ref.FROM_PROPHOTO, id="cHRM alone"),
        pytest.param([iccp(PROPHOTO)], power(1.8), ref.FROM_PROPHOTO, id="a profile under the name of sRGB"),
        # what counts where several speak
        pytest.param([P3, iccp(PROPHOTO), gama(1.0)], srgb_light, ref.FROM_P3, id="cICP before iCCP"),
        pytest.param([iccp(PROPHOTO), SAME, gama(1.0)], power(1.8), ref.FROM_PROPHOTO, id="iCCP before gAMA"),
        pytest.param([(b"cICP", bytes((2, 2, 0, 1))), gama(1.0)], power(1.0), None, id="a cICP that says nothing"),
    ],
)
async def test_colours_of_a_png_are_what_its_chunks_say(
    pictures: Pictures,
    chunks: list[tuple[bytes, bytes]],
    curve: Callable[[ref.Light], ref.Light],
    matrix: ref.Light | None,
) -> None:
    pixels = chart()
    expected = in_srgb(pixels, curve, matrix)
    assert np.abs(pixels - expected).mean() > 3, "the chunks change nothing that a test could see"

    safe = await pictures.make_safe(png(pixels, *chunks))

    assert safe.notes == ()
    assert error(safe, expected) <= 1


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([], id="nothing"),
        pytest.param([SAME, gama(1.0), PROPHOTO_POINTS], id="sRGB before gAMA and cHRM"),
        pytest.param([(b"cICP", bytes((1, 13, 0, 1))), gama(1.0)], id="cICP: sRGB"),
        pytest.param([(b"cICP", bytes((1, 1, 0, 1)))], id="cICP: video"),
        pytest.param([gama(0.45455)], id="gAMA as sRGB's"),
        pytest.param([gama(0.45455), SRGB_POINTS], id="gAMA and cHRM as sRGB's"),
    ],
)
async def test_colours_of_srgb_are_left_as_they_are(pictures: Pictures, chunks: list[tuple[bytes, bytes]]) -> None:
    safe = await pictures.make_safe(png(chart(), *chunks))

    assert safe.notes == ()
    assert error(safe, chart().astype(float)) == 0


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"cICP", bytes((200, 13, 0, 1)))],
        [(b"cICP", b"\x01")],
        [(b"iCCP", b"junk\x00\x00junk")],
        [iccp(b"junk" * 100)],
        [iccp(ref.gray_profile(1.8))],
        [iccp(ref.cmyk_profile())],
        [gama(0)],
        [chrm((0.3127, 0.329), (0.5, 0.5), (0.5, 0.5), (0.5, 0.5))],
        [chrm((0, 0), (0, 0), (0, 0), (0, 0))],
    ],
    ids=["reserved", "short", "unpackable", "junk", "of gray", "of inks", "no gamma", "one point", "no points"],
)
async def test_what_cannot_be_used_is_said(pictures: Pictures, chunks: list[tuple[bytes, bytes]]) -> None:
    safe = await pictures.make_safe(png(chart(), *chunks))

    assert safe.notes == ("picture_profile_ignored",)
    assert error(safe, chart().astype(float)) == 0


async def test_a_profile_may_have_megabytes(pictures: Pictures) -> None:
    table = np.random.default_rng(1).bytes(3_000_000)
    profile = ref.rgb_profile(ref.PROPHOTO_XYZ_D50, 1.8, "scanner", junk=table)

    safe = await pictures.make_safe(png(chart(), iccp(profile)))

    assert safe.notes == ()
    assert error(safe, in_srgb(chart(), power(1.8), ref.FROM_PROPHOTO)) <= 1


async def test_narrow_codes_are_widened(pictures: Pictures) -> None:
    narrow = np.round(16 + chart() * (219 / 255)).astype(np.uint8)

    safe = await pictures.make_safe(png(narrow, (b"cICP", bytes((1, 13, 0, 0)))))

    assert error(safe, chart().astype(float)) <= 1


@pytest.mark.parametrize("profile", [None, ref.gray_profile(1.0), ref.rgb_profile(ref.PROPHOTO_XYZ_D50, 1.0, "linear")])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("clear", [False, True])
async def test_gray_keeps_its_profile_its_transparency_and_its_bits(
    pictures: Pictures, profile: bytes | None, depth: type[np.unsignedinteger], clear: bool
) -> None:
    # Given shades beside a strip that is clear
    gray = chart(1, depth)
    alpha = np.full_like(gray, np.iinfo(depth).max)
    alpha[:, :40] = 0
    pixels = np.concatenate([gray, alpha], axis=-1) if clear else gray
    expected = in_srgb(gray, srgb_light if profile is None else power(1.0)).repeat(3, axis=-1)

    safe = await pictures.make_safe(png(pixels, *([iccp(profile)] if profile else [])))

    if clear:
        expected[:, :40] = shown(safe)[0, 0]  # the backing, whichever shows the shades
    assert safe.notes == ()
    assert error(safe, expected) <= 1


async def test_one_of_65536_shades_is_clear(pictures: Pictures) -> None:
    # Given two shades of 16 bits that are one of 8 bits, and one of them made clear
    gray = np.full((64, 64, 1), 0x4010, np.uint16)
    gray[:, 32:] = 0x4020

    safe = await pictures.make_safe(png(gray, (b"tRNS", struct.pack(">H", 0x4020))))

    assert shown(safe)[0, [0, 31, 32, 63], 0].tolist() == [64, 64, 255, 255]


# -- HDR

PQ, HLG = (b"cICP", bytes((9, 16, 0, 1))), (b"cICP", bytes((9, 18, 0, 1)))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("most", [1.0, 0.75, 0.55], ids=["10,000 cd/m²", "1000 cd/m²", "SDR"])
async def test_pq_becomes_sdr_by_the_curve_of_bt_2390(
    pictures: Pictures, depth: type[np.unsignedinteger], most: float
) -> None:
    codes = np.round(chart(3, depth) * most).astype(depth)
    nits = ref.pq_eotf(codes / np.iinfo(depth).max)

    safe = await pictures.make_safe(png(codes, PQ))

    assert safe.notes == ()
    assert error(safe, ref.tone_mapped(nits, float(nits.max()), ref.BT2020_BT709)) <= 1


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
async def test_hlg_becomes_sdr_by_the_same_curve(pictures: Pictures, depth: type[np.unsignedinteger]) -> None:
    codes = chart(3, depth)

    safe = await pictures.make_safe(png(codes, HLG))

    expected = ref.tone_mapped(ref.hlg_eotf(codes / np.iinfo(depth).max), 1000, ref.BT2020_BT709)
    assert safe.notes == ()
    assert error(safe, expected) <= 1


async def test_a_profile_may_name_hdr_by_its_codes(pictures: Pictures) -> None:
    # Given the profile of a bright screen, whose tables are not meant for a clip
    named = ref.rgb_profile(ref.PROPHOTO_XYZ_D50, 1.8, "HDR", cicp=b"cicp" + bytes(4) + bytes((9, 16, 0, 1)))
    codes = chart()

    safe = await pictures.make_safe(png(codes, iccp(named)))

    assert error(safe, ref.tone_mapped(ref.pq_eotf(codes / 255), 10_000, ref.BT2020_BT709)) <= 1


async def test_a_picture_of_sdr_in_pq_comes_back_as_it_was(pictures: Pictures) -> None:
    # Given a desktop without highlights as a screenshot of an HDR screen holds it
    light = srgb_light(chart() / 255) @ np.linalg.inv(ref.BT2020_BT709).T
    codes = np.round(ref.pq_inverse(np.clip(light, 0, 1) * 203) * 65535).astype(np.uint16)

    safe = await pictures.make_safe(png(codes, PQ))

    assert error(safe, chart().astype(float)) <= 1


async def test_highlights_keep_their_differences_and_shadows_their_light(pictures: Pictures) -> None:
    # Given grays of 1 to 90 cd/m², then of 203 to 4000
    nits = np.array([1, 20, 90, 203, 400, 1000, 4000], np.float64)
    row = np.round(ref.pq_inverse(nits) * 65535).astype(np.uint16).repeat(32)
    pixels = np.broadcast_to(row[None, :, None], (64, len(row), 3))

    picture = shown(await pictures.make_safe(png(pixels, PQ)))[0, 16::32, 0]

    assert picture[:2] == pytest.approx(ref.srgb_code(nits[:2] / 203) * 255, abs=1)
    assert (np.diff(picture) >= 4).all()
    assert picture[-1] == 255


LINEAR = ref.rgb_profile(np.linalg.inv(ref.XYZ_D50_SRGB), 1.0, "light")


@pytest.mark.parametrize(
    "said", [gama(1.0), (b"cICP", bytes((1, 8, 0, 1))), iccp(LINEAR)], ids=["gAMA", "cICP", "iCCP"]
)
async def test_light_itself_in_16_bits_has_no_steps_in_its_shadows(
    pictures: Pictures, said: tuple[bytes, bytes]
) -> None:
    # Given the darkest hundredth of what a renderer saves, from left to right
    ramp = np.linspace(0, 655, 512).round().astype(np.uint16)
    pixels = np.broadcast_to(ramp[None, :, None], (64, 512, 3))

    safe = await pictures.make_safe(png(pixels, said))

    assert error(safe, in_srgb(pixels, power(1.0))) <= 0.5
    assert len(np.unique(shown(safe)[0, :, 0])) > 20


async def test_one_of_many_colours_of_16_bits_is_clear(pictures: Pictures) -> None:
    # Given two colours that are one of 8 bits, and one of them made clear
    pixels = np.full((64, 64, 3), (0x4010, 0x8020, 0x2030), np.uint16)
    pixels[:, 32:, 2] = 0x2031

    safe = await pictures.make_safe(png(pixels, (b"tRNS", struct.pack(">3H", 0x4010, 0x8020, 0x2031))))

    assert shown(safe)[0, 31].tolist() == pytest.approx([64, 128, 32], abs=1)
    assert shown(safe)[0, 32].tolist() == [255, 255, 255]


async def test_sixteen_bits_are_read_beside_large_texts(pictures: Pictures) -> None:
    text = (b"zTXt", b"workflow\x00\x00" + zlib.compress(bytes(3_000_000)))

    safe = await pictures.make_safe(png(chart(3, np.uint16), text, gama(1.0), text))

    assert error(safe, in_srgb(chart(3, np.uint16), power(1.0))) <= 0.5


# -- JPEG


def jpeg(pixels: npt.NDArray[np.uint8], mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels, mode).save(out, "JPEG", quality=100, subsampling=0, **options)
    return out.getvalue()


def camera(index: str | None, colour_space: int | None) -> Image.Exif:
    exif = Image.Exif()
    if colour_space is not None:
        exif.get_ifd(0x8769)[0xA001] = colour_space
    if index is not None:
        exif.get_ifd(0x8769)[0xA005] = {1: index, 2: b"0100"}
    return exif


@pytest.mark.parametrize(
    ("index", "colour_space", "adobe"),
    [("R03", 0xFFFF, True), ("R03", None, True), (None, 2, True), ("R98", 1, False), (None, 0xFFFF, False)],
)
async def test_a_camera_says_adobe_rgb_in_exif_alone(
    pictures: Pictures, index: str | None, colour_space: int | None, adobe: bool
) -> None:
    pixels = chart()
    expected = in_srgb(pixels, power(563 / 256), ref.FROM_ADOBE) if adobe else pixels.astype(float)

    safe = await pictures.make_safe(jpeg(pixels, exif=camera(index, colour_space)))

    assert error(safe, expected) <= 2


async def test_a_profile_counts_before_exif(pictures: Pictures) -> None:
    pixels = chart()

    safe = await pictures.make_safe(jpeg(pixels, exif=camera("R03", 0xFFFF), icc_profile=PROPHOTO))

    assert error(safe, in_srgb(pixels, power(1.8), ref.FROM_PROPHOTO)) <= 2


async def test_inks_are_shown_as_their_profile_prints_them(pictures: Pictures) -> None:
    inks = chart(4)
    expected = ref.lab_in_srgb(ref.ink_lab(inks / 255))

    # When Adobe's JPEGs hold inks inverted, which Pillow writes as well
    safe = await pictures.make_safe(jpeg(inks, "CMYK", icc_profile=ref.cmyk_profile()))

    assert safe.notes == ()
    assert error(safe, expected) <= 2


@pytest.mark.parametrize("profile", [None, ref.gray_profile(1.8), PROPHOTO])
async def test_inks_without_a_profile_of_inks_take_light_away(pictures: Pictures, profile: bytes | None) -> None:
    inks = chart(4)
    paper = inks[..., :3].astype(float), inks[..., 3:].astype(float)
    expected = (255 - paper[0]) * (255 - paper[1]) / 255

    safe = await pictures.make_safe(jpeg(inks, "CMYK", **({"icc_profile": profile} if profile else {})))

    assert safe.notes == (("picture_profile_ignored",) if profile else ())
    assert error(safe, expected) <= 2


# -- HEIC and AVIF


def heif(pixels: npt.NDArray[np.uint8], kind: str, primaries: int, transfer: int, **options: object) -> bytes:
    """A file whose `nclx` box has these codes, coded with hardly any loss."""
    out = io.BytesIO()
    if kind == "AVIF":
        Image.fromarray(pixels).save(out, "AVIF", quality=100, subsampling="4:4:4", speed=10, **options)
    else:
        pillow_heif.from_pillow(Image.fromarray(pixels)).save(out, quality=-1, chroma=444, **options)
    own, wanted = b"nclx" + struct.pack(">HH", 1, 13), b"nclx" + struct.pack(">HH", primaries, transfer)
    assert out.getvalue().count(own) == 1 or "icc_profile" in options
    return out.getvalue().replace(own, wanted)


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
@pytest.mark.parametrize(
    ("codes", "curve", "matrix"),
    [
        pytest.param((12, 13), srgb_light, ref.FROM_P3, id="Display P3"),
        pytest.param((9, 14), srgb_light, ref.BT2020_BT709, id="BT.2020"),
        pytest.param((1, 5), power(2.8), None, id="gamma 2.8"),
        pytest.param((1, 1), srgb_light, None, id="video"),
        pytest.param((2, 2), srgb_light, None, id="nothing"),
    ],
)
async def test_colours_of_heic_and_avif_are_what_their_codes_say(
    pictures: Pictures,
    kind: str,
    codes: tuple[int, int],
    curve: Callable[[ref.Light], ref.Light],
    matrix: ref.Light | None,
) -> None:
    safe = await pictures.make_safe(heif(chart(), kind, *codes))

    assert safe.notes == ()
    assert error(safe, in_srgb(chart(), curve, matrix)) <= 2


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
async def test_hdr_of_heic_and_avif_becomes_sdr(pictures: Pictures, kind: str) -> None:
    codes = np.round(chart() * 0.75).astype(np.uint8)
    nits = ref.pq_eotf(codes / 255)

    pq = await pictures.make_safe(heif(codes, kind, 9, 16))
    hlg = await pictures.make_safe(heif(chart(), kind, 9, 18))

    assert error(pq, ref.tone_mapped(nits, float(nits.max()), ref.BT2020_BT709)) <= 2
    assert error(hlg, ref.tone_mapped(ref.hlg_eotf(chart() / 255), 1000, ref.BT2020_BT709)) <= 2


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
async def test_in_heic_and_avif_a_profile_counts_before_codes(pictures: Pictures, kind: str) -> None:
    safe = await pictures.make_safe(heif(chart(), kind, 9, 16, icc_profile=PROPHOTO))

    assert safe.notes == ()
    assert error(safe, in_srgb(chart(), power(1.8), ref.FROM_PROPHOTO)) <= 2


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
async def test_codes_that_are_not_followed_are_said(pictures: Pictures, kind: str) -> None:
    # Given a logarithm, in which no picture for people is kept
    safe = await pictures.make_safe(heif(chart(), kind, 1, 9))

    assert safe.notes == ("picture_profile_ignored",)
    assert error(safe, chart().astype(float)) <= 2


@pytest.mark.parametrize("named", [True, False], ids=["by Google", "by its index alone"])
async def test_of_a_photo_with_a_gain_map_its_base_picture_is_shown(pictures: Pictures, named: bool) -> None:
    # Given a JPEG behind which the map stands that brightens it on a brighter screen
    base, out = Image.fromarray(chart()), io.BytesIO()
    base.save(out, "MPO", save_all=True, append_images=[Image.new("L", (96, 64), 200)], quality=100, subsampling=0)
    data = out.getvalue()
    if named:
        xmp = (
            b'http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x="adobe:ns:meta/"><x hdrgm:Version="1.0"/></x:xmpmeta>'
        )
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + data[2:]
    assert Image.open(io.BytesIO(data)).format == ("JPEG" if named else "MPO")

    safe = await pictures.make_safe(data)

    assert safe.notes == ()
    assert error(safe, chart().astype(float)) <= 2
