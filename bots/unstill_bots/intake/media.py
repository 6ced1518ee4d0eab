"""The kind of a file: by what its sender says of it before it is fetched, and by its first bytes once it is here."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

import msgspec

Kind = Literal["picture", "other_format", "drawing", "video", "sticker", "unknown"]


class Sniffed(msgspec.Struct, frozen=True):
    """`name` is Pillow's own for the kind 'picture', and one for people otherwise."""

    kind: Kind
    name: str


HEAD = 512
"""Bytes of a file that tell its kind."""
_MAGIC: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", Sniffed("picture", "JPEG")),
    (b"\x89PNG\r\n\x1a\n", Sniffed("picture", "PNG")),
    (b"GIF87a", Sniffed("picture", "GIF")),
    (b"GIF89a", Sniffed("picture", "GIF")),
    (b"BM", Sniffed("other_format", "BMP")),
    (b"II*\x00", Sniffed("other_format", "TIFF")),
    (b"MM\x00*", Sniffed("other_format", "TIFF")),
    (b"II+\x00", Sniffed("other_format", "TIFF")),
    (b"MM\x00+", Sniffed("other_format", "TIFF")),
    (b"8BPS", Sniffed("other_format", "Photoshop")),
    (b"\xff\x0a", Sniffed("other_format", "JPEG XL")),
    (b"\x00\x00\x00\x0cJXL ", Sniffed("other_format", "JPEG XL")),
    (b"\x00\x00\x00\x0cjP  ", Sniffed("other_format", "JPEG 2000")),
    (b"\x00\x00\x01\x00", Sniffed("other_format", "ICO")),
    (b"%PDF", Sniffed("drawing", "PDF")),
    (b"%!PS", Sniffed("drawing", "PostScript")),
    (b"\x1a\x45\xdf\xa3", Sniffed("video", "WebM")),
    (b"\x1f\x8b", Sniffed("sticker", "TGS")),
)
_STILL_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
_ANY_CODEC = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
"""Brands of files with pictures that say nothing of how these are coded: another of the file's brands does."""


def sniff(data: bytes) -> Sniffed:
    """Return the kind of a file by its first bytes; any bytes have one, if only 'unknown'. A name is not believed."""
    head = data[:HEAD]
    for magic, sniffed in _MAGIC:
        if head.startswith(magic):
            return sniffed
    if head[:4] == b"RIFF":
        if head[8:12] == b"WEBP":
            return Sniffed("picture", "WEBP")
        return Sniffed("video", "AVI") if head[8:12] == b"AVI " else Sniffed("unknown", "")
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), 64), 4))]
        telling = brands if brands[0] in _ANY_CODEC else brands[:1]
        if stills := [_STILL_BRANDS[brand] for brand in telling if brand in _STILL_BRANDS]:
            return Sniffed("picture", stills[0])
        if brands[0] in _ANY_CODEC:
            return Sniffed("picture", "HEIC")
        return Sniffed("video", "MP4")
    if b"<svg" in head.lower():
        return Sniffed("drawing", "SVG")
    return Sniffed("unknown", "")


# -- before it is fetched

PICTURE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".png", ".apng", ".webp", ".gif"),
        *(".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs", ".bmp", ".tif", ".tiff"),
    }
)
"""How files that are taken for pictures are called; those in other formats are refused by their own sentence."""
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".3gp"})
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/binary"})


class Unfit(msgspec.Struct, frozen=True):
    """A file that says itself that it is no picture. `code` is one of `text.sentences.PICTURES`."""

    code: str
    format: str = ""

    @property
    def details(self) -> dict[str, str]:
        """The values in the code's sentence, as in `PictureError`."""
        return {"format": self.format}


def is_named_picture(media_type: str, name: str) -> bool:
    """Return whether a file's media type or its name says that it is a picture."""
    return _kind(media_type).startswith("image/") or PurePath(name).suffix.lower() in PICTURE_SUFFIXES


def unfit(media_type: str, name: str) -> Unfit | None:
    """Return what a file is by its media type, or None for what may be a picture.

    A name alone refuses nothing: where the media type says nothing, the bytes will tell.
    """
    kind = _kind(media_type)
    if is_named_picture(media_type, name) or kind in _SAYS_NOTHING:
        return None
    return Unfit("picture_video" if kind.startswith("video/") else "picture_unknown")


def _kind(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
