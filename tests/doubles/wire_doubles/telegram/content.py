"""What a call wants to show: words, a keyboard, media. Everything is checked as the platform does."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wire_doubles.multipart import Upload
from wire_doubles.telegram import entities
from wire_doubles.telegram.entities import Entity
from wire_doubles.telegram.errors import bad_request, too_large
from wire_doubles.telegram.media import Kind, Media
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

MAX_TEXT, MAX_CAPTION = 4096, 1024
MAX_CALLBACK_DATA = 64
MAX_PLACEHOLDER = 64
MAX_BUTTONS = 100

Keyboard = list[list[dict[str, Any]]]


def text_of(call: Call) -> tuple[str, list[Entity]]:
    """Raises 400 for none, too much, and tags that do not fit."""
    text, found = _formatted(call.text("text"), call.text("parse_mode"), call.json("entities"))
    if not text:
        raise bad_request("message text is empty")
    if entities.length(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return text, found


def caption_of(caption: str, parse_mode: str, marked: list[Entity] | None) -> tuple[str, list[Entity]]:
    text, found = _formatted(caption, parse_mode, marked)
    if entities.length(text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return text, found


def _formatted(text: str, mode: str, marked: list[Entity] | None) -> tuple[str, list[Entity]]:
    if marked:
        return text.rstrip(), sorted(entities.find(text) + marked, key=lambda entity: entity["offset"])
    plain, found = entities.parse(text, mode)
    if plain.strip() == plain:
        return plain, found
    bare = plain.strip()
    gone = entities.length(plain[: len(plain) - len(plain.lstrip())])
    return bare, [{**each, "offset": max(0, each["offset"] - gone)} for each in found]


def keyboard_of(call: Call) -> tuple[Keyboard, dict[str, Any]]:
    """An inline keyboard's rows, and markup of another kind. Raises 400."""
    markup = call.json("reply_markup")
    if markup is None:
        return [], {}
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        if len(markup.get("input_field_placeholder") or "") > MAX_PLACEHOLDER:
            raise bad_request("INPUT_FIELD_PLACEHOLDER_TOO_LONG")
        return [], markup
    rows: Keyboard = markup["inline_keyboard"]
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if len(button) < 2:
            raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= MAX_CALLBACK_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return [row for row in rows if row], {}


def media_of(world: World, call: Call, kind: Kind, said: str, about: dict[str, Any], field: str) -> Media:
    """`said` is attach://, a file_id or empty where the upload stands in `field`; `about` is told of the clip.

    Raises 400, and 413 over the limit.
    """
    upload = _upload(world, call, said, field)
    if upload is None:
        if not said:
            raise bad_request(f"there is no {kind} in the request")
        if said.startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content")
        known = world.files.known(said)
        if known.kind != kind:
            raise bad_request(f"can't use file of type {known.kind.capitalize()} as {kind.capitalize()}")
        return known
    if len(upload.data) > world.files.max_upload:
        raise too_large()
    if not upload.data:
        raise bad_request("file must be non-empty")
    if kind == "photo":
        return world.files.photo(upload.data)
    if kind == "document":
        return world.files.document(upload.data, upload.name, upload.mime)
    thumbnail = _upload(world, call, str(about.get("thumbnail", "")), "thumbnail")
    return world.files.clip(
        kind,
        upload.data,
        upload.name,
        width=int(about.get("width") or 0),
        height=int(about.get("height") or 0),
        duration=int(float(about.get("duration") or 0)),
        thumbnail=thumbnail.data if thumbnail else None,
        streaming=str(about.get("supports_streaming", "")).lower() == "true",
    )


def _upload(world: World, call: Call, said: str, field: str) -> Upload | None:
    if said.startswith("attach://"):
        field = said.removeprefix("attach://")
        if field not in call.uploads:
            raise bad_request("there is no attached file in the request")
        return call.uploads[field]
    if said.startswith("file:") and world.files.folder:
        path = Path(unquote(urlsplit(said).path))
        if not path.is_file():
            raise bad_request("invalid file HTTP URL specified: file not found")
        return Upload(path.name, "application/octet-stream", path.read_bytes())
    return call.uploads.get(field) if not said else None
