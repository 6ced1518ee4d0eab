"""What a press of a job's button does: once each, and only for whom it belongs to."""

from __future__ import annotations

from typing import Any

import discord
import structlog

from unstill_bots.actions import variations
from unstill_bots.actions.presses import ACTIONS, CANCEL, DELETE, Thing, Verdict, cancel, delete_files, judge, refusal
from unstill_bots.discord import rules
from unstill_bots.discord.actors import DiscordActor, shown_by, thing_of
from unstill_bots.discord.answering import answer, quickly
from unstill_bots.discord.buttons import TEMPLATE, Press
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction, guarded, replies_for, tell
from unstill_bots.discord.intake import Intake, Written
from unstill_bots.discord.media import Picture
from unstill_bots.discord.pending import of_interaction, person_scope
from unstill_bots.text.server_replies import ServerReplies
from unstill_queue.contract.jobs import Request
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)


class Presses:
    """One front end's."""

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake

    def item(self) -> type[discord.ui.DynamicItem[Any]]:
        """What discord.py hands presses to, of any message and from before any restart."""
        presses = self

        class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
            @classmethod
            async def from_custom_id(cls, interaction: Interaction, item: Any, match: Any, /) -> Any:
                return cls(item)

            async def callback(self, interaction: Interaction) -> None:
                await guarded(presses._context, interaction, presses.pressed(interaction, Press.of(self.custom_id)))

        return JobButton

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """Raises what the ledger and Discord raise."""
        replies = await replies_for(self._context, interaction)
        if press.action in variations.VARIATIONS:
            await self._reroll(interaction, press, replies)
        elif press.action == CANCEL:
            await tell(self._context, interaction, self._cancel(interaction, press, replies))
        else:
            await self._delete(interaction, press, replies)

    # -- one more

    async def _reroll(self, interaction: Interaction, press: Press, replies: ServerReplies) -> None:
        said: list[str] = []
        writing = self._write(interaction, press, replies, said)
        if not await self._intake.admit(interaction, replies.language, writing):
            await answer(interaction, said[0] if said else replies.already())

    async def _write(self, interaction: Interaction, press: Press, replies: ServerReplies, said: list[str]) -> Written:
        """The one more request; `said` gets what to say where there is none."""
        action, record = ACTIONS[press.action], await self._intake.record(press.job)
        verdict = await judge(action, DiscordActor(interaction), thing_of(record) if record else None)
        if verdict is not Verdict.ALLOWED or record is None:
            return refusal(verdict, action, replies), []
        ask = of_interaction(
            interaction,
            Picture.of(record.request.source),
            record.request.requester.language,
            self._context.upload_limit(interaction),
        )
        channels, roles = rules.standing(interaction.channel, interaction.user)
        new: list[Request] = []
        refusals: list[str] = []

        async def accept(request: Request) -> bool:
            refused = await rules.refusal(self._context, ask, request.words, channels, roles)
            if refused is not None:
                refusals.append(refused)
                return False
            # what answers it is this press, not the one that asked for the first clip
            request = ask.request(request.words, id=request.id)
            if await self._intake.reception.write(request):
                new.append(request)
            return bool(new)

        catalog, reception = self._context.catalog, self._intake.reception
        said.append(await variations.variation(record, press.action, replies, catalog, reception, accept))
        return (refusals[0] if refusals else None), new

    # -- no more

    async def _cancel(self, interaction: Interaction, press: Press, replies: ServerReplies) -> str:
        action, record = ACTIONS[CANCEL], await self._intake.record(press.job)
        verdict = await judge(action, DiscordActor(interaction), thing_of(record) if record else None)
        if verdict is not Verdict.ALLOWED or record is None:
            return refusal(verdict, action, replies)
        _, said = await cancel(self._context.client, record, person_scope(interaction.user), replies)
        return said

    async def _delete(self, interaction: Interaction, press: Press, replies: ServerReplies) -> None:
        """After /forgetme, and when the record has expired, the message itself says whose it is."""
        record, thing, actor = await quickly(self._shown(interaction, press))
        if record is not None and record.outcome is None:
            await tell(self._context, interaction, self._cancel(interaction, press, replies))
            return
        verdict = await judge(ACTIONS[DELETE], actor, thing)
        if verdict is not Verdict.ALLOWED:
            await answer(interaction, refusal(verdict, ACTIONS[DELETE], replies))
            return
        # by its own token, which may delete the message that was pressed wherever that is
        await interaction.response.defer()
        await delete_files(self._context.studio.storage, record.clips if record else ())
        try:
            await interaction.delete_original_response()
        except discord.NotFound:
            log.info("a clip was deleted already")
        except discord.DiscordException as error:
            log.info("a clip could not be deleted from its channel", error=str(error))
            await answer(interaction, replies.cannot_delete())

    async def _shown(self, interaction: Interaction, press: Press) -> tuple[Record | None, Thing, DiscordActor]:
        record, actor = await self._intake.record(press.job), DiscordActor(interaction)
        return record, thing_of(record) if record else await shown_by(self._context, interaction, actor), actor
