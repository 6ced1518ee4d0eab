"""Discord's cells: a server, a thread, a server that a person brought the bot to, direct messages; and who is there."""

from __future__ import annotations

import secrets
from typing import Any

from tests.bots.permission_table import (
    ADMIN,
    DIRECT,
    ELSEWHERE,
    INSTALL,
    OWNER,
    SERVER,
    STRANGER,
    THREAD,
    Cell,
    cells,
)
from tests.system.discord_house import DiscordHouse, picture
from tests.system.permission_cells import WAITING, Planted, Queue, touches, until
from wire_doubles.discord import components
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.interactions import COMMAND, Interaction
from wire_doubles.discord.messages import Message, Shown
from wire_doubles.discord.people import Person
from wire_doubles.discord.permissions import Can

from unstill_bots.actions.press_data import ON_JOBS
from unstill_bots.actions.presses import (
    ACTIONS,
    CANCEL,
    CHAT_SETTINGS,
    DISCORD,
    FORM,
    LAST_PICTURE,
    PRESET,
    REPORT,
    SETTINGS,
    WORDS_ALONE,
)
from unstill_bots.discord.media import Picture
from unstill_bots.discord.pending import DiscordRequest
from unstill_bots.intake.older_picture import OlderPicture
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester

JOB_BUTTONS = ON_JOBS
MENUS = {"animate": "Animate", "animate_avatar": "Animate avatar", "report": "Report clip"}
OFFERED = [action for action in ACTIONS.values() if DISCORD in (*action.commands, *action.menus)]
MODERATORS = Can.MANAGE_MESSAGES | Can.MANAGE_GUILD


class DiscordCells:
    """Everybody has the application installed, so that they may use it where the bot is not."""

    def __init__(self, discord: DiscordHouse) -> None:
        self.api = discord.api
        self.queue = Queue(discord.house)
        keeper = self.person("Keeper")
        self.guild = self.api.guild("Home", keeper)
        self.foreign = self.api.guild("Foreign", keeper, bot=False)
        self.other = self.api.guild("Other", keeper)
        self.roles = {guild: guild.role("mods", MODERATORS) for guild in (self.guild, self.foreign, self.other)}
        home = self.guild.text_channel("general")
        self.channels = {
            SERVER: home, THREAD: home.thread("talk", keeper), INSTALL: self.foreign.text_channel("general")
        }  # fmt: skip
        self.elsewhere = self.other.text_channel("general")
        self.people = self.new_people()
        self.planted: dict[Cell, Planted] = {}
        self.commanded: dict[Cell, tuple[dict[str, Person], Planted]] = {}

    def person(self, name: str) -> Person:
        return self.api.person(name, installed=True)

    def new_people(self) -> dict[str, Person]:
        """They are in every server; one is a moderator of where jobs are asked for, and one of another."""
        people = {who: self.person(who.split(" ")[-1].title()) for who in (OWNER, STRANGER, ADMIN, ELSEWHERE)}
        for guild in self.roles:
            for person in people.values():
                guild.join(person)
        for guild in (self.guild, self.foreign):
            guild.give(people[ADMIN], self.roles[guild])
        self.other.give(people[ELSEWHERE], self.roles[self.other])
        return people

    def channel(self, place: str, owner: Person) -> Channel:
        return self.api.dm(owner) if place == DIRECT else self.channels[place]

    def own(self, who: str, person: Person) -> Channel:
        """Where somebody acts who is not where the job is."""
        return self.elsewhere if who == ELSEWHERE else self.api.dm(person)

    # -- planting

    async def prepare(self) -> None:
        await self.queue.serve()
        for cell in cells(DISCORD, *(ACTIONS[name] for name in JOB_BUTTONS if name not in WAITING)):
            self.planted[cell] = await self.plant(cell.place, self.people[OWNER])
        for cell in cells(DISCORD, *(ACTIONS[name] for name in WAITING)):
            self.planted[cell] = await self.plant(cell.place, self.people[OWNER], done=False)
        for cell in cells(DISCORD, ACTIONS[PRESET]):
            owner = self.people[OWNER]
            channel = self.channel(cell.place, owner)
            asked = self.sent_picture(owner, channel)
            question = self.post(channel, ["preset preview"], owner, on=asked)
            self.planted[cell] = Planted(f"discord:{channel.id}:{asked.id}", question)
        for cell in cells(DISCORD, ACTIONS[LAST_PICTURE], ACTIONS[WORDS_ALONE]):
            self.planted[cell] = await self.offer(cell.place, self.people[OWNER], cell.action)
        for cell in cells(DISCORD, *OFFERED):
            people = self.new_people()
            self.commanded[cell] = people, await self.plant(cell.place, people[OWNER], done=False)

    def post(self, channel: Channel, custom_ids: list[str], person: Person, *, on: Message | None = None) -> Message:
        """A message of the bot's: the answer to a command of that person's, or to their message `on`."""
        world = self.api.world
        with world.lock:
            asked = None
            if on is None:
                data = {"id": "1", "name": "animate", "type": 1}
                asked = Interaction(
                    world, world.snowflakes.next(), secrets.token_hex(8), COMMAND, person, channel, data,
                    world.clock.now(),
                )  # fmt: skip
            rows = [row_of(*custom_ids[i : i + 5]) for i in range(0, len(custom_ids), 5)]
            message = Message(
                world, world.snowflakes.next(), channel, world.bot, world.timestamp(), "Here.", components=rows,
                interaction=asked, replied=on, replied_id=on.id if on else None, type=19 if on else 20,
            )  # fmt: skip
            channel.messages[message.id] = message
            return message

    async def plant(self, place: str, owner: Person, *, done: bool = True, on: Message | None = None) -> Planted:
        world, channel = self.api.world, self.channel(place, owner)
        with world.lock:
            file = world.cdn.wire(world.keep(picture(), channel.id))
            about = f"{channel.id}:{world.snowflakes.next()}"
        names = [name for name in JOB_BUTTONS if name not in WAITING] if done else list(WAITING)
        shown = self.post(channel, [f"{name} {about}" for name in names], owner, on=on)
        guild = str(channel.guild.id) if channel.guild else ""
        extra = {"user": str(owner.id), "guild": guild, "job": f"discord:{about}"}
        extra |= {"unseen": "1"} if place == INSTALL else {}
        request = Request(
            f"discord:{about}",
            Requester("discord", str(owner.id), guild or str(channel.id)),
            ReplyAddress("discord", str(channel.id), str(on.id) if on else "", None, extra),
            Picture(file["url"], file["size"]).source,
            "waves",
            1_000_000,
        )
        note = f"{channel.id}:{shown.id}" + (":t" if place == INSTALL else "")
        return await self.queue.plant(request, note, shown, done=done)

    async def offer(self, place: str, owner: Person, action: str) -> Planted:
        """Of one's last picture, for words that were just written."""
        world, channel = self.api.world, self.channel(place, owner)
        with world.lock:
            file, number = world.cdn.wire(world.keep(picture(), channel.id)), world.snowflakes.next()
        pending = DiscordRequest(
            id=f"discord:{channel.id}:{number}", user=str(owner.id), channel=str(channel.id), language="en",
            sent_at=world.clock.now(), picture=Picture(""), guild=str(channel.guild.id) if channel.guild else "",
            older=OlderPicture(Picture(file["url"], file["size"]).source),
        )  # fmt: skip
        await self.queue.offer(pending)
        return Planted(pending.id, self.post(channel, [f"{action} {channel.id}:{number}"], owner))

    # -- trying

    async def press(self, cell: Cell) -> tuple[bool, str]:
        person, owner = self.people[cell.who], self.people[OWNER]
        channel = self.channel(cell.place, owner)
        inside = Can.VIEW_CHANNEL in channel.permissions(person)
        if cell.action in (SETTINGS, CHAT_SETTINGS):
            return await self._settings(cell, person, channel if inside else self.own(cell.who, person))
        if cell.action == FORM:
            return await self._form(cell, person, owner, channel)
        planted = self.planted[cell]
        custom_id = f"{cell.action} {planted.id.removeprefix('discord:')}"
        if cell.action == PRESET:
            custom_id = "preset preview"
        said = ""
        if cell.who == ELSEWHERE or not inside:
            # the same data, sent from a channel of their own, on a message that has it: discord.py hands on no other
            own = self.post(self.own(cell.who, person), [custom_id], person)
            said = await answer_to(person.press(own, custom_id))
        if inside:
            said = await answer_to(person.press(planted.message, custom_id))
        if cell.expected:
            await until(lambda: self.happened(cell.action, planted))
        return await self.happened(cell.action, planted), said

    async def happened(self, action: str, planted: Planted) -> bool:
        if action in (PRESET, LAST_PICTURE, WORDS_ALONE):
            return await self.queue.read(planted.id) is not None
        return await self.queue.happened(action, planted)

    async def _settings(self, cell: Cell, person: Person, channel: Channel) -> tuple[bool, str]:
        """`channel` is where they open their menu, which they send what they like from."""
        guild = self.foreign if cell.place == INSTALL else self.guild
        about = f"discord:{guild.id if cell.action == CHAT_SETTINGS else person.id}"
        menu = (await person.slash(channel, "settings").answered()).message
        assert menu
        before = await self.queue.preferences(about)
        if cell.action == CHAT_SETTINGS:
            # not everybody's menu leads there, and a client could claim that it does
            rows = world_message(menu).components
            if rows[-1]["components"][0]["type"] == components.BUTTON:
                rows[-1]["components"] += row_of("set server quiet")["components"]
            else:
                rows.append(row_of("set server quiet"))
            said = await answer_to(person.press(menu, "set server quiet"))
        else:
            value = "=en" if before.language != "en" else "=zh_CN"
            said = await answer_to(person.forge(menu, "set me language", value))
        return await self.queue.preferences(about) != before, said

    async def _form(self, cell: Cell, person: Person, owner: Person, channel: Channel) -> tuple[bool, str]:
        """Everybody opens a form of their own; who is not the owner sends it off as the owner's."""
        opened = await self._opened(owner, channel)
        form = opened.modal and opened.modal["custom_id"]
        said = ""
        if person is owner:
            said = await answer_to(owner.submit(opened, words="waves"))
        else:
            inside = Can.VIEW_CHANNEL in channel.permissions(person)
            for place in {self.own(cell.who, person), *([channel] if inside else [])}:
                forged = await self._opened(person, place)
                said = await answer_to(person.forge_form(forged, str(form), words="waves"))
                # nor is what the owner pointed at asked for in their own name
                assert await self.queue.read(f"discord:{place.id}:{opened.id}") is None
        record = await self.queue.read(f"discord:{channel.id}:{opened.id}")
        return record is not None and record.request.requester.user == str(owner.id), said

    def sent_picture(self, person: Person, channel: Channel) -> Message:
        """A picture that mentions the bot, as the bot is shown no other in a server."""
        world = self.api.world
        with world.lock:
            shown = Message(
                world, world.snowflakes.next(), channel, person, world.timestamp(),
                attachments=[world.keep(picture(), channel.id)], mentions=[world.bot],
            )  # fmt: skip
            channel.messages[shown.id] = shown
            return shown

    async def _opened(self, person: Person, channel: Channel) -> Interaction:
        opened = person.use_on_message("Animate", self.sent_picture(person, channel))
        seen = await opened.answered()
        assert seen.kind == "modal", seen
        return opened

    async def command(self, cell: Cell) -> tuple[bool, str]:
        people, planted = self.commanded[cell]
        person, channel = people[cell.who], self.channel(cell.place, people[OWNER])
        if Can.VIEW_CHANNEL not in channel.permissions(person):
            channel = self.api.dm(person)
        said = ""
        action = ACTIONS[cell.action]
        if DISCORD in action.commands:
            filled = {"image": picture(), "prompt": "waves"} if cell.action == "animate" else {}
            said = await answer_to(person.slash(channel, cell.action, **filled))
        if DISCORD in action.menus and cell.action == "animate":
            await self._opened(person, channel)
        elif cell.action == REPORT:
            said = await answer_to(person.use_on_message(MENUS[REPORT], self.post(channel, [], people[OWNER])))
        elif DISCORD in action.menus:
            seen = await person.use_on_user(MENUS[cell.action], people[OWNER], channel).answered()
            assert seen.kind == "modal", seen
        if touches(cell, on_what_is_shown=False):
            await until(lambda: self.queue.happened(CANCEL, planted))
        return await self.queue.happened(CANCEL, planted), said


def row_of(*custom_ids: str) -> dict[str, Any]:
    """Buttons."""
    buttons = [
        {"type": components.BUTTON, "style": 2, "label": each.split(" ")[0], "custom_id": each} for each in custom_ids
    ]
    return {"type": components.ROW, "components": buttons}


def world_message(shown: Shown) -> Message:
    return shown.channel.messages[shown.id]


async def answer_to(asked: Interaction) -> str:
    """What they see in the end; that it failed is no answer."""
    seen = await asked.answered(finally_=True)
    assert seen.kind != "failed", seen
    return seen.text
