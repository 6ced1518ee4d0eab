"""Again, said in words: what a press of the button makes, on both platforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.system.conversations import recipe_in
from tests.system.discord_house import discord_house
from tests.system.rooms import RED, OnDiscord, OnTelegram, Room, clips
from tests.system.telegram_house import telegram_house

CAMERA = {"UNSTILL_ENGINE__MODEL": "camera"}


@pytest.mark.parametrize(("house", "room"), [(telegram_house, OnTelegram), (discord_house, OnDiscord)])
async def test_again_in_words_is_another_move_where_a_seed_changes_nothing(
    house: Any, room: Any, tmp_path: Path
) -> None:
    with house(tmp_path, **CAMERA) as running:
        # Given a clip of a camera that was told what to do
        chat: Room = room(running, "Ann")
        [ann] = chat.people
        chat.photo(ann, RED, "zoom in --frames 8 --res 256")
        [first] = await clips(chat, 1)
        # When the person says "again" in reply to it, then without a reply, and presses the button
        sent = chat.say(ann, "again", reply_to=first.message)
        [_, second] = await clips(chat, 2)
        chat.say(ann, "once more")
        await clips(chat, 3)
        chat.press(ann, first, "Another move")
        # Then each is another move over the same picture, the first one in reply to her words
        made = [recipe_in(line.clip or b"").parameters for line in await clips(chat, 4)]
        assert second.reply_to == sent.id
        assert made[0].camera == "" and len({one.camera for one in made}) == 4
        assert {(one.prompt, one.num_frames) for one in made} == {("zoom in", 8)}
