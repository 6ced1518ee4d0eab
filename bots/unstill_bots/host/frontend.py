"""What a front end is given to run, and how it says that it cannot."""

from __future__ import annotations

import asyncio
import importlib
from typing import Protocol

import msgspec

from unstill_bots.intake.pictures import Pictures
from unstill_bots.intake.rewriter import PromptRewriter
from unstill_bots.safety.checks import Safety
from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.platforms import PLATFORMS, BotSettings
from unstill_config.settings import PREFIX, Settings
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage


class Services(msgspec.Struct, frozen=True):
    """The connections that a front end works with; they outlive it."""

    settings: Settings
    catalog: Catalog
    client: Client
    storage: Storage
    pictures: Pictures
    safety: Safety = msgspec.field(default_factory=Safety)
    rewriter: PromptRewriter = msgspec.field(default_factory=PromptRewriter)


class FrontEnd(Protocol):
    """One platform's."""

    platform: str

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        """Until `stopping` is set and what is in hand is done, or handed back. Raises TokenRejected."""
        ...


class TokenRejected(ConfigError):
    """The platform does not know the token."""

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"{_token_of(platform)} is not a token that is taken. Get a valid one from {_giver(platform)}."
        )


def load_front_end(platform: str, settings: Settings) -> FrontEnd:
    """Import the front end of a platform of the registry, and no other platform's library.

    Raises:
        ConfigError: it is a bot, and its token is not set; or its own settings cannot be served.
    """
    entry = settings.platforms()[platform]
    if isinstance(entry, BotSettings) and entry.token is None:
        raise ConfigError(
            f"{_token_of(platform)} is not set. Get a token from {_giver(platform)} and put it into .env."
        )
    module, _, name = entry.front_end.partition(":")
    front_end: FrontEnd = getattr(importlib.import_module(module), name)()
    if entry.check:
        module, _, name = entry.check.partition(":")
        getattr(importlib.import_module(module), name)(entry)
    return front_end


def _giver(platform: str) -> str:
    kind = PLATFORMS[platform]
    return kind.token_from if issubclass(kind, BotSettings) else ""


def _token_of(platform: str) -> str:
    return f"{PREFIX}{platform}__token".upper()
