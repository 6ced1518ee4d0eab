"""The colours that the boxes of HEIC and AVIF say: of the main picture, and nothing of what is damaged."""

from __future__ import annotations

import struct

from hypothesis import example, given
from hypothesis import strategies as st
from tests.bots.hostile.sources import encoded, photo

from unstill_bots.intake.picture.heif_boxes import nclx


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def colour(primaries: int, transfer: int) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 6, 128))


def file_with(*properties: bytes, main: int = 1, wide: bool = False, **of_items: list[int]) -> bytes:
    """A file with these properties, numbered from 1, of which items, named i1, i2 and so on, have those named."""
    items = [
        struct.pack(">IB" if wide else ">HB", int(name[1:]), len(numbers))
        + b"".join(struct.pack(">H" if wide else ">B", number) for number in numbers)
        for name, numbers in of_items.items()
    ]
    version = b"\x01\x00\x00\x01" if wide else bytes(4)
    associations = box(b"ipma", version, struct.pack(">I", len(items)), *items)
    head = (
        box(b"pitm", b"\x01\x00\x00\x00", struct.pack(">I", main))
        if wide
        else box(b"pitm", bytes(4), struct.pack(">H", main))
    )
    return box(b"ftyp", b"heic") + box(b"meta", bytes(4), head, box(b"iprp", box(b"ipco", *properties), associations))


PLAIN, OTHER = box(b"ispe", bytes(12)), box(b"colr", b"prof", b"an ICC profile")


def test_the_main_picture_s_codes_are_read() -> None:
    properties = [PLAIN, colour(1, 13), OTHER, colour(12, 13), colour(9, 16)]

    for wide in (False, True):
        assert nclx(file_with(*properties, wide=wide, main=2, i1=[1, 2], i2=[1, 3, 4], i3=[5])) == (12, 13)
        # a picture in tiles, which alone have codes
        assert nclx(file_with(*properties[:4], wide=wide, main=7, i1=[2], i7=[1])) == (1, 13)
        assert nclx(file_with(PLAIN, OTHER, wide=wide, i1=[1, 2])) is None


def test_what_an_encoder_writes_is_read() -> None:
    data = encoded(photo("RGBA"), "AVIF")

    assert nclx(data) == (1, 13)
    assert nclx(data.replace(b"nclx\x00\x01\x00\x0d", b"nclx\x00\x0c\x00\x0d")) == (12, 13)


@example(b"")
@example(box(b"ftyp", b"heic") + struct.pack(">I4sQ", 1, b"meta", 2**64 - 1))
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(
            lambda b: box(b"ftyp", b"heic") + box(b"meta", bytes(4), box(b"iprp", box(b"ipma", b)))
        ),
    )
)
def test_damaged_boxes_say_nothing(data: bytes) -> None:
    assert nclx(data) is None


@given(st.integers(0, 120), st.binary(min_size=1, max_size=8))
def test_whatever_is_written_over_them_there_are_codes_or_none(at: int, junk: bytes) -> None:
    data = file_with(PLAIN, colour(12, 13), i1=[1, 2])

    said = nclx(data[:at] + junk + data[at + len(junk) :])

    assert said is None or all(0 <= code < 2**16 for code in said)
