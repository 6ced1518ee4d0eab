"""Names that only who holds the bot's token can tell whose they are."""

from __future__ import annotations

from pydantic import SecretStr

from unstill_config.platforms import Telegram
from unstill_config.settings import Settings
from unstill_queue.ledger.pseudonyms import Pseudonyms


def test_a_name_is_the_same_for_the_same_bot_and_another_for_another() -> None:
    ours, others = Pseudonyms({"telegram": "1:secret"}), Pseudonyms({"telegram": "2:secret"})
    name = ours.name("account", "telegram:5")
    assert name == Pseudonyms({"telegram": "1:secret"}).name("account", "telegram:5")
    assert name not in (others.name("account", "telegram:5"), Pseudonyms().name("account", "telegram:5"))
    assert len(name) == 32 and set(name) <= set("0123456789abcdef")


def test_a_person_their_private_chat_and_their_message_have_names_that_do_not_meet() -> None:
    names = Pseudonyms({"telegram": "1:secret"})
    assert len({names.name(kind, "telegram:5") for kind in ("account", "place", "request", "message")}) == 4
    assert names.name("account", "telegram:5") != names.name("account", "discord:5")


def test_the_settings_tokens_are_the_keys() -> None:
    settings = Settings(telegram=Telegram(token=SecretStr("1:secret")))
    assert Pseudonyms.of(settings).name("place", "telegram:5") == Pseudonyms({"telegram": "1:secret"}).name(
        "place", "telegram:5"
    )
    assert Pseudonyms.of(settings).name("place", "terminal:5") == Pseudonyms().name("place", "terminal:5")
