"""The one message of a job, as an embed: its place and time, its progress, and its answer's words."""

from __future__ import annotations

import discord

from unstill_bots.delivery.message import Message, Phase
from unstill_bots.discord.marks import plain
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.replies import CAPTION_LENGTH

WAITING, RUNNING, DONE, FAILED = 0x5865F2, 0xFEE75C, 0x57F287, 0xED4245
COLOURS = {
    Phase.RECEIVED: WAITING,
    Phase.WAITING: WAITING,
    Phase.LOADING: RUNNING,
    Phase.RENDERING: RUNNING,
    Phase.ENCODING: RUNNING,
    Phase.DONE: DONE,
    Phase.FAILED: FAILED,
    Phase.CANCELLED: WAITING,
}
BAR = 12
DESCRIPTION_MOST = 4096


def status(message: Message, *, footer: str = "") -> discord.Embed:
    """Draw what a message says; where it is known when the clip is ready, with a time that counts down by itself."""
    said, folded = message.text.folded(CAPTION_LENGTH) if message.clip else (message.text.plain(), "")
    said, footer = plain(said), "\n".join(filter(None, (folded, footer)))
    said = f"||{said}||" if message.text.covered else said
    if message.ready_at is not None:
        # the platform's own notation, which each reader's app keeps up to date
        when = f"<t:{round(message.ready_at)}:R>"
        said = f"{plain(message.text.untimed)} {ChatReplies(message.language).ready(when)}"
    if message.share is not None and message.phase.under_way:
        said = f"{bar(message.share)}\n{said}"
    embed = discord.Embed(description=said[:DESCRIPTION_MOST], colour=COLOURS[message.phase])
    if footer:
        embed.set_footer(text=footer)
    return embed


def bar(share: float) -> str:
    """Draw a share from 0 to 1 in twelve blocks."""
    full = min(BAR, max(0, int(BAR * share + 1e-9)))
    return "▰" * full + "▱" * (BAR - full)
