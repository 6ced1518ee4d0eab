"""What a front end is given to run, and how it says that it cannot."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from unstill_bots.intake.pictures import Pictures
from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage


class Services(msgspec.Struct, frozen=True):
    """The connections that a front end works with; they outlive it."""

    settings: Settings
    catalog: Catalog
    client: Client
    storage: Storage
    pictures: Pictures


class TokenRejected(ConfigError):
    """The platform does not know the token."""

    def __init__(self, setting: str, giver: str) -> None:
        super().__init__(f"{setting} is not a token that is taken. Get a valid one from {giver}.")


class FrontEnd(Protocol):
    """One platform's."""

    platform: str

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        """Until `stopping` is set and what is in hand is done, or handed back. Raises TokenRejected."""
        ...
