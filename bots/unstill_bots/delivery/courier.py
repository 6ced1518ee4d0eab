"""Brings outcomes to chats, each once, and shows progress in between."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets

import msgspec
import structlog

from unstill_bots.actions.replacing import took_over, was_replaced
from unstill_bots.delivery import presentation
from unstill_bots.delivery.chat import (
    Chat,
    ChatError,
    ChatGone,
    ChatUnavailable,
    ChatUncertain,
    ClipForbidden,
    ClipTooLarge,
    MessageGone,
)
from unstill_bots.delivery.chat_turns import ChatTurns
from unstill_bots.delivery.clip_answers import PREFIX, ClipAnswers, ClipRefused
from unstill_bots.delivery.enclosures import show_with_enclosure
from unstill_bots.delivery.message import NOTICE
from unstill_bots.delivery.places import Places
from unstill_bots.delivery.refusals import RefusedAnswers
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.host.gate import FairGate
from unstill_bots.host.lifecycle import first_error
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.replies import Replies
from unstill_queue.contract.errors import NotFound, StorageError, UnknownJob, UnreadableRecord
from unstill_queue.contract.jobs import Cancelled, Failed, Outcome, Succeeded
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import REFITS_MOST, Record
from unstill_queue.ledger.outbox import Event, Outbox
from unstill_queue.storage import temporary
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)


class _Shrinking(Exception):
    """The clip is being made smaller: it comes again."""


CONSUMER = "courier"
"""One name for all: the streams give each entry once whatever the names, and keep every name for ever."""
NEWER_AGAIN = 600.0
"""Seconds after which a record of a newer version is looked at again, by then perhaps by a newer program."""
AT_ONCE, CHAT_AT_ONCE, ACCOUNT_AT_ONCE = 20, 8, 2
"""Deliveries at a time, those of one chat among them, and of one account: more would draw the platforms' flood limits,
and neither a slow chat nor a person with many answers to come holds up the others."""


class Courier:
    """The way out of one front end."""

    def __init__(
        self, client: Client, storage: Storage, chat: Chat, pipeline: Pipeline, status: StatusMessages
    ) -> None:
        self._client = client
        self._preferences = pipeline.preferences
        self._ledger = client.ledger
        self._clips = ClipAnswers(chat, pipeline)
        self._chat = chat
        self._pipeline = pipeline
        self._status = status
        self._side = pipeline.side
        self._slots = FairGate(AT_ONCE, CHAT_AT_ONCE, ACCOUNT_AT_ONCE)
        self._in_hand: set[str] = set()
        self._tasks = BackgroundTasks()
        self._turns = ChatTurns(lambda: pipeline.catalog.platforms[chat.platform].edit_seconds)
        self._refused = RefusedAnswers()

    async def run(self) -> None:
        """Deliver and show until cancelled; what is in hand then comes back through the ledger."""
        await asyncio.to_thread(_sweep)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._run_deliveries())
                group.create_task(self._run_progress())
                group.create_task(Places(self._ledger, self._chat.platform, self._status, self._turns).run())
                group.create_task(self._side.run())
                group.create_task(self._pipeline.serving.run())
        except ExceptionGroup as errors:
            # whoever runs us names what went wrong first
            raise first_error(errors) from None
        finally:
            await self._tasks.drain(0)
            await self._status.close()

    async def _run_deliveries(self) -> None:
        async for event in Outbox(self._client.redis, self._chat.platform).deliveries(CONSUMER):
            self._tasks.spawn(self._handle(event))

    async def _handle(self, event: Event) -> None:
        try:
            await self._take(event)
        except UnknownJob:
            log.warning("a job's record had expired", job=event.id)
        except Exception:
            # the ledger still holds the job as not delivered: it comes back
            log.exception("a delivery failed in an unforeseen way", job=event.id)

    async def _take(self, event: Event) -> None:
        try:
            if event.kind == "intake":
                await self._pipeline.prepare((await self._ledger.read(event.id)).request)
            elif event.id not in self._in_hand:
                # what waits for a slot is told again meanwhile
                self._in_hand.add(event.id)
                try:
                    async with self._slots.slot(event.place, event.account):
                        await self.deliver(event.id)
                finally:
                    self._in_hand.discard(event.id)
        except UnreadableRecord as error:
            await self._ledger.set_aside(error)

    async def deliver(self, id: str) -> bool:
        """Show the outcome, if it is ours to show now. True: it is shown, by this call."""
        sender = secrets.token_hex(8)
        if not await self._ledger.send(id, sender):
            return False
        keeper = asyncio.create_task(self._keep_lease(id, sender))
        try:
            async with self._status.lock(id):
                record = await self._ledger.read(id)
                return record.outcome is not None and await self._deliver(record, record.outcome, sender)
        except UnreadableRecord as error:
            if error.newer:
                await self._ledger.unsend(id, sender, delay=NEWER_AGAIN, reason="newer_version")
            raise
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _deliver(self, record: Record, outcome: Outcome, sender: str) -> bool:
        try:
            ref = await self._refused.show(
                record.id,
                lambda: self._show_once(record, outcome, sender),
                lambda: self._say_refused(record.id, sender),
            )
        except _Shrinking:
            return False
        except ChatUnavailable as error:
            await self._ledger.unsend(record.id, sender, delay=error.retry_after, reason=error.word)
            return False
        except (ChatUncertain, MessageGone) as error:
            delay = min(600.0, 5.0 * 2 ** min(record.sends - 1, 7))
            log.info("an answer may not have been shown", job=record.id, error=str(error), again_in=delay)
            await self._ledger.unsend(record.id, sender, delay=delay, reason=error.word)
            return False
        except ChatGone as error:
            await self._pipeline.stale.left(record)
            await self._ledger.undeliverable(record.id, sender, str(error))
            self._answered(record.id)
            return False
        except StorageError as error:
            log.warning("a clip could not be read", job=record.id, error=str(error))
            await self._ledger.unsend(record.id, sender, delay=10.0, reason="storage")
            return False
        await self._ledger.sent(record.id, sender, ref)
        self._answered(record.id)
        if record.refused:
            await self._side.refused(record.request.reply_to, ref, record.request.requester.user)
        await self._ping_after_wait(record, ref)
        return True

    def _answered(self, id: str) -> None:
        self._status.answered(id)
        self._refused.forget(id)

    async def _say_refused(self, id: str, sender: str) -> str:
        # the record is read anew, as it may name a message by now
        return await self._show_once(await self._ledger.read(id), Failed("refused", ""), sender)

    async def _show_once(self, record: Record, outcome: Outcome, sender: str) -> str:
        """Show it by an edit of a message that is on record: repeated after a kill, it is still one answer.

        Where there is no such message, or it was deleted, a new one is sent first; if we die before it is
        on record, a line without an answer stays behind, which is better than two answers.
        """
        if was_replaced(outcome) and await took_over(record, self._pipeline):
            return record.note or ""
        if record.note is not None:
            with contextlib.suppress(MessageGone):
                return await self._show(record, outcome, record.note, sender)
        line = presentation.empty_line(record)
        ref = await self._chat.post(record.request.reply_to, line, replaces=record.note)
        await self._ledger.note_set(record.id, ref)
        return await self._show(record, outcome, ref, sender)

    async def _show(self, record: Record, outcome: Outcome, ref: str, sender: str) -> str:
        match outcome:
            case Succeeded():
                try:
                    return await self._clips.show(record, outcome, ref)
                except NotFound:
                    return await self._show_failure(record, ref, Failed("clip_expired", ""))
                except ClipForbidden:
                    return await self._show_failure(record, ref, Failed("undeliverable", ""))
                except ClipRefused as error:
                    shown = await self._show_failure(record, ref, Failed(error.code, ""))
                    await self._clips.delete(record)
                    return shown
                except ClipTooLarge:
                    await self._shrink(record, outcome, ref, sender)
                    return await self._show_failure(record, ref, Failed("too_big", ""))
            case Failed():
                return await self._show_failure(record, ref, outcome)
            case Cancelled(by=by):
                return await self._chat.edit(record.request.reply_to, ref, presentation.cancelled(record, by))

    async def _shrink(self, record: Record, made: Succeeded, ref: str, sender: str) -> None:
        """Have the clip made smaller, if it was not often enough already.

        Raises:
            _Shrinking: there is nothing to show here now.
            ChatGone: nor will there be.
        """
        if record.job is None or record.refits >= REFITS_MOST:
            return
        limit = self._pipeline.catalog.platforms[self._chat.platform].step_below(made.size)
        log.info("the platform refused a clip's size", job=record.id, size=made.size, limit=limit)
        with contextlib.suppress(ChatUnavailable, ChatUncertain, MessageGone):
            await self._chat.edit(record.request.reply_to, ref, presentation.shrinking(record))
        smaller = msgspec.structs.replace(record.job, upload_limit=limit)
        if await self._client.refit(smaller, sender) != "no":
            raise _Shrinking

    async def _show_failure(self, record: Record, ref: str, failure: Failed) -> str:
        message = presentation.failed(record, failure, self._pipeline.catalog)
        return await show_with_enclosure(
            self._chat, self._pipeline.storage, record.request, ref, message, failure.details
        )

    async def _keep_lease(self, id: str, sender: str) -> None:
        while True:
            await asyncio.sleep(self._ledger.times.send_lease / 3)
            await self._ledger.send(id, sender)

    async def _ping_after_wait(self, record: Record, ref: str) -> None:
        """Send one short message after a long wait, as edits do not notify; not where the chat wants quiet."""
        seconds, micros = await self._client.redis.time()
        waited = seconds + micros / 1e6 - record.accepted_at
        if record.note is None or waited < self._pipeline.settings.bots.notify_after or was_replaced(record.outcome):
            return
        if record.forgotten or NOTICE in record.request.reply_to.extra:
            return  # which message called would be kept of who wants nothing kept
        request = record.request
        if not (await self._preferences.get(request.requester.place)).quiet:
            with contextlib.suppress(ChatError):
                call = await self._chat.ping(request, ref, Replies(request.requester.language).call(record.outcome))
                if call is not None:
                    await self._side.called(request.requester, record.id, call)
                    if record.refused:
                        await self._side.refused(request.reply_to, call, request.requester.user)

    # -- progress: what is not shown in time is dropped

    async def _run_progress(self) -> None:
        async for event in Outbox(self._client.redis, self._chat.platform).news():
            # that it runs now is shown by its first progress
            if event is None or not (event.kind != "state" or event.body == b"queued"):
                continue
            # a chat's next event is not held off by one that is not shown
            if event.kind == "look" or (self._status.has_room(event) and self._turns.take(event.place)):
                self._tasks.spawn(self._show_progress(event))

    async def _show_progress(self, event: Event) -> None:
        try:
            with contextlib.suppress(UnknownJob):
                if event.kind == "look":
                    await self._status.look_came(event, lambda: self._turns.take(event.place))
                else:
                    await self._status.tell(event)
        except Exception:
            # it was only progress, and nobody waits for this task
            log.exception("progress could not be shown", job=event.id)


@functools.cache
def _sweep() -> None:
    """Once a process, as its folders bear its pid: the clips that a killed front end was about to send."""
    temporary.sweep(PREFIX)
