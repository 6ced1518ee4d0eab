"""One call of the API, however it was encoded: JSON, or multipart with payload_json and files[n]."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from wire_doubles.discord.errors import invalid_body, not_json
from wire_doubles.multipart import Upload, parts

Wire = dict[str, Any]


@dataclass
class Call:
    """`operation` is the handler's name; `uploads` are keyed by their number; `size` in bytes."""

    operation: str
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    size: int = 0

    @property
    def fields(self) -> Wire:
        """A body that must be an object. Raises 50035."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise invalid_body("_", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return self.body

    def id(self, name: str) -> int:
        """A snowflake of the address. Raises 50035."""
        value = self.path[name]
        if not value.isdigit() or int(value) >= 1 << 63:
            raise invalid_body(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return int(value)

    def number(self, name: str, otherwise: int) -> int:
        """Of the query. Raises 50035."""
        value = self.query.get(name, str(otherwise))
        if not value.isdigit():
            raise invalid_body(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        return int(value)

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("1", "true")


async def read(request: web.Request, call: Call) -> None:
    """Fill in the body. Raises 50109."""
    call.query = {name: str(value) for name, value in request.query.items()}
    call.size = request.content_length or 0
    if request.content_type == "multipart/form-data":
        async for part in parts(request):
            found = re.fullmatch(r"files\[(\d+)\]", part.name)
            if part.name == "payload_json":
                call.body = _json(part.data)
            elif found:
                call.uploads[int(found[1])] = Upload(part.filename or "file", part.mime, part.data)
    elif request.can_read_body:
        data = await request.read()
        call.body = _json(data) if data else None


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise not_json() from None
