"""Files on messages and in commands, and what the platform believes about them."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import re
from dataclasses import dataclass
from typing import Any

from PIL import Image

from wire_doubles.discord.errors import invalid_body

MAX_NAME = MAX_DESCRIPTION = 1024
IS_SPOILER = 1 << 3
"""An attachment's flag. A person's app sets it, a bot names the file SPOILER_; either covers what it shows."""


@dataclass(frozen=True)
class File:
    """What a person picks to send. `mime` and `size` are what the platform is to tell of it, true or not;
    None: by the name, and the real size. `width` and `height` None: what the picture says.
    """

    data: bytes
    name: str = "photo.png"
    mime: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    description: str | None = None
    spoiler: bool = False


@dataclass(frozen=True)
class Attachment:
    """`folder` is the first part of its address; `owner_id` the second: a channel's or an application's id."""

    id: int
    name: str
    data: bytes
    mime: str
    width: int | None
    height: int | None
    owner_id: int
    folder: str = "attachments"
    claimed: int | None = None
    description: str | None = None
    covered: bool = False

    @property
    def size(self) -> int:
        return len(self.data) if self.claimed is None else self.claimed

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def is_clip(self) -> bool:
        return self.mime.startswith("video/")

    @property
    def spoiler(self) -> bool:
        return self.name.startswith("SPOILER_") or self.covered

    @property
    def path(self) -> str:
        return f"/{self.folder}/{self.owner_id}/{self.id}/{self.name}"

    def wire(self, url: str, proxy_url: str) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "id": str(self.id), "filename": self.name, "size": self.size, "url": url, "proxy_url": proxy_url,
            "content_type": self.mime, "content_scan_version": 2,
        }  # fmt: skip
        if self.width:
            wire |= {"width": self.width, "height": self.height}
        if self.description:
            wire["description"] = self.description
        if self.spoiler:
            wire["flags"] = IS_SPOILER
        if self.folder == "ephemeral-attachments":
            wire["ephemeral"] = True
        return wire

    def told(self) -> str:
        """For a transcript."""
        return f"[{self.name} {self.size} B]"


def attachment(id: int, file: File, owner_id: int, *, ephemeral: bool = False) -> Attachment:
    """Raises 50035 for a name or a description that is too long."""
    if len(file.name) > MAX_NAME:
        raise invalid_body("attachments.0.filename", "BASE_TYPE_MAX_LENGTH", "Must be 1024 or fewer in length.")
    if len(file.description or "") > MAX_DESCRIPTION:
        raise invalid_body("attachments.0.description", "BASE_TYPE_MAX_LENGTH", "Must be 1024 or fewer in length.")
    width, height = (file.width, file.height) if file.width else _shape(file.data)
    name = re.sub(r"[^\w.\-]", "_", file.name) or "file"
    return Attachment(
        id=id,
        name=name,
        data=file.data,
        mime=file.mime or mimetypes.guess_type(name)[0] or "application/octet-stream",
        width=width,
        height=height,
        owner_id=owner_id,
        folder="ephemeral-attachments" if ephemeral else "attachments",
        claimed=file.size,
        description=file.description,
        covered=file.spoiler,
    )


def _shape(data: bytes) -> tuple[int | None, int | None]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None, None
