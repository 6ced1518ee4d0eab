"""The port on Telegram and on Discord: the same messages become the same to people, at the same cost to the ledger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE, until
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi
from wire_doubles.trouble import Trouble

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.delivery import presentation
from unstill_bots.delivery.chat import Chat, ClipForbidden, MessageGone
from unstill_bots.delivery.courier import Courier
from unstill_bots.delivery.known_jobs import Waiting
from unstill_bots.delivery.message import REVISED, Message, Urgency
from unstill_bots.delivery.refusals import TRIES_MOST
from unstill_bots.delivery.side_messages import SideMessages
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.discord.chat import DiscordChat
from unstill_bots.discord.connection import is_invalid
from unstill_bots.discord.connection import open_bot as open_discord
from unstill_bots.discord.send_limit import SendLimit as DiscordLimit
from unstill_bots.host.breaker import Breaker
from unstill_bots.intake.declining import Tell
from unstill_bots.intake.fetching import Fetcher
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.telegram.api import open_bot as open_telegram
from unstill_bots.telegram.chat import TelegramChat
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.send_limit import SendLimit as TelegramLimit
from unstill_config.catalog import Catalog
from unstill_config.settings import Bots, Quota, Settings
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.jobs import (
    Failed,
    Finish,
    Job,
    Parameters,
    Progress,
    ReplyAddress,
    Request,
    Requester,
    State,
    Succeeded,
)
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Claim, Record
from unstill_queue.ledger.outbox import Event
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

SILENCE = 3600.0
WORDS = Parameters("camera", "Waves rolling in", seed=7, num_frames=8, fps=8, resolution=64)


@dataclass
class Seen:
    """What a person sees of one message of the bot's."""

    text: str
    buttons: list[str]
    clip: bool
    id: int
    reply_to: int | None
    silent: bool
    calls: list[str]


@dataclass
class Side:
    """One platform: its port, a chat on its double with a request in it, and what can be done to that chat."""

    chat: Chat
    to: ReplyAddress
    who: Requester
    ours: Callable[[], list[Any]]
    see: Callable[[Any], Seen]
    delete: Callable[[Any], None]
    forbid_clips: Callable[[], None]
    silence: Callable[[], None]
    refuse_edits: Callable[[], Trouble[Any]]
    tell: Tell
    client: Client
    storage: Storage

    def seen(self) -> list[Seen]:
        return [self.see(one) for one in self.ours()]

    @property
    def request(self) -> Request:
        return Request(f"{self.who.platform}:{self.to.chat}:{self.to.message}", self.who, self.to, "x", "waves", 10**6)

    def record(self, **values: Any) -> Record:
        job = Job(self.request.id, self.who, self.to, "pictures/none", WORDS, Finish(), 10**6, 0.0)
        return Record(self.request.id, State.SENDING, self.request, 0.0, job=job, **values)

    async def running(self) -> Claim:
        """Its request, on an engine."""
        await self.client.accept(self.request)
        job = Job(self.request.id, self.who, self.to, "pictures/none", WORDS, Finish(), 10**6, 0.0)
        await self.client.ledger.queue(job, cost=1.0, quota=Quota())
        return await self.claimed("one")

    async def claimed(self, owner: str) -> Claim:
        claim = await self.client.ledger.claim("camera", owner, "engine")
        assert claim is not None
        return claim

    async def commands(self) -> dict[str, int]:
        """How often each command has run on the server, but for the one that asks."""
        stats: Any = await self.client.redis.info("commandstats")
        return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items() if name != "cmdstat_info"}

    async def cost(self, work: Any) -> dict[str, int]:
        before = await self.commands()
        await work
        after = await self.commands()
        return {name: calls - before.get(name, 0) for name, calls in after.items() if calls != before.get(name, 0)}


@contextlib.asynccontextmanager
async def on_telegram(client: Client, storage: Storage) -> AsyncIterator[Side]:
    async with TelegramApi() as api:
        ann = api.person("Ann")
        group = api.group("Friends", [ann])
        asked = ann.send_photo(group, photo(), "waves")
        settings = Settings.load({"UNSTILL_TELEGRAM__TOKEN": api.token, "UNSTILL_TELEGRAM__API_URL": api.url}, None)
        bot = open_telegram(settings.telegram)
        await bot.initialize()
        limit = TelegramLimit()
        chat = TelegramChat(
            bot, storage, Catalog.load(), Memory(client.redis), limit, PreferenceStore(client.redis)
        )  # fmt: skip

        def refuse_edits() -> Trouble[Any]:
            for method in ("editMessageText", "editMessageMedia"):
                api.trouble.refuse(method, "SOMETHING_NEW", times=100)
            return api.trouble

        yield Side(
            chat,
            ReplyAddress("telegram", str(group.id), str(asked.id)),
            Requester("telegram", str(ann.id), str(group.id)),
            lambda: [one for one in group.history() if one.sender == "Unstill"],
            lambda one: Seen(
                one.text,
                [label for row in one.buttons for label in row],
                bool(one.media),
                one.id,
                one.reply_to,
                one.silent,
                [str(each["user"]["id"]) for each in one.entities if each["type"] == "text_mention"],
            ),
            ann.delete,
            lambda: group.mute_bot(only=frozenset({"can_send_other_messages", "can_send_videos"})),
            lambda: limit.flood(str(group.id), SILENCE),
            refuse_edits,
            chat.tell,
            client,
            storage,
        )
        await bot.shutdown()


@contextlib.asynccontextmanager
async def on_discord(client: Client, storage: Storage) -> AsyncIterator[Side]:
    async with DiscordApi() as api:
        ann = api.person("Ann")
        channel = api.guild("Cats", ann).text_channel("general")
        asked = ann.say(channel, "waves")
        environ = {"UNSTILL_DISCORD__API_URL": api.url, "UNSTILL_DISCORD__GATEWAY_URL": api.gateway_url}
        settings = Settings.load(environ, None)
        bot = open_discord(settings.discord, Breaker(is_invalid))
        await bot.login(api.token)
        fetcher, limit = Fetcher([api.cdn_host], 10**6, own=()), DiscordLimit(closed_seconds=1.0)
        chat = DiscordChat(bot, fetcher, limit, Catalog.load())

        def refuse_edits() -> Trouble[Any]:
            api.trouble.next("edit_message", "unforeseen", times=100)
            return api.trouble

        yield Side(
            chat,
            ReplyAddress("discord", str(channel.id), str(asked.id), None, {"user": str(ann.id), "guild": "1"}),
            Requester("discord", str(ann.id), str(channel.guild and channel.guild.id)),
            lambda: [one for one in channel.history() if one.author == "Unstill"],
            lambda one: Seen(
                one.words,
                [label for row in one.buttons for label in row],
                bool(one.clips),
                one.id,
                one.reply_to,
                one.silent,
                [str(ann.id)] if "Ann" in one.pinged else [],
            ),
            ann.delete,
            lambda: channel.forbid(Can.ATTACH_FILES),
            lambda: limit.close(str(channel.id)),
            refuse_edits,
            chat.tell,
            client,
            storage,
        )
        await bot.close()
        await fetcher.close()


@pytest.fixture(params=[on_telegram, on_discord], ids=["telegram", "discord"])
async def side(request: pytest.FixtureRequest, valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[Side]:
    client = Client.open(valkey.url, Settings())
    async with request.param(client, storage) as one:
        yield one
    await client.close()


CLIP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\x08free"
DONE = Succeeded("clips/a", len(CLIP), 64, 48, 1.0, 8.0, WORDS, synthetic=False, render_seconds=1.0)


def a_clip(side: Side, folder: Path) -> Message:
    file = folder / "clip.mp4"
    file.write_bytes(CLIP)
    return presentation.clip(side.record(outcome=DONE), DONE, file, Catalog.load())


async def test_one_message_is_posted_and_becomes_the_clip(side: Side, tmp_path: Path) -> None:
    # Given the first message of a request
    ref = await side.chat.post(side.to, presentation.received(side.request))
    [first] = side.seen()
    assert (first.text, first.buttons, first.clip) == ("Got it. Looking at your picture …", ["Cancel"], False)
    # When its answer is edited in, and once more as after a kill
    answer = a_clip(side, tmp_path)
    shown = await side.chat.edit(side.to, ref, answer)
    again = await side.chat.edit(side.to, shown, answer)
    # Then one message stands there, with the clip and its buttons, and can be found by either ref
    [last] = side.seen()
    assert last.clip and "“Waves rolling in”" in last.text and "seed 7" in last.text
    labels = ["9:16", "Another move", "Better", "Delete", "Loop"]
    assert sorted(last.buttons) == (labels if side.who.platform == "discord" else [*labels, "Share"])
    assert again.split(" ")[0] == shown.split(" ")[0] == ref


async def test_an_edit_of_a_message_that_was_deleted_says_so_and_posts_nothing(side: Side, tmp_path: Path) -> None:
    ref = await side.chat.post(side.to, presentation.received(side.request))
    side.delete(side.ours()[0])
    with pytest.raises(MessageGone):
        await side.chat.edit(side.to, ref, a_clip(side, tmp_path))
    assert side.seen() == []
    # and another one takes its place
    other = await side.chat.post(side.to, presentation.empty_line(side.record(outcome=DONE)), replaces=ref)
    assert other != ref and len(side.seen()) == 1


async def test_where_clips_are_forbidden_the_answer_is_a_sentence_that_says_who_can_change_it(side: Side) -> None:
    # Given a clip for a chat that takes none
    claim = await side.running()
    key = await side.storage.put(CLIP, kind="clips", suffix=".mp4")
    await side.client.ledger.finish(claim, msgspec.structs.replace(DONE, clip=key))
    side.forbid_clips()
    # When it is delivered
    assert await courier(side).deliver(side.request.id)
    # Then one message says so, and the job is over
    [answer] = side.seen()
    assert answer.text.startswith("The bot may not send clips here. Ask an admin")
    assert (await side.client.ledger.read(side.request.id)).state is State.SENT


async def test_a_platform_that_forbids_clips_says_so_to_the_shared_layer(side: Side, tmp_path: Path) -> None:
    ref = await side.chat.post(side.to, presentation.received(side.request))
    side.forbid_clips()
    with pytest.raises(ClipForbidden):
        await side.chat.edit(side.to, ref, a_clip(side, tmp_path))
    assert not side.seen()[0].clip


async def test_what_is_refused_for_no_known_reason_ends_after_a_few_calls(side: Side) -> None:
    # Given a clip, and a platform that refuses every change of a message in words that nobody knows
    claim = await side.running()
    await StatusMessages(side.client.ledger, side.chat).received(side.request)
    key = await side.storage.put(CLIP, kind="clips", suffix=".mp4")
    await side.client.ledger.finish(claim, msgspec.structs.replace(DONE, clip=key))
    trouble = side.refuse_edits()
    # When it is delivered for as long as it comes again
    delivery, ledger = courier(side), side.client.ledger

    async def ended() -> bool:
        assert not await delivery.deliver(side.request.id)
        return (await ledger.read(side.request.id)).state is State.UNDELIVERABLE

    await until(ended)
    # Then the platform was asked as often as there are tries, and once for a sentence instead
    assert trouble.happened == TRIES_MOST + 1


async def test_an_answer_costs_one_read_of_the_record(side: Side) -> None:
    claim = await side.running()
    status = StatusMessages(side.client.ledger, side.chat)
    await status.waiting(side.request)
    await side.client.ledger.beat(claim, Progress("rendering", 1, 8))
    await told(status, side, "12 %")
    key = await side.storage.put(CLIP, kind="clips", suffix=".mp4")
    await side.client.ledger.finish(claim, msgspec.structs.replace(DONE, clip=key))
    cost = await side.cost(courier(side).deliver(side.request.id))
    assert cost["hgetall"] == 1
    assert [seen.clip for seen in side.seen()] == [True]


async def test_progress_costs_one_read_where_it_is_shown_and_none_where_it_is_dropped(side: Side) -> None:
    # Given a job that runs, whose message is on record
    claim = await side.running()
    status = StatusMessages(side.client.ledger, side.chat)
    await side.client.ledger.beat(claim, Progress("rendering", 1, 8))
    await told(status, side, "12 %")
    # When it gets on, and that is shown
    await side.client.ledger.beat(claim, Progress("rendering", 4, 8))
    shown = await told(status, side, "50 %")
    # Then the record was read once, and nothing else was asked of the server
    assert shown == {"hgetall": 1}
    # and where the platform wants silence, what comes then costs nothing
    side.silence()
    await side.client.ledger.beat(claim, Progress("rendering", 6, 8))
    assert await side.cost(status.tell(Event(side.request.id, "progress"))) == {}
    assert "50 %" in side.seen()[0].text


async def test_a_second_try_does_not_run_the_bar_back(side: Side) -> None:
    # Given a render that was at a half when its engine gave the job back
    claim = await side.running()
    status = StatusMessages(side.client.ledger, side.chat)
    await side.client.ledger.beat(claim, Progress("rendering", 5, 10, 100.0))
    await told(status, side, "50 %")
    bar = side.seen()[0].text.count("▰")
    await side.client.ledger.release(claim)
    # When another one begins anew, with other steps
    again = await side.claimed("two")
    await side.client.ledger.beat(again, Progress("rendering", 1, 8, 7000.0))
    await told(status, side, changed=True)
    # Then a half still stands there
    assert "50 %" in side.seen()[0].text and side.seen()[0].text.count("▰") == bar
    # and it goes on from there, until the file is made
    await side.client.ledger.beat(again, Progress("rendering", 7, 8, 5.0))
    await told(status, side, "87 %")
    farther = side.seen()[0].text.count("▰")
    assert farther >= bar
    await side.client.ledger.beat(again, Progress("encoding", 5, 100))
    await told(status, side, "Making the file")
    assert side.seen()[0].text.count("▰") >= farther


async def told(status: StatusMessages, side: Side, text: str = "", *, changed: bool = False) -> dict[str, int]:
    """Tell of it until it is shown, as who sends too often is dropped; returns what the last telling cost."""
    before = [seen.text for seen in side.seen()]
    async with asyncio.timeout(PATIENCE):
        while True:
            cost = await side.cost(status.tell(Event(side.request.id, "progress")))
            now = [seen.text for seen in side.seen()]
            if (now != before) if changed else (now and text in now[-1]):
                return cost
            await asyncio.sleep(0.05)


async def told_once(status: StatusMessages, side: Side) -> None:
    """Tell of its progress as soon as the chat has room for it."""
    await until(lambda: side.chat.has_room(side.to, Urgency.PROGRESS))
    await status.tell(Event(side.request.id, "progress"))


def courier(side: Side, notify_after: float = 3600.0) -> Courier:
    return ways(side, notify_after=notify_after)[1]


def ways(side: Side, notify_after: float = 3600.0, withdraw_after: float = 600.0) -> tuple[Pipeline, Courier]:
    bots = Bots(notify_after=notify_after, withdraw_after=withdraw_after)
    settings, status = Settings(bots=bots), StatusMessages(side.client.ledger, side.chat)
    pipeline = Pipeline(side.client, side.storage, Catalog.load(), settings, side.chat, status, tell=side.tell)
    return pipeline, Courier(side.client, side.storage, side.chat, pipeline, status)


@pytest.mark.parametrize("quiet", [False, True])
async def test_after_a_long_wait_a_short_message_says_so_where_the_chat_does_not_want_quiet(
    side: Side, quiet: bool
) -> None:
    # Given a clip that took long, in a chat with or without a wish for quiet
    await PreferenceStore(side.client.redis).set(side.who.place, Preferences(quiet=quiet))
    claim = await side.running()
    await StatusMessages(side.client.ledger, side.chat).received(side.request)
    key = await side.storage.put(CLIP, kind="clips", suffix=".mp4")
    await side.client.ledger.finish(claim, msgspec.structs.replace(DONE, clip=key))
    # When it is delivered
    assert await courier(side, notify_after=0).deliver(side.request.id)
    # Then one more message, a reply to the clip, draws the person's attention, or none does
    clip, *calls = side.seen()
    assert (clip.clip, clip.silent, clip.calls) == (True, True, [])
    shown = [(call.text.endswith("Your clip is ready."), call.reply_to, call.silent, call.calls) for call in calls]
    assert shown == ([] if quiet else [(True, clip.id, False, [side.who.user])])


async def test_a_call_goes_with_the_clip_that_is_deleted(side: Side) -> None:
    # Given a clip that took long, and the message that said so
    claim = await side.running()
    await StatusMessages(side.client.ledger, side.chat).received(side.request)
    key = await side.storage.put(CLIP, kind="clips", suffix=".mp4")
    await side.client.ledger.finish(claim, msgspec.structs.replace(DONE, clip=key))
    pipeline, delivery = ways(side, notify_after=0)
    assert await delivery.deliver(side.request.id)
    clip, _ = side.ours()
    # When another process, which knows only what the server keeps, is told of the clip's end
    side.delete(clip)
    await SideMessages(pipeline.client.redis, side.chat, 600.0).deleted(side.who, side.request.id)
    # Then nothing says any more that it is ready
    assert side.seen() == []


async def refused(side: Side, courier: Courier, message: str = "") -> Request:
    """A request that was refused, as its answer says in the chat."""
    request = side.request
    if message:
        to = msgspec.structs.replace(request.reply_to, message=message)
        request = msgspec.structs.replace(request, id=f"{request.id}~{message}", reply_to=to)
    await side.client.accept(request)
    await side.client.refuse(request.id, Failed(SAID, "No."))
    assert await courier.deliver(request.id)
    return request


async def test_a_refusal_goes_when_the_next_request_is_taken_but_not_one_that_shows_it(side: Side) -> None:
    # Given a person to whom two requests were refused in public, and something else
    pipeline, delivery = ways(side)
    first = await refused(side, delivery)
    await refused(side, delivery, "2")
    pipeline.refuse(side.to, "Nor that.", side.who.user)
    await until(lambda: [seen.text for seen in side.seen()] == ["No.", "No.", "Nor that."])
    await until(lambda: kept(side, 3))
    # When somebody else's request is taken, then nothing goes
    bob = msgspec.structs.replace(side.who, user="77")
    await pipeline.enter(msgspec.structs.replace(first, id=f"{first.id}~bob", requester=bob), start=False)
    # When a request of theirs is taken, in the message of the first refusal
    note = (await side.client.ledger.read(first.id)).note
    assert await pipeline.enter(msgspec.structs.replace(first, id=f"{first.id}~new"), note=note, start=False)
    # Then only that message stands, and stays
    await until(lambda: kept(side, 0))
    assert [seen.text for seen in side.seen()] == ["No."]


async def test_a_refusal_goes_after_a_time_whoever_was_restarted(side: Side) -> None:
    # Given a refusal whose time is over, by a bot that ended
    _, delivery = ways(side, withdraw_after=0.01)
    await refused(side, delivery)
    assert [seen.text for seen in side.seen()] == ["No."]
    # When another one runs
    _, other = ways(side)
    running = asyncio.create_task(other.run())
    # Then it goes, and a refusal that stands for ever does not
    await until(lambda: side.seen() == [])
    await until(lambda: kept(side, 0))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    _, forever = ways(side, withdraw_after=0)
    await refused(side, forever, "3")
    assert await kept(side, 0)


async def kept(side: Side, count: int) -> bool:
    """Whether so many messages are known that are to be taken away."""
    return bool(await side.client.redis.zcard(f"unstill:{side.who.platform}:withdraw") == count)


async def test_a_job_that_was_revised_leaves_its_message_to_the_one_that_follows(side: Side) -> None:
    # Given a request with a message, that was cancelled for new words
    await side.client.accept(side.request)
    await StatusMessages(side.client.ledger, side.chat).received(side.request)
    before = side.seen()
    await side.client.ledger.cancel(side.request.id, REVISED)
    # When its end is brought
    assert await courier(side).deliver(side.request.id)
    # Then it shows nothing, as the message is the next request's now
    record = await side.client.ledger.read(side.request.id)
    assert (record.state, record.receipt) == (State.SENT, record.note)
    assert side.seen() == before


async def test_a_render_that_was_revised_says_nothing_more_in_the_message_of_the_one_that_follows(side: Side) -> None:
    # Given a job that runs, whose message became the answer to new words for the same picture
    claim = await side.running()
    status = StatusMessages(side.client.ledger, side.chat)
    await side.client.ledger.beat(claim, Progress("rendering", 1, 8))
    await told(status, side, "12 %")
    assert await side.client.ledger.cancel(side.request.id, REVISED) == "cancelling"
    before = side.seen()
    # When its engine, which has not heard of that yet, tells of its progress
    assert await side.client.ledger.beat(claim, Progress("rendering", 4, 8)) == "cancel"
    after = await side.cost(told_once(status, side))
    # Then that is not shown
    assert side.seen() == before and after == {"hgetall": 1}


async def test_what_is_answered_in_a_moment_is_told_by_its_answer_alone(side: Side) -> None:
    # Given a job that was just queued, whose receipt stands there, and a moment that is long
    claim = await side.running()
    status = StatusMessages(side.client.ledger, side.chat, pause=SILENCE)
    await status.received(side.request)
    before = side.seen()
    await status.queued(side.request)
    # When it is rendered
    await side.client.ledger.beat(claim, Progress("rendering", 4, 8))
    # Then nothing is shown of that, nor asked of the server
    assert await side.cost(told_once(status, side)) == {}
    # and where a render is shown all along, neither are its last moment and the making of the file
    other = StatusMessages(side.client.ledger, side.chat, pause=60.0)
    await other.received(side.request)
    for progress in (Progress("rendering", 7, 8, 59.0), Progress("encoding", 8, 8)):
        await side.client.ledger.beat(claim, progress)
        await told_once(other, side)
    assert side.seen() == before
    await status.close()
    await other.close()


async def test_what_is_not_answered_in_a_moment_is_shown(side: Side) -> None:
    # Given a job that was just queued, and no engine
    await side.client.accept(side.request)
    job = Job(side.request.id, side.who, side.to, "pictures/none", WORDS, Finish(), 10**6, 0.0)
    await side.client.ledger.queue(job, cost=1.0, quota=Quota())
    status = StatusMessages(side.client.ledger, side.chat, pause=0.1)
    await status.received(side.request)
    # When a moment is over
    await status.queued(side.request)
    # Then its place is shown
    await until(lambda: "No engine is running" in side.seen()[0].text)
    # and so is a file that takes its time
    claim = await side.claimed("one")
    await side.client.ledger.beat(claim, Progress("encoding", 8, 8))

    await told_once(status, side)
    await until(lambda: "Making the file" in side.seen()[0].text)
    await status.close()


async def test_a_receipt_that_stands_there_already_is_not_written_again(side: Side) -> None:
    # Given a request whose receipt its front end has sent, as it does where a platform waits for an answer
    await side.client.accept(side.request)
    ref = await side.chat.post(side.to, presentation.received(side.request))
    status = StatusMessages(side.client.ledger, side.chat)
    settings = Settings()
    pipeline = Pipeline(side.client, side.storage, Catalog.load(), settings, side.chat, status)
    assert await pipeline.adopt(side.request.id, ref, receipt_of=side.request)
    # When the request is looked at
    cost = await side.cost(status.received(side.request))
    # Then there is nothing to be asked, nor to be shown
    assert cost == {}
    assert len(side.seen()) == 1


async def test_who_waits_is_told_anew_once_a_countdown_is_wrong_and_that_it_runs_where_progress_had_no_room(
    side: Side,
) -> None:
    # Given a job that waits for an engine, and what its message says of its place, on a platform that counts down
    await side.client.accept(side.request)
    job = Job(side.request.id, side.who, side.to, "pictures/none", WORDS, Finish(), 10**6, 0.0)
    await side.client.ledger.queue(job, cost=60.0, quota=Quota())
    await side.client.ledger.engine("engine", "camera", b"info")
    status = StatusMessages(side.client.ledger, side.chat, counts_down=True)
    await status.received(side.request)
    waiting = Waiting(side.request)

    async def told(seconds_later: float) -> bool:
        place = await side.client.ledger.place(side.request.id)
        assert place.eta is not None and place.eta > 40
        await status.move(waiting, msgspec.structs.replace(place, eta=place.eta + seconds_later))
        return waiting.told_at > 0

    async def is_next() -> bool:
        await told(0)
        return "You are next. Ready" in side.seen()[0].text

    async def runs() -> bool:
        await status.begun(waiting, lambda: True)
        return "Rendering: 50 %" in side.seen()[0].text

    await until(is_next)
    # When it is to be ready a little later than was told, Then what stands there is still so
    waiting.told_at = 0.0
    assert not await told(5)
    # and when it is much later, that is told
    await until(lambda: told(200))
    # When it runs, and no progress was shown, Then its message does not say for long that it waits
    claim = await side.claimed("one")
    await side.client.ledger.beat(claim, Progress("rendering", 4, 8))
    await until(runs)
    await status.begun(waiting, lambda: True)
    assert not status.waiting_jobs
