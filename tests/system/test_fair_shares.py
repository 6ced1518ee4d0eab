"""A Telegram group and a Discord server share one engine, each by its real front end: neither makes the other wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse, discord_settings
from tests.system.processes import CATALOG, House, child_of, wait_for
from tests.system.telegram_house import TelegramHouse, telegram_settings
from tests.waiting import PATIENCE
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi

from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Ledger

BY_FRAMES = CATALOG.replace("base = 0.3, per_unit = 0.0", "base = 0.0, per_unit = 20.0")
"""A clip of twice the frames costs twice as much."""
FRAMES = {"group": 8, "server": 16}
CALLED_NEVER = "3600"


@dataclass(frozen=True)
class Shared:
    """One host's machine with two front ends."""

    house: House
    telegram: TelegramHouse
    discord: DiscordHouse

    def begun(self) -> list[str]:
        """What the device was given, in its order."""
        return [prompt for _, _, _, event, prompt in self.house.events() if event == "begin"]

    def in_mid_render(self) -> bool:
        return bool(self.begun()) and self.house.events()[-1][3] != "end"

    @contextlib.contextmanager
    def device_held(self, engine: subprocess.Popen[bytes]) -> Iterator[None]:
        """The device in the middle of a clip, which goes on afterwards."""
        renderer = None
        while renderer is None:
            wait_for(self.in_mid_render, what="a render")
            renderer = child_of(engine.pid)
            assert renderer is not None
            os.kill(renderer, signal.SIGSTOP)
            if not self.in_mid_render():
                os.kill(renderer, signal.SIGCONT)
                renderer = None
        try:
            yield
        finally:
            os.kill(renderer, signal.SIGCONT)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    with TelegramApi.threaded() as telegram_api, DiscordApi.threaded() as discord_api:
        settings = {**telegram_settings(telegram_api), **discord_settings(discord_api)}
        settings |= {"UNSTILL_BOTS__NOTIFY_AFTER": CALLED_NEVER, "JOURNAL_STEP_SECONDS": "0.05"}
        with House(tmp_path, **settings) as house:
            (tmp_path / "catalog.toml").write_text(BY_FRAMES)
            telegram, discord = TelegramHouse(house, telegram_api), DiscordHouse(house, discord_api)
            telegram.start_bot(log="telegram")
            discord.start_bot(log="discord")
            try:
                telegram.wait_for_bot()
                discord.wait_for_bot()
                yield Shared(house, telegram, discord)
            except BaseException:
                print(*(house.log(name)[-4000:] for name in ("telegram", "discord", "engine")), sep="\n")
                raise


@pytest.fixture
async def ledger(shared: Shared) -> AsyncIterator[Ledger]:
    ledger = shared.telegram.ledger()
    yield ledger
    await ledger.redis.aclose()


async def queued(ledger: Ledger) -> int:
    """Clips that wait for the device."""
    return (await ledger.counts()).get((State.QUEUED, "journal"), 0)


async def until_queued(ledger: Ledger, jobs: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await queued(ledger) < jobs:
            await asyncio.sleep(0.05)


def side(prompt: str) -> str:
    return prompt.split()[0]


def check_turns(order: Sequence[str], since: int) -> None:
    """By start-time fair queueing from place `since` on, where the second of two sides came: as long as both wait,
    the device goes to one that had no more of it than the other, in estimated seconds, that is in frames.
    """
    had = Counter({side(order[since]): FRAMES[side(order[since])]})
    left = Counter(map(side, order[since + 1 :]))
    assert set(left) == set(FRAMES)
    for prompt in order[since + 1 :]:
        if not all(left[each] for each in FRAMES):
            break
        assert had[side(prompt)] == min(had[each] for each in FRAMES), f"{prompt} too early in {order}"
        had[side(prompt)] += FRAMES[side(prompt)]
        left[side(prompt)] -= 1


async def test_a_group_on_telegram_and_a_server_on_discord_have_equal_shares_of_one_engine(
    shared: Shared, ledger: Ledger
) -> None:
    telegram, discord = shared.telegram, shared.discord
    # Given a Telegram group that floods, as far as the platform lets a bot answer a group within a minute
    people = [telegram.api.person(name) for name in ("Ann", "Bob", "Cyd")]
    group = telegram.api.group("Crowd", people)
    await group.until(telegram_house.says("Reply to a picture with /animate"))
    prompts: dict[int, str] = {}
    for person in people:
        for number in range(2):
            prompt = f"group {person.name} {number}"
            asked = person.send_photo(group, telegram_house.photo(), f"/animate {prompt}")
            prompts[asked.id] = prompt
    await until_queued(ledger, 6)
    # and a Discord server in which two people ask for clips twice as long, while the device is at work for the group
    room, [dan, eve] = discord.server(members=2)
    engine = shared.house.start_engine()
    with shared.device_held(engine):
        on_device, waiting = len(shared.begun()) - 1, await queued(ledger)
        for number in range(2):
            picture = discord_house.picture()
            dan.slash(room, "animate", image=picture, prompt=f"server Dan {number}", num_frames=FRAMES["server"])
        mention = f"{discord.api.bot.mention} server Eve 0 --frames {FRAMES['server']}"
        said = eve.say(room, mention, files=[discord_house.picture()])
        await until_queued(ledger, waiting + 3)
    # When all is answered
    group_history = await group.until(telegram_house.has_clips(6))
    room_history = await room.until(discord_house.has_clips(3))
    # Then the server, which came last, was next, and the device took turns so that both had equal time
    order = shared.begun()
    assert len(order) == 9
    assert side(order[on_device + 1]) == "server"
    check_turns(order, on_device)
    # and within each between the people: nobody has a second clip before everybody has a first
    names = {each: [prompt.split()[1] for prompt in order if side(prompt) == each] for each in FRAMES}
    assert [set(names["group"][n : n + 3]) for n in (0, 3)] == [{"Ann", "Bob", "Cyd"}] * 2
    assert sorted(names["server"][:2]) == ["Dan", "Eve"]
    # and each request was answered once, where it was asked, and nothing else was said
    greeting, *answers = telegram_house.ours(group_history)
    assert "Reply to a picture with /animate" in greeting.text
    assert len(answers) == 6
    for one in answers:
        assert one.kind in telegram_house.CLIPS and one.reply_to is not None
        assert f"“{prompts.pop(one.reply_to)}”" in one.text
    clips = discord_house.ours(room_history)
    assert [len(one.clips) for one in clips] == [1, 1, 1] and len(room_history) == 4
    wanted = ("server Dan 0", "server Dan 1", "server Eve 0")
    assert [sum(f"“{prompt}”" in one.words for one in clips) for prompt in wanted] == [1, 1, 1]
    assert [one.reply_to for one in clips if "Eve" in one.words] == [said.id]


@pytest.mark.parametrize(
    ("order", "fair"),
    [
        ("G S G G S G G S G", True),
        # first come, first served
        ("G G G G G G S S S", False),
        # in turn by clips, whatever they cost
        ("G S G S G S G G G", False),
        # the one who came last before all others
        ("G S S S G G G G G", False),
    ],
)
def test_the_check_tells_fair_turns_from_others(order: str, fair: bool) -> None:
    names = {"G": "group", "S": "server"}
    with contextlib.nullcontext() if fair else pytest.raises(AssertionError, match="too early"):
        check_turns([names[letter] for letter in order.split()], 0)
