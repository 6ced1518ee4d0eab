"""The body of a request for clips: its pictures and fields, bounded before and while they are read."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec
from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from unstill_queue.contract.options import LAST_IMAGE

FIELD_MOST = 64 * 1024
"""Bytes of one text field. Words alone may be as long as a caption."""
FIELDS_MOST = 100
FILES_MOST = 20
"""Pictures of one request."""
LINES_MOST = 2000
"""Lines of a form that are no field's and no picture's: the heads of its parts, and what is between them. Each costs
far more time than its bytes.
"""
BODY_WITHIN = 300.0
"""Seconds that a body may take to come."""
PIECE = 256 * 1024


OF = "of"
"""The field that names an older clip, of whose picture, or from whose end on, another one is asked for."""


class Refused(Exception):
    """It is not done, by whatever is wrong with the request itself. `status` is HTTP's, `code` one of
    `page_replies.PROBLEMS`; `field` is the one that is wrong.
    """

    def __init__(self, status: int, code: str, field: str = "") -> None:
        self.status = status
        self.code = code
        self.field = field[:60]
        super().__init__(code)


class Upload(msgspec.Struct, frozen=True):
    """The fields and files of one body. A file is the bytes that were sent, whatever they are called; `last` is that of
    the field LAST_IMAGE, with which clips of the others end, and else empty.
    """

    fields: Mapping[str, str]
    files: tuple[bytes, ...]
    last: bytes = b""


async def read_form(request: web.Request, most: int, file_most: int) -> Upload:
    """Read a form of at most `most` bytes, and of at most `file_most` a file. Raises Refused."""
    _check(request, most)
    try:
        async with asyncio.timeout(BODY_WITHIN):
            if request.content_type == "application/x-www-form-urlencoded":
                text = (await _body(request, min(most, FIELD_MOST * 4))).decode("utf-8", "replace")
                return Upload(_fields_of(text), ())
            if request.content_type != "multipart/form-data":
                raise Refused(415, "wrong_type")
            return await _parts(request, most, file_most)
    except TimeoutError:
        raise Refused(408, "too_slow") from None
    except (ValueError, AssertionError, HttpProcessingError, web.RequestPayloadError, ConnectionError):
        # aiohttp's reader says by either of these that the parts are no parts
        raise Refused(400, "wrong_body") from None


async def read_json(request: web.Request, most: int) -> bytes:
    """Read a body of JSON of at most `most` bytes. Raises Refused."""
    _check(request, most)
    if request.content_type != "application/json":
        raise Refused(415, "wrong_type")
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await _body(request, most)
    except TimeoutError:
        raise Refused(408, "too_slow") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refused(400, "wrong_body") from None


def picture_in(text: str) -> bytes:
    """Return the bytes of base64 or of a data URL. Raises Refused."""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise Refused(400, "wrong_picture")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "wrong_picture") from None


def _check(request: web.Request, most: int) -> None:
    if (request.content_length or 0) > most:
        raise Refused(413, "too_large")


async def _body(request: web.Request, most: int) -> bytes:
    body = bytearray()
    while piece := await request.content.read(PIECE):
        body += piece
        if len(body) > most:
            raise Refused(413, "too_large")
    return bytes(body)


async def _parts(request: web.Request, most: int, file_most: int) -> Upload:
    fields: dict[str, str] = {}
    files: list[bytes] = []
    last = b""
    left = most
    reader = MultipartReader(request.headers, cast(StreamReader, _Lines(request.content)))
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise Refused(400, "wrong_body")
        is_file = part.filename is not None
        data = await _part(part, left, file_most if is_file else FIELD_MOST)
        left -= len(data)
        if not is_file:
            fields[part.name] = data.decode("utf-8", "replace")
        elif part.name == LAST_IMAGE:
            if data and last:
                raise Refused(413, "too_many")
            last = last or data
        elif data or part.filename:
            # a browser sends a nameless empty file where none was chosen
            files.append(data)
        if len(fields) > FIELDS_MOST or len(files) > FILES_MOST:
            raise Refused(413, "too_many")
    return Upload(fields, tuple(files), last)


class _Lines:
    """A body of which no more than LINES_MOST lines are read one by one; then Refused is raised."""

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self._left = LINES_MOST

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise Refused(413, "too_many")
        return await self._content.readline(max_line_length=max_line_length)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


async def _part(part: BodyPartReader, left: int, most: int) -> bytes:
    """Return one part, of at most `most` bytes and of what is `left` of the whole. Raises Refused."""
    data = bytearray()
    while piece := await part.read_chunk(PIECE):
        data += piece
        if len(data) > left:
            raise Refused(413, "too_large")
        if len(data) > most:
            raise Refused(413, "long_field" if part.filename is None else "large_picture", part.name or "")
    return bytes(data)


def _fields_of(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MOST))
