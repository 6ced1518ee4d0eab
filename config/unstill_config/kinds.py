"""The kinds of value that settings hold, each with the one sentence that says what is allowed."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, StringConstraints

from unstill_config.languages import LANGUAGES


class Group(BaseModel):
    """Settings that belong together: a table in unstill.toml."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, hide_input_in_errors=True
    )


_DEVICE = re.compile(r"[a-z]+(:[0-9]+)?")
_BASE = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/?")
_PERSON = re.compile(r"[a-z][a-z0-9_]*:[0-9A-Za-z_.-]+")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("a path; there is no home folder for its ~") from None


def _split(url: str, allowed: str, schemes: Iterable[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it checks it
    except ValueError:
        raise ValueError(allowed) from None
    if parts.scheme not in schemes or any(c.isspace() for c in url):
        raise ValueError(allowed)
    return parts


def _http(url: str) -> str:
    allowed = "a URL like https://host or http://host:port/path"
    parts = _split(url, allowed, ("http", "https"))
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError(allowed)
    return url.rstrip("/")


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError("a URL like https://host or https://host/path")
    return _http(url)


def _websocket(url: str) -> str:
    allowed = "a URL like wss://host/ or ws://host:port/"
    if not _split(url, allowed, ("ws", "wss")).hostname:
        raise ValueError(allowed)
    return url


def _redis(url: SecretStr) -> SecretStr:
    allowed = "redis://host:6379/0, rediss://user:password@host/0 or unix:///path/of/socket"
    parts = _split(url.get_secret_value(), allowed, ("redis", "rediss", "unix"))
    if parts.scheme == "unix":
        whole = parts.path not in ("", "/")
    else:
        whole = bool(parts.hostname) and parts.path.strip("/").isdecimal() | (parts.path in ("", "/"))
    if not whole:
        raise ValueError(allowed)
    return url


def _storage(url: str) -> str:
    allowed = "file:///a/folder, file://~/a/folder or s3://bucket/prefix"
    if url.startswith("file://"):
        place = url.removeprefix("file://")
        whole = place.startswith("/") or place == "~" or place.startswith("~/")
    else:
        whole = bool(_split(url, allowed, ("s3",)).netloc)
    if not whole:
        raise ValueError(allowed)
    return url


def _device(name: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise ValueError("cpu, cuda, cuda:1 and the like for one of several cards, or all for each of them")
    return name


def _listed(what: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(f"{what}, with commas between them") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    hosts = tuple(name.strip().lower() for name in names)
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError("host names without scheme or path, with commas between them")
    return hosts


def _persons(ids: tuple[str, ...]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(id.strip() for id in ids))
    if not all(_PERSON.fullmatch(id) for id in ids):
        raise ValueError("persons as platform:id, with commas between them")
    return ids


def _base(path: str) -> str:
    if path in ("", "/"):
        return ""
    if not _BASE.fullmatch(path):
        raise ValueError("a path like /unstill, or nothing")
    return path.rstrip("/")


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(name, strict=False)) for name in names)
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.0/8, with commas between them") from None


def _language(name: str) -> str:
    if name not in LANGUAGES:
        raise ValueError(" or ".join(map(repr, LANGUAGES)))
    return name


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Location = Annotated[Path, AfterValidator(_home)]
HttpUrl = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_http)]
HttpsUrl = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_https)]
WebsocketUrl = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_websocket)]
StorageUrl = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_storage)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
Names = Annotated[tuple[Text, ...], BeforeValidator(partial(_listed, "names"))]
Hosts = Annotated[tuple[str, ...], BeforeValidator(partial(_listed, "host names")), AfterValidator(_hosts)]
Persons = Annotated[tuple[str, ...], BeforeValidator(partial(_listed, "persons")), AfterValidator(_persons)]
BasePath = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_base)]
Networks = Annotated[
    tuple[str, ...], BeforeValidator(partial(_listed, "addresses or networks")), AfterValidator(_networks)
]
LanguageName = Annotated[str, AfterValidator(_language)]
Device = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_device)]
