"""Makes the message that a job shows out of what the ledger holds of it: once, for all platforms."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from unstill_bots.actions.presses import (
    EDIT,
    LAST_PICTURE,
    SWITCH,
    WORDS_ALONE,
)
from unstill_bots.delivery.message import (
    NOTICE,
    SHUT_OUT,
    Button,
    Clip,
    EarlyLook,
    Message,
    Phase,
    Urgency,
    is_replaced,
)
from unstill_bots.delivery.message_buttons import at_a_look, to_report, to_share, under_clip, while_under_way
from unstill_bots.delivery.naming import file_name
from unstill_bots.intake import captions
from unstill_bots.intake.older_picture import WORDS_REFUSED
from unstill_bots.intake.served import Served
from unstill_bots.safety.checks import COVERED_PICTURE, Shown
from unstill_bots.text.advice import advice
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.parts import Text
from unstill_bots.text.waiting_replies import A_FEW
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Failed, Finish, Job, Parameters, Progress, Request, Succeeded
from unstill_queue.ledger.ledger import Place, Record

REWRITTEN = "prompt_rewritten"
"""The code of the note that says which prompt a language model made of the words."""


def received(request: Request) -> Message:
    """Make the first message of a request that was just taken."""
    replies = _replies(request)
    return Message(
        request.id,
        replies.language,
        Text(replies.received(request.pictures)),
        Phase.RECEIVED,
        Urgency.PLACE,
        buttons=while_under_way(request.id, replies),
    )


def empty_line(record: Record) -> Message:
    """Make a message for the answer to be edited into, where none stands that could be edited."""
    replies = _replies(record.request)
    refused = record.refused
    return Message(
        record.id,
        replies.language,
        Text(replies.news() if NOTICE in record.request.reply_to.extra else replies.received(record.request.pictures)),
        Phase.RECEIVED,
        Urgency.REFUSAL if refused else Urgency.ANSWER,
        account=record.request.requester.account if refused else "",
    )


def waiting(request: Request, place: Place, served: Served | None = None) -> Message:
    """Make the message of a job that no engine has taken: its place, and the time until its clip is there.

    Where its model is not served, that is said, with a button for what is `served` instead.
    """
    replies, eta = _replies(request), place.eta
    other = served.instead_of(place.lane) if served and not (place.engines or place.parked or place.held) else None
    switch = (Button(SWITCH, replies.button_switch(served.title(other)), request.id),) if served and other else ()
    return Message(
        request.id,
        replies.language,
        Text(replies.waiting(place, served), untimed="" if eta is None else replies.queued(place.position or None)),
        Phase.WAITING,
        Urgency.PLACE,
        ready_at=_ready_at(eta),
        buttons=(*switch, *while_under_way(request.id, replies)),
    )


def rendering(record: Record, progress: Progress, least: float = 0.0, look: EarlyLook | None = None) -> Message:
    """Make the message of a running job. `least` is the share that was shown: no second try runs back from it."""
    replies = _replies(record.request)
    share = _share(progress, least)
    shown, left = progress, None
    if progress.phase == "rendering" and progress.steps and share is not None:
        # as percent, so that words and bar say the same after a retry with other steps
        shown = msgspec.structs.replace(progress, step=math.floor(100 * share + 1e-9), steps=100)
        left = progress.seconds_left
    said = replies.progress(shown)
    untimed = replies.progress(msgspec.structs.replace(shown, seconds_left=None)) if left is not None else ""
    if look is not None:
        about = replies.early_look(synthetic=look.synthetic)
        said, untimed = (f"{about}\n{each}" if each else "" for each in (said, untimed))
    return Message(
        record.id,
        replies.language,
        Text(said, untimed=untimed),
        Phase(progress.phase),
        Urgency.PROGRESS,
        share=share,
        ready_at=_ready_at(left),
        buttons=at_a_look(record.id, replies, look) if look else while_under_way(record.id, replies),
        look=look,
    )


def shrinking(record: Record) -> Message:
    """Make the message of a clip whose size the platform refused, and which is being made smaller."""
    replies = _replies(record.request)
    return Message(
        record.id,
        replies.language,
        Text(replies.shrinking()),
        Phase.ENCODING,
        Urgency.ANSWER,
        buttons=while_under_way(record.id, replies),
    )


def clip(
    record: Record,
    outcome: Succeeded,
    file: Path,
    catalog: Catalog,
    *,
    spoiler: bool = False,
    shown: Shown = Shown.OPEN,
) -> Message:
    """Make the answer with its clip. `file` as in `message.Clip`. `spoiler`: the chat wants clips covered."""
    replies, job, used = _replies(record.request), record.job, outcome.parameters
    notes, own = record.notes, job.own_words if job else ""
    if shown is Shown.COVERED and COVERED_PICTURE not in notes:
        notes = (*notes, "clip_covered")
    # a person cannot mend what a language model wrote
    tip = None if own else advice(used.prompt, used, draws=outcome.draws, language=replies.language)
    pictures = record.request.pictures
    covered = spoiler or record.request.spoiler or shown is Shown.COVERED or COVERED_PICTURE in notes
    if covered and tip is not None and tip.details:
        # these are of the words, which are hidden
        tip = None
    if own and covered:
        # what is hidden are the words alone, and no note
        notes = tuple(note for note in notes if not note.startswith(REWRITTEN))
        text = replies.clip_text(outcome, notes, tip, pictures=pictures, own=f"{own} → {used.prompt}")
    else:
        text = replies.clip_text(outcome, notes, tip, pictures=pictures, own=own)
    for_here = covered or shown is not Shown.OPEN
    unheard = map(replies.unheard, _unheard(record.request.words, catalog, used.model))
    return Message(
        record.id,
        replies.language,
        msgspec.structs.replace(text, notes=(*text.notes, *unheard), covered=covered),
        Phase.DONE,
        Urgency.ANSWER,
        buttons=(
            *under_clip(job, outcome, replies, catalog),
            *to_share(record.request, replies, covered=for_here),
            *to_report(record.request, replies),
        ),
        clip=Clip(
            file,
            outcome.size,
            outcome.width,
            outcome.height,
            outcome.duration,
            audio=job.finish.audio if job else False,
            spoiler=covered,
            poster=_poster(job),
            fill=_fill(job.finish, used) if job else "crop",
            name=file_name("" if covered else own or used.prompt),
            alt=replies.alt_text("" if covered else own or used.prompt),
            key=outcome.clip,
        ),
    )


def _poster(job: Job | None) -> str | None:
    """Return the picture that a clip begins with: of a longer one none is kept apart from it."""
    return job.picture or None if job and not job.extends else None


def _fill(finish: Finish, used: Parameters) -> Literal["crop", "blur", "pad"]:
    """Return how the photo fills a clip that was rendered with the parameters `used`."""
    if finish.shape == "original" or (used.width and used.height):
        return "crop"
    return "pad" if finish.fill == "pad" else "blur"


def _unheard(words: str, catalog: Catalog, model: str) -> tuple[captions.Unheard, ...]:
    try:
        return captions.parse(words, catalog, model).unheard
    except OptionError:
        # by a catalogue that has changed since
        return ()


def failed(record: Record, failure: Failed, catalog: Catalog) -> Message:
    """Make the answer that there is no clip. Where one was made, and cannot be shown, it can be asked for again."""
    replies = _replies(record.request)
    made = isinstance(record.outcome, Succeeded) and failure.code != "clip_refused"
    buttons = under_clip(record.job, record.outcome, replies, catalog) if made else ()
    if failure.details == WORDS_REFUSED:
        buttons = (Button(EDIT, replies.button_edit(), record.id),)
    text = Text(replies.failed(failure))
    code = failure.code if isinstance(record.outcome, Succeeded) else ""
    return Message(record.id, replies.language, text, Phase.FAILED, Urgency.ANSWER, buttons=buttons, code=code)


def cancelled(record: Record, by: str) -> Message:
    """Make the answer to a request that `by` no longer wanted."""
    replies = _replies(record.request)
    if by == SHUT_OUT:
        return shut_out(record.request)
    by_admin = by not in ("system", record.request.requester.person) and not is_replaced(by)
    said = replies.cancelled_by_admin() if by_admin else replies.cancelled(by)
    return Message(record.id, replies.language, Text(said), Phase.CANCELLED, Urgency.ANSWER)


def without_picture(id: str, text: str, replies: ChatReplies, offered: Sequence[str] = ()) -> Message:
    """Make what is said to words without a picture, whose request would have that id. `offered` are actions that take
    the words all the same: LAST_PICTURE, WORDS_ALONE.
    """
    labels = {LAST_PICTURE: replies.button_last_picture(), WORDS_ALONE: replies.button_words_alone()}
    buttons = tuple(Button(action, labels[action], id) for action in offered)
    return Message(id, replies.language, Text(text), Phase.FAILED, Urgency.TALK, buttons=buttons)


def shut_out(request: Request) -> Message:
    """Make the message of a request that ended while the bot could not reach its chat."""
    replies = _replies(request)
    return Message(request.id, replies.language, Text(replies.shut_out()), Phase.CANCELLED, Urgency.ANSWER)


def _ready_at(left: float | None) -> float | None:
    """Return when that many seconds are over; None where so few are left that a countdown would soon have passed."""
    return None if left is None or left < A_FEW else time.time() + left


def _replies(request: Request) -> ChatReplies:
    return ChatReplies(request.requester.language)


def _share(progress: Progress, least: float) -> float | None:
    """Return the share of the rendering that is done, which is all of it while the file is made."""
    if progress.phase == "encoding":
        return 1.0
    if progress.phase == "rendering" and progress.steps:
        return max(least, min(1.0, progress.step / progress.steps))
    return least or None
