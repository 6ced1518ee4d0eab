"""The host's commands: what each does, for whom, and its answer. They are typed where nobody else reads the answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from unstill_bots.actions.commands import Caller
from unstill_bots.actions.presses import ACTIONS, May
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.translations import N_
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.codec import decode_or
from unstill_queue.contract.jobs import EngineInfo, State
from unstill_queue.ledger.client import Client

MOST_SHOWN = 10
"""Persons, chats and blocks that an answer lists, the first ones."""
_NAME = re.compile(r"[0-9a-f]{32}")
BY_HOST = "system"
"""The `by` of a job that the host ends."""


class HostCommand(msgspec.Struct, frozen=True):
    """A command of the host's as menus show it. `about`: it takes the name or the id of a person or a chat."""

    name: str
    description: str
    about: bool = False


HOST_COMMANDS = {
    command.name: command
    for command in (
        HostCommand("pause", N_("refuse new requests; what is queued is made")),
        HostCommand("drain", N_("let the engines finish what they have and take no more")),
        HostCommand("resume", N_("take new requests again, and let the engines work")),
        HostCommand("usage", N_("clips and seconds of today, by person and chat")),
        HostCommand("engines", N_("engines, models, and how much waits")),
        HostCommand("block", N_("keep a person or a chat out, or list those"), about=True),
        HostCommand("unblock", N_("let a person or a chat in again"), about=True),
    )
}


def may_host(name: str, person: str, hosts: tuple[str, ...], *, private: bool) -> bool:
    """Return whether somebody, as `Requester.person`, may use a command of the host's: where others would read the
    answer, nobody may.
    """
    action = ACTIONS.get(name)
    return action is not None and action.may is May.HOSTS and private and person in hosts


class HostCommands:
    """Performs the host's commands for one front end."""

    def __init__(self, client: Client, settings: Settings, catalog: Catalog) -> None:
        self._client = client
        self._ledger = client.ledger
        self._settings = settings
        self._catalog = catalog
        self._does: dict[str, Callable[[ChatReplies, str], Awaitable[str]]] = {
            "pause": self._pause,
            "drain": self._drain,
            "resume": self._resume,
            "usage": self._usage,
            "engines": self._engines,
            "block": self._block,
            "unblock": self._unblock,
        }

    def knows(self, name: str, person: str, *, private: bool) -> bool:
        """Return whether the command is one that this person may use there, as `may_host` says."""
        return may_host(name, person, self._settings.bots.hosts, private=private)

    async def run(self, name: str, replies: ChatReplies, words: str = "") -> str:
        """Perform a command that `knows` knows, and return what to say. It may be repeated. Raises RedisError."""
        return await self._does[name](replies, words.strip())

    async def answer(self, name: str, caller: Caller, words: str = "") -> str:
        """Do as `run` for a host, wherever the platform shows the answer to them alone; else say whose it is."""
        if self.knows(name, caller.person, private=True):
            return await self.run(name, caller.replies, words)
        return caller.replies.host_commands_elsewhere()

    def on(self, platform: str) -> tuple[str, ...]:
        """Return the ids of those who host the bots, on a platform."""
        named = (id.partition(":") for id in self._settings.bots.hosts)
        return tuple(id for where, _, id in named if where == platform)

    async def _pause(self, replies: ChatReplies, words: str) -> str:
        await self._ledger.pause("intake")
        return replies.host_paused(await self._count(State.QUEUED))

    async def _drain(self, replies: ChatReplies, words: str) -> str:
        await self._ledger.pause("engines")
        return replies.host_drained(await self._count(State.RUNNING))

    async def _resume(self, replies: ChatReplies, words: str) -> str:
        return replies.host_resumed() if await self._ledger.resume() else replies.host_nothing_paused()

    async def _count(self, state: State) -> int:
        return sum(count for (each, _), count in (await self._ledger.counts()).items() if each is state)

    async def _usage(self, replies: ChatReplies, words: str) -> str:
        spent = await self._ledger.spent()
        if not spent:
            return replies.host_no_usage()
        lines = []
        for what in ("account", "place"):
            of_kind = [one for one in spent if one.what == what]
            lines.append(replies.host_used_by(what, sum(one.clips for one in of_kind), len(of_kind)))
            lines += [replies.host_used(one.name, one.clips, one.seconds) for one in of_kind[:MOST_SHOWN]]
        return "\n".join(lines)

    async def _engines(self, replies: ChatReplies, words: str) -> str:
        counts, shut = await self._ledger.counts(), await self._ledger.shut()
        lines = []
        if shut.intake is not None:
            lines.append(replies.host_is_paused(_when(shut.intake)))
        if shut.engines is not None:
            lines.append(replies.host_is_drained(_when(shut.engines)))
        # one of several models stands on the lane of each
        found = {
            name: decode_or(info, EngineInfo, EngineInfo(name, lane, "", "", 0))
            for lane, engines in (await self._ledger.engines()).items()
            for name, info in engines
        }
        for name, said in found.items():
            titles = ", ".join(map(self._title, dict.fromkeys((said.model, *said.models))))
            lines.append(replies.host_engine(name, titles, said.device, said.done, busy=bool(said.job)))
        lines = lines or [replies.host_no_engine()]
        for (state, lane), count in sorted(counts.items()):
            if state is State.QUEUED:
                lines.append(replies.host_waits(self._title(lane), count))
        return "\n".join(lines)

    def _title(self, lane: str) -> str:
        return self._catalog.models[lane].title if lane in self._catalog.models else lane

    # -- blocks

    async def _block(self, replies: ChatReplies, words: str) -> str:
        if not words:
            blocked = sorted((await self._ledger.blocked()).items(), key=lambda one: -one[1])
            lines = [replies.host_blocked_since(name, _when(since)) for name, since in blocked[:MOST_SHOWN]]
            return "\n".join([replies.host_blocks(len(blocked)), *lines])
        names, wrong = self._names_of(words, replies)
        if wrong:
            return wrong
        await self._ledger.block(names)
        return replies.host_blocked(words, await self._end(names))

    async def _unblock(self, replies: ChatReplies, words: str) -> str:
        names, wrong = self._names_of(words, replies)
        if wrong:
            return wrong
        return replies.host_unblocked(words) if await self._ledger.unblock(names) else replies.host_not_blocked(words)

    def _names_of(self, words: str, replies: ChatReplies) -> tuple[tuple[str, ...], str]:
        """Return the names of a person or chat, and what is wrong with what the host typed for it, or nothing."""
        if _NAME.fullmatch(words):
            return (words,), ""
        platform, _, id = words.partition(":")
        if platform not in self._settings.platforms() or not id or id.split() != [id]:
            return (), replies.host_whom()
        if not self._ledger.names.knows(platform):
            return (), replies.host_unknown_there(platform)
        return self._ledger.names_of(words), ""

    async def _end(self, names: tuple[str, ...]) -> int:
        """End what waits or runs of who was blocked, and return how many that were."""
        ended = 0
        for id in await self._ledger.open_ids():
            if await self._ledger.is_of(id, names):
                ended += await self._client.cancel(id, BY_HOST) in ("cancelled", "cancelling")
        return ended


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
