"""Telegram's cells: a private chat, a group, a supergroup's topic, and who presses what there."""

from __future__ import annotations

from tests.bots.permission_table import (
    ADMIN,
    ANONYMOUS,
    CHANNEL,
    ELSEWHERE,
    OWNER,
    PRIVATE,
    STRANGER,
    TOPIC,
    WHO,
    Cell,
    cells,
)
from tests.system.permission_cells import WAITING, Planted, Queue, touches, until
from tests.system.telegram_house import TelegramHouse, photo
from wire_doubles.telegram.chats import Chat, Topic
from wire_doubles.telegram.groups import Group
from wire_doubles.telegram.messages import Message, Shown
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.actions.press_data import ON_JOBS
from unstill_bots.actions.presses import (
    ACTIONS,
    CANCEL,
    CHAT_SETTINGS,
    DELETE,
    EDIT,
    LAST_PICTURE,
    PRESET,
    SETTINGS,
    SHARE,
    TELEGRAM,
    WORDS_ALONE,
    commands_of,
)
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.telegram.buttons import ONE_CLIP, Press
from unstill_bots.telegram.media import Picture
from unstill_bots.telegram.pending import TelegramRequest
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester

Keyboard = list[list[dict[str, str]]]


def data_of(action: str, about: str) -> str:
    return Press(action, about).data


def keyboard_of(*data: str) -> Keyboard:
    return [[{"text": one.split(" ")[0], "callback_data": one} for one in data]]


class Scene:
    """A chat of a cell's, and who is in it. `persona`: in whose name the job is asked for, and commands are sent."""

    def __init__(self, api: TelegramApi, place: str, who: str, people: dict[str, Person], news: Group) -> None:
        self.people = people
        self.actor = people[who]
        self.topic: Topic | None = None
        if place == PRIVATE:
            self.chat: Chat = api.private(people[OWNER])
            self.persona: Chat | None = None
            return
        everybody = [people["keeper"], *(people[each] for each in WHO)]
        group = api.group(place, everybody, supergroup=place == TOPIC, forum=place == TOPIC)
        for admin in (ADMIN, ANONYMOUS):
            group.promote(people[admin])
        self.topic = group.topic("Clips") if place == TOPIC else None
        self.chat = group
        self.persona = {ANONYMOUS: group, CHANNEL: news}.get(who)

    @property
    def asker(self) -> Person:
        return self.actor if self.persona else self.people[OWNER]


class TelegramCells:
    """`news` is a channel that the bot is an admin of, `hidden` one that it is not in; one person owns both."""

    def __init__(self, telegram: TelegramHouse) -> None:
        self.api = telegram.api
        self.queue = Queue(telegram.house)
        self.people = self.new_people()
        self.news = self.api.channel("News", self.people[CHANNEL], bot=True)
        self.hidden = self.api.channel("Hidden", self.people[CHANNEL])
        self.elsewhere = self.api.group("Elsewhere", [self.people[ELSEWHERE], self.people[STRANGER]])
        self.clip = self.api.world.files.clip(
            "animation", b"\0\0\0\x18ftypisom", "clip.mp4", width=64, height=64, duration=1, thumbnail=None
        )
        self.scenes: dict[tuple[str, str], Scene] = {}
        self.planted: dict[Cell, Planted] = {}
        self.commanded: dict[Cell, tuple[Scene, Planted]] = {}
        self.menus: dict[Chat, Message] = {}

    def new_people(self) -> dict[str, Person]:
        return {who: self.api.person(who.split(" ")[0].title()) for who in (*WHO, "keeper")}

    def scene(self, place: str, who: str) -> Scene:
        """Cells of buttons share chats: one for each place, and each way to ask."""
        key = (place, who if who in (ANONYMOUS, CHANNEL) else OWNER)
        if key not in self.scenes:
            self.scenes[key] = Scene(self.api, place, key[1], self.people, self.news)
        return self.scenes[key]

    # -- planting

    async def prepare(self) -> None:
        await self.queue.serve()
        later: list[Cell] = []
        for person in self.people.values():
            self.greet(person)
        for cell in cells(TELEGRAM, *(ACTIONS[name] for name in (*ON_JOBS, SHARE) if name not in WAITING)):
            self.planted[cell] = await self.plant(self.scene(cell.place, cell.who))
        for cell in cells(TELEGRAM, *(ACTIONS[name] for name in sorted(commands_of(TELEGRAM)))):
            people = self.new_people()
            for person in people.values():
                self.greet(person)
            channel = self.api.channel("Theirs", people[CHANNEL], bot=True) if cell.who == CHANNEL else self.news
            scene = Scene(self.api, cell.place, cell.who, people, channel)
            if cell.action == DELETE:
                self.commanded[cell] = scene, await self.plant(scene)
            else:
                later.append(cell)
                self.commanded[cell] = scene, Planted("", None)
        for cell in cells(TELEGRAM, *(ACTIONS[name] for name in WAITING)):
            self.planted[cell] = await self.plant(self.scene(cell.place, cell.who), done=False)
        for cell in later:
            scene, _ = self.commanded[cell]
            self.commanded[cell] = scene, await self.plant(scene, done=False)
        for cell in cells(TELEGRAM, ACTIONS[PRESET]):
            scene = self.scene(cell.place, cell.who)
            asked = self.ask(scene)
            question = self.say(scene, keyboard_of(*(data_of(PRESET, name) for name in ("quality", "preview"))), asked)
            self.planted[cell] = Planted(f"telegram:{asked.chat.id}:{asked.id}", question)
        for cell in cells(TELEGRAM, ACTIONS[LAST_PICTURE], ACTIONS[WORDS_ALONE]):
            self.planted[cell] = await self.offer(self.scene(cell.place, cell.who), cell.action)
        for scene in self.scenes.values():
            name = "language" if scene.chat.kind == "private" else "quiet"
            self.menus[scene.chat] = self.say(scene, keyboard_of(data_of(SETTINGS, name)))
        self.menus[self.elsewhere] = self.post(self.elsewhere, keyboard_of(data_of(SETTINGS, "quiet")))
        self.api.world.updates.drop()

    def greet(self, person: Person) -> None:
        """Who has written to the bot may be written to, and has a menu to press."""
        chat = self.api.private(person)
        person.send_text(chat, "hello")
        self.menus[chat] = self.post(chat, keyboard_of(data_of(SETTINGS, "language")))

    def ask(self, scene: Scene) -> Message:
        return scene.asker.send_photo(scene.chat, photo(), topic=scene.topic, as_chat=scene.persona)

    def say(self, scene: Scene, keyboard: Keyboard, reply_to: Message | None = None) -> Message:
        return self.post(scene.chat, keyboard, reply_to, scene.topic)

    def post(
        self, chat: Chat, keyboard: Keyboard, reply_to: Message | None = None, topic: Topic | None = None
    ) -> Message:
        """A message of the bot's."""
        world = self.api.world
        with world.lock:
            number, thread = world.next_message_id(chat), topic.id if topic else None
            said = Message(
                number, chat, self.api.bot, world.clock.date(), "Here.", keyboard=keyboard, reply_to=reply_to,
                thread=thread,
            )  # fmt: skip
            return world.post(said)

    async def plant(self, scene: Scene, *, done: bool = True) -> Planted:
        asked = self.ask(scene)
        assert asked.media
        about = f"{asked.chat.id}:{asked.id}"
        names = [name for name in ON_JOBS if name not in WAITING] if done else list(WAITING)
        shown = self.say(scene, keyboard_of(*(data_of(name, about) for name in names)), asked)
        user = asked.sender_chat or asked.sender
        who = Requester("telegram", str(user.id), str(asked.chat.id), persona=asked.sender_chat is not None)
        to = ReplyAddress("telegram", str(asked.chat.id), str(asked.id), None, {"job": f"telegram:{about}"})
        source = Picture(asked.media.file.id, asked.media.size).source
        request = Request(f"telegram:{about}", who, to, source, "waves", 1_000_000)
        note = f"{asked.chat.id}:{shown.id}"
        return await self.queue.plant(request, note, shown, done=done, receipt=f"{note} animation {self.clip.file.id}")

    async def offer(self, scene: Scene, action: str) -> Planted:
        """Of one's last picture, for words that were just written."""
        asked = scene.asker.send_text(scene.chat, "waves", topic=scene.topic, as_chat=scene.persona)
        about, user = f"{asked.chat.id}:{asked.id}", asked.sender_chat or asked.sender
        media = self.api.world.files.photo(photo())
        pending = TelegramRequest(
            chat=str(asked.chat.id), message=str(asked.id), user=str(user.id), language="en", sent_at=asked.date,
            picture=Picture(""), persona=asked.sender_chat is not None, older=OlderPicture(media.file.id),
        )  # fmt: skip
        await self.queue.offer(pending)
        return Planted(f"telegram:{about}", self.say(scene, keyboard_of(data_of(action, about)), asked))

    # -- trying

    async def press(self, cell: Cell) -> tuple[bool, str]:
        person, scene = self.people[cell.who], self.scene(cell.place, cell.who)
        if cell.action in (SETTINGS, CHAT_SETTINGS):
            return await self._settings(cell, person, scene)
        planted = self.planted[cell]
        if cell.action == SHARE:
            # a query says who asks, and not where the button stands
            found = await person.inline(ONE_CLIP + planted.id.removeprefix("telegram:")).answer()
            return bool(found), str(found)
        data = data_of(cell.action, planted.id.removeprefix("telegram:"))
        if cell.action == PRESET:
            data = data_of(PRESET, "preview")
        said = ""
        if cell.who == ELSEWHERE or person not in self._inside(scene):
            # the same data, sent from a chat of their own
            own = self.elsewhere if cell.who == ELSEWHERE else self.api.private(person)
            said = await person.forge(data, self.menus[own]).answer()
        if person in self._inside(scene):
            said = await person.forge(data, planted.message).answer()
        if cell.action in (PRESET, LAST_PICTURE, WORDS_ALONE):
            return await self.queue.read(planted.id) is not None, said
        if cell.action == EDIT and cell.expected:
            # the question is sent after the press is answered
            assert await until(lambda: self.queue.happened(EDIT, planted)), said
        return await self.queue.happened(cell.action, planted), said

    def _inside(self, scene: Scene) -> list[Person]:
        return scene.chat.members or [self.people[OWNER]]

    async def _settings(self, cell: Cell, person: Person, scene: Scene) -> tuple[bool, str]:
        """A person's own stand in their own chat; to a group's there is no way from one."""
        chat = self.api.private(person) if cell.action == SETTINGS or cell.place == PRIVATE else scene.chat
        about = scene.chat if cell.action == CHAT_SETTINGS else chat
        name = "language" if cell.action == SETTINGS else "quiet"
        before = await self.queue.preferences(f"telegram:{about.id}")
        said = await person.forge(data_of(SETTINGS, name), self.menus[chat]).answer()

        async def changed() -> bool:
            return await self.queue.preferences(f"telegram:{about.id}") != before

        # what is set is answered first
        return await until(changed) if cell.expected else await changed(), said

    async def command(self, cell: Cell) -> tuple[bool, str]:
        """In a reply to what shows the job."""
        scene, planted = self.commanded[cell]
        chat = scene.chat
        reply_to: Message | None = planted.message
        if scene.actor not in (chat.members or [scene.people[OWNER]]):
            chat, reply_to = self.api.private(scene.actor), None
        sent = scene.actor.send_text(
            chat, f"/{cell.action}", reply_to=reply_to, topic=scene.topic, as_chat=scene.persona
        )
        answers: list[Shown] = []

        def answered() -> bool:
            answers[:] = [one for one in chat.history() if one.sender == "Unstill" and one.reply_to == sent.id]
            return bool(answers)

        effect = touches(cell, on_what_is_shown=True)
        done = await until(lambda: self.queue.happened(_EFFECT.get(cell.action, CANCEL), planted)) if effect else False
        if not done or cell.action != CANCEL:
            # that a job was cancelled, its own message says
            assert await until(answered), chat.transcript()
        happened = await self.queue.happened(_EFFECT.get(cell.action, CANCEL), planted)
        return happened, answers[0].text if answers else ""


_EFFECT = {DELETE: DELETE}
