"""What is for adults only, and words that a host does not take: told once for both platforms.

The network is the real one, and no picture here is for adults: it rates plain red as 0.10 and plain blue as 0.01, and
the threshold is set between the two.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.system import discord_house, telegram_house
from tests.system.processes import wait_for
from tests.system.rooms import BLUE, RED, Line, OnDiscord, OnTelegram, Room, clips, seen
from wire_doubles.discord_api import File

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_queue.redis.connection import connect

REFUSED = "may be for adults only"
NOT_TAKEN = "not taken here"
COVERED = "its clips are covered here"
ON: dict[str, Any] = {
    "telegram": (telegram_house.telegram_house, OnTelegram),
    "discord": (discord_house.discord_house, OnDiscord),
}


@pytest.fixture(scope="module", params=ON)
def inside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A house that rates pictures, and the kind of its rooms."""
    house, kind = ON[request.param]
    folder = tmp_path_factory.mktemp(f"safe-{request.param}")
    (folder / "words.txt").write_text("forbidden fruit\n")
    settings = {
        "UNSTILL_SAFETY__RATING": "True",
        "UNSTILL_SAFETY__THRESHOLD": "0.05",
        "UNSTILL_SAFETY__WORDS": str(folder / "words.txt"),
        # its model can end a clip with a picture
        "UNSTILL_ENGINE__MODEL": "able",
    }
    with house(folder, quick=True, **settings) as running:
        yield running, kind


@pytest.fixture
def room(inside: tuple[Any, Any]) -> Callable[..., Room]:
    running, kind = inside
    return lambda *names: kind(running, *names)


async def answered(chat: Room, ask: Callable[[], Any], text: str) -> Line:
    """Ask, and return the first answer that is no receipt and no place in the queue; see that it says `text`."""
    known = {one.id for one in chat.lines()}
    ask()

    def answers(lines: list[Line]) -> list[Line]:
        new = [one for one in lines if one.id not in known]
        return [one for one in new if not one.text.startswith("Got it.") and "Cancel" not in one.buttons]

    answer = answers(await seen(chat, answers, f"“{text}”"))[0]
    assert text in answer.text, answer
    return answer


def stored(running: Any) -> set[str]:
    return {file.name for file in (running.house.folder / "storage").rglob("*") if file.is_file()}


def rater_of(bot: int) -> int | None:
    """Return the process of the bot's that rates pictures."""
    for task in Path(f"/proc/{bot}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"unstill_bots.safety.rater" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


async def choose(running: Any, platform: str, chat: Any, **chosen: Any) -> None:
    redis = connect(running.house.valkey.url)
    scope = f"{platform}:{chat.guild.id if platform == 'discord' else chat.id}"
    await PreferenceStore(redis).set(scope, Preferences(**chosen))
    await redis.aclose()


async def test_a_picture_for_adults_is_refused_and_nothing_of_it_stays(inside: Any, room: Callable[..., Room]) -> None:
    chat = room("Ann")
    [ann] = chat.people
    before = stored(inside[0])
    # When one is sent that is rated high, then that is said, and nothing is stored of it
    refusal = await answered(chat, lambda: chat.photo(ann, RED, "waves"), REFUSED)
    assert refusal.clip is None and stored(inside[0]) == before
    # and another one is animated
    chat.photo(ann, BLUE, "waves")
    [clip] = await clips(chat, 1)
    assert not clip.covered
    # When the process that rates is killed, then the next picture is rated by another
    first = rater_of(inside[0].bot.pid)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await answered(chat, lambda: chat.photo(ann, RED, "leaves"), REFUSED)
    assert rater_of(inside[0].bot.pid) not in (None, first)


async def test_in_a_group_that_wants_it_so_its_clip_is_covered(inside: Any, room: Callable[..., Room]) -> None:
    chat: Any = room("Ann", "Ben")
    ann, _ = chat.people
    platform = "discord" if isinstance(chat, OnDiscord) else "telegram"
    # Given a group whose admins cover what is for adults
    await choose(inside[0], platform, chat._chat, rating="spoiler")
    # When such a picture is sent, Then its clip is covered, and it says why
    chat.photo(ann, RED, "waves --seed 7")
    [clip] = await clips(chat, 1)
    assert clip.covered and COVERED in clip.text
    # and so is one more of the same picture, and it is not offered to other chats
    chat.press(ann, clip, "Again")
    [_, again] = await clips(chat, 2)
    assert again.covered and "Share" not in again.buttons
    # When the admins then refuse such pictures, then neither is one more clip made of it
    await choose(inside[0], platform, chat._chat, rating="refuse")
    await answered(chat, lambda: chat.press(ann, clip, "Loop"), REFUSED)
    assert len(await clips(chat, 2)) == 2


@pytest.mark.parametrize("platform", ["telegram", pytest.param("discord", marks=pytest.mark.storm)])
async def test_a_clip_that_shows_what_its_picture_did_not_is_never_seen(platform: str, tmp_path: Path) -> None:
    # Given a picture whose middle is rated higher than all of it, a camera that goes there, and a threshold in between
    house, kind = ON[platform]
    picture = Image.new("RGB", (320, 240), (16, 208, 208))
    picture.paste((120, 80, 60), (140, 105, 180, 135))
    out = io.BytesIO()
    picture.save(out, "PNG")
    settings = {"UNSTILL_SAFETY__RATING": "True", "UNSTILL_SAFETY__THRESHOLD": "0.0001"}
    with house(tmp_path, quick=True, UNSTILL_ENGINE__MODEL="camera", **settings) as running:
        chat: Any = kind(running, "Ann")
        [ann] = chat.people
        # When a clip of it is asked for, then it is made, and what is said in its place offers nothing to press
        words = "zoom in --motion 2 --frames 8 --res 256"
        refusal = await answered(chat, lambda: together(chat, ann, words, out.getvalue()), "it is not shown here")
        assert (refusal.clip, refusal.buttons) == (None, ())
        # and neither the clip nor the picture is kept
        await asyncio.to_thread(wait_for, lambda: not stored(running), what="the end of both files")
        assert all(one.clip is None for one in chat.lines())


async def test_words_of_the_hosts_list_are_not_taken_wherever_they_come_in(room: Callable[..., Room]) -> None:
    chat = room("Ann", "Ben")
    ann, _ = chat.people
    # When they stand in a caption, then that is said without them, and others may be given
    sent = None

    def send() -> None:
        nonlocal sent
        sent = chat.photo(ann, BLUE, "the Forbidden  FRUIT falls")

    refusal = await answered(chat, send, NOT_TAKEN)
    assert "fruit" not in refusal.text.lower() and "Edit" in refusal.buttons
    # When the caption is edited to better ones, Then it is taken
    chat.edit(ann, sent, "/animate waves" if isinstance(chat, OnTelegram) else "waves")
    [clip] = await clips(chat, 1)
    # When they come in reply to a clip, then they are refused too
    await answered(chat, lambda: chat.say(ann, "forbidden fruit", reply_to=clip.message), NOT_TAKEN)
    # nor does a wrong option, or one that is left out, bring them into the chat
    for words in ('waves --seed "forbidden fruit"', "waves <lora:forbidden fruit:1>"):
        refusal = await answered(chat, partial(chat.photo, ann, BLUE, words), NOT_TAKEN)
        assert "fruit" not in refusal.text
    # and what is not to be seen in the clip may be anything
    chat.photo(ann, BLUE, 'waves --no "forbidden fruit"')
    await clips(chat, 2)


async def test_of_several_pictures_each_is_looked_at(inside: Any, room: Callable[..., Room]) -> None:
    chat: Any = room("Ann")
    [ann] = chat.people
    red, blue = (telegram_house.photo(f"rgb{colour}") for colour in (RED, BLUE))
    before = stored(inside[0])
    # When a clip is to end with a picture for adults, or to begin with one, Then it is refused, and none of them stays
    words = "a door opens, from this picture to that one"
    await answered(chat, lambda: together(chat, ann, words, blue, red), REFUSED)
    await answered(chat, lambda: together(chat, ann, words, red, blue), REFUSED)
    assert stored(inside[0]) == before
    # When two come together for a clip each, Then what is harmless is animated
    refusals = sum(REFUSED in one.text for one in chat.lines())
    together(chat, ann, "waves", red, blue)
    await seen(chat, lambda lines: sum(REFUSED in one.text for one in lines) == refusals + 1, "the refusal")
    assert len(await clips(chat, 1)) == 1


def together(chat: Any, who: Any, words: str, *pictures: bytes) -> None:
    """Send pictures at once, with words."""
    if isinstance(chat, OnDiscord):
        who.say(chat._chat, words, files=[File(one, f"{number}.png") for number, one in enumerate(pictures)])
    elif len(pictures) == 1:
        who.send_photo(chat._chat, pictures[0], words)
    else:
        who.send_album(chat._chat, list(pictures), words)


async def test_what_one_platform_has_alone(inside: tuple[Any, Any]) -> None:
    running, kind = inside
    await (channels_for_adults(running) if kind is OnDiscord else inline_mode(running))


async def channels_for_adults(running: Any) -> None:
    # Given a server with a channel that Discord keeps for adults
    ann = running.api.person("Ann")
    channel = running.api.guild("Grown-ups", ann, []).text_channel("late", nsfw=True)
    # When a picture for adults is sent there, Then its clip is covered, as the host covers such there
    words = f"{running.api.bot.mention} waves"
    ann.say(channel, words, files=[File(telegram_house.photo(f"rgb{RED}"), "picture.png")])
    await channel.until(discord_house.has_clips())
    # and by a command, too
    picture = File(telegram_house.photo(f"rgb{RED}"), "picture.png")
    ann.slash(channel, "animate", image=picture, prompt="leaves")
    shown = await channel.until(discord_house.has_clips(2))
    assert all(file.spoiler for one in shown for file in one.clips)


async def inline_mode(running: Any) -> None:
    # Given a harmless clip, one that was covered in a group, and one of a group where nobody looks
    zoe = running.api.person("Zoe")
    private = running.api.private(zoe)
    zoe.send_photo(private, telegram_house.photo(f"rgb{BLUE}"), "harmless waves")
    [clip] = [one for one in await private.until(telegram_house.has_clips()) if one.kind in telegram_house.CLIPS]
    assert "Share" in str(clip.buttons)
    group = running.api.group("Others", [zoe])
    await choose(running, "telegram", group, rating="spoiler")
    zoe.send_photo(group, telegram_house.photo(f"rgb{RED}"), f"{telegram_house.ANIMATE} covered waves")
    [covered] = [one for one in await group.until(telegram_house.has_clips()) if one.kind in telegram_house.CLIPS]
    assert covered.spoiler and "Share" not in str(covered.buttons)
    # When she types the bot's name elsewhere, Then only the first is offered
    assert [one["title"] for one in await zoe.inline("").answer()] == ["harmless waves"]
