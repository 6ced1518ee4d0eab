"""The buttons under a job's message, by what it shows."""

from __future__ import annotations

from unstill_bots.actions.presses import ACTIONS, CANCEL, DELETE, NEW_SEED, REPORT, SHARE
from unstill_bots.actions.variations import AGAIN, BETTER, LOOP, REELS, moves_of, offered
from unstill_bots.delivery.message import Button, EarlyLook
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import Job, Outcome, Request
from unstill_queue.contract.options import EXTEND


def while_under_way(job: str, replies: ChatReplies) -> tuple[Button, ...]:
    """Return the button that ends a job."""
    return (Button(CANCEL, replies.button_cancel(), job),)


def at_a_look(job: str, replies: ChatReplies, look: EarlyLook) -> tuple[Button, ...]:
    """Return the buttons under an early look: a job with another seed in place of this one, and its end."""
    reseed = (Button(NEW_SEED, replies.button_new_seed(), job),) if look.reseeds else ()
    return (*reseed, Button(CANCEL, replies.button_stop(), job))


def under_clip(job: Job | None, made: Outcome | None, replies: ChatReplies, catalog: Catalog) -> tuple[Button, ...]:
    """Return the buttons under a job's clip but for those that would change nothing; none where no job is on record."""
    if job is None:
        return ()
    texts = {
        AGAIN: replies.button_again(moves=bool(moves_of(job, catalog))),
        BETTER: replies.button_better(),
        REELS: replies.button_reels(),
        LOOP: replies.button_loop(),
        EXTEND: replies.button_extend(),
        DELETE: replies.button_delete(),
    }
    return tuple(Button(action, texts[action], job.id) for action in (*offered(job, made, catalog), DELETE))


def to_share(request: Request, replies: ChatReplies, *, covered: bool) -> tuple[Button, ...]:
    """Return the button that shares a clip, where the platform has that; what is covered would be shown open there."""
    if covered or request.requester.platform not in ACTIONS[SHARE].buttons:
        return ()
    return (Button(SHARE, replies.button_share(), request.id),)


def to_report(request: Request, replies: ChatReplies) -> tuple[Button, ...]:
    """Return the button that reports a clip, where the platform has that; elsewhere one replies to it."""
    if request.reply_to.platform not in ACTIONS[REPORT].buttons:
        return ()
    return (Button(REPORT, replies.button_report(), request.id),)
