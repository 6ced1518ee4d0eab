"""A front end for the little platform, in a process of its own: inbox first, one status message, then the clip."""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

from tests.system.platform import Refused, TooLarge, Wire, clip_content

from unstill_bots.delivery.chat import ChatUnavailable, ChatUncertain, ClipTooLarge, MessageGone
from unstill_bots.delivery.courier import Courier
from unstill_bots.delivery.message import Message, Urgency
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.intake.pictures import Pictures
from unstill_bots.intake.pipeline import Pipeline
from unstill_config.logs import setup_logging
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect
from unstill_queue.storage.base import Storage

PLATFORM = "recorder"


class RecorderChat:
    platform = PLATFORM

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def _call(self, **call: object) -> str:
        try:
            return str((await self._wire.call(**call))["id"])
        except Refused as error:
            raise ChatUnavailable(str(error), 0.2) from error
        except TooLarge as error:
            raise ClipTooLarge("no file of that size here") from error
        except ConnectionError as error:
            raise ChatUncertain(str(error)) from error

    async def fetch(self, request: Request) -> bytes:
        return base64.b64decode((await self._wire.call(op="picture", name=request.source))["picture"])

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return True

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        return await self._call(op="say", chat=to.chat, reply_to=to.message, content=_content(message))

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        return await self._call(op="edit", chat=to.chat, id=int(ref), content=_content(message))

    async def react(self, to: ReplyAddress) -> bool:
        return False

    async def ping(self, request: Request, ref: str, text: str) -> str:
        to = request.reply_to
        return await self._call(op="say", chat=to.chat, reply_to=to.message, content={"text": text, "ping": True})

    async def remove(self, ref: str) -> None:
        raise MessageGone("this platform deletes nothing")

    def is_public(self, to: ReplyAddress) -> bool:
        return False


def _content(message: Message) -> dict[str, Any]:
    text = message.text.plain()
    return clip_content(message.clip.file, text) if message.clip else {"text": text}


async def main(path: Path) -> None:
    settings = Settings.load()
    setup_logging(settings.log, secrets=settings.secrets(), service="recorder")
    assert settings.redis.url
    url = settings.redis.url.get_secret_value()
    client = Client.open(url, settings)
    storage = Storage.open(settings.storage)
    wire = Wire(path)
    chat = RecorderChat(wire)
    reaper = Reaper(Ledger(connect(url, patience=0), settings.queue))
    async with Pictures() as pictures, asyncio.TaskGroup() as group:
        status = StatusMessages(client.ledger, chat)
        pipeline = Pipeline(
            client, storage, settings.load_catalog(), settings, chat, status, pictures=pictures, limited=False
        )
        group.create_task(Courier(client, storage, chat, pipeline, status).run())
        group.create_task(reaper.run())
        group.create_task(intake(wire, pipeline))


async def intake(wire: Wire, pipeline: Pipeline) -> None:
    after = 0
    while True:
        for update in (await wire.call(op="updates", after=after))["updates"]:
            who = Requester(PLATFORM, update["user"], update["chat"])
            to = ReplyAddress(PLATFORM, update["chat"], update["name"])
            id = f"{PLATFORM}:{update['chat']}:{update['n']}"
            request = Request(id, who, to, update["name"], update["words"], 1_000_000)
            new = await pipeline.enter(request, start=False)
            # only now does the offset move: what was not written down comes again
            after = update["n"]
            if new:
                pipeline.start(request)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
