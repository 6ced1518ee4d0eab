"""Words about a picture that come after it was sent, and words that replace others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic

import msgspec

from unstill_bots.actions.preferences import InForce, Preferences
from unstill_bots.actions.presses import ACTIONS, PRESET, Actor, Thing, Verdict, judge, refusal
from unstill_bots.delivery.chat import ChatError
from unstill_bots.intake.inputs import as_one
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.together import take_together
from unstill_bots.intake.waiting import P, WaitingPictures
from unstill_bots.intake.words_alone import WordsAlone
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import NotTaken


class Question(msgspec.Struct, frozen=True):
    """A question for words. `text` also offers the presets under it; where buttons cannot stand under a message that is
    to be answered, `to_answer` is that message, and `to_choose` the one above the presets.
    """

    text: str
    to_answer: str
    to_choose: str


Ask = Callable[[P, Question], Coroutine[Any, Any, str | None]]
"""Asks for words for pictures, as a reply to the first. Returns the question's messages, blanks between."""
Unask = Callable[[str], Coroutine[Any, Any, None]]
"""Removes a question that was answered."""


class Conversation(Generic[P]):
    """Takes words for pictures, whenever they come, and hands both to `pipeline`."""

    def __init__(self, pipeline: Pipeline, waiting: WaitingPictures[P], ask: Ask[P], unask: Unask) -> None:
        self._pipeline = pipeline
        self._waiting = waiting
        self.words = WordsAlone(pipeline, waiting)
        self._ask = ask
        self._unask = unask

    async def said(
        self, pendings: Sequence[P], words: str, own: Preferences | None = None, unfit: Sequence[str] = ()
    ) -> None:
        """Take the pictures of one message with its words, or with those that the person wrote just before. Without
        words they wait, and the person is asked.

        Whoever has a preset of their own is not asked. `own` as in `Pipeline.accept`. `unfit` has a sentence for each
        file beside them that is no picture. Raises RedisError.
        """
        older = bool(words) and pendings[0].older is not None
        before = None if words else await self._waiting.words(pendings[0].chat, pendings[0].user)
        if before is not None:
            words = before.words
        if own is None:
            own = await self._pipeline.preferences.get(pendings[0].who.person)
        if words or own.preset:
            await self._take(pendings, words, own, unfit)
            if before is not None:
                self.take_back(*filter(None, [await self.words.give_way(pendings[0], before.id)]))
            if not older:
                await self._let_go(pendings[0])
            return
        if await self.is_shut_out(pendings[0]):
            return
        if await self._waiting.let_wait(pendings):
            self._pipeline.background.spawn(self._question(pendings[0], len(pendings)))
        self.not_taken(pendings[0], unfit)

    async def _let_go(self, pending: P) -> None:
        """Let go of words that came before a picture: those with it count, and earlier ones are for no later one."""
        before = await self._waiting.words(pending.chat, pending.user)
        if before is not None:
            await self._waiting.words_used(pending.chat, pending.user)
            if before.note:
                self.take_back(before.note)

    async def suffices(self, words: str, person: str) -> bool:
        """Return whether a picture is taken with these words at once: `person`, as in `Requester.person`, is not asked
        for some where they have a preset of their own. Raises RedisError.
        """
        return bool(words or (await self._pipeline.preferences.get(person)).preset)

    async def asked(self, pendings: Sequence[P], words: str, in_force: InForce) -> None:
        """Do as `said`, but for who may not ask here: that is said first, whatever the words are. Raises RedisError."""
        if not await self.is_refused(pendings[0], in_force.chat):
            await self.said(pendings, words, in_force.own)

    async def is_refused(self, pending: P, rules: Preferences) -> bool:
        """Return whether a picture is refused by its chat's `rules` or by quotas, which is said. Raises RedisError."""
        objection = await self._pipeline.refusal(pending, None, rules=rules)
        self.object(pending, objection)
        return objection is not None

    async def is_shut_out(self, pending: P) -> bool:
        """Return whether the host lets its person ask for nothing now, which is said. Raises RedisError."""
        objection = await self._pipeline.shut_out(pending.who)
        self.object(pending, objection)
        return objection is not None

    async def _take(
        self, pendings: Sequence[P], words: str, own: Preferences | None = None, unfit: Sequence[str] = ()
    ) -> bool:
        """Take pictures with their words; of several, one message says what was not taken.

        Returns False where the words are wrong for all of several: they wait for better ones.
        """
        if not unfit:
            pendings = as_one(pendings, words, self._pipeline.catalog)
        if len(pendings) + len(unfit) == 1:
            await self._pipeline.take(pendings[0], words, own=own)
            return True
        first = pendings[0]
        asked = await self._pipeline.request(first, words, own=own)
        if len(pendings) > 1 and self._pipeline.is_wrong(asked.words):
            await self._waiting.let_wait(pendings)
            objection = await self._pipeline.objection(first.who, asked.words)
            sentence = objection.said if objection else ""
            self.not_taken(first, [first.replies.wrong_for_all(sentence, len(pendings)), *unfit])
            return False
        found = await take_together(self._pipeline, pendings, words, own=own)
        found.refused.update(map(Objection, unfit))
        self.object(first, found.told(first))
        return True

    def not_taken(self, pending: P, sentences: Sequence[str]) -> None:
        """Say in one message what was not taken beside a picture."""
        self._say(pending, "\n".join(dict.fromkeys(sentences)))

    def object(self, pending: P, objection: Objection | None) -> None:
        """Say why something is not done, where there is a reason and it is to be said."""
        if objection is not None and not objection.silent:
            self._say(pending, objection.said)

    def _say(self, pending: P, sentence: str | None) -> None:
        if sentence:
            self._pipeline.refuse(pending.address(), sentence, pending.user)

    async def _question(self, pending: P, pictures: int) -> None:
        replies, draws = pending.replies, (await self._pipeline.serving.now()).draws
        asked = replies.ask_words(pictures, draws=draws)
        question = Question(asked, replies.ask_in_answer(draws=draws), replies.or_choose())
        note = await self._ask(pending, question)
        if note is not None:
            await self._waiting.asked(pending, note)

    async def words_alone(self, chat: str, user: str, words: str) -> bool:
        """Take the pictures of a person that wait in a chat, with words that came without one. False: none waits."""
        waiting = await self._waiting.waiting(chat, user) if words else []
        if waiting:
            await self.words_came(waiting, words)
        return bool(waiting)

    async def words_came(self, pendings: Sequence[P], words: str) -> None:
        """Take pictures that waited. The question for words goes: the status message says all from now on."""
        if await self._take(pendings, words):
            await self.answered(pendings)

    async def chosen(self, pendings: Sequence[P], preset: str, note: str, replies: ChatReplies) -> str:
        """Take pictures that waited, by a press of a preset under the question `note`, which becomes the first one's
        status message. Returns what to say, and nothing where that message says it.
        """
        words = f"--preset {preset}"
        try:
            new = await self._pipeline.accept(pendings[0], words, note=note)
        except NotTaken as error:
            return replies.declined(error)
        if others := pendings[1:]:
            found = await take_together(self._pipeline, others, words, beside=1)
            found.taken += 1
            self.object(others[0], found.told(others[0]))
        question = await self._waiting.question(pendings[0])
        self.take_back(*(each for each in (question or "").split() if each != note))
        await self._waiting.no_longer(pendings)
        return "" if new else replies.already()

    async def preset_pressed(
        self,
        name: str,
        actor: Actor,
        question: Thing | None,
        picture: str,
        replies: ChatReplies,
        forgotten: Callable[[], Coroutine[Any, Any, P | None]],
    ) -> str:
        """Take the pictures that the `question` asks about, by a press of a preset under it; as `chosen` does.

        `picture` is the id of the request that its first picture would be, and `forgotten` finds that picture in its
        message, where it is no longer known that it waits. Raises RedisError.
        """
        verdict = await judge(ACTIONS[PRESET], actor, question)
        if verdict is not Verdict.ALLOWED or question is None:
            return refusal(verdict, ACTIONS[PRESET], replies)
        waiting = await self._waiting.waiting(picture.split(":")[1], question.user)
        first = next((one for one in waiting if one.id == picture), None) or await forgotten()
        if first is None or name not in self._pipeline.catalog.presets:
            return replies.no_longer_there()
        others = [one for one in waiting if one.id != first.id and are_together(one, first)]
        return await self.chosen([first, *others], name, question.message, replies)

    async def answered(self, pendings: Sequence[P]) -> None:
        """Let go of pictures that got their words, and of the question for them."""
        for pending in pendings:
            question = await self._waiting.question(pending)
            self.take_back(*(question or "").split())
        await self._waiting.no_longer(pendings)

    def take_back(self, *questions: str) -> None:
        """Remove questions that were answered."""

        async def take_back(question: str) -> None:
            # it may be gone, or the chat closed to us
            with contextlib.suppress(ChatError):
                await self._unask(question)

        for question in questions:
            self._pipeline.background.spawn(take_back(question))


def are_together(one: PendingRequest, first: PendingRequest) -> bool:
    """Return whether a picture was sent with the first one: in its album, or in its message."""
    return bool(first.album and one.album == first.album) or one.id.startswith(f"{first.id}.")
