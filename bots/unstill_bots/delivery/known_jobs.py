"""Records of the jobs whose status a front end shows: in which message, and what that said last."""

from __future__ import annotations

import time

import msgspec

from unstill_bots.delivery.message import Message
from unstill_bots.text.waiting_replies import A_FEW
from unstill_queue.contract.jobs import ReplyAddress, Request

OFF_BY = 0.25
"""The share of the time left by which a countdown may be wrong before another is shown."""


class ShownJob(msgspec.Struct):
    """A job as this process has shown it: where, in which message, and the furthest share of the rendering.

    Until `quiet_until`, by the monotonic clock, nothing is shown of it but its answer. `place`: the message by which
    its place was told, while that is what stands there. `looked`: its early look was shown.
    """

    to: ReplyAddress
    ref: str | None = None
    share: float = 0.0
    quiet_until: float = 0.0
    place: Message | None = None
    looked: bool = False


class Waiting(msgspec.Struct):
    """A job that waits. `position` as in `Place`; `look_at` and `told_at` by the monotonic clock: when its place is to
    be looked at again, and when it was told last.
    """

    request: Request
    position: int = 0
    look_at: float = 0.0
    told_at: float = 0.0


def says(told: Message | None, now: Message, *, counts_down: bool) -> bool:
    """Return whether what was told of a place still says what is so now. `counts_down` as in `Platform`."""
    if told is None or told.buttons != now.buttons:
        return False
    if not counts_down or told.ready_at is None or now.ready_at is None:
        return told.text.plain() == now.text.plain()
    off = abs(told.ready_at - now.ready_at)
    return told.text.untimed == now.text.untimed and off <= max(A_FEW, OFF_BY * (now.ready_at - time.time()))
