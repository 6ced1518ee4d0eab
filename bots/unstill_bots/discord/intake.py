"""Interactions that ask for clips: written down and answered within three seconds, then everything else."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from unstill_bots.discord.buttons import edit
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import answer
from unstill_bots.discord.message_ref import MessageRef
from unstill_bots.discord.pending import channel_of
from unstill_bots.intake.admission import Admission, Writing
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Request


class Intake:
    """Answers interactions that ask for clips."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.admission = Admission(context.pipeline)

    async def admit(self, interaction: discord.Interaction, replies: ChatReplies, writing: Writing) -> None:
        """Have `writing` write down or refuse what an interaction asks for, and answer within three seconds."""
        if not self.admission.is_first(interaction.id):
            writing.close()
            return
        written = await self.admission.in_time(writing)
        if written is None:
            await answer(interaction, replies.not_taken())
            return
        if written.new:
            note = await self._context.chat.respond(interaction, written.new[0])
            self._context.spawn(self._follow(written.new, note))
        if written.refused is not None:
            view = edit(channel_of(interaction), interaction.id, replies) if written.words else None
            await answer(interaction, written.refused, view=view)

    async def _follow(self, new: Sequence[Request], note: MessageRef | None) -> None:
        await self.admission.begin(new, str(note) if note else None)
        to = new[0].reply_to
        if "unseen" not in to.extra:
            direct_to = None if "guild" in to.extra else int(new[0].requester.user)
            await self._context.memory.spoken_to(int(to.chat), direct_to)
