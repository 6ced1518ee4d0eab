"""A request that takes the place, and the message, of one that waits or runs."""

from __future__ import annotations

import asyncio

from unstill_bots.delivery.message import is_replaced, replaced_by
from unstill_bots.intake.older_picture import discard, with_own_copy
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import NotTaken
from unstill_queue.contract.jobs import Cancelled, Outcome, Request
from unstill_queue.ledger.ledger import Record

ASKED, ASK_EVERY = 10, 0.1
"""How often it is asked whether a message came, and the seconds between."""


def was_replaced(outcome: Outcome | None) -> bool:
    """Return whether a request that ended so has made way for another one."""
    return isinstance(outcome, Cancelled) and is_replaced(outcome.by)


async def replace_by(record: Record, by: Request, replies: ChatReplies, pipeline: Pipeline) -> tuple[str, bool]:
    """Ask for `by`, which is derived of the record, in the same message, and end what the record is of.

    Returns the sentence for the person, and whether it was asked for. What is told of twice, as after a kill between
    two of the steps, is one. Raises RedisError.
    """
    # the pictures of what is cancelled go at once, and not every platform has them once more
    request = await with_own_copy(pipeline.storage, by)
    try:
        # first written down: whatever dies then, what was to be replaced still waits
        new = await pipeline.enter(request, start=False)
    except NotTaken as error:
        return replies.declined(error), False
    if not new and request.stored != by.stored:
        # it was told of twice
        await discard(pipeline.storage, request.stored, request.last_stored)
    replaced = await pipeline.client.cancel(record.id, replaced_by(request.id)) != "late" or was_replaced(
        record.outcome
    )
    if replaced and record.note is not None:
        await pipeline.adopt(request.id, record.note)
    pipeline.start(request, fresh=new)
    return replies.on_its_way(), new


async def took_over(record: Record, pipeline: Pipeline) -> bool:
    """Return whether the message of what was replaced shows what took its place, and see to it where it still can. It
    does not where that was prepared after a kill, and has a message of its own. Raises RedisError.
    """
    new = record.outcome.by.partition(" ")[2] if isinstance(record.outcome, Cancelled) else ""
    if not new or record.note is None or await pipeline.adopt(new, record.note):
        return True
    for _ in range(ASKED):
        taken = await pipeline.record(new)
        if taken is None or taken.note is not None:
            return taken is None or taken.note == record.note
        # a message is on its way
        await asyncio.sleep(ASK_EVERY)
    return False
