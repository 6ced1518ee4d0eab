"""Pictures, clips and files, as the platform keeps them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["photo", "video", "animation", "document", "sticker"]
FOLDERS = {
    "photo": "photos",
    "video": "videos",
    "animation": "animations",
    "document": "documents",
    "sticker": "stickers",
}


@dataclass(frozen=True)
class File:
    """`claimed` is the size that the platform tells, where a test does not want to hold so many bytes."""

    id: str
    unique_id: str
    data: bytes
    name: str = ""
    mime: str = ""
    width: int = 0
    height: int = 0
    claimed: int | None = None

    @property
    def size(self) -> int:
        return len(self.data) if self.claimed is None else self.claimed

    def wire(self) -> dict[str, Any]:
        return {"file_id": self.id, "file_unique_id": self.unique_id, "file_size": self.size}

    def size_wire(self) -> dict[str, Any]:
        """A PhotoSize."""
        return {**self.wire(), "width": self.width, "height": self.height}


@dataclass(frozen=True)
class Media:
    """`duration` in seconds. `sizes` are a photo's, smallest first; `file` is the largest."""

    kind: Kind
    file: File
    sizes: tuple[File, ...] = ()
    thumbnail: File | None = None
    width: int = 0
    height: int = 0
    duration: int = 0
    animated: bool = False
    moving: bool = False
    streaming: bool = False

    @property
    def data(self) -> bytes:
        return self.file.data

    @property
    def size(self) -> int:
        return self.file.size

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.file.data).hexdigest()

    @property
    def files(self) -> tuple[File, ...]:
        return (*(self.sizes or (self.file,)), *((self.thumbnail,) if self.thumbnail else ()))

    def wire(self) -> dict[str, Any]:
        """The fields that it gives to a message."""
        about = self.file.wire()
        if self.thumbnail:
            about["thumbnail"] = self.thumbnail.size_wire()
        named = {"file_name": self.file.name, "mime_type": self.file.mime}
        shape = {"width": self.width, "height": self.height}
        match self.kind:
            case "photo":
                return {"photo": [size.size_wire() for size in self.sizes]}
            case "video":
                return {"video": {**about, **named, **shape, "duration": self.duration}}
            case "animation":
                moving = {**about, **named, **shape, "duration": self.duration}
                return {"animation": moving, "document": {**about, **named}}
            case "sticker":
                flags = {"type": "regular", "is_animated": self.animated, "is_video": self.moving}
                return {"sticker": {**about, **shape, **flags, "emoji": "\N{SLIGHTLY SMILING FACE}"}}
            case "document":
                return {"document": {**about, **named}}

    def told(self) -> str:
        """For a transcript."""
        parts: list[str] = [self.kind]
        if self.width:
            parts.append(f"{self.width}x{self.height}")
        if self.kind in ("video", "animation"):
            parts.append(f"{self.duration} s")
        if self.kind == "document":
            parts.append(self.file.name)
        return f"[{' '.join(parts)}]"
