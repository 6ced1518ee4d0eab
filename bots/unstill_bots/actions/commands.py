"""The commands: the description of each, the chats that it is offered in, and its answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine
from difflib import get_close_matches
from functools import cache
from typing import Any

import msgspec

from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.actions.presses import CANCEL, FORGET, commands_of
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.intake.served import Serving
from unstill_bots.safety.consent import Consent
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.pages import Answer, Page
from unstill_bots.text.replies import Replies
from unstill_bots.text.translations import N_
from unstill_config.languages import LANGUAGES
from unstill_config.settings import Settings
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Forgotten

PRIVATE, GROUP, ADMINS = "private", "group", "admins"
"""Kinds of menus: a private chat's, everybody's in a group, and its admins'."""
CLIPS, YOURS, BOT = N_("A new clip"), N_("Your clips"), N_("You and this bot")
"""Topics of the help."""
_TYPED = re.compile(r"/(\w{1,32})(?=\s|$)\s*")
ALIKE = 0.6
"""How much a word has to be like a command's name, from 0 to 1, for that command to be offered instead."""


class Command(msgspec.Struct, frozen=True):
    """A command as menus show it. `with_options` describes it where commands take options instead of being sent in
    reply to a message; `menus` are those that offer it, and `topic` is the one in the help.
    """

    name: str
    description: str
    with_options: str = ""
    menus: tuple[str, ...] = (PRIVATE, GROUP, ADMINS)
    topic: str = BOT


_ALL = (
    Command(N_("animate"), N_("animate the picture that you reply to"), N_("make a picture move"), topic=CLIPS),
    Command(N_("queue"), N_("your clips in the making"), topic=YOURS),
    Command(
        N_("cancel"),
        N_("cancel your newest clip, or the one that you reply to"),
        N_("cancel your newest clip, or all of them"),
        topic=YOURS,
    ),
    Command("delete", N_("delete the clip that you reply to"), topic=YOURS),
    Command("report", N_("report the clip that you reply to"), menus=(PRIVATE, GROUP, ADMINS), topic=YOURS),
    Command(N_("presets"), N_("ready-made sets of options"), topic=CLIPS),
    Command(N_("options"), N_("all options of a clip"), menus=(PRIVATE,), topic=CLIPS),
    Command(N_("tips"), N_("how to write good words"), menus=(PRIVATE,), topic=CLIPS),
    Command(N_("status"), N_("how busy the bot is")),
    Command(N_("help"), N_("what you can do here")),
    Command(N_("privacy"), N_("what is kept of you, and for how long")),
    Command(N_("forgetme"), N_("delete what is kept of you")),
    Command(
        N_("settings"),
        N_("how clips are made, and when the bot answers"),
        N_("your own defaults, and how this server uses the bot"),
        menus=(PRIVATE, ADMINS),
    ),
    Command("start", N_("what this bot does"), menus=(PRIVATE,)),
)
COMMANDS = {command.name: command for command in _ALL}


def offered(platform: str) -> list[Command]:
    """The commands of a platform, in the order of its menus."""
    return [command for command in _ALL if command.name in commands_of(platform)]


def nearest(name: str, platform: str) -> str:
    """Return the command of a platform that may be meant by a name that is none, or an empty string."""
    return next(iter(get_close_matches(name, sorted(commands_of(platform)), 1, ALIKE)), "")


def is_help(words: str) -> bool:
    """Tell whether somebody says nothing but "help", in any language."""
    return words.strip(" ?!.？！。").lower() in _help_words()


@cache
def _help_words() -> frozenset[str]:
    return frozenset(Replies(language).gettext("help").lower() for language in LANGUAGES)


def typed(text: str) -> tuple[str, str]:
    """Return the command that a message begins with, or an empty string, and what follows it."""
    if is_help(text.removeprefix("/")):
        return "help", ""
    found = _TYPED.match(text)
    return (found[1].lower(), text[found.end() :]) if found else ("", text)


def is_wish(command: str) -> bool:
    """Return whether what follows a command is a wish for a clip: after /animate, or where there is no command."""
    return command in ("", "animate")


def misplaced(name: str, replies: ChatReplies, platform: str) -> str:
    """Answer a command that came as a message where the platform has commands of its own, or that is none."""
    if name in commands_of(platform):
        return replies.typed_command(name)
    return replies.unknown_command(name, nearest(name, platform))


class Caller(msgspec.Struct, frozen=True):
    """The sender of a command: `person` as in `Requester`, and `replies`, in whose words they are answered.

    `place`: where it was sent, as in `Requester.place`; None where all their jobs are meant, wherever asked for.
    """

    person: str
    replies: ChatReplies
    place: str | None = None


class Answers:
    """Answers commands. `name` is what the bot is called in groups; `sees_all`: it is shown every message there."""

    def __init__(
        self,
        client: Client,
        serving: Serving,
        settings: Settings,
        jobs: UserJobs,
        forgetting: Forgetting,
        name: str = "",
        *,
        sees_all: bool = True,
    ) -> None:
        self._client = client
        self._serving = serving
        self._settings = settings
        self._jobs = jobs
        self._forgetting = forgetting
        self._name = name
        self._sees_all = sees_all
        self._talks: dict[str, Callable[[Caller], Awaitable[Answer]]] = {
            "start": self._start,
            "help": self._help,
            "options": self._options,
            "presets": self._presets,
            "tips": self._tips,
            "queue": self._queue,
            "status": self._status,
            "privacy": self._privacy,
        }

    async def run(self, name: str, caller: Caller, words: str = "") -> Coroutine[Any, Any, Answer]:
        """Make the changes of a command, and return the coroutine of its answer, which may take its time.

        Raises RedisError.
        """
        if name == FORGET:
            return self._forgotten(caller, await self._forgetting.begin(caller.person))
        if name == CANCEL:
            waiting = await self._jobs.open(caller.person)
            return self._cancelled(caller, await self._jobs.cancel(caller.person, waiting, words))
        # a page of the help is its command, too
        return self._talk(words if name == "help" and words in self._talks else name, caller)

    async def _talk(self, name: str, caller: Caller) -> Answer:
        return await self._talks[name](caller)

    async def _start(self, caller: Caller) -> str:
        if caller.place is not None:
            return caller.replies.welcome_group(self._name, sees_all=self._sees_all)
        return caller.replies.welcome(draws=(await self._serving.now()).draws)

    async def _help(self, caller: Caller) -> Page:
        platform = caller.person.partition(":")[0]
        commands = [command for command in offered(platform) if command.name not in ("help", "start")]
        served, how = await self._serving.now(), ""
        if caller.place is not None:
            how = caller.replies.usage_in_group(self._name, sees_all=self._sees_all)
        also = caller.replies.abilities(served)
        return caller.replies.overview(commands, draws=served.draws, how=how, also=also)

    async def _options(self, caller: Caller) -> Page:
        return caller.replies.options(await self._serving.now())

    async def _presets(self, caller: Caller) -> Page:
        return caller.replies.presets(await self._serving.now())

    async def _tips(self, caller: Caller) -> Page:
        served = await self._serving.now()
        return caller.replies.tips(draws=served.draws, guided=served.guided)

    async def _queue(self, caller: Caller) -> str:
        return await self._jobs.listing(caller.person, caller.replies, place=caller.place)

    async def _status(self, caller: Caller) -> str:
        ledger = self._client.ledger
        engines = len({name for each in (await ledger.engines()).values() for name, _ in each})
        return caller.replies.status(engines, len(await ledger.open_ids()))

    async def _privacy(self, caller: Caller) -> str:
        kept, leaves = self._settings, caller.replies.leaves(self._settings.prompt)
        return caller.replies.privacy(kept.storage.keep_hours, kept.queue.keep_hours, leaves)

    async def _cancelled(self, caller: Caller, count: int) -> str:
        return caller.replies.mine_cancelled(count)

    async def _forgotten(self, caller: Caller, forgotten: Forgotten) -> str:
        said = caller.replies.forgotten(await self._forgetting.finish(forgotten))
        consents = await Consent(self._client.redis, self._client.ledger.names).given(caller.person)
        return said if consents else f"{said} {caller.replies.refusal_stays()}"
