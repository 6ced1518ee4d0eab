"""One call of a method, however it was encoded: in the address, as a form, as JSON, as multipart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from wire_doubles.multipart import Upload, parts
from wire_doubles.telegram.errors import ApiError, bad_request


@dataclass
class Call:
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    size: int = 0

    def text(self, name: str, otherwise: str = "") -> str:
        return self.fields.get(name, otherwise)

    def number(self, name: str, otherwise: int = 0) -> int:
        """What is no number counts as absent, as on the platform."""
        try:
            return int(float(self.fields[name])) if name in self.fields else otherwise
        except ValueError:
            return otherwise

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def json(self, name: str) -> Any:
        """None if it is absent."""
        words = self.text(name)
        if not words:
            return None
        try:
            return json.loads(words)
        except ValueError:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from None


async def read(request: web.Request, method: str) -> Call:
    call = Call(method, {name: str(value) for name, value in request.query.items()})
    call.size = request.content_length or 0
    if request.content_type == "multipart/form-data":
        async for part in parts(request):
            call.size = max(call.size, len(part.data))
            if part.filename is None:
                call.fields[part.name] = part.data.decode()
            else:
                call.uploads[part.name] = Upload(part.filename, part.mime, part.data)
    elif request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise ApiError(400, "Bad Request: can't parse request: can't parse JSON object") from None
        call.fields |= {name: _flat(value) for name, value in body.items() if value is not None}
    elif request.can_read_body:
        form = await request.post()
        call.fields |= {name: value for name, value in form.items() if isinstance(value, str)}
    return call


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
