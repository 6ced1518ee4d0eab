"""Houses in which every cell of the permission table can be tried: jobs on record, messages that show them, people."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from tests.bots.permission_table import ANONYMOUS, CHANNEL, OWNER, Cell
from tests.system.processes import House
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.actions.presses import CANCEL, DELETE, EDIT, NEW_SEED, SWITCH
from unstill_bots.actions.variations import VARIATIONS, derived
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.waiting import Offer, WaitingPictures
from unstill_config.settings import Quota, Settings
from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.errors import UnknownJob
from unstill_queue.contract.jobs import Cancelled, Finish, Job, Parameters, Request, Succeeded
from unstill_queue.ledger.ledger import Ledger, Record
from unstill_queue.ledger.times import Times
from unstill_queue.redis.connection import connect
from unstill_queue.storage.base import Storage

WAITING = (CANCEL, SWITCH, NEW_SEED)
"""The actions on what waits; the others are on a clip."""
SERVED = "camera"
"""The model of an engine that says it is there, and takes nothing; all jobs are for another one."""
UNLIMITED = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)


@dataclass(frozen=True)
class Planted:
    """A job of a cell's: `message` is the double's, and shows it; `keys` are its files, the original among them."""

    id: str
    message: Any
    keys: tuple[str, ...] = ()


class Queue:
    """The house's queue and storage, as its own programs see them."""

    def __init__(self, house: House) -> None:
        self._house = house

    @contextlib.asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        settings = Settings().queue
        # no bot reads what is planted
        times = msgspec.structs.replace(Times.of(settings), intake=3600)
        ledger = Ledger(connect(self._house.valkey.url), settings, times=times)
        try:
            yield ledger
        finally:
            await ledger.redis.aclose()

    @property
    def storage(self) -> Storage:
        return Storage.open(StorageSettings(url=self._house.settings["UNSTILL_STORAGE__URL"]))

    def stored(self, planted: Planted) -> list[bool]:
        """Of each of its files, whether it is there."""
        return [(self._house.folder / "storage" / key).exists() for key in planted.keys]

    async def plant(
        self, request: Request, note: str, message: Any, *, done: bool = True, receipt: str = ""
    ) -> Planted:
        """On record and shown by `note`: with a clip, as `receipt` says, or waiting in the queue, which comes last."""
        parameters = Parameters("journal", "waves", seed=7, num_frames=8, fps=8, resolution=64)
        async with self.ledger() as ledger:
            assert await ledger.accept(request)
            assert await ledger.note_begin(request.id) == "go"
            await ledger.note_set(request.id, note)
            picture = await self.storage.put(photo(), kind="pictures", suffix=".png")
            job = Job(
                request.id,
                request.requester,
                request.reply_to,
                picture,
                parameters,
                Finish(),
                request.upload_limit,
                0.0,
            )
            assert await ledger.queue(job, cost=1.0, quota=UNLIMITED)
            if not done:
                return Planted(request.id, message)
            keys = [await self.storage.put(data, kind="clips", suffix=".mp4") for data in (b"clip", b"original")]
            claim = await ledger.claim("journal", secrets.token_hex(8), "planter")
            assert claim is not None and claim.job.id == request.id
            made = Succeeded(
                keys[0], 4, 64, 64, 1.0, 8.0, parameters, False, 1.0, original=keys[1], frame=keys[1], reel=keys[0]
            )
            assert await ledger.finish(claim, made)
            assert await ledger.send(request.id, "planter") and await ledger.sent(request.id, "planter", receipt)
            return Planted(request.id, message, tuple(keys))

    async def serve(self) -> None:
        """Have an engine say that it is there, for as long as the tests take."""
        async with self.ledger() as ledger:
            await ledger.engine("planted", SERVED, b"")
            await ledger.redis.zadd(f"unstill:engines:{SERVED}", {"planted": time.time() * 1000 + 3_600_000})
            await ledger.redis.persist("unstill:engine:planted")

    async def read(self, id: str) -> Record | None:
        async with self.ledger() as ledger:
            try:
                return await ledger.read(id)
            except UnknownJob:
                return None

    async def offer(self, pending: PendingRequest) -> None:
        """Offer an older picture for the words "waves"."""
        async with self.ledger() as ledger:
            kept = WaitingPictures(ledger.redis, pending.who.platform, type(pending))
            await kept.offers.keep(pending.id, Offer(pending, "waves"))

    async def preferences(self, scope: str) -> Preferences:
        async with self.ledger() as ledger:
            return await PreferenceStore(ledger.redis).get(scope)

    async def happened(self, action: str, planted: Planted) -> bool:
        """What a job's button does."""
        if action in (CANCEL, "forgetme"):
            record = await self.read(planted.id)
            return record is None or isinstance(record.outcome, Cancelled)
        if action == DELETE:
            return bool(planted.message.deleted) and not any(self.stored(planted))
        if action == EDIT:
            return await self._asked_to_edit(planted)
        if action == SWITCH:
            return await self.read(derived(planted.id, f"{SWITCH} {SERVED}")) is not None
        if action == NEW_SEED:
            return await self.read(derived(planted.id, NEW_SEED)) is not None
        assert action in VARIATIONS
        return await self.read(derived(planted.id, f"{action} 0")) is not None

    async def _asked_to_edit(self, planted: Planted) -> bool:
        """A question for other words stands in the chat, or a form for them is open."""
        async with self.ledger() as ledger:
            for kept in ("unstill:*:reword:*", "unstill:*:pointed:*"):
                async for key in ledger.redis.scan_iter(kept, count=1000):
                    about = await ledger.redis.get(key) or b""
                    if planted.id.encode() in about:
                        return True
        return False


class Cells(Protocol):
    """One platform's, all planted before its bot runs."""

    queue: Queue
    planted: dict[Cell, Planted]

    async def prepare(self) -> None: ...
    async def press(self, cell: Cell) -> tuple[bool, str]:
        """Do by a button or a form what the cell says: whether it had its effect, and what was said."""

    async def command(self, cell: Cell) -> tuple[bool, str]:
        """The same by a command or a menu, where the effect is on what somebody else asked for."""


def touches(cell: Cell, *, on_what_is_shown: bool) -> bool:
    """Whether a command may end or delete the job of a cell. `on_what_is_shown`: it is about the message that it
    replies to; else about one's own.
    """
    if cell.action in (CANCEL, DELETE) and on_what_is_shown:
        return cell.expected
    return cell.action in (CANCEL, "forgetme") and cell.who in (OWNER, ANONYMOUS, CHANNEL)


async def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Whether it became true, or an awaitable that says so."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = condition()
                if await found if asyncio.iscoroutine(found) else found:
                    return True
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
