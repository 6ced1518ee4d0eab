"""The one message of a job, as an embed: its place and time, its progress, and its answer's words."""

from __future__ import annotations

import time

import discord
from msgspec.structs import replace

from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Cancelled, Failed, Progress, State
from unstill_queue.ledger.ledger import Place, Record

WAITING, RUNNING, DONE, FAILED = 0x5865F2, 0xFEE75C, 0x57F287, 0xED4245
BAR = 12
DESCRIPTION_MOST = 4096


def plain(text: str) -> str:
    """With nothing in it that Discord would read as markup or a mention."""
    return discord.utils.escape_mentions(discord.utils.escape_markdown(text, ignore_links=False))


def status(text: str, record: Record | None, place: Place | None, *, footer: str = "") -> discord.Embed:
    """`text` is what the job says; where the ledger knows when it is ready, a time that counts down by itself."""
    if record is None or record.outcome is not None:
        embed = discord.Embed(description=plain(text)[:DESCRIPTION_MOST], colour=_colour(record))
    else:
        replies = ChatReplies(record.request.requester.language)
        embed = discord.Embed(description=_under_way(text, record, place, replies), colour=_colour(record))
    if footer:
        embed.set_footer(text=footer)
    return embed


def _under_way(text: str, record: Record, place: Place | None, replies: ChatReplies) -> str:
    if place is not None and place.state is State.QUEUED and place.eta is not None:
        return f"{plain(replies.queued(place.position or None))} {_ready(place.eta, replies)}"
    progress = record.progress
    if record.state is State.RUNNING and progress is not None and progress.steps:
        said = plain(replies.progress(replace(progress, seconds_left=None)))
        if progress.seconds_left is not None:
            said = f"{said} {_ready(progress.seconds_left, replies)}"
        return f"{bar(progress)}\n{said}"
    return plain(text)


def bar(progress: Progress) -> str:
    """How far it is, in twelve blocks."""
    full = min(BAR, BAR * progress.step // max(1, progress.steps))
    return "▰" * full + "▱" * (BAR - full)


def _ready(seconds: float, replies: ChatReplies) -> str:
    # the platform's own notation, which each reader's app keeps up to date
    return replies.ready(f"<t:{round(time.time() + max(0.0, seconds))}:R>")


def _colour(record: Record | None) -> int:
    match record.outcome if record else None:
        case None:
            return RUNNING if record and record.state is State.RUNNING else WAITING
        case Failed():
            return FAILED
        case Cancelled():
            return WAITING
    return DONE
