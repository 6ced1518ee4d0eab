"""What the system tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.system.telegram_house import TelegramHouse, telegram_house


@pytest.fixture(scope="session")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelegramHouse]:
    """A house whose tests each bring their own people and chats."""
    with telegram_house(tmp_path_factory.mktemp("telegram")) as house:
        yield house
