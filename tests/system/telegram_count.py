"""Requests on Telegram and what came of them, counted in the visible history alone.

Each message of the bot's must be one of three: a request's answer, a call to it after a long wait, or a line without
an answer, which nothing but a kill between a message and its record leaves behind.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.system.telegram_house import ANIMATE, CLIPS, TelegramHouse, photo, says
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.messages import Message

ANSWERS = {"no picture": "not a picture that can be read", "option": "Did you mean --seed?"}
CALLS = ("Your clip is ready.", "Your clip could not be made; the message above says why.")
LOST = "The engine stopped"
"""Three kills that hit the same job: a failure is its right answer."""
GREETING = "and it comes back moving"


@dataclass(frozen=True)
class Asked:
    """A request; `message` is the person's."""

    message: Message
    kind: str


@dataclass
class Counted:
    """What the bot said, by what it is; `strange` is all that has no place."""

    requests: int
    messages: int = 0
    answers: int = 0
    calls: int = 0
    lines: int = 0
    failed_by_kills: int = 0
    strange: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """As many messages as there should be, and each request answered once."""
        whole = self.messages == self.answers + self.calls + self.lines
        return not self.strange and whole and self.answers == self.requests


async def open_chats(telegram: TelegramHouse, private: int, groups: int) -> list[Chat]:
    """Of people whom the bot has not seen, then groups of two that it has greeted."""
    api = telegram.api
    chats = [api.private(api.person(f"P{number}")) for number in range(private)]
    for number in range(groups):
        group = api.group(f"G{number}", [api.person(f"A{number}"), api.person(f"B{number}")])
        await group.until(says("Reply to a picture with /animate"))
        chats.append(group)
    return chats


def ask(chat: Chat, number: int, kind: str, dice: random.Random, picture: bytes | None = None) -> Asked:
    """Somebody of the chat's sends a picture with words."""
    person = chat.person or dice.choice(chat.members)
    words = f"{f'{ANIMATE} ' if chat.is_group else ''}request {number}"
    picture = picture or photo()
    match kind:
        case "no picture":
            return Asked(person.send_document(chat, b"no picture", words), kind)
        case "option":
            return Asked(person.send_photo(chat, picture, f"{words} --sead 7"), kind)
        case _:
            return Asked(person.send_photo(chat, picture, f"{words} --seed {number}"), kind)


async def everything_said(telegram: TelegramHouse, requests: int, within: float) -> None:
    """Until the ledger has that many requests and none of them is to be shown anything more, or `within` seconds."""
    ledger = telegram.ledger()
    try:
        ends = time.monotonic() + within
        while time.monotonic() < ends:
            known = await ledger.redis.keys("unstill:job:*")
            if len(known) >= requests and not await ledger.open_ids():
                break
            await asyncio.sleep(0.2)
        # a call follows its answer
        await asyncio.sleep(1.5)
    finally:
        await ledger.redis.aclose()


def count(asked: Sequence[Asked], telegram: TelegramHouse, killed_at: Sequence[float] = ()) -> Counted:
    """`killed_at`: when the bot was killed, by the platform's clock."""
    counted = Counted(len(asked))
    replies: dict[tuple[int, int], list[Message]] = {}
    for chat in telegram.api.chats:
        for message in chat.messages.values():
            # what was refused to one person in a group leaves it with their next request
            withdrawn = chat.is_group and any(refusal in message.text for refusal in ANSWERS.values())
            seen = withdrawn or not message.deleted
            if message.sender is telegram.api.bot and seen and GREETING not in message.text:
                counted.messages += 1
                target = message.reply_to
                if target is not None and target.sender is telegram.api.bot:
                    # a call is beside the answer
                    target = target.reply_to
                replies.setdefault((chat.id, target.id if target else 0), []).append(message)
    for one in asked:
        _sort(one, replies.pop((one.message.chat.id, one.message.id), []), killed_at, counted)
    counted.strange += [f"no request's: {message.shown().line()}" for said in replies.values() for message in said]
    return counted


def _sort(one: Asked, said: list[Message], killed_at: Sequence[float], counted: Counted) -> None:
    answers = [message for message in said if _is_answer(message, one.kind)]
    calls = [message for message in said if message.text in CALLS]
    lines = [message for message in said if message not in answers and message not in calls]
    shown = "\n".join(message.shown().line() for message in (one.message, *said))
    counted.answers += bool(answers)
    counted.calls += bool(calls)
    counted.failed_by_kills += bool(answers) and LOST in answers[0].text
    if len(answers) != 1 or len(calls) > 1:
        counted.strange.append(f"{len(answers)} answers and {len(calls)} calls:\n{shown}")
    for line in lines:
        # sent by a bot that was killed, and the answer by a later one
        if answers and any(line.posted_at <= at <= answers[0].posted_at for at in killed_at):
            counted.lines += 1
        else:
            counted.strange.append(f"a line that no kill explains:\n{shown}")


def _is_answer(message: Message, kind: str) -> bool:
    if kind in ANSWERS:
        return ANSWERS[kind] in message.text
    return message.kind in CLIPS or LOST in message.text
