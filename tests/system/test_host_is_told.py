"""What is wrong is told to the hosts in their chats: once, whoever is killed, by the platform that is up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import redis
from tests.system.both_house import Both, both_houses, heard
from tests.system.processes import wait_for

GONE, BACK = "No engine has been running", "An engine is running again."


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_houses(tmp_path_factory.mktemp("told"), UNSTILL_BOTS__TELL_AFTER="2") as both:
        both.start("telegram", "discord")
        yield both


def times(both: Both, platform: str, words: str) -> int:
    return sum(words in text for text in both.hosts[platform].said())


async def test_a_host_is_told_what_is_wrong_and_when_it_is_well_again(both: Both) -> None:
    telegram, discord = both.hosts["telegram"], both.hosts["discord"]
    # Given hosts who have written to their bots, as a bot may begin no talk, and an engine that is killed
    telegram.say("/start")
    engine = both.house.start_engine()
    with redis.Redis.from_url(both.house.valkey.url) as client:
        await asyncio.to_thread(wait_for, lambda: client.keys("unstill:engine:*"), what="the engine")
    engine.kill()
    engine.wait()
    # Then each host is told, in their own chat
    for host in (telegram, discord):
        await heard(host, lambda said: any(GONE in text for text in said), "the news")
    # When both bots are killed right then, and start again
    both.kill("telegram")
    both.kill("discord")
    both.start("telegram", "discord")
    # and an engine is there again, then that is told, and the news came once
    both.house.start_engine()
    for host in (telegram, discord):
        await heard(host, lambda said: any(BACK in text for text in said), "that it is well")
    for platform in both.hosts:
        assert (times(both, platform, GONE), times(both, platform, BACK)) == (1, 1)
        # the line that becomes the news stands nowhere
        assert times(both, platform, "News for the host") == 0

    # When one bot has served somebody, and is killed
    ann = both.person("telegram", "Ann")
    ann.photo("waves")
    await asyncio.to_thread(wait_for, lambda: len(ann.clips()) == 1, what="the clip")
    both.kill("telegram")
    # Then the host is told by the other one, and there when it is back
    await heard(
        discord, lambda said: any("The front end of Telegram has not been" in text for text in said), "the news"
    )
    both.start("telegram")
    await heard(discord, lambda said: any("Telegram is served again" in text for text in said), "that it is well")
    assert times(both, "telegram", "front end of Telegram") == 0
