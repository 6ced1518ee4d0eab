"""The means that the handlers of one front end share, whatever its platform."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, Protocol

from unstill_bots.actions.commands import Answers, Caller
from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.actions.host_commands import HostCommands
from unstill_bots.actions.preferences import Preferences, language_of
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.delivery.chat import Chat
from unstill_bots.delivery.message import Message
from unstill_bots.intake.conversation import Conversation, Question
from unstill_bots.intake.edits import Edits
from unstill_bots.intake.follow_ups import FollowUps
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.waiting import P, WaitingPictures
from unstill_queue.contract.jobs import ReplyAddress


class TalkingChat(Chat, Protocol):
    """A platform's chat that says what belongs to no job, too."""

    async def tell(self, to: ReplyAddress, text: str, buttons: Any = None, /) -> str | None:
        """Reply with a text, and the platform's own `buttons` under it. Returns the last part's ref. Raises nothing."""


class SharedContext(Generic[P]):
    """The means of one front end: `pipeline` is the way in. A platform's own context asks for words and draws buttons,
    by `_ask` and `_under`.
    """

    def __init__(self, chat: TalkingChat, pipeline: Pipeline, memory: WaitingPictures[P]) -> None:
        self._talk = chat
        self._memory = memory
        self.pipeline = pipeline
        self.client = pipeline.client
        self.preferences = pipeline.preferences
        self.catalog = pipeline.catalog
        self.settings = pipeline.settings
        self.conversation = Conversation(pipeline, memory, self._ask, chat.remove)
        self.edits = Edits(pipeline, memory, self.conversation)
        self.hosts = HostCommands(pipeline.client, pipeline.settings, pipeline.catalog)
        self.follow_ups = FollowUps(pipeline, memory, self.conversation, self._show)

    def spawn(self, errand: Coroutine[Any, Any, Any]) -> None:
        """Run what may take its time, and is no longer held against the event that asked for it."""
        self.pipeline.background.spawn(errand)

    async def drain(self, within: float) -> None:
        """Let errands end, as `BackgroundTasks.drain` does."""
        await self.pipeline.background.drain(within)

    async def host_command(self, name: str, caller: Caller, words: str, to: ReplyAddress) -> bool:
        """Perform a command of the host's and answer it at `to`; False: it is none, or they may not use it there.

        Raises RedisError.
        """
        if not self.hosts.knows(name, caller.person, private=caller.place is None):
            return False
        self.spawn(self._talk.tell(to, await self.hosts.run(name, caller.replies, words)))
        return True

    def answers(self, name: str = "", *, sees_all: bool = True) -> Answers:
        """Make what answers the commands. `name` and `sees_all` as in `welcome_group`."""
        pipeline = self.pipeline
        forgetting = Forgetting(self.client, pipeline.storage, self.preferences, self._memory)
        return Answers(
            self.client, pipeline.serving, self.settings, UserJobs(pipeline), forgetting, name, sees_all=sees_all
        )

    def language_of(self, own: Preferences, place: Preferences, app: str | None) -> str:
        """Return the language to answer in: the person's own choice, else the chat's, their app's, the host's."""
        return language_of(own, place, app, self.settings.bots.language)

    async def _show(self, pending: P, message: Message) -> str | None:
        return await self._talk.tell(pending.address(), message.text.plain(), self._under(message))

    async def _ask(self, pending: P, question: Question) -> str | None:
        """Ask for words, as a reply to a picture. Returns the question's messages, blanks between."""
        raise NotImplementedError

    def _under(self, message: Message) -> Any:
        """Draw a message's buttons."""
        raise NotImplementedError
