"""Prompts by a language model as people meet them: on both platforms, the page, by the API and at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.bots.terminal_cli import Terminal
from tests.prompt_endpoint import PROMPT, PromptEndpoint, says, status
from tests.system import discord_house, telegram_house
from tests.system.conversations import recipe_in
from tests.system.processes import wait_for
from tests.system.rooms import RED, OnDiscord, OnTelegram, Room, clips
from tests.system.rooms import says as said
from tests.system.web_house import WebHouse, has_clips, web_house
from tests.waiting import PATIENCE

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_config.settings import Settings
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect

ON: dict[str, Any] = {
    "telegram": (telegram_house.telegram_house, OnTelegram),
    "discord": (discord_house.discord_house, OnDiscord),
}
STORM = "A storm drives dark clouds fast across the sky."
TOLD = "A language model made this prompt of the words: “{}”"


def settings_of(endpoint: PromptEndpoint) -> dict[str, str]:
    return {
        "UNSTILL_PROMPT__URL": endpoint.url,
        "UNSTILL_PROMPT__MODEL": "qwen",
        "UNSTILL_PROMPT__KEY": "sk-not-to-be-told",
        "UNSTILL_PROMPT__SEES": "True",
    }


@pytest.fixture(scope="module")
def endpoint() -> Iterator[PromptEndpoint]:
    with PromptEndpoint().running() as endpoint:
        yield endpoint


@pytest.fixture
def asked(endpoint: PromptEndpoint) -> PromptEndpoint:
    """The endpoint, which was asked nothing yet, and writes PROMPT."""
    endpoint.bodies.clear()
    endpoint.answer = says(PROMPT)
    return endpoint


@pytest.fixture(scope="module", params=ON)
def inside(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, endpoint: PromptEndpoint
) -> Iterator[tuple[Any, Any]]:
    """A house whose host has an endpoint, and the kind of its rooms."""
    house, kind = ON[request.param]
    folder = tmp_path_factory.mktemp(f"prompts-{request.param}")
    with house(folder, quick=True, **settings_of(endpoint)) as running:
        yield running, kind
        # neither the key nor anybody's words stand in a log
        logs = "".join(file.read_text() for file in folder.glob("*.log"))
        assert "sk-not-to-be-told" not in logs and PROMPT not in logs


@pytest.fixture(scope="module")
def room(inside: tuple[Any, Any]) -> Room:
    running, kind = inside
    found: Room = kind(running, "Ann")
    return found


async def test_a_person_sees_both_texts_and_edits_their_own(room: Room, asked: PromptEndpoint) -> None:
    ann = room.people[0]

    # When Ann sends a photo with a word
    sent = room.photo(ann, RED, "waves --seed 7")
    [first] = await clips(room, 1)

    # Then the answer shows it, and the prompt that was made of it, and the clip's recipe has both
    assert "waves" in first.text and TOLD.format(PROMPT) in first.text
    made = recipe_in(first.clip or b"")
    assert (made.parameters.prompt, made.own_words, made.parameters.seed) == (PROMPT, "waves", 7)
    # and the endpoint saw a small copy of the photo
    assert [max(picture.size) <= 512 for picture in asked.pictures] == [True]

    # When she wants another one, it is another seed of the same prompt, and nobody was asked
    room.press(ann, first, "Again")
    second = (await clips(room, 2))[1]
    again = recipe_in(second.clip or b"")
    assert (again.parameters.prompt, again.own_words) == (PROMPT, "waves") and again.parameters.seed != 7
    assert asked.wishes == ["waves"]

    # When she changes her words, then a prompt is made of these
    asked.answer = says(STORM)
    room.edit(ann, sent, "a storm --seed 8")
    third = (await clips(room, 3))[2]
    assert "a storm" in third.text and TOLD.format(STORM) in third.text and PROMPT not in third.text
    assert asked.wishes == ["waves", "a storm"]

    # When she wants her words as they are
    room.photo(ann, RED, "rain --exact")
    fourth = (await clips(room, 4))[3]
    # Then they are, and nobody was asked
    assert recipe_in(fourth.clip or b"").parameters.prompt == "rain" and "language model" not in fourth.text
    assert len(asked.bodies) == 2
    # When she says only what else is to be, Then the words are the same, and so are their prompts
    room.say(ann, "make it 2s long", reply_to=first.message)
    longer = recipe_in((await clips(room, 5))[4].clip or b"").parameters
    assert (longer.prompt, longer.seed) == (PROMPT, 7) and longer.num_frames > made.parameters.num_frames
    room.edit(ann, sent, "a storm --seed 9")
    other = recipe_in((await clips(room, 6))[5].clip or b"")
    assert (other.parameters.prompt, other.own_words, other.parameters.seed) == (STORM, "a storm", 9)
    assert len(asked.bodies) == 2
    # and she can read what goes where
    room.command(ann, "privacy")
    assert "a small copy of your picture go to a language model" in (await said(room, "forgetme")).text


async def test_a_person_and_a_chat_keep_their_words_as_they_are(inside: tuple[Any, Any], asked: PromptEndpoint) -> None:
    running, kind = inside
    friends: Room = kind(running, "Bob", "Eve")
    platform = "telegram" if kind is OnTelegram else "discord"
    bob, eve = friends.people
    client = connect(running.house.valkey.url)
    store, ledger = PreferenceStore(client), Ledger(client, Settings().queue)

    async def prompt_of(who: Any, words: str) -> str:
        friends.photo(who, RED, words)
        clip = (await clips(friends, made_in(friends) + 1))[-1].clip
        return recipe_in(clip or b"").parameters.prompt

    # Given Bob's own setting, When he asks, Then his words are given to the model and sent nowhere, unless he says so
    assert await prompt_of(bob, "leaves --seed 1") == PROMPT
    [id] = await ledger.ids_of(f"{platform}:{bob.id}")
    await store.set(f"{platform}:{bob.id}", Preferences(exact=True))
    assert await prompt_of(bob, "leaves --seed 2") == "leaves"
    assert await prompt_of(bob, "leaves --seed 3 --exact no") == PROMPT
    assert asked.wishes == ["leaves"] * 2
    # Given that of the chat, Then it holds for all in it, whatever they say
    await store.set((await ledger.read(id)).request.requester.place, Preferences(exact=True))
    assert await prompt_of(eve, "leaves --seed 4") == "leaves"
    assert await prompt_of(bob, "leaves --seed 5 --exact no") == "leaves"
    assert asked.wishes == ["leaves"] * 2
    await client.aclose()


def made_in(room: Room) -> int:
    return len([line for line in room.lines() if line.clip is not None])


async def test_whatever_is_written_nobody_is_mentioned_and_nobody_waits(room: Room, asked: PromptEndpoint) -> None:
    ann, before = room.people[0], made_in(room)
    # Given one that would set options and call everybody, and one that fails
    for number, answer in enumerate((says("Wind, @everyone --seed 3 https://example.com"), status(500)), 1):
        asked.answer = answer
        room.photo(ann, RED, f"wind {number} --seed 9")
        clip = (await clips(room, before + number))[-1]
        recipe = recipe_in(clip.clip or b"")
        # Then there is a clip of Ann's own words
        assert (recipe.parameters.prompt, recipe.parameters.seed, recipe.own_words) == (f"wind {number}", 9, "")
        assert "everyone" not in clip.text and "example" not in clip.text
    assert len(asked.bodies) == 2


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, endpoint: PromptEndpoint) -> Iterator[WebHouse]:
    settings: dict[str, Any] = settings_of(endpoint)
    with web_house(tmp_path_factory.mktemp("prompts-web"), **settings) as web:
        yield web


def test_the_page_and_the_api_show_both(web: WebHouse, asked: PromptEndpoint) -> None:
    # Given somebody with a browser, When they ask, Then the card shows both texts
    ann = web.visitor()
    ann.open()
    assert 'name="exact"' in ann.page and "a small copy of your picture go" in ann.page
    ann.ask("waves")
    [card] = ann.until(has_clips(1), "the clip")
    assert "waves" in card.text and TOLD.format(PROMPT) in card.text

    # and a program is told both, and may have its words as they are
    with httpx.Client(base_url=f"{web.url}/api/v1", timeout=PATIENCE) as api:
        for exact in (False, True):
            files = {"picture": ("photo.png", telegram_house.photo())}
            answer = api.post("/clips", data={"prompt": "rain", "exact": str(exact)}, files=files)
            assert answer.status_code == 202, answer.text
            clip = answer.json()["links"]["self"]
            wait_for(lambda clip=clip: api.get(f"{web.url}{clip}").json()["state"] == "done", what="the clip")
            recipe = recipe_in(api.get(f"{web.url}{clip}/clip.mp4").content)
            assert (recipe.parameters.prompt, recipe.own_words) == (("rain", "") if exact else (PROMPT, "rain"))
            assert api.get(f"{web.url}{clip}/recipe").json().get("own_words") == (None if exact else "rain")
            assert (TOLD.format(PROMPT) in api.get(f"{web.url}{clip}").text) is not exact
    assert asked.wishes == ["waves", "rain"]


def test_at_a_terminal_a_recipe_makes_the_same_clip_without_asking(
    tmp_path: Path, web: WebHouse, asked: PromptEndpoint
) -> None:
    terminal = Terminal(tmp_path, **web.house.settings)
    # When a photo is animated by the engine of that house
    photo = str(terminal.photo())
    ran = terminal.run("animate", photo, "waves", "--seed", "7", "--out", "one.mp4", "--json")
    # Then both texts are told
    assert ran.code == 0, ran.err
    [clip] = ran.json["clips"]
    assert clip["parameters"]["prompt"] == PROMPT and f"prompt_rewritten:{PROMPT}" in clip["notes"]
    assert TOLD.format(PROMPT) in clip["text"] and "waves" in clip["text"]
    recipe = terminal.run("recipe", "one.mp4", "--json").json
    assert recipe["own_words"] == "waves"

    # When its recipe is asked for, Then it is the same clip, and nobody was asked
    same = terminal.run("animate", photo, recipe["caption"], "--out", "two.mp4", "--json")
    assert same.code == 0, same.err
    assert same.json["clips"][0]["parameters"] == clip["parameters"]
    assert asked.wishes == ["waves"]
