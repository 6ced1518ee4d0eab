"""What a press of a job's button does: once each, and only for whom it belongs to."""

from __future__ import annotations

from typing import Any

import discord
import structlog

from unstill_bots import rerolls
from unstill_bots.discord import rules
from unstill_bots.discord.answering import answer, quickly
from unstill_bots.discord.asking import of_interaction, person_scope
from unstill_bots.discord.buttons import CANCEL, TEMPLATE, Press
from unstill_bots.discord.desk import Desk
from unstill_bots.discord.findings import Picture
from unstill_bots.discord.handling import Interaction, guarded, replies_for, tell
from unstill_bots.discord.intake import Intake, Written
from unstill_bots.discord.wording import DiscordReplies
from unstill_queue.errors import StorageError
from unstill_queue.jobs import Request, Succeeded
from unstill_queue.ledger import Record

log = structlog.get_logger(__name__)


class Presses:
    """One front end's."""

    def __init__(self, desk: Desk, intake: Intake) -> None:
        self._desk = desk
        self._intake = intake

    def item(self) -> type[discord.ui.DynamicItem[Any]]:
        """What discord.py hands presses to, of any message and from before any restart."""
        presses = self

        class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
            @classmethod
            async def from_custom_id(cls, interaction: Interaction, item: Any, match: Any, /) -> Any:
                return cls(item)

            async def callback(self, interaction: Interaction) -> None:
                await guarded(interaction, presses.pressed(interaction, Press.of(self.custom_id)))

        return JobButton

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """Raises what the ledger and Discord raise."""
        replies = await replies_for(self._desk, interaction)
        if press.action in rerolls.REROLLS:
            await self._reroll(interaction, press, replies)
        elif press.action == CANCEL:
            await tell(interaction, self._cancel(interaction, press, replies))
        else:
            await self._delete(interaction, press, replies)

    # -- one more

    async def _reroll(self, interaction: Interaction, press: Press, replies: DiscordReplies) -> None:
        said: list[str] = []
        writing = self._write(interaction, press, replies, said)
        if not await self._intake.admit(interaction, replies.language, writing):
            await answer(interaction, said[0] if said else replies.already())

    async def _write(self, interaction: Interaction, press: Press, replies: DiscordReplies, said: list[str]) -> Written:
        """The one more request; `said` gets what to say where there is none."""
        record = await self._intake.record(press.job)
        if record is None or record.job is None:
            return replies.unknown_job(), []
        if record.request.requester.user != str(interaction.user.id):
            return replies.not_your_clip(), []
        ask = of_interaction(
            interaction,
            Picture.of(record.request.source),
            record.request.requester.language,
            self._desk.upload_limit(interaction),
        )
        channels, roles = rules.standing(interaction.channel, interaction.user)
        refusal = await rules.refusal(self._desk, ask, channels, roles)
        if refusal is not None:
            return refusal, []
        new: list[Request] = []

        async def accept(request: Request) -> bool:
            # what answers it is this press, not the one that asked for the first clip
            request = ask.request(request.words, id=request.id)
            if await self._intake.reception.write(request):
                new.append(request)
            return bool(new)

        catalog, reception = self._desk.catalog, self._intake.reception
        said.append(await rerolls.reroll(record, press.action, replies, catalog, reception, accept))
        return None, new

    # -- no more

    async def _cancel(self, interaction: Interaction, press: Press, replies: DiscordReplies) -> str:
        record = await self._intake.record(press.job)
        if record is None:
            return replies.unknown_job()
        if not may_end(interaction, record):
            return replies.not_yours()
        done = await self._desk.client.cancel(record.id, person_scope(interaction.user))
        texts = {"cancelled": replies.cancelled(""), "cancelling": replies.cancelling()}
        return texts.get(done, replies.cannot_cancel())

    async def _delete(self, interaction: Interaction, press: Press, replies: DiscordReplies) -> None:
        record = await quickly(self._intake.record(press.job))
        if not may_end(interaction, record):
            await answer(interaction, replies.not_your_clip() if record else replies.unknown_job())
            return
        # by its own token, which may delete the message that was pressed wherever that is
        await interaction.response.defer()
        try:
            await interaction.delete_original_response()
        except discord.NotFound:
            log.info("a clip was deleted already")
        except discord.DiscordException as error:
            log.info("a clip could not be deleted from its channel", error=str(error))
            await answer(interaction, replies.cannot_delete())
            return
        if record is not None and isinstance(record.outcome, Succeeded):
            try:
                await self._desk.studio.storage.delete(record.outcome.clip)
            except StorageError as error:
                log.info("a clip could not be deleted from the storage", error=str(error))


def may_end(interaction: Interaction, record: Record | None) -> bool:
    """Whoever asked for it, as long as that is known; in a server also those who may delete others' messages."""
    owner = record is not None and record.request.requester.user == str(interaction.user.id)
    return owner or (interaction.guild_id is not None and interaction.permissions.manage_messages)
