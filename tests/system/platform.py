"""A small chat platform: a server that keeps updates until they are confirmed, and no longer; and visible messages.

It speaks JSON lines over a unix socket and misbehaves on request: some answers are lost after the deed,
some calls are refused for a while. What people see is all that it remembers, and that nobody can kill.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.system.clip_origin import Origin, origin

TOO_LARGE = "too large"


@dataclass
class Message:
    """One message of the bot's. `contents` are what it said, the last one being what stands there now."""

    id: int
    chat: str
    reply_to: str
    contents: list[dict[str, Any]] = field(default_factory=list)

    @property
    def shown(self) -> dict[str, Any]:
        return self.contents[-1]


class Platform:
    """`lost` and `refused` are the shares of the bot's calls that go wrong; `slowest` is in seconds a call.

    `room` is in bytes: what chats take less than they say.
    """

    def __init__(
        self, path: Path, *, seed: int = 0, lost: float = 0.0, refused: float = 0.0, slowest: float = 0.1,
        room: Mapping[str, int] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.path = path
        self.room = dict(room)
        self.too_large: dict[str, list[tuple[float, int]]] = {}
        self.origins: dict[str, Origin] = {}
        self.misaddressed: list[str] = []
        self.polls = 0
        self.messages: dict[int, Message] = {}
        self.updates: list[dict[str, Any]] = []
        self._by_name: dict[str, dict[str, Any]] = {}
        self.confirmed = 0
        self.shown_at: dict[str, float] = {}
        self.calls = 0
        self._random = random.Random(seed)
        self._lost, self._refused, self._slowest = lost, refused, slowest
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Platform:
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=2**26)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()

    def post(self, name: str, words: str, picture: bytes, *, user: str = "ann", chat: str = "c1") -> None:
        """Somebody sends a picture."""
        update = {
            "n": len(self.updates) + 1,
            "name": name,
            "words": words,
            "user": user,
            "chat": chat,
            "picture": base64.b64encode(picture).decode(),
        }
        self.updates.append(update)
        self._by_name[name] = update
        self._arrived.set()

    def of(self, name: str) -> list[Message]:
        return [message for message in self.messages.values() if message.reply_to == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                call = json.loads(line)
                self.calls += 1
                # calls overtake each other, as they do on a network
                await asyncio.sleep(self._random.random() * self._slowest)
                luck = self._random.random() if call["op"] in ("say", "edit") else 1.0
                if luck < self._refused:
                    answer: dict[str, Any] = {"error": "flood", "retry_after": 0.2}
                else:
                    answer = await self._do(call)
                    if luck < self._refused + self._lost:
                        break
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _do(self, call: dict[str, Any]) -> dict[str, Any]:
        match call["op"]:
            case "updates":
                self.polls += 1
                self.confirmed = max(self.confirmed, call["after"])
                if self.confirmed >= len(self.updates):
                    self._arrived.clear()
                    try:
                        async with asyncio.timeout(1):
                            await self._arrived.wait()
                    except TimeoutError:
                        pass
                # what is confirmed is gone, also for who has forgotten it
                return {"updates": [{**u, "picture": None} for u in self.updates[self.confirmed :][:50]]}
            case "picture":
                return {"picture": self._update(call["name"])["picture"]}
            case "say":
                if self._update(call["reply_to"])["chat"] != call["chat"]:
                    self.misaddressed.append(f"a reply to {call['reply_to']} in {call['chat']}")
                message = Message(len(self.messages) + 1, call["chat"], call["reply_to"])
                self.messages[message.id] = message
                self._show(message, call["content"])
                return {"id": message.id}
            case "edit":
                message, size = self.messages[call["id"]], call["content"].get("size", 0)
                if message.chat != call["chat"]:
                    self.misaddressed.append(f"message {message.id} of {message.chat}, looked for in {call['chat']}")
                    return {"error": "no such message there"}
                if size > self._room_of(message.reply_to):
                    self.too_large.setdefault(message.reply_to, []).append((time.monotonic(), size))
                    return {"error": TOO_LARGE}
                self._show(message, call["content"])
                return {"id": call["id"]}
            case other:
                return {"error": f"no such method {other}"}

    def _room_of(self, name: str) -> float:
        return self.room.get(self._update(name)["chat"], math.inf)

    def _update(self, name: str) -> dict[str, Any]:
        return self._by_name[name]

    def _show(self, message: Message, content: dict[str, Any]) -> None:
        if "clip" in content:
            data = base64.b64decode(content["clip"])
            content = {**content, "clip": hashlib.sha256(data).hexdigest()}
            self.origins[content["clip"]] = origin(data)
        message.contents.append(content)
        if "clip" in content:
            self.shown_at.setdefault(message.reply_to, time.monotonic())


class Refused(Exception):
    """The platform wants to be left alone for a while."""


class TooLarge(Exception):
    """The platform takes no file of that size there."""


class Wire:
    """A client of it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def call(self, **call: Any) -> dict[str, Any]:
        """Raises ConnectionError where no answer came, Refused and TooLarge."""
        reader, writer = await asyncio.open_unix_connection(self._path, limit=2**26)
        try:
            writer.write(json.dumps(call).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionError("no answer")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error") == TOO_LARGE:
            raise TooLarge
        if "error" in answer:
            raise Refused(answer["error"])
        return answer


def clip_content(clip: Path, text: str) -> dict[str, Any]:
    data = clip.read_bytes()
    return {"clip": base64.b64encode(data).decode(), "size": len(data), "head": data[4:8].decode(), "text": text}
