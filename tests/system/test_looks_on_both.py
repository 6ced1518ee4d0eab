"""An early look: a still in the status message while the clip is made, told once for both platforms, with kills."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.system import discord_house, telegram_house
from tests.system.clip_origin import Colour
from tests.system.processes import child_of, until, wait_for
from tests.system.renderers import Gate
from tests.system.rooms import BLUE, GREEN, RED, Line, OnDiscord, OnTelegram, Room, clips, says, seen

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.host.leader import leader_key
from unstill_queue.redis.connection import connect

ON: dict[str, Any] = {
    "telegram": (telegram_house.telegram_house, OnTelegram),
    "discord": (discord_house.discord_house, OnDiscord),
}
CATALOG = "\n[platforms.telegram]\nedit_seconds = 0.3\n"
EARLY = "This is an early look, drawn by AI. The clip is not done yet."
AT_A_LOOK = ("New seed", "Stop")


@pytest.fixture(scope="module", params=ON)
def inside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A house whose model draws, and the kind of its rooms."""
    house, kind = ON[request.param]
    settings = {"UNSTILL_ENGINE__MODEL": "able", "UNSTILL_QUEUE__LEASE": "2"}
    folder = tmp_path_factory.mktemp(f"looks-{request.param}")
    with house(folder, quick=True, bot=False, **settings) as running:
        with (folder / "catalog.toml").open("a") as catalog:
            # what a render is about to end is not shown, and these are soon over
            catalog.write(CATALOG if request.param == "telegram" else "")
        running.start_bot()
        running.wait_for_bot()
        yield running, kind


@pytest.fixture
def running(inside: tuple[Any, Any]) -> Any:
    return inside[0]


@pytest.fixture
def room(inside: tuple[Any, Any]) -> Callable[..., Any]:
    running, kind = inside
    return lambda *names: kind(running, *names)


async def looks(chat: Room, count: int = 1) -> list[Line]:
    """Return the messages with a look and what belongs to it, once there are so many."""

    def those(lines: list[Line]) -> list[Line]:
        return [one for one in lines if one.look is not None and one.buttons == AT_A_LOOK and EARLY in one.text]

    return those(await seen(chat, lambda lines: len(those(lines)) == count, f"{count} looks"))


def standing(chat: Room) -> list[Line]:
    """Return the bot's messages but for what only one person is told, as after a press on Discord."""
    return [one for one in chat.lines() if not getattr(one.message, "ephemeral", False)]


def colour_of(picture: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(picture)) as image:
        return tuple(round(value) for value in np.asarray(image.convert("RGB")).mean((0, 1)))


def near(picture: bytes | None, colour: tuple[int, ...]) -> bool:
    return picture is not None and max(abs(a - b) for a, b in zip(colour_of(picture), colour, strict=True)) < 12


async def choose(running: Any, chat: Any, **chosen: Any) -> None:
    """Set a chat's own preferences."""
    scope = f"discord:{chat._chat.guild.id}" if isinstance(chat, OnDiscord) else f"telegram:{chat._chat.id}"
    redis = connect(running.house.valkey.url)
    await PreferenceStore(redis).set(scope, Preferences(**chosen))
    await redis.aclose()


async def records(running: Any) -> list[dict[bytes, bytes]]:
    redis: Any = connect(running.house.valkey.url)
    try:
        return [await redis.hgetall(key) for key in await redis.keys("unstill:job:*")]
    finally:
        await redis.aclose()


async def derived_of(running: Any) -> int:
    """Count the requests that were derived of others."""
    redis = connect(running.house.valkey.url)
    try:
        return len(await redis.keys("unstill:job:*~*"))
    finally:
        await redis.aclose()


async def no_look_is_kept(running: Any) -> None:
    """In no record; it never was anywhere else."""

    async def none() -> bool:
        return not [one for one in await records(running) if b"look" in one]

    await until(none, "the end of all looks")


def kill_bot(running: Any) -> None:
    """Its term as the leader is over with it, for which the next one would wait otherwise."""
    running.bot.kill()
    running.bot.wait()
    platform = "discord" if hasattr(running, "kill_bot") else "telegram"
    redis = connect(running.house.valkey.url)

    async def over() -> None:
        await redis.delete(leader_key(platform))
        await redis.aclose()

    asyncio.run(over())


def restart_bot(running: Any) -> None:
    kill_bot(running)
    running.start_bot()
    running.wait_for_bot()


async def at_the_gate(gate: Gate, times: int = 1) -> None:
    await asyncio.to_thread(wait_for, lambda: gate.reached(times), what="the renders at the gate")


async def held_at_a_look(chat: Room, who: Any, colour: Colour, words: str, gate: Gate) -> Line:
    """Ask for a clip, and return the message once it shows a look and the render is held."""
    chat.photo(who, colour, words)
    [line] = await looks(chat)
    await at_the_gate(gate)
    return line


async def test_a_look_stands_in_the_message_until_the_clip_takes_its_place(running: Any, room: Any) -> None:
    chat = room("Ann")
    [ann] = chat.people
    with running.house.gate(late=True) as gate:
        # When a clip is made by a renderer that says what it sees
        chat.photo(ann, RED, f"{gate} seen waves")
        # Then the status message shows that, and says what it is; one may stop, or have another one
        [line] = await looks(chat)
        assert near(line.look, RED) and not line.covered
        assert EARLY in line.text and line.buttons == AT_A_LOOK
        await at_the_gate(gate)
        # it is small, and stands in the record as long as it runs
        assert [len(one[b"look"]) < 50_000 for one in await records(running) if b"look" in one] == [True]
    # Then the clip comes in that very message, and it is the only one
    [clip] = await clips(chat, 1)
    assert clip.id == line.id and len(standing(chat)) == 1
    assert EARLY not in clip.text and clip.origin
    await no_look_is_kept(running)


async def test_a_stop_at_the_look_ends_it_at_once_and_leaves_no_picture_of_it(running: Any, room: Any) -> None:
    chat = room("Ann")
    [ann] = chat.people
    with running.house.gate(late=True) as gate:
        line = await held_at_a_look(chat, ann, GREEN, f"{gate} seen leaves", gate)
        # When she stops it
        chat.press(ann, line, "Stop")
        # Then that is said where the look stood, while the gate is closed: the renderer ends before its next step
        await says(chat, "Cancelled.")
        steps = [event for *_, event, prompt in running.house.events() if f"{gate} seen leaves" in prompt]
        assert steps.count("step") == 3 and steps[-1] == "cancelled"
        [line] = standing(chat)
        assert not near(line.look, GREEN) and line.buttons == () and line.clip is None
    await no_look_is_kept(running)
    # and the device makes the next one
    chat.photo(ann, BLUE, "waves")
    assert len(await clips(chat, 1)) == 1


async def test_new_seed_makes_another_one_in_the_same_message(running: Any, room: Any) -> None:
    chat = room("Ann")
    [ann] = chat.people
    with running.house.gate(late=True) as gate:
        line = await held_at_a_look(chat, ann, BLUE, f"{gate} seen waves --seed 5", gate)
        # When she wants another seed
        chat.press(ann, line, "New seed")
        # Then its look stands in the same message
        await at_the_gate(gate, 2)
        [second] = await looks(chat)
        assert second.id == line.id and second.buttons == AT_A_LOOK
    # and its clip, with her words and another seed; there is no other message
    [clip] = await clips(chat, 1)
    assert clip.id == line.id and len(standing(chat)) == 1
    assert "seen waves" in clip.text and "seed" in clip.text and "seed 5." not in clip.text
    await no_look_is_kept(running)


async def test_in_a_group_nobody_is_shown_a_look_unless_its_admins_want_that(running: Any, room: Any) -> None:
    chat = room("Ann", "Ben")
    ann, ben = chat.people
    with running.house.gate(late=True) as gate:
        chat.photo(ann, RED, f"{gate} seen waves")
        await at_the_gate(gate)
        # no engine was asked for one
        assert not [one for one in await records(running) if b"look" in one]
    await clips(chat, 1)
    # When they want it, with clips covered where the platform has that setting
    await choose(running, chat, look="on", spoiler=isinstance(chat, OnDiscord))
    with running.house.gate(late=True) as gate:
        chat.photo(ann, GREEN, f"{gate} seen leaves", covered=True)
        # Then it is covered as the clip is
        [line] = await looks(chat)
        assert near(line.look, GREEN) and line.covered
        # and another member can neither stop it nor make another of it
        for label in AT_A_LOOK:
            assert await chat.answered(chat.press(ben, line, label))
        assert [one.look is not None for one in standing(chat) if one.id == line.id] == [True]
    clip = (await clips(chat, 2))[-1]
    assert clip.covered and clip.id == line.id


async def test_who_wants_none_is_shown_none(running: Any, room: Any) -> None:
    chat = room("Ann")
    [ann] = chat.people
    redis = connect(running.house.valkey.url)
    platform = "discord" if isinstance(chat, OnDiscord) else "telegram"
    await PreferenceStore(redis).set(f"{platform}:{ann.id}", Preferences(look="off"))
    await redis.aclose()
    with running.house.gate(late=True) as gate:
        chat.photo(ann, RED, f"{gate} seen waves")
        await at_the_gate(gate)
        lines = await seen(chat, lambda lines: any("Rendering" in one.text for one in lines), "progress")
        assert [one.look for one in lines] == [None]
    [clip] = await clips(chat, 1)
    assert len(standing(chat)) == 1 and clip.clip


@pytest.mark.storm
async def test_what_ends_badly_says_so_where_the_look_stood(running: Any, room: Any) -> None:
    chat = room("Ann")
    [ann] = chat.people
    with running.house.gate(late=True) as gate:
        chat.photo(ann, RED, f"{gate} seen waves")
        # When the renderer is killed at each of three looks
        for attempt in (1, 2, 3):
            await at_the_gate(gate, attempt)
            await looks(chat)
            [child] = {int(one[2]) for one in running.house.events() if one[3] == "held" and str(gate) in one[4]} & {
                child for engine in running.house.started if (child := child_of(engine.pid))
            }
            os.kill(child, signal.SIGKILL)
    # Then the one message says that, and shows nothing of it
    await says(chat, "The engine stopped 3 times")
    [line] = standing(chat)
    assert not near(line.look, RED) and line.clip is None
    await no_look_is_kept(running)


async def test_a_front_end_that_is_killed_at_a_look_leaves_one_answer(running: Any, room: Any) -> None:
    stopped, anew = room("Ann"), room("Bob")
    with running.house.gate(late=True) as gate:
        # Given a look, and a front end that is killed then
        [ann] = stopped.people
        await held_at_a_look(stopped, ann, RED, f"{gate} seen waves", gate)
        await asyncio.to_thread(restart_bot, running)
        # When she stops it in the message that the killed one left
        stopped.press(ann, standing(stopped)[0], "Stop")
        # Then the answer stands there, and nothing of the look
        await says(stopped, "Cancelled.")
        assert [near(one.look, RED) for one in standing(stopped)] == [False]
    with running.house.gate(late=True) as gate:
        # Given another look, and a front end that is killed right after somebody wanted another seed, and again at that
        [bob] = anew.people
        line = await held_at_a_look(anew, bob, RED, f"{gate} seen waves", gate)
        before = await derived_of(running)
        anew.press(bob, line, "New seed")
        # a press that no front end has seen is lost on Discord, and its person is told so

        async def is_written_down() -> bool:
            return await derived_of(running) > before

        await until(is_written_down, "the request for another seed")
        await asyncio.to_thread(restart_bot, running)
        await at_the_gate(gate, 2)
        await asyncio.to_thread(restart_bot, running)
    # Then that seed has its one clip, in the same message, or where a kill came between two steps, in one of its own,
    # and the first message says that it was cancelled
    [clip] = await clips(anew, 1)
    others = [one for one in standing(anew) if one.id != clip.id]
    assert [(one.id, one.text) for one in others] == ([] if clip.id == line.id else [(line.id, "Cancelled.")])
    assert not any(near(one.look, RED) for one in others)
    await no_look_is_kept(running)


async def test_forgetme_at_a_look_takes_it_away(running: Any, room: Any) -> None:
    chat = room("Ann")
    [ann] = chat.people
    with running.house.gate(late=True) as gate:
        chat.photo(ann, GREEN, f"{gate} seen waves")
        await looks(chat)
        await at_the_gate(gate)
        # When she has all forgotten
        chat.command(ann, "forgetme")
        # Then her message says that it ended, and shows nothing of it
        await seen(chat, lambda lines: lines and not near(lines[0].look, GREEN), "the end of the look")
        lines = await seen(chat, lambda lines: "Cancel" in lines[0].text or "ended" in lines[0].text, "its answer")
        assert lines[0].buttons == ()
    await no_look_is_kept(running)
