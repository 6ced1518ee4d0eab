"""The message that another one replies to, also one of another chat."""

from __future__ import annotations

from telegram import Message

from unstill_bots.actions.preferences import InForce
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.said import RepliedTo
from unstill_bots.telegram.actors import jobs_of
from unstill_bots.telegram.addressing import is_by
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.message_ref import MessageRef
from unstill_bots.telegram.pending import TelegramRequest, id_of, user_of


def replied_to(context: Context, message: Message, in_force: InForce) -> RepliedTo[TelegramRequest] | None:
    """Return what a message replies to; None where it replies to none."""
    replied = message.reply_to_message or message.external_reply
    if replied is None:
        return None
    found = find(replied, context.download_limit)
    asks = (context.pending_of(message, found, in_force),) if isinstance(found, Picture) else ()
    unfit = found if isinstance(found, Unfit) else None
    covered = bool(replied.has_media_spoiler)
    if not isinstance(replied, Message):
        sender = getattr(replied.origin, "sender_user", None)
        return RepliedTo("", str(sender.id) if sender else "", asks=asks, unfit=unfit, covered=covered)
    chat, number = str(message.chat.id), replied.message_id
    return RepliedTo(
        id_of(replied),
        user_of(replied),
        note=str(MessageRef(chat, number)) if is_by(replied, context.me) else "",
        jobs=jobs_of(replied),
        asks=asks,
        unfit=unfit,
        covered=covered,
    )


def is_reply_to_own(message: Message) -> bool:
    """Return whether somebody replies to a message of their own. What they write in a topic of theirs only looks so."""
    replied = message.reply_to_message
    return replied is not None and not replied.forum_topic_created and user_of(replied) == user_of(message)
