"""msgpack with a version byte in front; nothing that can run code is ever decoded."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from unstill_queue.contract.errors import CodecError, NewerVersion

VERSION = b"\x01"
"""Raised by one with each field or value that an older program would leave out without a word."""
MOST_VERSIONS = 31
"""Above that a first byte is text or rubbish, and no version."""
T = TypeVar("T")


def encode(value: object) -> bytes:
    return VERSION + msgspec.msgpack.encode(value)


def decode(data: bytes, as_type: type[T] | Any) -> T:
    """Read what `encode` wrote.

    Raises:
        NewerVersion: a newer program wrote it.
        CodecError: bytes that are not an `as_type`.
    """
    if data[:1] != VERSION:
        if VERSION[0] < (version := int.from_bytes(data[:1])) <= MOST_VERSIONS:
            raise NewerVersion(version, VERSION[0])
        begins = data[:4].hex() or "nothing"
        raise CodecError(f"The record begins with {begins}, which no version of this program writes.")
    try:
        value: T = msgspec.msgpack.decode(data[1:], type=as_type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # text that is no UTF-8, and arrays a thousand deep, raise Python's own errors
        raise CodecError(f"The record cannot be read: {error}.") from error
    return value


def decode_or(data: bytes | None, as_type: type[T] | Any, otherwise: T) -> T:
    """What `decode` reads, or `otherwise` where there is nothing, or nothing that this program can read."""
    if data is None:
        return otherwise
    try:
        value: T = decode(data, as_type)
    except CodecError:
        return otherwise
    return value


def dump_arq(value: dict[str, Any]) -> bytes:
    """Arq's `job_serializer`: arq hands over plain dicts; an exception among them becomes its text."""
    return VERSION + msgspec.msgpack.encode(value, enc_hook=repr)


def load_arq(data: bytes) -> dict[str, Any]:
    """Arq's `job_deserializer`. Raises CodecError for anything but our own msgpack, pickles included."""
    return decode(data, dict[str, Any])
