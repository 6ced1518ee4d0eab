"""Embeds, held to the platform's limits."""

from __future__ import annotations

from typing import Any

from wire_doubles.discord.errors import ApiError, bad_length, invalid_body, required, too_long

Wire = dict[str, Any]

MAX_EMBEDS, MAX_FIELDS, MAX_ALL = 10, 25, 6000
# where a text stands, and its most characters
TEXTS = (
    ("title", 256), ("description", 4096), ("author.name", 256), ("footer.text", 2048),
)  # fmt: skip
FIELD_TEXTS = (("name", 256), ("value", 1024))
URLS = ("url", "image.url", "thumbnail.url", "author.url", "author.icon_url", "footer.icon_url")


def checked(embeds: Any, files: dict[str, str]) -> list[Wire]:
    """As the platform keeps them; `files` are the addresses of what attachment:// may name. Raises 50035."""
    if not isinstance(embeds, list):
        raise invalid_body("embeds", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    if len(embeds) > MAX_EMBEDS:
        raise bad_length("embeds", 0, MAX_EMBEDS)
    total = sum(_check(embed, f"embeds.{number}") for number, embed in enumerate(embeds))
    if total > MAX_ALL:
        raise invalid_body("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    return [_kept(embed, files) for embed in embeds]


def _check(embed: Wire, at: str) -> int:
    """Its characters."""
    total = 0
    for path, most in TEXTS:
        said = _at(embed, path)
        if said is not None and len(str(said)) > most:
            raise too_long(f"{at}.{path}", most)
        total += len(str(said or ""))
    fields = embed.get("fields") or []
    if len(fields) > MAX_FIELDS:
        raise bad_length(f"{at}.fields", 0, MAX_FIELDS)
    for number, field in enumerate(fields):
        for name, most in FIELD_TEXTS:
            here = f"{at}.fields.{number}.{name}"
            if not field.get(name):
                raise required(here)
            if len(field[name]) > most:
                raise too_long(here, most)
            total += len(field[name])
    for path in URLS:
        url = _at(embed, path)
        if url and not str(url).startswith(("http://", "https://", "attachment://")):
            raise _bad_url(f"{at}.{path}")
    if not total and not any(_at(embed, path) for path in URLS):
        raise required(f"{at}.description")
    return total


def _kept(embed: Wire, files: dict[str, str]) -> Wire:
    kept = {"type": "rich", **embed}
    for part in ("image", "thumbnail", "author", "footer"):
        for name in ("url", "icon_url"):
            url = str((kept.get(part) or {}).get(name) or "")
            if url.startswith("attachment://"):
                kept[part] = {**kept[part], name: files.get(url.removeprefix("attachment://"), url)}
    return kept


def _at(embed: Wire, path: str) -> Any:
    found: Any = embed
    for name in path.split("."):
        found = (found or {}).get(name)
    return found


def _bad_url(path: str) -> ApiError:
    return invalid_body(path, "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').")
