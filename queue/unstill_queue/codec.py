"""msgpack with a version byte in front; nothing that can run code is ever decoded."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from unstill_queue.errors import CodecError

VERSION = b"\x01"
T = TypeVar("T")


def encode(value: object) -> bytes:
    return VERSION + msgspec.msgpack.encode(value)


def decode(data: bytes, as_type: type[T] | Any) -> T:
    """Read what `encode` wrote.

    Raises:
        CodecError: another version, or bytes that are not an `as_type`.
    """
    if data[:1] != VERSION:
        raise CodecError(
            f"The record is of version {data[:1].hex() or 'none'} and this program reads {VERSION.hex()}. "
            "Update the older side."
        )
    try:
        value: T = msgspec.msgpack.decode(data[1:], type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # text that is no UTF-8, and arrays a thousand deep, raise Python's own errors
        raise CodecError(f"The record cannot be read: {error}.") from error
    return value


def dump_arq(value: dict[str, Any]) -> bytes:
    """Arq's `job_serializer`: arq hands over plain dicts; an exception among them becomes its text."""
    return VERSION + msgspec.msgpack.encode(value, enc_hook=repr)


def load_arq(data: bytes) -> dict[str, Any]:
    """Arq's `job_deserializer`. Raises CodecError for anything but our own msgpack, pickles included."""
    return decode(data, dict[str, Any])
