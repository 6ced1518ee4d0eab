"""A clip that waits for a model which nobody serves, made by one that is served."""

from __future__ import annotations

from msgspec.structs import replace

from unstill_bots.actions.presses import SWITCH
from unstill_bots.actions.replacing import replace_by, was_replaced
from unstill_bots.actions.variations import again, derived
from unstill_bots.intake import captions
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Job, State
from unstill_queue.contract.options import find
from unstill_queue.contract.resolving import resolve
from unstill_queue.ledger.ledger import Record


async def switch(record: Record, replies: ChatReplies, pipeline: Pipeline) -> tuple[str, bool]:
    """Ask anew, in the same message, for a clip that waits, by the model that is served instead of its own.

    Returns the sentence for the person, and whether it was asked for. A press that is told of twice, as after a kill
    between two of the steps, is one. Raises RedisError.
    """
    job, ledger = record.job, pipeline.client.ledger
    replaced = was_replaced(record.outcome)
    if job is None or not (replaced or record.state is State.QUEUED):
        return replies.begun_already(), False
    other = (await pipeline.serving.now()).instead_of(job.parameters.model)
    if other is None:
        return replies.begun_already() if replaced else replies.waiting(await ledger.place(job.id)), False
    words = words_with(record.request.words, job, other, pipeline.catalog)
    # a prompt was written for the other model
    derived_of = replace(again(record, derived(record.id, f"{SWITCH} {other}"), words), rewritten="")
    return await replace_by(record, derived_of, replies, pipeline)


def words_with(words: str, job: Job, model: str, catalog: Catalog) -> str:
    """Return the words of a request with another model: what that refuses is the nearest that it takes, or left out."""
    try:
        caption = captions.parse(words, catalog, job.parameters.model)
    except OptionError:
        return str(captions.Caption(job.words, {"model": model}))
    given = {**caption.given, "model": model}
    for _ in range(2 * len(given)):
        try:
            resolve(caption.prompt, given, catalog, default_model=model)
        except OptionError as error:
            wrong = given.pop(error.option, None)
            if wrong is None:
                break
            if error.nearest is not None:
                given[error.option] = find(error.option).parse(error.nearest, catalog)
        else:
            break
    return str(captions.Caption(caption.prompt, given))
