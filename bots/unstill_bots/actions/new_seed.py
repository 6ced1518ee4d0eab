"""A clip that is in the making and is not what its person wants, made with another seed instead."""

from __future__ import annotations

from unstill_bots.actions.presses import NEW_SEED
from unstill_bots.actions.replacing import replace_by, was_replaced
from unstill_bots.actions.variations import AGAIN, again, derived, words_for
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.ledger.ledger import Record


async def new_seed(record: Record, replies: ChatReplies, pipeline: Pipeline) -> tuple[str, bool]:
    """Ask anew, in the same message, for a clip that waits or runs, with another seed; a record has one such request.

    Returns and raises as `replace_by` does.
    """
    job = record.job
    if job is None or (record.outcome is not None and not was_replaced(record.outcome)):
        return replies.begun_already(), False
    words = words_for(record, job, AGAIN, pipeline.catalog)
    return await replace_by(record, again(record, derived(record.id, NEW_SEED), words), replies, pipeline)
