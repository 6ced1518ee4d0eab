"""The host's commands in chat: the same on both platforms, and nobody else's."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.system.both_house import Both, DiscordRoom, Room, TelegramRoom, both_houses, heard
from tests.system.processes import wait_for

from unstill_bots.actions.host_commands import HOST_COMMANDS
from unstill_bots.telegram.menu import CODES

PLATFORMS = ("telegram", "discord")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_houses(tmp_path_factory.mktemp("hosts")) as both:
        both.house.start_engine()
        # Telegram takes a menu for a chat only where its person has written to the bot
        both.hosts["telegram"].command("help")
        both.start(*PLATFORMS)
        wait_for(both.hosts["telegram"].said, what="the answer to the host")
        yield both


async def answered(person: Any, words: str, *, command: bool = False) -> str:
    """Return the answer to what somebody says, or to a command as everybody has it."""
    before = len(person.said())
    (person.command if command else person.say)(words)
    return (await heard(person, lambda said: len(said) > before, f"the answer to {words}"))[-1]


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_host_pauses_drains_and_blocks_and_nobody_else_does(both: Both, platform: str) -> None:
    host, ann = both.hosts[platform], both.person(platform, "Ann")
    # Given who is no host: the commands are none for them
    for name in HOST_COMMANDS:
        assert f"There is no command /{name}" in await answered(ann, f"/{name}")
    assert "is free" in await answered(host, "/engines")

    # When the host pauses the intake, then a picture is refused with a sentence, and taken again afterwards
    assert "New requests are refused" in await answered(host, "/pause")
    ann.photo("waves")
    await heard(ann, lambda said: "has paused it" in said[-1], "the refusal")
    assert "New requests are refused since" in await answered(host, "/engines")
    assert await answered(host, "/resume") == "New requests are taken, and the engines work."

    # When the host lets the engines rest, then what waits says so, and is made when they go on
    assert "take no more jobs" in await answered(host, "/drain")
    ann.photo("waves")
    await heard(ann, lambda said: "lets the engines rest" in said[-1], "why it waits")
    assert "1 clip waits for" in await answered(host, "/engines")
    await answered(host, "/resume")
    await asyncio.to_thread(wait_for, lambda: len(ann.clips()) == 1, what="the clip")

    # When the host looks at what was used, there are names that tell nobody, and no words
    used = await answered(host, "/usage")
    assert "person" in used and "waves" not in used and ann.id.partition(":")[2] not in used
    # and a person is blocked by their id, whose name is then on the list
    assert f"{ann.id} is blocked" in await answered(host, f"/block {ann.id}")
    names = re.findall(r"\b[0-9a-f]{32}\b", await answered(host, "/block"))
    assert any(name in used for name in names)
    # Then they are told once, their right to be forgotten stays, and the block with it
    ann.photo("more waves")
    await heard(ann, lambda said: "has blocked you" in said[-1], "the sentence")
    assert "deleted" in await answered(ann, "forgetme", command=True)
    before = ann.said()
    ann.photo("and more")
    ann.say("hello")
    assert "no clips" in await answered(ann, "queue", command=True)
    assert len(ann.said()) == len(before) + 1
    assert len(ann.clips()) <= 1

    # When they are let in again, by the names
    for name in names:
        assert "let in again" in await answered(host, f"/unblock {name}")
    assert "Nobody is blocked" in await answered(host, "/block")
    made = len(ann.clips())
    ann.photo("waves")
    await asyncio.to_thread(wait_for, lambda: len(ann.clips()) == made + 1, what="the clip")
    # and what the host typed wrong is answered so
    assert "Say whom" in await answered(host, "/block somebody")
    assert "is not blocked" in await answered(host, f"/unblock {platform}:404")


async def test_a_host_reaches_both_platforms_from_one(both: Both) -> None:
    # Given a host on one platform, who holds the token of the other too
    host, bob = both.hosts["telegram"], both.person("discord", "Bob")
    assert "is blocked" in await answered(host, f"/block {bob.id}")
    bob.photo("waves")
    await heard(bob, lambda said: said and "has blocked you" in said[-1], "the sentence")
    assert "let in again" in await answered(host, f"/unblock {bob.id}")


async def test_hosts_have_their_commands_in_their_menu_on_telegram(both: Both) -> None:
    # Then the host's own chat has a menu with them, in each language, and no other chat does
    commands, host = both.telegram.api.world.profile.commands, both.hosts["telegram"]
    await asyncio.to_thread(wait_for, lambda: len(commands) == 4 * len(CODES), what="all menus")
    for (scope, language), menu in commands.items():
        names, of_host = {one["command"] for one in menu}, json.loads(scope).get("chat_id") == host.person.id
        assert names >= set(HOST_COMMANDS) if of_host else not names & set(HOST_COMMANDS)
        if of_host and language == "zh":
            assert "引擎" in next(one["description"] for one in menu if one["command"] == "engines")


async def test_hosts_have_their_commands_in_servers_on_discord(both: Both) -> None:
    # Given a server of the host's, and one of somebody else's
    api, host = both.discord.api, both.hosts["discord"].person
    eve, bob = api.person("Eve"), api.person("Bob")
    own = api.guild("Own", host, [bob]).text_channel("general")
    other = api.guild("Other", eve, [host]).text_channel("general")
    # When the host uses the command there, then the host alone sees the answer
    seen = await host.slash(own, "host", action="engines").answered(finally_=True)
    assert "clip" in seen.text or "is free" in seen.text
    assert own.history(bob) == []
    # An admin who is no host is told so, and has changed nothing
    seen = await eve.slash(other, "host", action="pause").answered(finally_=True)
    assert "who hosts the bot" in seen.text
    seen = await host.slash(own, "host", action="resume").answered(finally_=True)
    assert "Nothing was paused" in seen.text
    # and other members, and people in direct messages, are not even shown it
    for person, channel in ((bob, own), (host, other), (bob, api.dm(bob))):
        with pytest.raises(AssertionError):
            person.slash(channel, "host", action="engines")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_clip_is_reported_to_the_hosts_once_and_its_person_blocked_by_the_name(
    both: Both, platform: str
) -> None:
    # Given a clip in a group
    for host in both.hosts.values():
        await answered(host, "/engines")
    room: Room = TelegramRoom(both.telegram.api) if platform == "telegram" else DiscordRoom(both.discord.api)
    room.photo("waves")
    await asyncio.to_thread(wait_for, lambda: len(room.clips()) == 1, what="the clip")
    [clip] = room.clips()
    before = {name: len(host.said()) for name, host in both.hosts.items()}
    # When somebody else reports it, more often than they may
    said = [await asyncio.to_thread(room.report, clip) for _ in range(6)]
    # Then they are thanked, until it is too much
    assert all("Thank you" in one for one in said[:5]) and "too many reports" in said[5]
    # and each host has it once, with the clip itself, on whatever platform, and names that tell nobody
    for host in both.hosts.values():
        await heard(host, lambda said: f"A clip on {platform.title()} was reported" in str(said), "the report")
        report = [text for text in host.said() if f"A clip on {platform.title()} was reported" in text][-1]
        assert "waves" not in report and not re.search(rf"\b({room.ann.id}|{room.bob.id})\b", report)
    assert {name: len(host.said()) - before[name] for name, host in both.hosts.items()} == dict.fromkeys(before, 1)
    for host in both.hosts.values():
        assert host.clips()
    # When the host blocks who asked for it by that name, then they are kept out
    asked, _, _ = re.findall(r"\b[0-9a-f]{32}\b", both.hosts[platform].said()[-1])
    assert "is blocked" in await answered(both.hosts[platform], f"/block {asked}")
    room.photo("more waves")
    await asyncio.to_thread(wait_for, lambda: "has blocked you" in str(room.said()), what="the sentence")
    await answered(both.hosts[platform], f"/unblock {asked}")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_is_no_clip_is_not_reported(both: Both, platform: str) -> None:
    # Given a message of the bot's that shows no clip
    room: Room = TelegramRoom(both.telegram.api) if platform == "telegram" else DiscordRoom(both.discord.api)
    room.photo("--sead 5")
    await asyncio.to_thread(wait_for, lambda: room.said(), what="the refusal")
    # When it is reported, then it is said what to do, and no host is told
    before = [len(host.said()) for host in both.hosts.values()]
    assert "no clip here to report" in await asyncio.to_thread(room.report, room.messages()[-1])
    assert [len(host.said()) for host in both.hosts.values()] == before
