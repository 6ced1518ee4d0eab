"""Pictures that were sent together, as an album or in one message: what is taken of them, and the rest, said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from unstill_bots.actions.preferences import Preferences
from unstill_bots.delivery.chat import ChatError
from unstill_bots.intake.inputs import Inputs
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.rules import Terms
from unstill_queue.contract.errors import NotTaken, TooManyRequests
from unstill_queue.contract.jobs import Request


class Together(msgspec.Struct):
    """The result for pictures that were sent together: the requests that are `new`, how many pictures were `taken`, and
    how often each objection refuses one.
    """

    new: list[Request] = []
    taken: int = 0
    refused: Counter[Objection] = msgspec.field(default_factory=Counter)

    def told(self, pending: PendingRequest) -> Objection | None:
        """Return what to say of all of them, by the first one's code; None where all were taken, as their own messages
        say so.
        """
        if not self.refused:
            return None
        first = next(iter(self.refused))
        said = pending.replies.taken_together(self.taken, {one.said: count for one, count in self.refused.items()})
        return Objection(said, first.code, first.fields, first.retry_after, first.silent)


async def take_together(
    pipeline: Pipeline,
    pendings: Sequence[PendingRequest],
    words: str,
    *,
    own: Preferences | None = None,
    beside: int = 0,
    start: bool = True,
) -> Together:
    """Take as many pictures as rules, quotas and the rate of requests let through, with the same words.

    The others are not written down: a receipt of each that turned into a refusal would read like a storm of errors.
    `beside` were taken before them; `own` and `start` as in `Pipeline.accept`. Raises RedisError.
    """
    found = Together()
    first = await pipeline.request(pendings[0], words, own=own)
    terms = await _terms(pipeline, pendings[0], first)
    for number, pending in enumerate(pendings):
        objection = await pipeline.objection(
            pending.who, first.words, terms, Inputs.to_come(pending), beside + len(found.new)
        )
        if objection is None:
            try:
                new = await pipeline.accept(pending, words, own=own, start=start)
            except NotTaken as error:
                objection = Objection.to_asking(error, pending.replies)
                if not isinstance(error, TooManyRequests):
                    # the host wants none of the others either
                    found.refused[objection] += len(pendings) - number
                    break
            else:
                found.taken += 1
                if new is not None:
                    found.new.append(new)
                continue
        found.refused[objection] += 1
    return found


async def _terms(pipeline: Pipeline, pending: PendingRequest, request: Request) -> Terms:
    rules = await pipeline.preferences.get(pending.who.place)
    forbidden = pending.forbidden(rules)
    if forbidden is not None:
        return Terms(forbidden)
    try:
        return await pipeline.terms(request)
    except ChatError:
        # nobody can say now; each is asked about again when it is prepared
        return Terms.of(rules, pending.replies)
