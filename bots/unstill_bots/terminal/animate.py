"""Photos to clips, on the very path that a chat's pictures take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from unstill_bots.delivery.courier import Courier
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.host.local import EngineFailed, Local, engines_alive
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.served import Serving
from unstill_bots.terminal.chat import PLATFORM, TerminalChat
from unstill_bots.terminal.display import Display
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.interrupt import Interrupt
from unstill_bots.terminal.journey import Journeys
from unstill_bots.terminal.order import Order, Photo, photos_of, requester
from unstill_bots.terminal.results import Result, code_of
from unstill_bots.terminal.wording import Wording
from unstill_config.catalog import Catalog
from unstill_config.settings import Quota, Settings
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Ledger, Record
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect, where
from unstill_queue.storage.base import Storage
from unstill_queue.storage.temporary import process_runs

AT_ONCE = 16
"""Photos in the queue at a time, unless a quota allows fewer."""
CANCEL_WITHIN = 10.0
SHARED_SERVER_WITHIN = 2.0


class Animation:
    """One run of `unstill animate`. `folder` is where an engine of ours runs."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        order: Order,
        display: Display,
        wording: Wording,
        folder: Path | None = None,
    ) -> None:
        self._local = Local(settings, folder)
        # who starts a server of their own is its host, and needs no quota against themselves
        quota = _unlimited(settings) if self._local.embedded else settings.quota
        self._settings = settings.model_copy(update={"quota": quota})
        self._catalog = catalog
        self._order = order
        self._photos = photos_of(order)
        self._who = requester(order.language)
        self._interrupt = Interrupt()
        self._display = display
        self._wording = wording
        download_limit = catalog.platforms[PLATFORM].download_limit
        self._chat = TerminalChat(wording, download_limit, stdin=order.stdin, bell=display.bell)

    async def run(self) -> tuple[list[Result], Code]:
        """All photos to their ends. What is left of an earlier run that was cut off is put away first.

        Raises:
            Stop: the engine cannot be started; nothing stays queued.
            QueueError: the server of our own or the storage is not to be had.
            RedisError: a configured server is not.
        """
        with self._interrupt.heard():
            storage = Storage.open(self._settings.storage)
            await storage.check()
            async with self._local:
                await self._check_server()
                client = Client.open(self._local.url, self._settings)
                try:
                    return await self._run(client, storage)
                finally:
                    await client.close()

    async def _check_server(self) -> None:
        redis = connect(self._local.url, patience=SHARED_SERVER_WITHIN)
        try:
            await redis.ping()
        finally:
            await redis.aclose()

    async def _run(self, client: Client, storage: Storage) -> tuple[list[Result], Code]:
        status = StatusMessages(client.ledger, self._chat)
        # a person at their own terminal is not held to a rate
        serving = Serving(client.ledger, self._catalog, self._order.model)
        pipeline = Pipeline(
            client, storage, self._catalog, self._settings, self._chat, status, limited=False, serving=serving
        )
        courier = Courier(client, storage, self._chat, pipeline, status)
        embedded = self._local.embedded
        journeys = Journeys(
            pipeline, self._order.words, courier, self._chat, self._display, self._wording, starting=embedded
        )
        helpers: list[asyncio.Task[None]] = []
        aside: list[asyncio.Task[None]] = []
        if embedded:
            left_over = await self._left_over(client.ledger)
            # what does not come to its end while we run, the next run sees to
            aside = [asyncio.create_task(journeys.put_away(record)) for record in left_over]
            helpers.append(asyncio.create_task(self._local.keep_engine(client.ledger, self._order.model)))
            helpers.append(asyncio.create_task(self._reap(client)))
        elif not await engines_alive(client.ledger, self._order.model):
            self._display.say(self._wording.no_engine_serves(where(self._local.url)))
        slots = asyncio.Semaphore(_at_once(self._settings.quota))
        going = [asyncio.create_task(_go(journeys, photo, slots)) for photo in self._photos]
        interrupted = asyncio.create_task(self._interrupt.came())
        arrived = asyncio.create_task(_all(going))
        everything = [arrived, interrupted, *helpers]
        try:
            await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            if arrived.done():
                arrived.result()
                results = [task.result() for task in going]
                return results, code_of(results)
            for helper in helpers:
                if helper.done():
                    await self._end(journeys, "system", going)
                    helper.result()
            self._display.say(self._wording.cancelling())
            left = await self._end(journeys, self._who.person, going)
            results = [
                task.result() if task.done() else Result(photo.label, photo.id)
                for photo, task in zip(self._photos, going, strict=True)
            ]
            if left:
                self._display.say(self._wording.still_cancelling(left))
            return results, Code.CANCELLED
        except EngineFailed as error:
            raise Stop(Code(error.code), f"{self._wording.no_engine_serves(where(self._local.url))} {error}") from error
        finally:
            for task in (*everything, *going, *aside):
                task.cancel()
            await asyncio.gather(*everything, *going, *aside, return_exceptions=True)

    async def _end(self, journeys: Journeys, by: str, going: Sequence[asyncio.Task[Result]]) -> int:
        """Cancel what is on its way; returns how many were not seen to end in time."""
        await journeys.cancel(by)
        _, pending = await asyncio.wait(going, timeout=CANCEL_WITHIN)
        return len(pending)

    async def _reap(self, client: Client) -> None:
        redis = connect(self._local.url, patience=0)
        try:
            await Reaper(Ledger(redis, self._settings.queue)).run()
        finally:
            await redis.aclose()

    async def _left_over(self, ledger: Ledger) -> list[Record]:
        """Jobs of runs of ours on this machine that were killed."""
        found = []
        for id in await ledger.ids_of(self._who.person):
            record = await ledger.find(id)
            if record is None or record.state.final:
                continue
            to = record.request.reply_to
            if to.chat == self._who.chat and not process_runs(int(to.extra.get("pid", "0"))):
                found.append(record)
        return found


async def _go(journeys: Journeys, photo: Photo, slots: asyncio.Semaphore) -> Result:
    async with slots:
        return await journeys.go(photo)


async def _all(tasks: Sequence[asyncio.Task[Result]]) -> None:
    await asyncio.gather(*tasks)


def _at_once(quota: Quota) -> int:
    return min([limit for limit in (quota.person_jobs, quota.chat_jobs) if limit] + [AT_ONCE])


def _unlimited(settings: Settings) -> Quota:
    """No quota but those that were set."""
    chosen = {name: getattr(settings.quota, name) for name in settings.quota.model_fields_set}
    return Quota(**dict.fromkeys(Quota.model_fields, 0) | chosen)


class Run(Protocol):
    """What `run` runs."""

    async def run(self) -> tuple[list[Result], Code]: ...


def run(make: Callable[[], Run]) -> tuple[list[Result], Code]:
    """`make` is called within the event loop, which the animation's events belong to."""

    async def main() -> tuple[list[Result], Code]:
        return await make().run()

    return asyncio.run(main())
