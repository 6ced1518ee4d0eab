"""The Discord front end as a service: lost connections, a queue that is away, restarts, a token that is not taken."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.discord_house import DiscordHouse, discord_house, has_clips, ours, picture, says
from tests.system.processes import wait_for
from tests.waiting import PATIENCE
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.gateway import MESSAGE_CONTENT
from wire_doubles.discord.people import Person

from unstill_bots.discord.pending import DiscordRequest
from unstill_bots.intake.waiting import WaitingPictures


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiscordHouse]:
    """One of its own: its parts are stopped and killed. Its log says all there is to say."""
    with discord_house(
        tmp_path_factory.mktemp("service"), quick=True, UNSTILL_LOG__LEVEL="debug", JOURNAL_STEP_SECONDS="0.006"
    ) as discord:
        yield discord


async def test_a_lost_gateway_is_resumed_and_nothing_is_missed(house: DiscordHouse) -> None:
    channel, [ann] = house.server()
    resumed = house.api.gateway.resumed
    # When every connection is cut, and something is asked before they are back
    house.api.gateway.drop()
    ann.say(channel, f"{house.api.bot.mention} waves", files=[picture()])
    # Then it is taken once the session goes on
    await channel.until(has_clips())
    assert house.api.gateway.resumed > resumed


async def test_after_a_session_that_is_over_what_was_missed_is_read(house: DiscordHouse) -> None:
    # Given a channel in which the bot was spoken to before
    channel, [ann] = house.server()
    ann.say(channel, f"{house.api.bot.mention} waves")
    await channel.until(says("There is no picture here"))
    # When the platform forgets the session, and something is said meanwhile
    house.api.gateway.forget()
    house.api.gateway.drop()
    ann.say(channel, f"{house.api.bot.mention} waves", files=[picture()])
    # Then it is found in the channel's history, and answered once
    await channel.until(has_clips())
    # And from then on it is told again
    await asyncio.to_thread(house.wait_for_bot)
    asked = ann.slash(channel, "status")
    assert (await asked.answered(finally_=True)).kind == "message"


@pytest.mark.parametrize("trouble", ["slow", "down"])
async def test_without_the_queues_server_an_interaction_is_refused_in_time(house: DiscordHouse, trouble: str) -> None:
    # Given a server of the queue that does not answer
    channel, [ann] = house.server()
    valkey = house.house.valkey
    if trouble == "slow":
        assert valkey.pid
        os.kill(valkey.pid, signal.SIGSTOP)
    else:
        await asyncio.to_thread(valkey.kill)
    try:
        # When somebody asks for a clip
        asked = ann.slash(channel, "animate", image=picture(), prompt="waves")
        seen = await asked.answered()
        # Then they are told so alone, and what was meant as a message to us is not lost
        assert seen.kind == "message" and seen.message and seen.message.ephemeral
        assert "try again" in seen.text
        ann.say(channel, f"{house.api.bot.mention} leaves", files=[picture()])
        await asyncio.sleep(1)
    finally:
        if trouble == "slow":
            assert valkey.pid
            os.kill(valkey.pid, signal.SIGCONT)
        else:
            await asyncio.to_thread(valkey.start)
    # When it is back, then that is answered; and so is the other, if it was written down all the same
    await channel.until(lambda history: any("“leaves”" in one.words and one.clips for one in ours(history)))
    ledger = house.ledger()
    ids = await ledger.ids_of(f"discord:{ann.id}")
    await channel.until(has_clips(len(ids)))
    await ledger.redis.aclose()


async def test_what_was_said_while_the_bot_was_away_is_answered(house: DiscordHouse) -> None:
    # Given a bot that was spoken to, and one request in the making
    channel, [ann] = house.server()
    ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await channel.until(says("▰"))
    ann.say(channel, f"{house.api.bot.mention} waves")
    await channel.until(says("There is no picture here"))
    await until_answered(house, channel, ann)
    # When it is killed, somebody mentions it, and it starts again
    house.kill_bot()
    ann.say(channel, f"{house.api.bot.mention} leaves", files=[picture()])
    house.start_bot()
    # Then both have their clips, once, and what lacked a picture is no longer said
    await channel.until(lambda history: has_clips(2)(history) and len(ours(history)) == 2)


async def until_answered(house: DiscordHouse, channel: Channel, person: Person) -> None:
    """Until it is on record which message told a person that their words lack a picture."""
    ledger = house.ledger()
    waiting = WaitingPictures(ledger.redis, "discord", DiscordRequest)
    async with asyncio.timeout(PATIENCE):
        while (words := await waiting.words(str(channel.id), str(person.id))) is None or not words.note:
            await asyncio.sleep(0.02)
    await ledger.redis.aclose()


async def test_sigterm_ends_it_with_nothing_lost_and_commands_are_told_once(house: DiscordHouse) -> None:
    channel, [ann] = house.server()
    replaced = house.api.commands.replaced
    asked = ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await asked.answered()
    assert house.stop_bot() == 0
    house.start_bot()
    house.wait_for_bot()
    history = await channel.until(has_clips())
    assert len(history) == 1
    # Then the platform was told of no commands again, as nothing changed
    assert house.api.commands.replaced == replaced


async def test_after_a_long_wait_the_person_is_called_and_nobody_else(house: DiscordHouse) -> None:
    # Given a bot that calls whoever has waited for a second
    assert house.stop_bot() == 0
    house.house.settings["UNSTILL_BOTS__NOTIFY_AFTER"] = "1"
    house.start_bot()
    house.wait_for_bot()
    channel, [ann, bob] = house.server(members=2)
    # When a clip takes longer
    ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    # Then she is called beside it
    history = await channel.until(says("Your clip is ready."))
    clip, call = history
    assert clip.clips and call.reply_to == clip.id and call.pinged == (ann.name,)
    assert ann.pings and not bob.pings


async def test_where_a_server_is_set_to_quiet_nobody_is_called(house: DiscordHouse) -> None:
    # Given the same bot, and a server whose owner wants it quiet
    channel, [ann] = house.server("Quiet")
    menu = (await ann.slash(channel, "settings").answered()).message
    assert menu
    server = (await ann.press(menu, "This server …").answered()).message
    assert server and (await ann.press(server, "Quiet: no").answered()).kind == "updated"
    # When a clip there takes longer, and another one elsewhere after it
    ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await channel.until(has_clips())
    other, [bob] = house.server("Loud")
    bob.slash(other, "animate", image=picture(), prompt="slow leaves")
    await other.until(says("Your clip is ready."))
    # Then only the other person was called
    assert len(channel.history()) == 1 and not ann.pings and bob.pings


async def test_with_the_message_content_intent_a_reply_to_a_picture_is_enough(house: DiscordHouse) -> None:
    # Given a host who has set it, and an application that was not granted it
    assert house.stop_bot() == 0
    house.house.settings["UNSTILL_DISCORD__MESSAGE_CONTENT"] = "true"
    house.start_bot(log="refused")
    assert house.bot and await asyncio.to_thread(house.bot.wait, PATIENCE) == 3
    assert "UNSTILL_DISCORD__MESSAGE_CONTENT is set, and the application lacks that intent" in house.house.log(
        "refused"
    )
    # When it is granted
    house.api.gateway.privileged.add(MESSAGE_CONTENT)
    house.start_bot()
    await asyncio.to_thread(house.wait_for_bot)
    # Then a picture that somebody else posted is made to move by a reply that mentions the bot
    channel, [ann, bob] = house.server(members=2)
    posted = bob.say(channel, "my cat", files=[picture()])
    ann.say(channel, f"{house.api.bot.mention} a wink", reply_to=posted)
    history = await channel.until(has_clips())
    assert "“a wink”" in history[2].words
    # And so is one that is sent to the role that came along with the bot, which the apps offer under its name
    assert channel.guild
    ann.say(channel, f"{channel.guild.bot_role.mention} waves", files=[picture()])
    history = await channel.until(has_clips(2))
    assert "“waves”" in history[-1].words


async def test_a_second_bot_waits_for_the_first(house: DiscordHouse) -> None:
    second = house.house.start("unstill_bots.service", "discord", log="second")
    wait_for(lambda: "another process serves" in house.house.log("second"), what="the second's word")
    assert len([one for one in house.api.gateway.sessions.values() if one.socket]) == 1
    second.terminate()
    assert second.wait(PATIENCE) == 0


def test_the_log_holds_no_token_and_nothing_of_what_the_bot_does_not_do(house: DiscordHouse) -> None:
    log = house.house.log("bot") + house.house.log("second")
    assert "voice will NOT" not in log
    assert log and house.api.token not in log
    assert not [asked for asked in house.api.interactions if asked.token in log]


def test_a_token_that_is_not_taken_is_said_in_one_line(house: DiscordHouse, tmp_path: Path) -> None:
    environ = {**house.house.environ, "UNSTILL_DISCORD__TOKEN": "bm8.such.token-0123456789012345678901234567890"}
    # where nobody leads
    environ["UNSTILL_REDIS__URL"] = f"{house.house.valkey.url}?db=1"
    ended = subprocess.run(
        [sys.executable, "-m", "unstill_bots.service", "discord"], env=environ, cwd=tmp_path, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 3
    [line] = [line for line in ended.stderr.splitlines() if line.startswith("unstill-bot:")]
    assert "UNSTILL_DISCORD__TOKEN is not a token that is taken" in line
