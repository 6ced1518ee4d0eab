"""From a request to its one answer, on a real queue, with a chat that answers as platforms do."""

from __future__ import annotations

import asyncio
import io
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from tests.waiting import PATIENCE

from unstill_bots.delivery import courier
from unstill_bots.delivery.chat import (
    ChatError,
    ChatFlooded,
    ChatGone,
    ChatRefused,
    ChatUnavailable,
    ChatUncertain,
    ClipTooLarge,
    FetchError,
    MessageGone,
)
from unstill_bots.delivery.chat_turns import ChatTurns
from unstill_bots.delivery.courier import Courier
from unstill_bots.delivery.message import Message, Urgency
from unstill_bots.delivery.places import Places
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.rules import Rules, Terms, no_rules
from unstill_bots.text.replies import CAPTION_LENGTH
from unstill_config.settings import Quota, Settings
from unstill_queue.contract.errors import UnreadableRecord
from unstill_queue.contract.jobs import (
    Cancelled,
    Failed,
    Outcome,
    Progress,
    ReplyAddress,
    Request,
    Requester,
    State,
    Succeeded,
)
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import REFIT_LANE, REFITS_MOST
from unstill_queue.ledger.outbox import Event
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage


class PaperChat:
    """Keeps what is visible, and answers the next calls with the errors it is given."""

    platform = "terminal"

    def __init__(self) -> None:
        self.visible: dict[str, list[str]] = {}
        self.errors: dict[str, list[ChatError]] = {}
        self.fetched: list[str] = []
        self.reacted: list[str] = []
        self.reacts = True
        self.edited: list[Message] = []
        self.full: tuple[Urgency, ...] = ()
        out = io.BytesIO()
        Image.new("RGB", (64, 48), "teal").save(out, "JPEG")
        self.picture = out.getvalue()

    def _next(self, call: str) -> None:
        if self.errors.get(call):
            raise self.errors[call].pop(0)

    async def fetch(self, request: Request) -> bytes:
        self._next("fetch")
        self.fetched.append(request.id)
        return self.picture

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return urgency not in self.full

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        self._next("post")
        return self._say(message.text.plain())

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        text = message.text.plain(CAPTION_LENGTH)
        if message.clip is not None:
            self._next("clip")
            text = f"clip of {len(await asyncio.to_thread(message.clip.file.read_bytes))} bytes: {text}"
        self._next("edit")
        self.visible[ref].append(text)
        self.edited.append(message)
        return ref

    async def react(self, to: ReplyAddress) -> bool:
        self._next("react")
        self.reacted.append(to.message)
        return self.reacts

    async def ping(self, request: Request, ref: str, text: str) -> str:
        assert ref in self.visible
        return self._say(text)

    async def remove(self, ref: str) -> None:
        del self.visible[ref]

    def is_public(self, to: ReplyAddress) -> bool:
        return False

    def _say(self, text: str) -> str:
        ref = str(len(self.visible) + 1)
        self.visible[ref] = [text]
        return ref

    @property
    def now(self) -> list[str]:
        return [said[-1] for said in self.visible.values()]


class FrontEnd:
    def __init__(self, url: str, settings: Settings, storage: Storage) -> None:
        self.chat = PaperChat()
        self.storage = storage
        self.client = Client.open(url, settings)
        self.ledger = self.client.ledger
        self.status = StatusMessages(self.ledger, self.chat)
        self.rules: Rules = no_rules
        self.pipeline = Pipeline(
            self.client,
            storage,
            settings.load_catalog(),
            settings,
            self.chat,
            self.status,
            rules=self._rules,
            limited=False,
        )
        self.courier = Courier(self.client, storage, self.chat, self.pipeline, self.status)
        self._count = 0

    async def _rules(self, request: Request) -> Terms:
        return await self.rules(request)

    def request(self, words: str = "Waves rolling in --seed 7", language: str = "en") -> Request:
        self._count += 1
        who = Requester("terminal", "ann", "c1", language)
        to = ReplyAddress("terminal", "c1", str(self._count))
        return Request(f"terminal:{self._count}", who, to, "photo", words, 1_000_000)

    async def queued(
        self, words: str = "Waves rolling in --seed 7", language: str = "en", *, spoiler: bool = False
    ) -> Request:
        request = msgspec.structs.replace(self.request(words, language), spoiler=spoiler)
        assert await self.pipeline.enter(request, start=False)
        assert await self.pipeline.prepare(request)
        return request

    async def finished(self, outcome: Outcome | None = None, language: str = "en", *, spoiler: bool = False) -> Request:
        """A request whose engine has filed its outcome: by default a clip."""
        request = await self.queued(language=language, spoiler=spoiler)
        claim = await self.ledger.claim("camera", request.id, "engine")
        assert claim
        key = await self.storage.put(b"mp4 bytes", kind="clips", suffix=".mp4")
        done = Succeeded(key, 9, 64, 48, 2.0, 24.0, claim.job.parameters, False, 0.5)
        assert await self.ledger.finish(claim, outcome or done)
        return request

    async def state(self, request: Request) -> State:
        return (await self.ledger.read(request.id)).state


@pytest.fixture
async def front(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[FrontEnd]:
    front = FrontEnd(valkey.url, Settings(quota=Quota(person_jobs=3)), storage)
    yield front
    await front.client.close()


async def test_the_status_message_becomes_the_clip(front: FrontEnd) -> None:
    # Given a finished job
    request = await front.finished()
    # When it is delivered, and delivered again
    assert await front.courier.deliver(request.id)
    assert not await front.courier.deliver(request.id)
    # Then one message is there, which was the receipt, then the place, then the clip
    [said] = front.chat.visible.values()
    assert said[0].startswith("Got it")
    assert said[1].startswith("No engine is running")
    assert said[-1].startswith("clip of 9 bytes: “Waves rolling in”")
    assert "seed 7" in said[-1] and "AI drew none of it" in said[-1]
    assert await front.state(request) is State.SENT


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("waves --sede 7", "Did you mean --seed?"),
        ("waves --seconds 90", "seconds"),
        ("waves --preset timelaps", "timelapse"),
    ],
)
async def test_words_that_cannot_be_read_are_answered_and_nothing_is_queued(
    front: FrontEnd, words: str, sentence: str
) -> None:
    request = front.request(words)
    await front.pipeline.enter(request, start=False)
    assert not await front.pipeline.prepare(request)
    assert await front.courier.deliver(request.id)
    assert len(front.chat.now) == 1 and sentence in front.chat.now[0]
    assert await front.ledger.claim("camera", "x", "engine") is None


async def test_answers_come_in_the_persons_language(front: FrontEnd) -> None:
    request = await front.finished(language="zh-hans")
    await front.courier.deliver(request.id)
    assert "种子" in front.chat.now[0]


async def test_a_hostile_picture_is_answered(front: FrontEnd) -> None:
    front.chat.picture = b"ffconcat version 1.0\nfile /etc/passwd\n"
    request = front.request()
    await front.pipeline.enter(request, start=False)
    assert not await front.pipeline.prepare(request)
    await front.courier.deliver(request.id)
    assert front.chat.now == ["This is not a picture that can be read. Send a JPEG, HEIC, PNG, WEBP, AVIF or GIF."]


async def test_a_quota_is_answered(front: FrontEnd) -> None:
    for _ in range(3):
        await front.queued()
    request = front.request()
    await front.pipeline.enter(request, start=False)
    assert not await front.pipeline.prepare(request)
    assert await front.courier.deliver(request.id)
    assert "3" in front.chat.now[-1]
    assert (await front.ledger.counted()).counters["quota_refusals"] == {("jobs", "person"): 1}


async def test_a_picture_that_cannot_be_fetched_now_is_fetched_when_the_ledger_brings_it_back(front: FrontEnd) -> None:
    front.chat.errors = {"fetch": [ChatUnavailable("flood", 1.0)]}
    request = front.request()
    await front.pipeline.enter(request, start=False)
    assert not await front.pipeline.prepare(request)
    assert await front.state(request) is State.ACCEPTED
    assert await front.pipeline.prepare(request)
    assert await front.state(request) is State.QUEUED


async def test_a_picture_that_is_gone_is_answered(front: FrontEnd) -> None:
    front.chat.errors = {"fetch": [FetchError("picture_gone", "404")]}
    request = front.request()
    await front.pipeline.enter(request, start=False)
    await front.pipeline.prepare(request)
    await front.courier.deliver(request.id)
    assert front.chat.now == ["The picture is no longer there. Send it again."]


async def test_a_status_message_of_unknown_fate_is_not_sent_again(front: FrontEnd) -> None:
    # Given a platform that did not answer to the status message
    front.chat.errors = {"post": [ChatUncertain("timeout")]}
    request = await front.finished()
    assert front.chat.visible == {}
    # When the clip is there
    await front.courier.deliver(request.id)
    # Then it comes as a new reply, once
    assert len(front.chat.now) == 1 and front.chat.now[0].startswith("clip")


@pytest.mark.parametrize("reacts", [True, False])
async def test_where_a_chat_wants_quiet_the_receipt_is_a_reaction_if_it_can_be(
    front: FrontEnd, *, reacts: bool
) -> None:
    front.chat.reacts = reacts

    async def quiet(request: Request) -> Terms:
        return Terms(quiet=True)

    front.rules = quiet
    request = await front.finished()
    assert front.chat.reacted == [request.reply_to.message]
    assert await front.courier.deliver(request.id)
    # Then one message is there in the end, which was no receipt before where a reaction stood for it
    [said] = front.chat.visible.values()
    assert said[-1].startswith("clip")
    assert said[0].startswith("Got it") is not reacts


async def test_what_is_refused_for_no_known_reason_is_tried_three_times_and_then_said(front: FrontEnd) -> None:
    request = await front.finished()
    # Given a platform that refuses the clip in a way that nobody foresaw
    front.chat.errors = {"clip": [ChatRefused("MEDIA_EMPTY", 0.0) for _ in range(9)]}
    # When it is delivered until that ends
    for _ in range(2):
        assert not await front.courier.deliver(request.id)
        assert await front.state(request) is State.DONE
    assert await front.courier.deliver(request.id)
    # Then the third refusal was the last, and the message says so
    assert len(front.chat.errors["clip"]) == 6
    assert front.chat.now == ["The platform refuses to show the answer here. Ask again, or in another chat."]
    assert await front.state(request) is State.SENT


async def test_where_not_even_the_sentence_is_taken_it_ends_too(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"edit": [ChatRefused("something new", 0.0) for _ in range(9)]}
    for _ in range(3):
        assert not await front.courier.deliver(request.id)
    assert await front.state(request) is State.UNDELIVERABLE
    assert len(front.chat.errors["edit"]) == 5


async def test_a_status_message_that_is_refused_is_not_tried_for_each_progress(front: FrontEnd) -> None:
    # Given a platform that refuses the first message, and whatever follows
    front.chat.errors = {"post": [ChatRefused("something new", 0.0) for _ in range(9)]}
    request = await front.queued()
    await front.status.waiting(request)
    await front.status.waiting(request)
    assert len(front.chat.errors["post"]) == 8


async def test_progress_that_is_refused_once_is_not_shown_again_and_the_answer_is(front: FrontEnd) -> None:
    # Given a running job whose status message takes no edits
    request = await front.queued()
    claim = await front.ledger.claim("camera", request.id, "engine")
    assert claim and await front.ledger.beat(claim, Progress("rendering", 1, 9)) == "ok"
    front.chat.errors = {"edit": [ChatRefused("something new", 0.0)]}
    event = Event(request.id, "progress")
    # When it makes progress, twice
    await front.status.tell(event)
    before = len(front.chat.edited)
    await front.status.tell(event)
    # Then the second is not tried
    assert not front.chat.errors["edit"] and len(front.chat.edited) == before


async def test_a_deleted_status_message_gives_a_new_reply(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"clip": [MessageGone("message to edit not found")]}
    assert await front.courier.deliver(request.id)
    assert [text[:4] for text in front.chat.now] == ["No e", "clip"]


async def test_an_edit_of_unknown_fate_is_repeated_on_the_same_message(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"clip": [ChatUncertain("timeout")]}
    assert not await front.courier.deliver(request.id)
    assert await front.state(request) is State.DONE
    assert await front.courier.deliver(request.id)
    assert len(front.chat.now) == 1


async def test_the_answer_itself_is_never_sent_but_edited_in(front: FrontEnd) -> None:
    # Given a platform that loses the answers to both status messages
    front.chat.errors = {"post": [ChatUncertain("timeout"), ChatUncertain("timeout")]}
    request = await front.finished()
    assert not await front.courier.deliver(request.id)
    assert await front.state(request) is State.DONE
    # When a third one is on record, and the courier dies right after it
    front.chat.errors = {"clip": [ChatUncertain("killed")]}
    assert not await front.courier.deliver(request.id)
    # Then the clip goes onto that one, and no message holds it twice
    assert await front.courier.deliver(request.id)
    assert [said[-1][:4] for said in front.chat.visible.values()] == ["clip"]


async def test_a_deleted_status_message_is_replaced_once_and_the_answer_edited_in(front: FrontEnd) -> None:
    # Given a finished job whose status message was deleted, and a platform that loses the first answer to its successor
    request = await front.finished()
    front.chat.errors = {"clip": [MessageGone("message to edit not found"), ChatUncertain("timeout")]}
    assert not await front.courier.deliver(request.id)
    # When it is delivered again
    assert await front.courier.deliver(request.id)
    # Then the clip stands on the one new message
    assert [said[-1][:4] for said in front.chat.visible.values()] == ["No e", "clip"]


async def test_a_late_intake_shows_and_fetches_nothing_after_the_answer(front: FrontEnd) -> None:
    # Given a request that was answered before its front end came to read it
    request = front.request()
    await front.pipeline.enter(request, start=False)
    await front.client.cancel(request.id, "terminal:ann")
    assert await front.courier.deliver(request.id)
    # When it is read all the same
    assert not await front.pipeline.prepare(request)
    # Then the answer is all that stands there
    assert front.chat.now == ["Cancelled."]
    assert not front.chat.fetched


async def test_a_chat_that_is_gone_before_the_picture_was_fetched_is_no_accident(front: FrontEnd) -> None:
    request = front.request()
    await front.pipeline.enter(request, start=False)
    front.chat.errors = {"fetch": [ChatGone("bot was kicked")]}
    assert not await front.pipeline.prepare(request)
    assert await front.state(request) is State.ACCEPTED


async def test_one_chat_gets_one_progress_edit_at_a_time_however_many_jobs_it_has(front: FrontEnd) -> None:
    # Given two jobs of one chat that run on two engines
    requests = [await front.queued(), await front.queued()]
    claims = [await front.ledger.claim("camera", request.id, "engine") for request in requests]
    between_edits(front, 3600)
    front.chat.edited.clear()
    running = asyncio.create_task(front.courier.run())
    # When both make progress, within the time between two edits
    async with asyncio.timeout(PATIENCE):
        while not front.chat.edited:
            for claim in claims:
                assert claim and await front.ledger.beat(claim, Progress("rendering", 1, 9)) == "ok"
            await asyncio.sleep(0.05)
    for claim in claims:
        assert claim and await front.ledger.beat(claim, Progress("rendering", 2, 9)) == "ok"
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    # Then one edit was made
    assert len(front.chat.edited) == 1


def between_edits(front: FrontEnd, seconds: float) -> None:
    """Have progress be shown no more often than that."""
    platforms = front.pipeline.catalog.platforms
    other = platforms["terminal"].model_copy(update={"edit_seconds": seconds})
    front.pipeline.catalog = front.pipeline.catalog.model_copy(update={"platforms": {**platforms, "terminal": other}})


async def test_progress_that_waits_for_a_slow_chat_is_dropped(front: FrontEnd) -> None:
    # Given a running job of a chat whose edits do not come back
    request = await front.queued()
    claim = await front.ledger.claim("camera", "owner", "engine")
    assert claim
    between_edits(front, 0.01)
    front.chat.edited.clear()
    running = asyncio.create_task(front.courier.run())
    async with asyncio.timeout(PATIENCE):
        while not front.chat.edited:
            await front.ledger.beat(claim, Progress("rendering", 0, 9))
            await asyncio.sleep(0.05)
    # and what was told so far is shown
    await asyncio.sleep(0.3)
    front.chat.edited.clear()
    # When it makes progress meanwhile
    async with front.status.lock(request.id):
        for step in range(1, 6):
            await front.ledger.beat(claim, Progress("rendering", step, 9))
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    # Then what it passed by then is not shown afterwards
    assert front.chat.edited == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_couriers_that_come_and_go_leave_nothing_in_the_outbox(front: FrontEnd) -> None:
    for _ in range(3):
        courier = Courier(front.client, front.storage, front.chat, front.pipeline, front.status)
        running = asyncio.create_task(courier.run())
        # it has come to read when an answer that was filed before is shown
        request = await front.queued()
        await front.client.cancel(request.id, "terminal:ann")
        async with asyncio.timeout(PATIENCE):
            while await front.state(request) is not State.SENT:
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(await front.client.redis.xinfo_consumers("unstill:outbox:terminal", "courier")) == 1


async def test_a_flood_wait_leaves_the_answer_for_later(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"clip": [ChatUnavailable("retry after 7", 7.0)]}
    before, _ = await front.client.redis.time()
    assert not await front.courier.deliver(request.id)
    after, _ = await front.client.redis.time()
    due = await front.client.redis.zscore("unstill:due", request.id)
    assert due and before + 7 <= due / 1000 <= after + 8
    assert await front.courier.deliver(request.id)


async def test_what_kept_an_answer_from_being_shown_is_counted_by_its_reason(front: FrontEnd) -> None:
    # Given an outcome that a platform does not take, for one reason after another
    request = await front.finished()
    errors = [
        ChatUnavailable("no connection", 0.0),
        ChatFlooded("telegram", 0.0),
        ChatUncertain("timeout"),
        ChatRefused("something", 0.0),
        ClipTooLarge("too big"),
    ]
    for error in errors:
        front.chat.errors = {"clip": [error]}
        assert not await front.courier.deliver(request.id)
    await refit(front, request)
    # and a clip that cannot be read, until at last it is shown
    front.chat.errors = {"clip": [ChatUnavailable("no connection", 0.0)]}
    assert not await front.courier.deliver(request.id)
    assert await front.courier.deliver(request.id)
    # Then each is counted, and the answer once
    counted = (await front.ledger.counted()).counters
    assert counted["deliveries_refused"] == {
        ("terminal", "unavailable"): 2,
        ("terminal", "flood"): 1,
        ("terminal", "uncertain"): 1,
        ("terminal", "refused"): 1,
        ("terminal", "too_large"): 1,
    }
    assert counted["answers"] == {("terminal", "done", "", "sent"): 1}


async def test_a_chat_that_is_gone_ends_the_job(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"clip": [ChatGone("bot was blocked by the user")]}
    assert not await front.courier.deliver(request.id)
    record = await front.ledger.read(request.id)
    assert (record.state, record.receipt) == (State.UNDELIVERABLE, "bot was blocked by the user")


async def refit(front: FrontEnd, request: Request) -> int:
    """An engine makes it smaller, as a file of as many bytes as are now allowed; returns how many."""
    claim = await front.ledger.claim(REFIT_LANE, f"{request.id} {secrets.token_hex(4)}", "engine")
    assert claim is not None and claim.made is not None
    size = claim.job.upload_limit
    key = await front.storage.put(b"\0" * size, kind="clips", suffix=".mp4")
    assert await front.ledger.finish(claim, msgspec.structs.replace(claim.made, clip=key, size=size))
    return size


async def test_a_clip_that_is_refused_comes_smaller_on_the_same_message(front: FrontEnd) -> None:
    # Given a clip of 9 bytes, in a chat that takes less
    request = await front.finished()
    front.chat.errors = {"clip": [ClipTooLarge("413"), ClipTooLarge("413")]}
    # When it is delivered, and made smaller as long as it is refused
    assert not await front.courier.deliver(request.id)
    assert front.chat.now == ["This file is too large here. Making it smaller …"]
    assert await refit(front, request) == 4
    assert not await front.courier.deliver(request.id)
    assert await refit(front, request) == 2
    assert await front.courier.deliver(request.id)
    # Then it stands on that one message
    [answer] = front.chat.now
    assert answer.startswith("clip of 2 bytes")
    assert await front.state(request) is State.SENT


async def test_a_clip_that_is_refused_however_small_is_answered_by_a_sentence(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"clip": [ClipTooLarge("413")] * (REFITS_MOST + 1)}
    for _ in range(REFITS_MOST):
        assert not await front.courier.deliver(request.id)
        await refit(front, request)
    assert await front.courier.deliver(request.id)
    [answer] = front.chat.now
    assert answer.startswith("The clip does not fit into what may be uploaded here.")
    assert await front.state(request) is State.SENT


async def test_progress_of_a_refit_does_not_speak_of_places_in_the_queue(front: FrontEnd) -> None:
    # Given a courier that shows progress, and a clip that is refused
    await front.finished()
    front.chat.errors = {"clip": [ClipTooLarge("413")]}
    running = asyncio.create_task(front.courier.run())
    await waited(lambda: "Making it smaller" in front.chat.now[0])
    # When an engine takes it and tells of it
    claim = await front.ledger.claim(REFIT_LANE, "owner", "engine")
    assert claim is not None and await front.ledger.beat(claim, Progress("encoding", 5, 100)) == "ok"
    await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    # Then the message still says what it said
    assert front.chat.now == ["This file is too large here. Making it smaller …"]


async def test_a_job_that_is_forgotten_while_its_place_is_told_ends_nothing(
    front: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two jobs that wait, of which one is forgotten just when it was seen to stand in the queue
    gone, other = await front.queued(), await front.queued()
    look = front.ledger.places

    async def forgotten_then(ids: list[str]) -> list[Any]:
        found = await look(ids)
        await front.client.redis.delete(f"unstill:job:{gone.id}")
        return found

    monkeypatch.setattr(front.ledger, "places", forgotten_then)
    for waiting in front.status.waiting_jobs.values():
        waiting.look_at = 0.0
        front.status._shown[waiting.request.id].place = None
    places = Places(front.ledger, "terminal", front.status, ChatTurns(lambda: 0.0))
    # When they are told where they stand
    await places._look()
    # Then nobody looks for it any more, and the other one is told
    assert list(front.status.waiting_jobs) == [other.id]
    assert front.status._shown[other.id].place is not None


async def waited(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_refused_clip_in_a_chat_that_is_gone_ends_the_job(front: FrontEnd) -> None:
    request = await front.finished()
    front.chat.errors = {"clip": [ClipTooLarge("413")], "edit": [ChatGone("kicked")]}
    assert not await front.courier.deliver(request.id)
    assert await front.state(request) is State.UNDELIVERABLE


async def test_a_clip_that_expired_is_answered_by_a_sentence(front: FrontEnd) -> None:
    expired = await front.finished()
    outcome = (await front.ledger.read(expired.id)).outcome
    assert isinstance(outcome, Succeeded)
    await front.storage.delete(outcome.clip)
    assert await front.courier.deliver(expired.id)
    assert not front.chat.now[0].startswith("clip")


async def test_a_cancelled_job_says_so(front: FrontEnd) -> None:
    request = await front.queued()
    assert await front.client.cancel(request.id, "terminal:ann") == "cancelled"
    await front.courier.deliver(request.id)
    assert front.chat.now == ["Cancelled."]
    assert (await front.ledger.read(request.id)).outcome == Cancelled("terminal:ann")


async def test_after_a_long_wait_a_short_reply_calls_the_person(front: FrontEnd) -> None:
    settings = front.pipeline.settings
    front.pipeline.settings = settings.model_copy(update={"bots": settings.bots.model_copy(update={"notify_after": 0})})
    request = await front.finished()
    await front.courier.deliver(request.id)
    assert front.chat.now[1:] == ["Your clip is ready."]


async def test_who_had_it_forgotten_meanwhile_is_not_called(front: FrontEnd) -> None:
    settings = front.pipeline.settings
    front.pipeline.settings = settings.model_copy(update={"bots": settings.bots.model_copy(update={"notify_after": 0})})
    request = await front.finished()
    await front.ledger.forget("terminal:ann")

    await front.courier.deliver(request.id)

    assert front.chat.now == ["Cancelled."]
    # and nothing of her stays but that a record was here
    assert [key async for key in front.client.redis.scan_iter("*ann*")] == []


async def test_the_running_courier_delivers_shows_progress_and_takes_intakes(front: FrontEnd) -> None:
    running = asyncio.create_task(front.courier.run())
    # Given a request that was accepted by a front end which then died
    request = front.request()
    await front.pipeline.enter(request, start=False)
    await front.client.redis.zadd("unstill:due", {request.id: 0})
    await front.ledger.reap()
    async with asyncio.timeout(PATIENCE):
        while await front.state(request) is not State.QUEUED:
            await asyncio.sleep(0.02)
    # When it is cancelled
    await front.client.cancel(request.id, "terminal:ann")
    # Then the answer is brought without anybody asking
    async with asyncio.timeout(PATIENCE):
        while await front.state(request) is not State.SENT:
            await asyncio.sleep(0.02)
    assert front.chat.now == ["Cancelled."]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_two_couriers_show_it_once(front: FrontEnd, valkey: EmbeddedValkey) -> None:
    request = await front.finished()
    other = Courier(front.client, front.storage, front.chat, front.pipeline, front.status)
    both = await asyncio.gather(front.courier.deliver(request.id), other.deliver(request.id))
    assert sorted(both) == [False, True]
    [said] = front.chat.visible.values()
    assert sum(text.startswith("clip") for text in said) == 1


def test_values_cross_processes_whole() -> None:
    """The address of a reply is plain data: a bot that restarts can still answer."""
    to = ReplyAddress("terminal", "c1", "7", thread="3", extra={"token": "x"})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(to), type=ReplyAddress) == to


async def test_an_answer_whose_record_is_damaged_stops_no_other(front: FrontEnd) -> None:
    # Given two clips to deliver, of which one's record was damaged
    damaged, sound = await front.finished(), await front.finished()
    redis: Any = front.client.redis
    await redis.hset(f"unstill:job:{damaged.id}", "request", b"\x01\xc1")
    delivering = asyncio.create_task(front.courier.run())
    # When both are to be delivered
    async with asyncio.timeout(PATIENCE):
        while not (await front.ledger.unreadable() and await front.state(sound) is State.SENT):
            await asyncio.sleep(0.02)
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)
    # Then the sound one is shown, and the other one is out of everybody's way
    assert any("clip of" in text for text in front.chat.now)
    assert (await front.ledger.unreadable()).keys() == {damaged.id}
    assert await front.ledger.open_ids() == []


async def test_an_answer_of_a_newer_version_is_left_for_a_newer_program(front: FrontEnd) -> None:
    newer = await front.finished()
    redis: Any = front.client.redis
    before = await redis.hget(f"unstill:job:{newer.id}", "request")
    await redis.hset(f"unstill:job:{newer.id}", "request", b"\x02\x80")
    with pytest.raises(UnreadableRecord):
        await front.courier.deliver(newer.id)
    assert await front.ledger.open_ids() == [newer.id]
    # and the newer program delivers it
    await redis.hset(f"unstill:job:{newer.id}", "request", before)
    assert await front.courier.deliver(newer.id)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "It waits for one that can."), ("zh_CN", "它会等到有能做的引擎")]
)
async def test_a_person_is_told_that_no_engine_can_make_it_yet(front: FrontEnd, language: str, said: str) -> None:
    # Given a job that an engine had to leave
    request = await front.queued(language=language)
    assert await front.ledger.claim("camera", "owner", "engine", {"codec:1"}) is None
    # When its place is shown
    await front.status.waiting(request)
    # Then nobody is told that they are next
    [shown] = front.chat.now
    assert said in shown


async def test_one_persons_answers_that_find_no_room_hold_up_nobody_elses(front: FrontEnd) -> None:
    # Given a person with many answers to come in several chats, none of which can be told now
    stuck, post = asyncio.Event(), front.chat.post
    begun: list[str] = []

    async def waits(to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        if to.extra["user"] == "ann":
            begun.append(to.message)
            await stuck.wait()
        return await post(to, message)

    front.chat.post = waits  # type: ignore[method-assign]

    async def refused(user: str, n: int) -> Request:
        request = front.request()
        to = ReplyAddress("terminal", f"c{n % 4}", f"{user}{n}", None, {"user": user})
        request = msgspec.structs.replace(request, requester=Requester("terminal", user, f"c{n % 4}"), reply_to=to)
        await front.pipeline.enter(request, start=False)
        await front.client.refuse(request.id, Failed("x", "y"))
        return request

    flood = [await refused("ann", n) for n in range(60)]
    running = asyncio.create_task(front.courier.run())
    try:
        async with asyncio.timeout(PATIENCE):
            while not begun:
                await asyncio.sleep(0.01)
            # When somebody else's answer is there, then it is told
            mine = await refused("bob", 0)
            while await front.state(mine) is not State.SENT:
                await asyncio.sleep(0.01)
            assert len(begun) == 2
            # and in the end all are, once
            stuck.set()
            while not all([await front.state(request) is State.SENT for request in flood]):
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(front.chat.visible) == 61


async def test_a_clip_that_a_killed_front_end_was_about_to_send_does_not_stay(
    front: FrontEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given what a front end that is dead by now had brought onto the disk
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    left = tmp_path / f"unstill-bot-{dead.pid}-abc"
    left.mkdir()
    (left / "clip.mp4").write_bytes(b"somebody's")
    # When the next one starts
    courier._sweep.cache_clear()
    running = asyncio.create_task(front.courier.run())
    async with asyncio.timeout(PATIENCE):
        while left.exists():
            await asyncio.sleep(0.02)
    # Then it is gone
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
