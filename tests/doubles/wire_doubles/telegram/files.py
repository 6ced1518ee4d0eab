"""Every file that was ever sent: its ids, its way to a download, and what the platform makes of it."""

from __future__ import annotations

import base64
import functools
import io
import random
import re
from pathlib import Path

from PIL import Image, ImageOps

from wire_doubles.clock import Clock
from wire_doubles.door import Door
from wire_doubles.telegram.errors import ApiError, bad_request, not_found
from wire_doubles.telegram.media import FOLDERS, File, Kind, Media

SOUND = re.compile(rb"hdlr.{8}soun", re.DOTALL)
"""The handler of a sound track in an MP4: a recipe in its metadata may hold such a word, too."""

MAX_DOWNLOAD = 20 << 20
MAX_UPLOAD = 50 << 20
MAX_LOCAL_UPLOAD = 2000 << 20
MAX_PHOTO = 10 << 20
MAX_THUMBNAIL = 200 << 10
LINK_SECONDS = 3600.0
SIDES = (90, 320, 800, 1280)


class Files:
    """`folder` makes it a local Bot API server: files are handed over as paths in it, of any size.

    Downloads go through `door`.
    """

    def __init__(self, bot_id: int, clock: Clock, folder: Path | None = None) -> None:
        self._bot_id = bot_id
        self._clock = clock
        self.folder = folder
        self.door = Door()
        self._random = random.Random(bot_id)
        self._of: dict[str, tuple[File, Media]] = {}
        self._links: dict[str, tuple[File, float]] = {}
        self._paths: dict[str, str] = {}
        self._lost: set[str] = set()

    @property
    def max_upload(self) -> int:
        return MAX_LOCAL_UPLOAD if self.folder else MAX_UPLOAD

    def photo(self, data: bytes) -> Media:
        """A photo is always recompressed. Raises 400 for what is none."""
        if len(data) > MAX_PHOTO:
            raise bad_request("PHOTO_SAVE_FILE_INVALID")
        sizes = tuple(self._file(jpeg, width=w, height=h) for jpeg, w, h in _compress(data))
        return self._keep(Media("photo", sizes[-1], sizes, width=sizes[-1].width, height=sizes[-1].height))

    def document(self, data: bytes, name: str, mime: str, *, claimed: int | None = None) -> Media:
        file = self._file(data, name=name, mime=mime, claimed=claimed)
        return self._keep(Media("document", file, thumbnail=self._preview(data)))

    def sticker(self, data: bytes, *, animated: bool = False, moving: bool = False) -> Media:
        width, height = (512, 512) if animated or moving else _shape(data)
        file = self._file(data, width=width, height=height)
        return self._keep(Media("sticker", file, width=width, height=height, animated=animated, moving=moving))

    def clip(
        self,
        kind: Kind,
        data: bytes,
        name: str,
        *,
        width: int,
        height: int,
        duration: int,
        thumbnail: bytes | None,
        streaming: bool = False,
        claimed: int | None = None,
    ) -> Media:
        """Sizes and duration are those that the sender told; the platform does not look. What is no MP4 becomes
        a document, and an animation with sound a video.
        """
        if data[4:8] != b"ftyp" and not (kind == "animation" and data[:4] == b"GIF8"):
            return self.document(data, name, "application/octet-stream", claimed=claimed)
        if kind == "animation" and SOUND.search(data):
            kind = "video"
        mime = "image/gif" if data[:4] == b"GIF8" else "video/mp4"
        file = self._file(data, name=name, mime=mime, width=width, height=height, claimed=claimed)
        small = self._thumbnail(thumbnail) if thumbnail else None
        return self._keep(Media(kind, file, (), small, width, height, duration, streaming=streaming))

    def known(self, file_id: str) -> Media:
        """Raises 400."""
        if file_id not in self._of:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return self._of[file_id][1]

    def lose(self, media: Media) -> None:
        """From now on nobody can download it."""
        self._lost.update(file.id for file in media.files)

    def link(self, file_id: str) -> tuple[File, str]:
        """The path to download a file from, for an hour. Raises 400."""
        if file_id not in self._of:
            raise bad_request("invalid file_id")
        file, media = self._of[file_id]
        if file_id in self._lost:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if file.size > MAX_DOWNLOAD and not self.folder:
            raise bad_request("file is too big")
        if file_id not in self._paths:
            ending = Path(file.name).suffix or {"photo": ".jpg", "sticker": ".webp"}.get(media.kind, "")
            self._paths[file_id] = f"{FOLDERS[media.kind]}/file_{len(self._paths)}{ending}"
        path = self._paths[file_id]
        if self.folder:
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.data)
            return file, str(place)
        self._links[path] = (file, self._clock.now() + LINK_SECONDS)
        return file, path

    def download(self, path: str) -> bytes:
        """Raises 404."""
        file, until = self._links.get(path, (None, 0.0))
        if file is None or self._clock.now() > until or file.id in self._lost:
            raise not_found()
        return file.data

    def _keep(self, media: Media) -> Media:
        for file in media.files:
            self._of[file.id] = (file, media)
        return media

    def _file(
        self,
        data: bytes,
        *,
        name: str = "",
        mime: str = "",
        width: int = 0,
        height: int = 0,
        claimed: int | None = None,
    ) -> File:
        # ids of another bot differ, and so do those of the same bytes uploaded twice
        unique = self._random.randbytes(9)
        whole = b"\x02" + self._bot_id.to_bytes(8, "big") + unique + self._random.randbytes(18)
        return File(_name(whole), _name(unique), data, name, mime, width, height, claimed)

    def _thumbnail(self, data: bytes) -> File | None:
        """What is no small JPEG is left out, as on the platform."""
        if len(data) > MAX_THUMBNAIL or data[:2] != b"\xff\xd8":
            return None
        width, height = _shape(data)
        return self._file(data, width=width, height=height) if max(width, height) <= 320 else None

    def _preview(self, data: bytes) -> File | None:
        """The platform draws one for a document that is a picture."""
        try:
            jpeg, width, height = _compress(data, (320,))[-1]
        except ApiError:
            return None
        return self._file(jpeg, width=width, height=height)


def _name(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _shape(data: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except OSError:
        raise bad_request("IMAGE_PROCESS_FAILED") from None


@functools.lru_cache(maxsize=64)
def _compress(data: bytes, sides: tuple[int, ...] = SIDES) -> tuple[tuple[bytes, int, int], ...]:
    """JPEGs with their shapes, upright, smallest first; the picture is never enlarged."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if sum(image.size) > 10_000 or max(image.size) > 20 * min(image.size):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    made = []
    for side in sides:
        smaller = image.copy()
        smaller.thumbnail((side, side))
        out = io.BytesIO()
        smaller.save(out, "JPEG", quality=87)
        made.append((out.getvalue(), *smaller.size))
        if side >= max(image.size):
            break
    return tuple(made)
