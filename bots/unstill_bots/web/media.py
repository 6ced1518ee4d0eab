"""Clips, posters and files of the page, by ranges and with what a browser needs to keep them."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from aiohttp import web

from unstill_queue.contract.errors import StorageError
from unstill_queue.storage.base import Storage

PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


async def send_clip(
    request: web.Request, storage: Storage, key: str, size: int, name: str, *, save: bool
) -> web.StreamResponse:
    """Answer with a clip of `size` bytes, or the range of it that is asked for. `save`: it is to be saved as `name`.

    Raises StorageError, NotFound.
    """
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": f"{'attachment' if save else 'inline'}; filename*=UTF-8''{quote(name)}",
        "Content-Type": "video/mp4",
    }
    if {tag, "*"} & {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}:
        return web.Response(status=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    first, last = 0, size - 1
    asked = request.headers.get("Range", "")
    # of another version of the file only the whole is of use
    if asked and request.headers.get("If-Range", tag) == tag:
        found = _range(asked, size)
        if found is not None:
            if not found:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
            first, last = found[0], found[-1]
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    # what is not there is said before the head is sent
    piece = await storage.read(key, first, min(PIECE, last - first + 1))
    response = web.StreamResponse(status=206 if "Content-Range" in headers else 200, headers=headers)
    response.content_length = last - first + 1
    await response.prepare(request)
    if request.method != "HEAD":
        while True:
            await response.write(piece)
            first += len(piece)
            if first > last:
                break
            if not piece:
                raise StorageError(f"{key} is shorter than it was")
            piece = await storage.read(key, first, min(PIECE, last - first + 1))
    await response.write_eof()
    return response


def _range(asked: str, size: int) -> range | None:
    """Return the bytes of a Range header: empty where there are no such bytes, None for a header that is not read."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or (found[1] and found[2] and int(found[2]) < int(found[1])):
        # several ranges, another unit, or none at all: the whole is a right answer too
        return None
    if found[3]:
        first, last = max(0, size - int(found[3])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2]), size - 1) if found[2] else size - 1
    return range(first, last + 1)
