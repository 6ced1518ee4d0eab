"""Who is let through a gate: bounded, in turn, and everybody in the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from unstill_bots.host.gate import FairGate

MOST, CHAT_MOST, ACCOUNT_MOST = 5, 3, 2


@dataclass(eq=False)
class Visitor:
    """Somebody who comes, and goes when told to."""

    chat: str
    account: str
    inside: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def visit(self, gate: FairGate) -> None:
        async with gate.slot(self.chat, self.account):
            self.inside = True
            await self.go.wait()
            self.inside = False


class Crowd:
    """Visitors in the order of their coming, each a task."""

    def __init__(self, gate: FairGate) -> None:
        self.gate = gate
        self.visitors: list[Visitor] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def settle(self) -> None:
        """Until nothing moves any more: what one event wakes has run when two rounds of the loop are over."""
        for _ in range(4):
            await asyncio.sleep(0)

    async def come(self, chat: str, account: str) -> Visitor:
        visitor = Visitor(chat, account)
        self.visitors.append(visitor)
        self.tasks.append(asyncio.create_task(visitor.visit(self.gate)))
        await self.settle()
        return visitor

    async def leave(self, visitor: Visitor) -> None:
        visitor.go.set()
        await self.settle()

    def present(self) -> list[Visitor]:
        return [visitor for visitor, task in zip(self.visitors, self.tasks, strict=True) if not task.done()]

    def inside(self) -> list[Visitor]:
        return [visitor for visitor in self.present() if visitor.inside]

    def waiting(self) -> list[Visitor]:
        return [visitor for visitor in self.present() if not visitor.inside]

    def room_for(self, visitor: Visitor) -> bool:
        inside = self.inside()
        return (
            len(inside) < MOST
            and sum(one.chat == visitor.chat for one in inside) < CHAT_MOST
            and sum(one.account == visitor.account for one in inside) < ACCOUNT_MOST
        )

    async def end(self) -> int:
        """Those inside leave until nobody is there; how many went through."""
        through = 0
        while inside := self.inside():
            through += 1
            await self.leave(inside[0])
        assert self.waiting() == [], "somebody waits for ever"
        results = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        return through


Step = st.one_of(
    st.tuples(st.just("come"), st.sampled_from("abc"), st.sampled_from("xyz")),
    st.tuples(st.sampled_from(["leave", "cancel", "cancel as one leaves"]), st.integers(0, 9), st.integers(0, 9)),
)


@given(st.lists(Step, max_size=60))
def test_its_bounds_hold_no_slot_stays_free_and_everybody_gets_in(
    steps: list[tuple[str, str | int, str | int]],
) -> None:
    async def run() -> None:
        crowd = Crowd(FairGate(MOST, CHAT_MOST, ACCOUNT_MOST))
        for what, one, other in steps:
            inside, present = crowd.inside(), crowd.present()
            if what == "come":
                await crowd.come(str(one), str(other))
            elif what == "leave" and inside:
                await crowd.leave(inside[int(one) % len(inside)])
            elif what.startswith("cancel") and present:
                if what != "cancel" and inside:
                    inside[int(other) % len(inside)].go.set()
                crowd.tasks[crowd.visitors.index(present[int(one) % len(present)])].cancel()
                await crowd.settle()
            # the bounds hold
            assert len(crowd.inside()) <= MOST
            assert max(Counter(visitor.chat for visitor in crowd.inside()).values(), default=0) <= CHAT_MOST
            assert max(Counter(visitor.account for visitor in crowd.inside()).values(), default=0) <= ACCOUNT_MOST
            # and nobody waits who could go in
            assert not any(crowd.room_for(visitor) for visitor in crowd.waiting())
        await crowd.end()

    asyncio.run(run())


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.just("flooder")), min_size=30, max_size=60), st.integers(0, 20)
)
def test_who_comes_after_a_flood_of_one_account_goes_in_at_once(flood: list[tuple[str, str]], served: int) -> None:
    async def run() -> None:
        crowd = Crowd(FairGate(MOST, CHAT_MOST, ACCOUNT_MOST))
        for chat, account in flood:
            await crowd.come(chat, account)
        for _ in range(served):
            await crowd.leave(crowd.inside()[0])
        assert (await crowd.come("a", "somebody")).inside
        assert await crowd.end() == len(flood) + 1 - served

    asyncio.run(run())


async def test_chats_take_turns_and_within_a_chat_accounts() -> None:
    # Given one slot, and many who wait: a big chat with a talker, and two others
    crowd = Crowd(FairGate(1, 1, 1))
    await crowd.come("big", "x")
    for _ in range(3):
        await crowd.come("big", "talker")
    for account in "abc":
        await crowd.come("big", account)
    for chat in ("small", "other"):
        for _ in range(2):
            await crowd.come(chat, f"{chat}'s")
    # When each leaves in turn
    order = []
    while inside := crowd.inside():
        order.append(f"{inside[0].chat}/{inside[0].account}")
        await crowd.leave(inside[0])
    # Then chats alternated as long as they had somebody, and so did the big chat's accounts
    assert order == [
        "big/x",
        "big/talker", "small/small's", "other/other's",
        "big/a", "small/small's", "other/other's",
        "big/b", "big/c", "big/talker", "big/talker",
    ]  # fmt: skip


async def test_two_accounts_that_always_wait_get_in_equally_often_wherever_they_wait() -> None:
    # Given two accounts, one in one chat and one in five, and one slot
    crowd = Crowd(FairGate(2, 2, 1))
    for n in range(40):
        await crowd.come("a", "x")
        await crowd.come("bcdef"[n % 5], "y")
    # When those inside leave in turn
    through: Counter[str] = Counter()
    for _ in range(40):
        visitor = crowd.inside()[0]
        through[visitor.account] += 1
        await crowd.leave(visitor)
    # Then neither had more than the other
    assert through == {"x": 20, "y": 20}
    await crowd.end()
