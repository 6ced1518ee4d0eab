"""A PNG without its texts, which may be larger than the picture. Runs in the process that decodes it."""

from __future__ import annotations

import zlib

_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_NEEDED = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # may say how the camera was held
MOST = 1 << 20
"""Bytes of a text that is kept, unpacked."""


def without_texts(data: bytes) -> bytes:
    """Return the file without texts, but for those that may say how the camera was held.

    Programs that make pictures leave their whole recipe there, of megabytes, for which Pillow refuses the picture.
    """
    kept, since, at = [], 0, 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind in _TEXTS and not _is_needed(kind, data[at + 8 : min(end - 4, at + 8 + MOST)]):
            kept.append(data[since:at])
            since = end
        if kind == b"IEND":
            break
        at = end
    return b"".join([*kept, data[since:]]) if kept else data


def _is_needed(kind: bytes, body: bytes) -> bool:
    if not body.startswith(_NEEDED):
        return False
    _, _, text = body.partition(b"\0")
    if kind == b"iTXt":
        packed, text = text[:1] == b"\x01", text[2:].split(b"\0", 2)[-1]
    else:
        packed, text = kind == b"zTXt", text[1:]
    if not packed:
        return len(text) < MOST - 100
    try:
        unpacker = zlib.decompressobj()
        unpacker.decompress(text, MOST)
    except zlib.error:
        return False
    return unpacker.eof
