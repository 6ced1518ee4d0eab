"""What was asked for in one run, and by whom."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from unstill_bots.terminal.chat import PLATFORM, address
from unstill_bots.terminal.inputs import STDIN, Target
from unstill_queue.contract.jobs import Request, Requester


class Order(msgspec.Struct, frozen=True):
    """What `unstill animate` was asked. `words` is a caption; `limit` is in bytes; `stdin` the picture read there."""

    photos: tuple[str, ...]
    words: str
    model: str
    limit: int
    target: Target
    language: str
    stdin: bytes = b""


class Photo(msgspec.Struct, frozen=True):
    """One photo of an order; `label` is what it is called."""

    label: str
    request: Request

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def message(self) -> str:
        return self.request.reply_to.message


def photos_of(order: Order) -> list[Photo]:
    who, batch = requester(order.language), secrets.token_hex(4)
    labelled = zip(labels(order.photos), order.photos, strict=True)
    return [
        Photo(
            label,
            Request(
                id=f"{PLATFORM}:{who.user}:{batch}:{number}",
                requester=who,
                reply_to=address(who.chat, f"{batch}:{number}", order.target),
                source=photo,
                words=order.words,
                upload_limit=order.limit,
            ),
        )
        for number, (label, photo) in enumerate(labelled, 1)
    ]


def requester(language: str) -> Requester:
    """Whoever sits at this terminal."""
    return Requester(PLATFORM, _login(), socket.gethostname(), language)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def labels(photos: Sequence[str]) -> list[str]:
    """What each photo is called: its file's name, with its number where two have the same."""
    names = [photo if photo == STDIN else Path(photo).name for photo in photos]
    return [name if names.count(name) == 1 else f"{number}. {name}" for number, name in enumerate(names, 1)]
