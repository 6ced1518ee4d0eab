"""The same picture once more: what Again, Better, 9:16 and Loop ask for."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from unstill_bots.intake import captions
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import OptionError, TooManyRequests
from unstill_queue.contract.jobs import Cancelled, Failed, Job, Request
from unstill_queue.contract.options import SEED_MAX
from unstill_queue.ledger.ledger import Record

if TYPE_CHECKING:
    # what brings requests in shows their status, and the buttons under that are named here
    from unstill_bots.intake.pending import PendingRequest
    from unstill_bots.intake.pipeline import Pipeline

AGAIN, BETTER, REELS, LOOP = "again", "better", "reels", "loop"
VARIATIONS = (AGAIN, BETTER, REELS, LOOP)

TRIES = 20
SIZES = ("preset", "resolution", "num_inference_steps", "fps")
"""Options that would keep a better preset from being one."""


def offered(job: Job, catalog: Catalog) -> list[str]:
    """The actions that make sense under a job's clip: what would change nothing is left out."""
    actions = [AGAIN]
    if "quality" in catalog.presets:
        actions.append(BETTER)
    if job.finish.shape != "reels" and "reels" in catalog.finishes:
        actions.append(REELS)
    if not job.finish.loop:
        actions.append(LOOP)
    return actions


class Varied(msgspec.Struct, frozen=True):
    """The result of asking for a variation: the sentence for the person, whether that says why it was `refused`, and
    the request if it is new.
    """

    said: str
    refused: bool = False
    request: Request | None = None


async def vary(
    record: Record, action: str, replies: ChatReplies, pipeline: Pipeline, pending: PendingRequest | None = None
) -> Varied:
    """Ask for a job's picture once more. `pending` is the press as a request of its own, where that is what gets the
    answer: it is refused at once, and the caller starts it. Without, the answer goes where the first one went.

    The same press is the same request, unless what came of it failed. Raises RedisError when it was not written down.
    """
    if record.job is None:
        return Varied(replies.unknown_job())
    words = words_for(record, record.job, action, pipeline.catalog)
    for number in range(TRIES):
        id = derived(record.id, f"{action} {number}")
        earlier = await pipeline.record(id)
        if earlier is not None and isinstance(earlier.outcome, Failed | Cancelled):
            continue
        if earlier is not None:
            break
        refused = await pipeline.refusal(pending, words) if pending else None
        if refused is not None:
            return Varied(refused, refused=True)
        request = pending.request(words, id=id) if pending else again(record, id, words)
        try:
            new = await pipeline.enter(request, start=pending is None)
        except TooManyRequests as error:
            return Varied(replies.too_many_requests(error.limit))
        return Varied(replies.on_its_way(), request=request if new else None)
    return Varied(replies.already())


def words_for(record: Record, job: Job, action: str, catalog: Catalog) -> str:
    """The words of a request with those of the action instead of their like."""
    try:
        caption = captions.parse(record.request.words, catalog)
    except OptionError:
        return record.request.words
    given: dict[str, Value] = {**caption.given, "seed": job.parameters.seed, "model": job.parameters.model}
    changes: Mapping[str, dict[str, Value]] = {
        AGAIN: {"seed": secrets.randbelow(SEED_MAX + 1)},
        BETTER: {"preset": "quality"},
        REELS: {"shape": "reels"},
        LOOP: {"loop": True},
    }
    if action == BETTER:
        given = {name: value for name, value in given.items() if name not in SIZES}
    return str(captions.Caption(caption.prompt, {**given, **changes[action]}))


def again(record: Record, id: str, words: str) -> Request:
    """The request anew under another id and with other words."""
    to = replace(record.request.reply_to, extra={**record.request.reply_to.extra, "job": id})
    stored = record.job.picture if record.job else record.request.stored
    return replace(record.request, id=id, words=words, reply_to=to, stored=stored)


def derived(id: str, what: str) -> str:
    """The id of a request that comes out of another one: the same for the same `what`, and short for ever."""
    root = id.partition("~")[0]
    digest = hashlib.sha256(f"{id} {what}".encode()).digest()
    return f"{root}~{base64.b32encode(digest[:8]).decode().rstrip('=').lower()}"
