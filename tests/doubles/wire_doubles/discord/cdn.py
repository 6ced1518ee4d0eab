"""Where files are downloaded from: signed addresses that expire, pictures of people, stickers, and other hosts."""

from __future__ import annotations

import hashlib
import hmac
import io
import itertools
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from PIL import Image

from wire_doubles.clock import Clock
from wire_doubles.discord.attachments import Attachment
from wire_doubles.discord.errors import ApiError
from wire_doubles.discord.messages import Sticker
from wire_doubles.door import Door

Wire = dict[str, Any]

URL_SECONDS = 24 * 3600
STICKER_ENDINGS = {1: "png", 2: "png", 3: "json", 4: "gif"}
STICKER_MIMES = {1: "image/png", 2: "image/png", 3: "application/json", 4: "image/gif"}


@dataclass(frozen=True)
class Served:
    """`location` is where a redirect leads."""

    data: bytes = b""
    mime: str = "application/octet-stream"
    location: str = ""


@dataclass(frozen=True)
class Download:
    """One request: its host as the client named it, and what it got."""

    host: str
    path: str
    status: int


def gone() -> ApiError:
    return ApiError(404, 0, "This content is no longer available.")


class Cdn:
    """`base` is set once the server listens. `lost` files answer 404, whatever their signature says.

    Downloads go through `door`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.door = Door()
        self._key = b"cdn-double"
        self._attachments: dict[str, Attachment] = {}
        self._fixed: dict[str, Served] = {}
        self._count = itertools.count(1)
        self._served_as: dict[int, str] = {}
        self.lost: set[int] = set()
        self.base = ""
        self.downloads: list[Download] = []

    def keep(self, attachment: Attachment, *, served_as: str | None = None) -> Attachment:
        """`served_as` is the Content-Type of the download where that differs from what the platform told."""
        self._attachments[attachment.path] = attachment
        if served_as:
            self._served_as[attachment.id] = served_as
        return attachment

    def url(self, attachment: Attachment, *, seconds: float = URL_SECONDS) -> str:
        """Good for a day from now."""
        issued = int(self._clock.now())
        return f"{self.base}{attachment.path}?{self._signed(attachment.path, issued, issued + int(seconds))}"

    def wire(self, attachment: Attachment) -> dict[str, Any]:
        url = self.url(attachment)
        return attachment.wire(url, url.replace(self.base, f"{self.base}/media", 1))

    def components(self, components: list[Wire], attachments: list[Attachment]) -> list[Wire]:
        """With what is known of the media that they name; those of the message are named attachment://<name>."""
        told = {f"attachment://{each.name}": self._unfurled(each) for each in attachments}
        return [self._told(each, told) for each in components]

    def _unfurled(self, attachment: Attachment) -> Wire:
        wire = self.wire(attachment)
        kept = ("url", "proxy_url", "width", "height", "content_type")
        return {"attachment_id": wire["id"], "loading_state": 2, **{name: wire.get(name) for name in kept}}

    def _told(self, value: Any, media: dict[str, Wire]) -> Any:
        if isinstance(value, list):
            return [self._told(each, media) for each in value]
        if not isinstance(value, dict):
            return value
        inner = {name: self._told(each, media) for name, each in value.items()}
        return {**inner, **media.get(str(value.get("url", "")), {})}

    def find(self, url: str) -> Attachment | None:
        path = url.removeprefix(self.base).split("?")[0].removeprefix("/media")
        return self._attachments.get(path)

    def avatar(self, user_id: int, picture: bytes) -> str:
        """Its hash, from now on at /avatars/<user>/<hash>.<ending>, in the format that the ending says."""
        name = hashlib.md5(picture, usedforsecurity=False).hexdigest()
        for ending in ("png", "jpeg", "jpg", "webp"):
            data = _as(picture, ending)
            self._fixed[f"/avatars/{user_id}/{name}.{ending}"] = Served(data, f"image/{ending.replace('jpg', 'jpeg')}")
        return name

    def sticker(self, sticker: Sticker) -> str:
        """Its address."""
        path = f"/stickers/{sticker.id}.{STICKER_ENDINGS[sticker.format]}"
        self._fixed[path] = Served(sticker.data, STICKER_MIMES[sticker.format])
        return self.base + path

    def external(self, data: bytes, mime: str = "image/png", *, source: str = "https/example.org/picture.png") -> str:
        """The proxy address that the platform gives to a picture from elsewhere."""
        path = f"/external/{next(self._count):08x}/{source}"
        self._fixed[path] = Served(data, mime)
        return self.base + path

    def redirect(self, to: str) -> str:
        """An address of the CDN that leads somewhere else."""
        path = f"/attachments/0/{next(self._count)}/moved.png"
        self._fixed[path] = Served(location=to)
        return self.base + path

    def elsewhere(self, data: bytes = b"", mime: str = "image/png", *, host: str = "localhost") -> str:
        """An address on a host that is not the CDN, though it answers: whoever fetches it stands in `downloads`."""
        path = f"/elsewhere/{next(self._count)}.png"
        self._fixed[path] = Served(data, mime)
        return f"http://{host}:{self.base.rsplit(':', 1)[1]}{path}"

    def serve(self, path: str, query: str) -> Served:
        """Raises 404 for what is unknown, lost, unsigned or expired."""
        if path in self._fixed:
            return self._fixed[path]
        if path.startswith("/embed/avatars/"):
            return Served(_as(None, "png"), "image/png")
        path = path.removeprefix("/media")
        attachment = self._attachments.get(path)
        if attachment is None or attachment.id in self.lost:
            raise gone()
        fields = parse_qs(query)
        try:
            issued, expires = int(fields["is"][0], 16), int(fields["ex"][0], 16)
            signature = fields["hm"][0]
        except (KeyError, ValueError):
            raise gone() from None
        if signature != self._sign(path, issued, expires) or self._clock.now() > expires:
            raise gone()
        return Served(attachment.data, self._served_as.get(attachment.id, attachment.mime))

    def _signed(self, path: str, issued: int, expires: int) -> str:
        return f"ex={expires:x}&is={issued:x}&hm={self._sign(path, issued, expires)}&"

    def _sign(self, path: str, issued: int, expires: int) -> str:
        return hmac.new(self._key, f"{path} {issued} {expires}".encode(), hashlib.sha256).hexdigest()


def _as(picture: bytes | None, ending: str) -> bytes:
    out = io.BytesIO()
    image = Image.open(io.BytesIO(picture)) if picture else Image.new("RGB", (128, 128), (88, 101, 242))
    with image:
        image.convert("RGB").save(out, {"jpg": "JPEG"}.get(ending, ending.upper()))
    return out.getvalue()
