"""The WebSocket gateway: sessions, what they have been told, and what goes wrong with their connections."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.connection import Socket

if TYPE_CHECKING:
    from wire_doubles.discord.guilds import Guild
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

# intents
GUILDS, GUILD_MEMBERS, GUILD_MESSAGES, DIRECT_MESSAGES = 1 << 0, 1 << 1, 1 << 9, 1 << 12
MESSAGE_CONTENT = 1 << 15
# opcodes
DISPATCH, RECONNECT, INVALID_SESSION = 0, 7, 9
KEPT = 20_000
RESUMABLE_SECONDS = 300.0
DAY = 24 * 3600.0


@dataclass(eq=False)
class Session:
    """`events` are kept with their numbers to be replayed. `shard` is its number, and of how many."""

    id: str
    intents: int
    shard: tuple[int, int] = (0, 1)
    seq: int = 0
    events: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=KEPT))
    socket: Socket | None = None
    left_at: float = 0.0

    def add(self, event: str, data: Any) -> None:
        self.seq += 1
        self.events.append((self.seq, json.dumps({"op": DISPATCH, "t": event, "s": self.seq, "d": data})))

    def hears_of(self, guild: int | None) -> bool:
        """What is of no server, as direct messages, is the first shard's."""
        number, count = self.shard
        return shard_of(guild, count) == number


def shard_of(guild: int | None, count: int) -> int:
    """The platform's own formula."""
    return 0 if guild is None else (guild >> 22) % count


class Gateway:
    """`acks` off: heartbeats are heard and not answered. `refusing`: connections are turned away with 503.

    `privileged` are the privileged intents that the application was granted; `identifies` a day are allowed, and
    one in `identify_seconds`, which is 5 on the platform and 0 here so that a bot may be restarted at once, of those
    whose shards have the same remainder by `concurrency`. One more than are allowed resets the token, which is taken
    by nobody from then on; `hurried` counts those that came too soon. No shard may have more than `guilds_most`
    servers, and one for every `guilds_advised` is advised. Set while it runs, everything counts at once.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.loop: asyncio.AbstractEventLoop | None = None
        self.url = ""
        self.sessions: dict[str, Session] = {}
        self.sockets: set[Socket] = set()
        self.privileged: set[int] = set()
        self.heartbeat_seconds = 41.25
        self.acks = True
        self.refusing = False
        self.identifies = 1000
        self.identify_seconds = 0.0
        self.concurrency = 1
        self.guilds_most = 2500
        self.guilds_advised = 1000
        self.token_reset = False
        self.hurried = 0
        self.identified: deque[float] = deque()
        self._last: dict[int, float] = {}
        self.resumed = 0
        self.heartbeats = 0

    @property
    def connected(self) -> bool:
        """A bot is there with all of its shards, and was told that it is ready."""
        there = {session.shard for session in self.sessions.values() if session.socket is not None}
        return any(all((number, count) in there for number in range(count)) for _, count in there)

    @property
    def shards(self) -> int:
        """How many are advised."""
        guilds = sum(guild.bot_is_in for guild in self._world.guilds.values())
        return max(1, math.ceil(guilds / self.guilds_advised))

    @property
    def identifies_left(self) -> int:
        now = self._world.clock.now()
        while self.identified and self.identified[0] <= now - DAY:
            self.identified.popleft()
        return max(0, self.identifies - len(self.identified))

    @property
    def reset_after(self) -> float:
        """Seconds until there are more of them."""
        return max(0.0, self.identified[0] + DAY - self._world.clock.now()) if self.identified else 0.0

    def too_soon(self, shard: int) -> bool:
        """Another one with the same key has identified a moment ago."""
        last = self._last.get(shard % self.concurrency)
        soon = last is not None and self._world.clock.now() - last < self.identify_seconds
        self.hurried += soon
        return soon

    def guilds_of(self, shard: tuple[int, int]) -> list[Guild]:
        number, count = shard
        there = (guild for guild in self._world.guilds.values() if guild.bot_is_in)
        return [guild for guild in there if shard_of(guild.id, count) == number]

    def dispatch(self, event: str, data: Wire, intent: int = 0, *, guild: int | None = None) -> None:
        """To every session that asked for it; those without a connection get it when they resume. `guild`: the id of
        the server that it is of.
        """
        with self._world.lock:
            over = self._world.clock.now() - RESUMABLE_SECONDS
            for session in list(self.sessions.values()):
                if session.socket is None and session.left_at < over:
                    del self.sessions[session.id]
                elif session.hears_of(guild) and (not intent or session.intents & intent):
                    session.add(event, data)
        self.wake()

    def identify(self, intents: int, socket: Socket, shard: tuple[int, int] = (0, 1)) -> Session:
        """A new session, which is told of every server of its shard."""
        world = self._world
        with world.lock:
            self._last[shard[0] % self.concurrency] = world.clock.now()
            self.identified.append(world.clock.now())
            session = Session(secrets.token_hex(16), intents, shard, socket=socket)
            self.sessions[session.id] = session
            guilds = self.guilds_of(shard)
            ready = {
                "v": 10, "user": {**world.bot.wire(), "verified": True, "mfa_enabled": False, "email": None},
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": session.id, "resume_gateway_url": self.url, "session_type": "normal",
                "private_channels": [], "relationships": [], "presences": [], "shard": list(shard),
                "application": {"id": str(world.bot.id), "flags": 0},
            }  # fmt: skip
            session.add("READY", ready)
            if intents & GUILDS:
                for guild in guilds:
                    session.add("GUILD_CREATE", guild.wire())
            return session

    def resume(self, id: str, seq: int, socket: Socket) -> Session | None:
        """None for a session that is over or was never so far."""
        with self._world.lock:
            session = self.sessions.get(id)
            if session is None or seq > session.seq or (session.events and seq < session.events[0][0] - 1):
                return None
            session.socket = socket
            session.add("RESUMED", {})
            self.resumed += 1
            return session

    def reconnect(self) -> None:
        """Every connection is asked to come again, which the platform does now and then."""
        self._each(lambda socket: socket.ask({"op": RECONNECT, "d": None}))

    def invalidate(self, *, resumable: bool = False) -> None:
        """Every session is told that it is invalid, and is so unless `resumable`."""
        if not resumable:
            self.forget()
        self._each(lambda socket: socket.ask({"op": INVALID_SESSION, "d": resumable}))

    def forget(self) -> None:
        """No session can be resumed any more."""
        with self._world.lock:
            self.sessions.clear()

    def drop(self) -> None:
        """Every connection is cut off without a word."""
        self._each(lambda socket: socket.cut())

    def close(self, code: int = 4000) -> None:
        """Every connection is closed with that code."""
        self._each(lambda socket: socket.end(code))

    def wake(self) -> None:
        self._each(lambda socket: socket.wake())

    def _each(self, act: Any) -> None:
        if self.loop is None or self.loop.is_closed():
            return

        def acted() -> None:
            for socket in list(self.sockets):
                act(socket)

        self.loop.call_soon_threadsafe(acted)
