"""Bodies of multipart/form-data, as clients send files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, web


@dataclass(frozen=True)
class Upload:
    name: str
    mime: str
    data: bytes


@dataclass(frozen=True)
class Part:
    """A named part of a body. `filename` is None where it is no file."""

    name: str
    filename: str | None
    mime: str
    data: bytes


async def parts(request: web.Request) -> AsyncIterator[Part]:
    """Yield the named parts in the order in which they come."""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        mime = part.headers.get("Content-Type", "application/octet-stream")
        yield Part(part.name, part.filename, mime, bytes(await part.read(decode=True)))
