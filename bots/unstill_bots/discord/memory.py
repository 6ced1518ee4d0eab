"""Keeps what outlives a restart besides the ledger: messages that were seen, pictures that wait, open forms."""

from __future__ import annotations

from redis.asyncio import Redis

from unstill_bots.actions.open_forms import OpenForms
from unstill_bots.discord.media import Picture
from unstill_bots.discord.pending import PLATFORM, DiscordRequest
from unstill_bots.intake.addressed import AddressedMessages
from unstill_queue.ledger.pseudonyms import Pseudonyms


class Memory(AddressedMessages[DiscordRequest]):
    """Discord's memory, on the queue's Redis."""

    def __init__(self, redis: Redis, names: Pseudonyms | None = None) -> None:
        super().__init__(redis, PLATFORM, DiscordRequest, names)
        self.forms = OpenForms(redis, PLATFORM, Picture)

    async def forget(self, user: str) -> None:
        await super().forget(user)
        await self.forms.forget(user)
