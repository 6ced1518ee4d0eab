"""Messages that hold neither words nor one file: live photos, stories, and media that are paid for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wire_doubles.telegram.media import Media

if TYPE_CHECKING:
    from wire_doubles.telegram.people import User

Wire = dict[str, Any]


def live_photo(still: Media, film: Media) -> Wire:
    """The film; the photo stands beside it as that of any photo does."""
    return {"live_photo": {**film.wire()["video"], **still.wire()}}


def story(of: User, number: int) -> Wire:
    chat = {"id": of.id, "type": "private", "first_name": of.name}
    return {"story": {"chat": chat, "id": number}}


def paid(photos: Sequence[Media], *, bought: bool) -> Wire:
    shown = [
        {"type": "photo", **photo.wire()}
        if bought
        else {"type": "preview", "width": photo.width, "height": photo.height}
        for photo in photos
    ]
    return {"paid_media": {"star_count": 25, "paid_media": shown}}
