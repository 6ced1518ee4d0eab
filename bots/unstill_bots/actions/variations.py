"""The same picture once more: what Again, Better, 9:16, Loop and Extend ask for."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from unstill_bots.intake import captions
from unstill_bots.intake.inputs import NO_IMAGE, can_close
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.older_picture import kept_of
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import NotTaken, OptionError
from unstill_queue.contract.jobs import Cancelled, Failed, Job, Outcome, Request, Succeeded
from unstill_queue.contract.options import EXTEND, SEAMLESS, SEED_MAX
from unstill_queue.ledger.ledger import Record

if TYPE_CHECKING:
    # what brings requests in shows their status, and the buttons under that are named here
    from unstill_bots.intake.pending import PendingRequest
    from unstill_bots.intake.pipeline import Pipeline

AGAIN, BETTER, REELS, LOOP = "again", "better", "reels", "loop"
VARIATIONS = (AGAIN, BETTER, REELS, LOOP, EXTEND)

PRESS = "press"
"""The key of `ReplyAddress.extra` under which a request names the press that asked for it."""
SIZES = ("preset", "resolution", "num_inference_steps", "fps")
"""Options that would keep a better preset from being one."""


def moves_of(job: Job, catalog: Catalog) -> tuple[str, ...]:
    """Return the camera words that make other clips of a job's picture; none where another seed does."""
    model = catalog.models.get(job.parameters.model)
    return model.moves if model else ()


def offered(job: Job, made: Outcome | None, catalog: Catalog) -> list[str]:
    """Return the actions that make sense under a job's clip: what would change nothing, or cannot be, is left out."""
    model = catalog.models.get(job.parameters.model)
    actions = [AGAIN] if model is None or model.moves or "seed" in model.abilities else []
    if "quality" in catalog.presets:
        actions.append(BETTER)
    if job.finish.shape != "reels" and "reels" in catalog.finishes:
        actions.append(REELS)
    if not (job.finish.loop or job.finish.seamless):
        actions.append(LOOP)
    # one that makes clips of words alone cannot go on from a frame
    if isinstance(made, Succeeded) and made.frame and made.reel and model and NO_IMAGE not in model.abilities:
        actions.append(EXTEND)
    return actions


class Varied(msgspec.Struct, frozen=True):
    """The result of asking for a variation: the sentence for the person, and the request if it is new."""

    said: str
    request: Request | None = None


async def vary(
    record: Record,
    action: str,
    replies: ChatReplies,
    pipeline: Pipeline,
    pending: PendingRequest | None = None,
    press: str = "",
) -> Varied:
    """Ask for a job's picture once more. `pending` is the press as a request of its own, where that is what gets the
    answer: it is refused at once, and the caller starts it. Without, the answer goes where the first one went.

    What failed or was cancelled is asked for anew, and AGAIN whenever nothing of it is in the making; another action
    is one request, however often it is pressed. `press` is the platform's id of the press: one that is told of twice is
    one. Raises RedisError when it was not written down.
    """
    if record.job is None:
        return Varied(replies.unknown_job())
    catalog = pipeline.catalog
    moves = moves_of(record.job, catalog) if action == AGAIN else ()
    # all clips of one picture share their moves: nobody sees one twice
    origin = record.id.partition("~")[0] if moves else record.id
    said = [record.job.parameters.prompt, record.job.parameters.camera]
    for number in count():
        id = derived(origin, f"{action} {number}")
        earlier = await pipeline.record(id)
        if earlier is None:
            break
        if isinstance(earlier.outcome, Failed | Cancelled):
            continue
        if action != AGAIN or (press and earlier.request.reply_to.extra.get(PRESS) == press):
            return Varied(replies.already())
        if earlier.outcome is None:
            return Varied(replies.one_at_a_time())
        if earlier.job is not None:
            said.append(earlier.job.parameters.camera)
    move = next((each for each in moves if not any(each.casefold() in words.casefold() for words in said)), "")
    if moves and not move:
        return Varied(replies.no_more_moves())
    words = words_for(record, record.job, action, catalog, move)
    older = record.id if action == EXTEND else record.request.older
    base = await pipeline.extending.base(older, record.request.requester) if older else None
    if isinstance(base, Objection):
        return Varied(base.said)
    if pending is not None and pending.older is not None:
        pending = replace(pending, older=replace(pending.older, job=older))
    refused = await pipeline.refusal(pending, words) if pending else None
    if refused is not None:
        return Varied(refused.said)
    request = pending.request(words, id=id) if pending else again(record, id, words)
    request = replace(request, rewritten=rewritten_of(record))
    if older:
        request = replace(request, older=older, last_source="", last_stored="", notes=())
    try:
        new = await pipeline.enter(_pressed(request, press), start=pending is None)
    except NotTaken as error:
        return Varied(replies.declined(error))
    if not new:
        return Varied(replies.already())
    return Varied(replies.on_its_way(move), request=request)


def _pressed(request: Request, press: str) -> Request:
    """Note in a request which press asked for it."""
    if not press:
        return request
    return replace(request, reply_to=replace(request.reply_to, extra={**request.reply_to.extra, PRESS: press}))


def words_for(record: Record, job: Job, action: str, catalog: Catalog, move: str = "") -> str:
    """The words of a request with those of the action instead of their like. `move`: camera words for AGAIN."""
    try:
        caption = captions.parse(record.request.words, catalog, job.parameters.model)
    except OptionError:
        return record.request.words
    given: dict[str, Value] = {**caption.given, "seed": job.parameters.seed, "model": job.parameters.model}
    changes: Mapping[str, dict[str, Value]] = {
        AGAIN: {"camera": move} if move else {"seed": _another(job.parameters.seed)},
        BETTER: {"preset": "quality"},
        REELS: {"shape": "reels"},
        LOOP: {"loop": SEAMLESS if can_close(job, catalog) else True},
        EXTEND: {EXTEND: True},
    }
    if action == BETTER:
        given = {name: value for name, value in given.items() if name not in SIZES}
    return str(captions.Caption(caption.prompt, {**given, **changes[action]}))


def _another(seed: int) -> int:
    return (seed + 1 + secrets.randbelow(SEED_MAX)) % (SEED_MAX + 1)


def again(record: Record, id: str, words: str) -> Request:
    """Return the request under another id and with other options of the same words, and so with the same prompt."""
    to = replace(record.request.reply_to, extra={**record.request.reply_to.extra, "job": id})
    return replace(kept_of(record), id=id, words=words, reply_to=to, rewritten=rewritten_of(record))


def rewritten_of(record: Record) -> str:
    """Return the prompt that a language model made of a job's words, or nothing."""
    return record.job.parameters.prompt if record.job and record.job.own_words else ""


def derived(id: str, what: str) -> str:
    """The id of a request that comes out of another one: the same for the same `what`, and short for ever."""
    root = id.partition("~")[0]
    digest = hashlib.sha256(f"{id} {what}".encode()).digest()
    return f"{root}~{base64.b32encode(digest[:8]).decode().rstrip('=').lower()}"
