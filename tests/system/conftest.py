"""What the system tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.system.discord_house import DiscordHouse, discord_house
from tests.system.telegram_house import TelegramHouse, telegram_house


@pytest.fixture(scope="session")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelegramHouse]:
    """A house whose tests each bring their own people and chats."""
    with telegram_house(tmp_path_factory.mktemp("telegram"), quick=True) as house:
        yield house


@pytest.fixture(scope="session")
def discord(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiscordHouse]:
    """A house whose tests each bring their own people and servers."""
    folder = tmp_path_factory.mktemp("discord")
    with discord_house(folder, quick=True, JOURNAL_STEP_SECONDS="0.006") as house:
        yield house
