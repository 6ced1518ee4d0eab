"""Somebody who asks the queue itself, without a front end, and sees what comes of it."""

from __future__ import annotations

import asyncio
import io
import secrets
from pathlib import Path

import msgspec
from PIL import Image
from tests.system.processes import PATIENCE, House

from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Finish, Job, Outcome, Parameters, ReplyAddress, Request, Requester, Succeeded
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage


class Asker:
    """`parameters` are those of every clip, but for the words. `job` is the last one that was asked for."""

    def __init__(self, house: House, parameters: Parameters) -> None:
        settings = Settings.load(house.settings, house.folder)
        self.client = Client.open(house.valkey.url, settings)
        self.storage = Storage.open(settings.storage)
        self.job: Job
        self._parameters = parameters

    async def photo(self, colour: tuple[int, int, int]) -> str:
        """Return the key of a stored picture in that colour."""
        out = io.BytesIO()
        Image.new("RGB", (80, 80), colour).save(out, "PNG")
        return await self.storage.put(out.getvalue(), kind="pictures", suffix=".png")

    async def ask(self, prompt: str = "", *, picture: str = "", last: str = "", audio: bool = True) -> Outcome:
        message = secrets.token_hex(4)
        who, to = Requester("test", "ann", "c1"), ReplyAddress("test", "c1", message)
        request = Request(f"test:c1:{message}", who, to, "photo", prompt, 1_000_000)
        await self.client.accept(request)
        parameters = msgspec.structs.replace(self._parameters, prompt=prompt)
        finish = Finish(audio=audio)
        self.job = Job(request.id, who, to, picture, parameters, finish, 1_000_000, last_picture=last)
        await self.client.submit(self.job, cost=1.0)
        async with asyncio.timeout(PATIENCE):
            async for update in self.client.watch(request.id):
                if update.outcome is not None:
                    return update.outcome
        raise AssertionError("watching ended without an outcome")

    async def clip(self, made: Outcome, folder: Path) -> Path:
        assert isinstance(made, Succeeded), made
        path = folder / "clip.mp4"
        await self.storage.fetch(made.clip, path)
        return path
