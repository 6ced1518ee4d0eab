"""What a press of a job's button does: once each, and only for whom it belongs to."""

from __future__ import annotations

from typing import Any

import discord
from msgspec.structs import replace

from unstill_bots.actions import variations
from unstill_bots.actions.job_actions import Attempt, JobActions
from unstill_bots.actions.open_forms import Pointed
from unstill_bots.actions.presses import CANCEL, EDIT, LAST_PICTURE, NEW_SEED, PRESET, SWITCH, WORDS_ALONE
from unstill_bots.discord import modals
from unstill_bots.discord.actors import DiscordActor
from unstill_bots.discord.buttons import TEMPLATE, Press
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction, answer, items_by_custom_id, replies_for, tell
from unstill_bots.discord.intake import Intake
from unstill_bots.discord.media import Picture, find
from unstill_bots.discord.pending import DiscordRequest, id_of, of_interaction, of_message
from unstill_bots.host.background import quickly
from unstill_bots.intake.admission import Written
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.text.server_replies import ServerReplies


class Presses:
    """Does what presses of the buttons under a job ask for."""

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._jobs = JobActions(context.pipeline)

    def item(self) -> type[discord.ui.DynamicItem[Any]]:
        """Make the class to which discord.py hands presses."""
        return items_by_custom_id(
            self._context, TEMPLATE, lambda interaction, custom_id: self.pressed(interaction, Press.of(custom_id))
        )

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """Raises what the ledger and Discord raise."""
        replies = await replies_for(self._context, interaction)
        if press.action in variations.VARIATIONS:
            await self._intake.admit(interaction, replies, self._vary(interaction, press, replies))
        elif press.action == PRESET:
            await self._preset(interaction, press.about, replies)
        elif press.action == EDIT:
            await self._edit(interaction, press, replies)
        elif press.action in (CANCEL, SWITCH, NEW_SEED):
            await tell(self._context, interaction, self._cancel(interaction, press, replies))
        elif press.action in (LAST_PICTURE, WORDS_ALONE):
            await self._offer(interaction, press, replies)
        else:
            await self._delete(interaction, press, replies)

    async def _look(self, interaction: Interaction, press: Press) -> Attempt:
        record = await self._context.pipeline.record(press.job)
        return await self._jobs.look(press.action, record, DiscordActor(self._context, interaction))

    # -- one more

    async def _vary(self, interaction: Interaction, press: Press, replies: ServerReplies) -> Written:
        """Write down one more request."""
        attempt = await self._look(interaction, press)
        refused, record = await self._jobs.refused(attempt, replies), attempt.record
        if refused is not None or record is None:
            return Written(refused)
        # what answers it is this press, not what asked for the first clip
        source, language = Picture.of(record.request.source), record.request.requester.language
        limit = self._context.upload_limit(interaction)
        pending = replace(of_interaction(interaction, source, language, limit), older=OlderPicture.of(record))
        varied = await variations.vary(
            record, press.action, replies, self._context.pipeline, pending, attempt.actor.press
        )
        return Written(varied.said) if varied.request is None else Written(new=[varied.request])

    # -- pictures and words by a press

    async def _edit(self, interaction: Interaction, press: Press, replies: ServerReplies) -> None:
        """Open a form with the words that were refused: those of a job, or of an event that was answered alone."""
        actor, forms = DiscordActor(self._context, interaction), self._context.memory.forms

        async def opened() -> Pointed[Picture] | str:
            attempt = await self._look(interaction, press)
            record = attempt.record
            if record is None:
                return await forms.of(press.about.rpartition(":")[2], actor) or replies.no_longer_open()
            refused, words = await self._jobs.to_edit(attempt, replies)
            picture = Picture.of(record.request.source)
            return refused or Pointed(actor.user, actor.chat, [picture], words, record.id)

        found = await quickly(opened())
        if isinstance(found, str):
            await answer(interaction, found)
            return
        await quickly(forms.keep(interaction.id, found))
        serving = self._context.pipeline.serving
        await modals.show(interaction, replies, serving, upload=not found.pictures, prompt=found.words)

    async def _preset(self, interaction: Interaction, name: str, replies: ServerReplies) -> None:
        actor = DiscordActor(self._context, interaction)
        question = await quickly(actor.shown())
        reference = interaction.message.reference if interaction.message else None
        picture = id_of(actor.chat, (reference and reference.message_id) or 0)

        async def forgotten() -> DiscordRequest | None:
            """The picture above the question, where we no longer remember that it waits."""
            message = await actor.replied()
            found = find(message) if message else None
            if message is None or not isinstance(found, list) or not found:
                return None
            return of_message(message, found[0], replies.language, self._context.upload_limit(message.channel))

        conversation = self._context.conversation
        said = await quickly(conversation.preset_pressed(name, actor, question, picture, replies, forgotten))
        if said:
            await answer(interaction, said)
        else:
            await interaction.response.defer()

    async def _offer(self, interaction: Interaction, press: Press, replies: ServerReplies) -> None:
        await interaction.response.defer()
        actor = DiscordActor(self._context, interaction)
        if said := await self._context.follow_ups.offer_taken(press.job, press.action, actor, replies):
            await answer(interaction, said)

    # -- no more

    async def _cancel(self, interaction: Interaction, press: Press, replies: ServerReplies) -> str:
        return await self._done(await self._look(interaction, press), replies)

    async def _done(self, attempt: Attempt, replies: ServerReplies) -> str:
        return (await self._jobs.attempt(attempt, replies)).said

    async def _delete(self, interaction: Interaction, press: Press, replies: ServerReplies) -> None:
        attempt = await quickly(self._look(interaction, press))
        if not attempt.deletes:
            await tell(self._context, interaction, self._done(attempt, replies))
            return
        refused = await self._jobs.refused(attempt, replies)
        if refused is not None:
            await answer(interaction, refused)
            return
        await interaction.response.defer()
        done = await self._jobs.perform(attempt, replies)
        if not done.done:
            await answer(interaction, done.said)
