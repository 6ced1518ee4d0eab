"""Bots and engines report their errors, each by its name, and nothing of who was there when it happened."""

from __future__ import annotations

from pathlib import Path

import redis
from tests.sentry_server import SentryServer
from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_house

SENTENCE = "a record cannot be read and is set aside; unstill doctor shows it"


def test_an_engine_and_a_bot_report_what_went_wrong_and_of_whom_nothing(tmp_path: Path) -> None:
    with (
        SentryServer().running() as sentry,
        telegram_house(
            tmp_path, bot=False, UNSTILL_SENTRY__DSN=sentry.dsn, UNSTILL_SENTRY__ENVIRONMENT="at home"
        ) as telegram,
    ):
        server = redis.Redis.from_url(telegram.house.valkey.url)

        def damage(n: int) -> None:
            server.hset(f"unstill:job:telegram:4711:{n}", mapping={"state": "dreaming", "request": b"waves at Ann's"})
            server.zadd("unstill:due", {f"telegram:4711:{n}": 0})

        def reports(service: str) -> int:
            return sum(
                (event["tags"]["service"], event["logentry"]["message"]) == (service, SENTENCE)
                for event in sentry.events()
            )

        # Given an engine alone, which finds a record that is damaged
        (engine,) = telegram.house.started
        wait_for(lambda: "engine ready" in telegram.house.log("engine"), what="the engine")
        damage(1)
        wait_for(lambda: reports("engine") == 1, what="the engine's report")
        # When a bot finds another one, alone
        engine.kill()
        engine.wait()
        telegram.start_bot()
        telegram.wait_for_bot()
        damage(2)
        wait_for(lambda: reports("telegram") == 1, what="the bot's report")
        server.close()
        # Then each has told of it, and neither of the chat, the words or the token
        sent = "\n".join(sentry.bodies)
        for private in ("4711", "Ann", "waves", telegram.api.token, telegram.api.token.partition(":")[2]):
            assert private not in sent
        assert {event["environment"] for event in sentry.events()} == {"at home"}
