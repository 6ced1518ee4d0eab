"""Pictures with clear parts: what they show can be seen, on the backing that people expect where that will do."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from tests.bots.test_pictures import file_of

from unstill_bots.intake.pictures import PictureError, Pictures, SafePicture

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZE = (640, 400)
CLEAR = (0, 0, 0, 0)
WHITE, BLACK, GRAY = 255, 0, 128


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as started:
        yield started


def shown(picture: SafePicture) -> npt.NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"), np.float64)


def canvas(size: tuple[int, int] = SIZE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", size, CLEAR)
    return image, ImageDraw.Draw(image)


def words(
    colour: str | tuple[int, ...], size: float = 90, at: tuple[int, int] = (60, 140), outline: int = 0
) -> Image.Image:
    image, draw = canvas()
    draw.text(at, "Hello there", colour, ImageFont.load_default(size), stroke_width=outline, stroke_fill="black")
    return image


def soft_logo(colour: tuple[int, int, int]) -> Image.Image:
    """A disc that fades out over a quarter of its width."""
    image, draw = canvas()
    draw.ellipse((170, 50, 470, 350), (*colour, 255))
    alpha = image.getchannel("A").filter(ImageFilter.GaussianBlur(30))
    plain = Image.new("RGBA", SIZE, (*colour, 0))
    plain.putalpha(alpha)
    return plain


def two_shades() -> Image.Image:
    """A black mark and a white word beside it: neither a page nor a dark screen shows both."""
    image = words("white", 60, (260, 160))
    ImageDraw.Draw(image).ellipse((40, 130, 180, 270), "black")
    return image


def sticker() -> Image.Image:
    """A figure with the white border that stickers have."""
    image, draw = canvas((512, 512))
    draw.ellipse((40, 40, 472, 472), "white")
    draw.ellipse((50, 50, 462, 462), (40, 120, 60, 255))
    return image


def light_window() -> Image.Image:
    """A screenshot with rounded corners: dark ones would be all that anybody looks at."""
    image, draw = canvas()
    draw.rounded_rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), 24, (250, 250, 250, 255))
    draw.text((60, 140), "Hello there", "black", ImageFont.load_default(60))
    return image


def half_clear_photo() -> Image.Image:
    y, x = np.mgrid[0:400, 0:640]
    planes = [(x / 3) % 256, (y / 2) % 256, (x + y) / 5 % 256, np.full((400, 640), 128)]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8), "RGBA")


def outlined() -> Image.Image:
    return words("white", outline=4)


@pytest.mark.parametrize(
    ("make", "backing"),
    [
        pytest.param(lambda: words("black"), WHITE, id="black text"),
        pytest.param(lambda: words("white"), BLACK, id="white text"),
        pytest.param(lambda: words("white", 14), BLACK, id="small white text"),
        pytest.param(lambda: words((255, 255, 0)), BLACK, id="yellow text"),
        pytest.param(lambda: words((255, 255, 255, 40)), BLACK, id="a faint watermark"),
        pytest.param(outlined, WHITE, id="white text with a black outline"),
        pytest.param(lambda: soft_logo((20, 60, 160)), WHITE, id="a dark logo with soft edges"),
        pytest.param(lambda: soft_logo((235, 240, 255)), BLACK, id="a pale logo with soft edges"),
        pytest.param(two_shades, GRAY, id="black and white"),
        pytest.param(sticker, WHITE, id="a sticker"),
        pytest.param(light_window, WHITE, id="rounded corners"),
        pytest.param(half_clear_photo, WHITE, id="a photo that is half transparent"),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_what_a_picture_shows_stands_out_from_its_backing(
    pictures: Pictures, make: Callable[[], Image.Image], backing: int, kind: str
) -> None:
    image = make()

    safe = await pictures.make_safe(file_of(image, kind, lossless=True))

    # Then the clear parts are of one shade, and the picture lies on it by the share that is not clear
    pixels = np.asarray(image, np.float64)
    share = pixels[..., 3:] / 255
    expected = pixels[..., :3] * share + backing * (1 - share)
    difference = np.abs(shown(safe) - expected)
    assert difference.mean() <= 2
    assert not (share == 0).any() or difference[share[..., 0] == 0].mean() <= 2
    assert safe.notes == ()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
async def test_gray_and_palettes_have_clear_parts_too(pictures: Pictures, kind: str) -> None:
    text = words("white")
    if kind == "GIF":
        data = file_of(text.getchannel("A").point([0] * 128 + [255] * 128).convert("P"), "GIF", transparency=0)
    else:
        data = file_of(text.convert("LA"), kind, lossless=True)

    picture = shown(await pictures.make_safe(data))

    assert picture[0, 0].tolist() == pytest.approx([BLACK] * 3, abs=2)
    assert picture.max() > 250


@pytest.mark.parametrize("colour", [CLEAR, (255, 0, 0, 0), (90, 90, 90, 4)])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_where_nothing_can_be_seen_that_is_said(
    pictures: Pictures, colour: tuple[int, int, int, int], kind: str
) -> None:
    # Given colours that somebody erased: they are under what is clear, and not to be shown
    image = Image.new("RGBA", SIZE, colour)

    with pytest.raises(PictureError) as refusal:
        await pictures.make_safe(file_of(image, kind, lossless=True, exact=True))

    assert refusal.value.code == "picture_transparent"


async def test_what_was_erased_is_not_shown(pictures: Pictures) -> None:
    image = Image.new("RGBA", SIZE, (255, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 100, 100), (0, 0, 90, 255))

    picture = shown(await pictures.make_safe(file_of(image, "PNG")))

    assert picture[300, 300].tolist() == [WHITE] * 3
