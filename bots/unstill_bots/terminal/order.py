"""What was asked for in one run, and by whom."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from unstill_bots.intake.pending import PendingRequest
from unstill_bots.terminal.chat import PLATFORM, address
from unstill_bots.terminal.inputs import STDIN, Target
from unstill_bots.terminal.naming import stem_of
from unstill_queue.contract.jobs import ReplyAddress, Requester

LABEL_MOST = 40
"""Characters of words by which a clip is known that has no photo."""


class Order(msgspec.Struct, frozen=True):
    """Has what `unstill animate` was asked. `words` is a caption; `limit` is in bytes; `stdin` the picture read there.

    `last` is the picture with which each clip ends, empty where there is none; without `photos` there is one clip, of
    words alone.
    """

    photos: tuple[str, ...]
    words: str
    model: str
    limit: int
    target: Target
    language: str
    stdin: bytes = b""
    last: str = ""


class Photo(PendingRequest, frozen=True, kw_only=True):
    """One photo of an order; `label` is what it is called, `source` as in `Request`, `host` the machine's name."""

    label: str
    message: str
    source: str
    host: str
    target: Target
    aspect: float = 1.0
    spoiler: bool = False

    @property
    def id(self) -> str:
        return f"{PLATFORM}:{self.user}:{self.message}"

    @property
    def chat(self) -> str:
        return self.host

    @property
    def who(self) -> Requester:
        return Requester(PLATFORM, self.user, self.host, self.language)

    @property
    def picture(self) -> Photo:
        return self

    def address(self, job: str = "") -> ReplyAddress:
        return address(self.host, self.message, self.target)


def photos_of(order: Order) -> list[Photo]:
    """Return the photos in the order in which they are asked for."""
    who, batch = requester(order.language), secrets.token_hex(4)
    # without a photo there is one clip, known by its words
    alone = [(order.words[:LABEL_MOST], "")]
    labelled = zip(labels(order.photos), order.photos, strict=True) if order.photos else alone
    return [
        Photo(
            user=who.user,
            host=who.chat,
            language=order.language,
            sent_at=time.time(),
            upload_limit=order.limit,
            label=label,
            message=f"{batch}:{number}",
            source=photo,
            last_source=order.last,
            # of many clips each is known by its photo
            target=msgspec.structs.replace(order.target, stem="" if photo == STDIN else stem_of(photo))
            if len(order.photos) > 1
            else order.target,
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
