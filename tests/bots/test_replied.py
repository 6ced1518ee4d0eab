"""Commands in reply to a message: what is done before they return, and who may do what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.bots.test_courier import FrontEnd
from tests.bots.test_presses import Somebody

from unstill_bots.actions.commands import Caller
from unstill_bots.actions.presses import CANCEL, DELETE, Thing
from unstill_bots.actions.replied import Replied, RepliedCommands
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.settings import Quota, Settings
from unstill_queue.contract.jobs import Cancelled, Request
from unstill_queue.ledger.ledger import Record
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

SAYS = ChatReplies("en")


class Sender(Somebody):
    """Who sends a command, at a message of the chat."""

    press = ""

    def __init__(self, user: str, message: str) -> None:
        super().__init__("c1", message, {"ann": user == "ann"})
        self.user, self.person = user, f"terminal:{user}"

    async def thing_of(self, record: Record) -> Thing:
        return Thing(record.request.requester.user, record.request.reply_to.chat, record.note or "")

    async def shown(self) -> Thing | None:
        return None

    async def remove(self) -> bool:
        return True


@pytest.fixture
async def front(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[FrontEnd]:
    front = FrontEnd(valkey.url, Settings(quota=Quota(person_jobs=3)), storage)
    yield front
    await front.client.close()


async def shown(front: FrontEnd, request: Request, user: str) -> Replied:
    """The status message of a request, to which `user` replies."""
    note = (await front.ledger.read(request.id)).note
    return Replied(Sender(user, note or ""), request.reply_to, True, (request.id,))


async def test_ones_own_job_is_ended_at_once_and_another_persons_is_refused(front: FrontEnd) -> None:
    commands, request = RepliedCommands(front.pipeline), await front.queued()
    # When somebody else wants to end it, then they are told whose it is
    bob = await commands.begin(CANCEL, Caller("terminal:bob", SAYS), await shown(front, request, "bob"))
    assert await bob == SAYS.not_yours()
    assert (await front.ledger.read(request.id)).outcome is None
    # When its owner does, then it is ended before there is anything to say, and its own message says so
    ann = await commands.begin(CANCEL, Caller("terminal:ann", SAYS), await shown(front, request, "ann"))
    assert isinstance((await front.ledger.read(request.id)).outcome, Cancelled)
    assert await ann == ""


async def test_what_shows_nothing_has_nothing_to_delete(front: FrontEnd) -> None:
    left = await RepliedCommands(front.pipeline).begin(DELETE, Caller("terminal:ann", SAYS), None)
    assert await left == SAYS.nothing_to_delete()
