"""What was attacked, as it was: forged presses, no record any more, people who write as channels, groups that moved."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator

import pytest
from tests.bots.permission_table import (
    ADMIN,
    CHANNEL,
    DIRECT,
    GROUP,
    INSTALL,
    OWNER,
    PRIVATE,
    SERVER,
    STRANGER,
    THREAD,
    TOPIC,
)
from tests.system.discord_house import discord_house, picture
from tests.system.permission_cells import Planted, until
from tests.system.permission_discord import DiscordCells, answer_to, row_of
from tests.system.permission_telegram import Scene, TelegramCells, data_of, keyboard_of
from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_house
from wire_doubles.discord.messages import Message as DiscordMessage
from wire_doubles.telegram.messages import Message

from unstill_bots.actions.presses import CANCEL, DELETE, SETTINGS
from unstill_bots.telegram.memory import Memory
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester

LOOKED_UP = "message to be looked up"
NOT_YOURS = "Only the person who asked for it can do that."
NOT_YOURS_TO_CANCEL = "Only the person who asked for it can cancel it."
UNKNOWN = "There is no such clip. It may have been too long ago."


class OnTelegram(TelegramCells):
    """`clips` and `waiting` are planted jobs, by what a test calls them."""

    async def prepare(self) -> None:
        for person in self.people.values():
            self.greet(person)
        self.forum, self.group = self.scene(TOPIC, OWNER), self.scene(GROUP, OWNER)
        self.private = self.scene(PRIVATE, OWNER)
        self.unseen = Scene(self.api, TOPIC, CHANNEL, self.people, self.hidden)
        self.old = Scene(self.api, GROUP, OWNER, self.people, self.news)
        self.forgetful = Scene(self.api, GROUP, OWNER, self.new_people(), self.news)
        strangers = Scene(self.api, TOPIC, OWNER, self.people, self.news)
        strangers.chat, strangers.topic = self.forum.chat, self.forum.topic
        strangers.people = {**self.people, OWNER: self.people[STRANGER]}
        self.clips = {
            "forum": await self.plant(self.forum),
            "stranger's": await self.plant(strangers),
            "unseen": await self.plant(self.unseen),
            "forgotten": await self.plant(self.forgetful),
        }
        eve, ann = self.people[STRANGER], self.people[OWNER]
        shown = self.post(self.api.private(eve), keyboard_of(data_of(DELETE, f"{eve.id}:1")))
        request = Request(
            f"telegram:{eve.id}:1",
            Requester("telegram", str(ann.id), str(eve.id)),
            ReplyAddress("telegram", str(eve.id), "1"),
            "file",
            "waves",
            1_000_000,
        )
        self.clips["in Eve's private chat"] = await self.queue.plant(request, f"{eve.id}:{shown.id}", shown)
        self.waiting = {
            "forum": await self.plant(self.forum, done=False),
            "unseen": await self.plant(self.unseen, done=False),
            "old by owner": await self.plant(self.old, done=False),
            "old by admin": await self.plant(self.old, done=False),
            "old by stranger": await self.plant(self.old, done=False),
        }
        self.orphans: dict[tuple[str, str], Message] = {
            (scene.chat.kind, who): self.say(scene, keyboard_of(data_of(DELETE, "1:2")), self.ask(scene))
            for scene in (self.private, self.group, self.forum)
            for who in (OWNER, STRANGER, ADMIN)
        }
        self.api.world.updates.drop()


class OnDiscord(DiscordCells):
    async def prepare(self) -> None:
        ann, self.forgetful = self.people[OWNER], self.new_people()[OWNER]
        self.clips = {"server": await self.plant(SERVER, ann), "forgotten": await self.plant(SERVER, self.forgetful)}
        self.waiting = {"server": await self.plant(SERVER, ann, done=False)}
        self.orphans: dict[tuple[str, str, str], DiscordMessage] = {}
        for place in (SERVER, THREAD, INSTALL, DIRECT):
            channel = self.channel(place, ann)
            for who in (OWNER, STRANGER, ADMIN):
                self.orphans[place, who, "command"] = self.post(channel, ["delete 1:2"], ann)
                said = ann.say(channel, "waves", files=[picture()])
                for asked in ("message", LOOKED_UP):
                    self.orphans[place, who, asked] = self.post(channel, ["delete 1:2"], ann, on=said)


@pytest.fixture(scope="module")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnTelegram]:
    with telegram_house(tmp_path_factory.mktemp("telegram"), engine=False, bot=False) as house:
        planted = OnTelegram(house)
        asyncio.run(planted.prepare())
        house.start_bot()
        wait_for(lambda: house.polled() > 0, what="the bot's first poll")
        yield planted


@pytest.fixture(scope="module")
def discord(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDiscord]:
    with discord_house(tmp_path_factory.mktemp("discord"), engine=False, bot=False, quick=True) as house:
        planted = OnDiscord(house)
        asyncio.run(planted.prepare())
        house.start_bot()
        house.wait_for_bot()
        yield planted


def about(planted: Planted) -> str:
    return planted.id.partition(":")[2]


# -- a message that is somebody else's


async def test_no_press_on_anothers_clip_takes_it_away(telegram: OnTelegram) -> None:
    # Given Ann's clip, and a finished one of Eve's in the same chat
    anns, eves, eve = telegram.clips["forum"], telegram.clips["stranger's"], telegram.people[STRANGER]
    # When Eve presses on Ann's as if it were hers
    cancel = await eve.forge(data_of(CANCEL, about(eves)), anns.message).answer()
    delete = await eve.forge(data_of(DELETE, about(eves)), anns.message).answer()
    gone = await eve.forge(data_of(DELETE, "1:2"), anns.message).answer()
    # Then it is told what is so, and Ann's clip stays
    assert (cancel, delete, gone) == ("It is too late to cancel this: it is done.", UNKNOWN, NOT_YOURS)
    assert not anns.message.deleted and not eves.message.deleted
    assert all(telegram.queue.stored(anns)) and all(telegram.queue.stored(eves))


async def test_nobody_is_an_admin_of_their_private_chat(telegram: OnTelegram) -> None:
    # Given a clip on record as Ann's, in a chat that has its number from Eve
    clip, eve = telegram.clips["in Eve's private chat"], telegram.people[STRANGER]
    # When Eve presses its Delete, then being the chat makes it none of hers
    assert await eve.press("del", clip.message).answer() == NOT_YOURS
    assert not clip.message.deleted and all(telegram.queue.stored(clip))


async def test_a_delete_of_what_is_in_the_making_cancels_it(telegram: OnTelegram) -> None:
    waiting, ann = telegram.waiting["forum"], telegram.people[OWNER]
    assert await ann.forge(data_of(DELETE, about(waiting)), waiting.message).answer() == "Cancelled."
    assert await telegram.queue.happened(CANCEL, waiting) and not waiting.message.deleted


async def test_settings_are_changed_by_their_own_menu_alone_on_telegram(telegram: OnTelegram) -> None:
    # When an admin sends a setting from under a clip, or "Done" from there
    clip, admin = telegram.clips["forum"].message, telegram.people[ADMIN]
    before = clip.content()
    for name in ("quiet", "done"):
        assert await admin.forge(data_of(SETTINGS, name), clip).answer() == ""
    # Then the clip stands as it stood, and nothing is set
    assert clip.content() == before and not clip.deleted
    assert not (await telegram.queue.preferences(f"telegram:{clip.chat.id}")).quiet


async def test_settings_are_changed_by_their_own_menu_alone_on_discord(discord: OnDiscord) -> None:
    # Given a clip that all see, with a button that is no clip's
    clip, eve = discord.clips["server"].message, discord.people[STRANGER]
    clip.components = [*clip.components, row_of("set me open")]
    before = (clip.content, list(clip.components))
    # When it is pressed, then nothing is said, and the clip stays as it is
    assert (await eve.press(clip, "set me open").answered()).kind == "acknowledged"
    assert (clip.content, clip.components) == before


# -- when there is no record any more


@pytest.mark.parametrize("kind", ["private", "group", "supergroup"])
async def test_without_a_record_telegrams_message_says_whose_it_is(telegram: OnTelegram, kind: str) -> None:
    for who, may in ((STRANGER, False), (OWNER, True), (ADMIN, True)):
        message, person = telegram.orphans[kind, who], telegram.people[who]
        if kind == "private":
            person = telegram.people[OWNER]
        said = await person.forge(data_of(DELETE, "1:2"), message).answer()
        deleted = may or kind == "private"
        assert (said, message.deleted) == (("Deleted.", True) if deleted else (NOT_YOURS, False)), who


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        *((place, asked) for place in (SERVER, THREAD, DIRECT) for asked in ("command", "message", LOOKED_UP)),
        # where the bot is not, it answers commands alone
        (INSTALL, "command"),
    ],
)
async def test_without_a_record_discords_message_says_whose_it_is(
    discord: OnDiscord, place: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.api.world, "presses_carry_replies", asked != LOOKED_UP)
    for who in (STRANGER, ADMIN, OWNER):
        message, person = discord.orphans[place, who, asked], discord.people[who]
        may = who == OWNER or (who == ADMIN and place in (SERVER, THREAD))
        if place == DIRECT and who != OWNER:
            continue
        pressed = person.press(message, "delete")
        if may:
            assert await until(functools.partial(getattr, message, "deleted")), pressed.seen()
        else:
            assert await answer_to(pressed) == NOT_YOURS and not message.deleted


async def test_after_forgetme_telegrams_clip_can_still_be_deleted(telegram: OnTelegram) -> None:
    clip, ann = telegram.clips["forgotten"], telegram.forgetful.asker
    ann.send_text(clip.message.chat, "/forgetme")
    assert await until(lambda: not any(telegram.queue.stored(clip)))
    assert await ann.press("del", clip.message).answer() == "Deleted."
    assert clip.message.deleted


async def test_after_forgetme_discords_clip_can_still_be_deleted(discord: OnDiscord) -> None:
    clip, ann = discord.clips["forgotten"], discord.forgetful
    await answer_to(ann.slash(discord.channels[SERVER], "forgetme"))
    assert await until(lambda: not any(discord.queue.stored(clip)))
    ann.press(clip.message, "delete")
    assert await until(lambda: clip.message.deleted)


# -- people who write as a channel that the bot is no admin of


async def test_who_writes_as_a_channel_proves_it_by_a_command(telegram: OnTelegram) -> None:
    carol, clip, waiting = telegram.people[CHANNEL], telegram.clips["unseen"], telegram.waiting["unseen"]
    chat, topic = telegram.unseen.chat, telegram.unseen.topic
    # When she presses the buttons of what she asked for as a channel
    told = {
        action: await carol.forge(data_of(action, about(planted)), planted.message).answer()
        for action, planted in ((DELETE, clip), ("again", clip), (CANCEL, waiting))
    }
    # Then she is told what to send
    assert "send /delete as that channel" in told[DELETE] and "send /cancel as that channel" in told[CANCEL]
    assert "send /animate and words as that channel, in reply to the picture" in told["again"]
    # When she sends it in her own name, then it is refused; as the channel, it is done
    carol.send_text(chat, "/delete", reply_to=clip.message, topic=topic)
    await chat.until(lambda history: any("send /delete as that channel" in one.text for one in history))
    assert not clip.message.deleted
    carol.send_text(chat, "/delete", reply_to=clip.message, topic=topic, as_chat=telegram.hidden)
    assert await until(lambda: clip.message.deleted) and not any(telegram.queue.stored(clip))
    carol.send_text(chat, "/cancel", reply_to=waiting.message, topic=topic, as_chat=telegram.hidden)
    assert await until(lambda: telegram.queue.happened(CANCEL, waiting))
    asked = chat.messages[int(about(clip).split(":")[1])]
    again = carol.send_text(chat, "/animate waves", reply_to=asked, topic=topic, as_chat=telegram.hidden)
    assert await until(lambda: telegram.queue.read(f"telegram:{chat.id}:{again.id}"))


# -- a group that became a supergroup


async def test_a_group_that_moved_keeps_its_jobs_and_its_rules(telegram: OnTelegram) -> None:
    old = telegram.old.chat
    new = telegram.api.migrate(old)  # type: ignore[arg-type]  # it is one
    assert await until(lambda: _moved(telegram, old.id, new.id))
    menu = telegram.post(new, keyboard_of(data_of(SETTINGS, "quiet")))
    said: dict[str, str] = {}
    # When the owner, an admin of the new group and a stranger send what would cancel a job, from the new group
    for who in (STRANGER, OWNER, ADMIN):
        waiting = telegram.waiting[f"old by {who.split(' ')[0]}"]
        said[who] = await telegram.people[who].forge(data_of(CANCEL, about(waiting)), menu).answer()
    assert said == {STRANGER: NOT_YOURS_TO_CANCEL, OWNER: "Cancelled.", ADMIN: "Cancelled."}
    # and the old message's button is the owner's still
    left = telegram.waiting["old by stranger"]
    told = await telegram.people[STRANGER].forge(data_of(CANCEL, about(left)), left.message).answer()
    assert told == NOT_YOURS_TO_CANCEL
    assert await telegram.people[OWNER].forge(data_of(CANCEL, about(left)), left.message).answer() == "Cancelled."


async def _moved(telegram: OnTelegram, old: int, new: int) -> bool:
    async with telegram.queue.ledger() as ledger:
        return await Memory(ledger.redis).current(str(old)) == str(new)
