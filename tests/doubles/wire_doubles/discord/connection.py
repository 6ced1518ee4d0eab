"""One connection of the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from wire_doubles.discord.gateway import Session
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

# opcodes
INVALID_SESSION, HELLO, ACK = 9, 10, 11
# close codes
UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, FAILED, ALREADY, BAD_SEQ = 4001, 4002, 4003, 4004, 4005, 4007
TOO_FAST, TIMED_OUT, BAD_SHARD, TOO_MANY_GUILDS, BAD_INTENTS, FORBIDDEN_INTENTS = 4008, 4009, 4010, 4011, 4013, 4014
# members, presences, message content
PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15
LEAVING = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)
MAX_INTENTS = 1 << 26
SENDS_A_MINUTE = 120


class Socket:
    """Compressed as one zlib stream where the client asks for it."""

    def __init__(self, world: World, request: web.Request) -> None:
        self._world = world
        self._request = request
        self._ws = web.WebSocketResponse(max_msg_size=4096, timeout=1.0)
        self._zlib = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        self._session: Session | None = None
        self._sent = 0
        self._arrived = asyncio.Event()
        self._asked: list[Wire] = []
        self._received: list[float] = []
        self._goodbye = self._ending = False

    async def serve(self) -> web.WebSocketResponse:
        gateway = self._world.gateway
        await self._ws.prepare(self._request)
        gateway.sockets.add(self)
        teller = asyncio.create_task(self._tell())
        try:
            interval = gateway.heartbeat_seconds
            await self._send({"op": HELLO, "d": {"heartbeat_interval": int(interval * 1000)}})
            while True:
                try:
                    message = await self._ws.receive(interval * 1.5)
                except TimeoutError:
                    await self._ws.close(code=TIMED_OUT, message=b"Session timed out.")
                    break
                if message.type is not WSMsgType.TEXT:
                    self._goodbye = message.type is WSMsgType.CLOSE and message.data in LEAVING
                    break
                await self._hear(message.data)
        except ConnectionError:
            pass
        finally:
            gateway.sockets.discard(self)
            self._part()
            teller.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await teller
        return self._ws

    def wake(self) -> None:
        """There is something to tell."""
        self._arrived.set()

    def ask(self, payload: Wire) -> None:
        self._asked.append(payload)
        self._arrived.set()

    def cut(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def end(self, code: int) -> None:
        self._ending = True
        self.ask({"close": code})

    def _part(self) -> None:
        session, gateway = self._session, self._world.gateway
        if session is None or session.socket is not self:
            return
        session.socket, session.left_at = None, self._world.clock.now()
        # a client that says goodbye properly will not resume
        if self._goodbye and not self._ending:
            gateway.sessions.pop(session.id, None)

    async def _tell(self) -> None:
        """What was dispatched to the session, in its order, as it comes."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._asked:
                    payload = self._asked.pop(0)
                    if "close" in payload:
                        await self._ws.close(code=payload["close"])
                        return
                    await self._send(payload)
                session = self._session
                while session is not None and session.socket is self and self._sent < session.seq:
                    with self._world.lock:
                        due = [(seq, text) for seq, text in session.events if seq > self._sent]
                    for seq, text in due:
                        await self._send_text(text)
                        self._sent = seq

    async def _hear(self, text: str) -> None:
        world, gateway = self._world, self._world.gateway
        now = world.clock.now()
        self._received = [each for each in self._received if each > now - 60.0] + [now]
        if len(self._received) > SENDS_A_MINUTE:
            await self._ws.close(code=TOO_FAST, message=b"You are sending payloads too quickly.")
            return
        try:
            payload = json.loads(text)
            opcode, data = int(payload["op"]), payload.get("d")
        except (ValueError, KeyError, TypeError):
            await self._ws.close(code=DECODE_ERROR, message=b"Error while decoding payload.")
            return
        match opcode:
            case 1:  # heartbeat
                gateway.heartbeats += 1
                if gateway.acks:
                    await self._send({"op": ACK})
            case 2:  # identify
                await self._identify(data)
            case 6:  # resume
                await self._resume(data)
            case _ if self._session is None:
                await self._ws.close(code=NOT_AUTHENTICATED, message=b"Not authenticated.")
            case 8:  # request members
                self._members(data)
            case 3 | 4:  # presence, voice
                pass
            case _:
                await self._ws.close(code=UNKNOWN_OPCODE, message=b"Unknown opcode.")

    async def _identify(self, data: Wire) -> None:
        world, gateway = self._world, self._world.gateway
        if self._session is not None:
            await self._ws.close(code=ALREADY, message=b"Already authenticated.")
            return
        intents = int(data.get("intents", -1))
        granted = sum(gateway.privileged)
        number, count = (int(each) for each in data.get("shard") or (0, 1))
        if self._is_token(data) and not gateway.identifies_left:
            gateway.token_reset = True
        if not self._is_token(data):
            await self._ws.close(code=FAILED, message=b"Authentication failed.")
        elif not 0 <= number < count:
            await self._ws.close(code=BAD_SHARD, message=b"Invalid shard.")
        elif not 0 <= intents < MAX_INTENTS:
            await self._ws.close(code=BAD_INTENTS, message=b"Invalid intent(s).")
        elif intents & PRIVILEGED & ~granted:
            await self._ws.close(code=FORBIDDEN_INTENTS, message=b"Disallowed intent(s).")
        elif len(gateway.guilds_of((number, count))) > gateway.guilds_most:
            # it counts as a start of a session all the same
            gateway.identified.append(world.clock.now())
            await self._ws.close(code=TOO_MANY_GUILDS, message=b"Sharding required.")
        elif gateway.too_soon(number):
            await self._send({"op": INVALID_SESSION, "d": False})
        else:
            self._session = gateway.identify(intents, self, (number, count))
            self._arrived.set()

    async def _resume(self, data: Wire) -> None:
        if not self._is_token(data):
            await self._ws.close(code=FAILED, message=b"Authentication failed.")
            return
        seq = int(data.get("seq") or 0)
        session = self._world.gateway.resume(str(data.get("session_id")), seq, self)
        if session is None:
            await self._send({"op": INVALID_SESSION, "d": False})
            return
        self._session, self._sent = session, seq
        self._arrived.set()

    def _is_token(self, data: Wire) -> bool:
        said = str(data.get("token", "")).removeprefix("Bot ")
        return said == self._world.token and not self._world.gateway.token_reset

    def _members(self, data: Wire) -> None:
        """Answer a request for a server's members, all of them in one chunk."""
        guild = self._world.guilds.get(int(data["guild_id"]))
        if guild is None or self._session is None:
            return
        wanted = {int(id) for id in data.get("user_ids") or ()}
        members = [each for each in guild.members.values() if not wanted or each.user.id in wanted]
        chunk: Wire = {
            "guild_id": str(guild.id), "members": [each.wire() for each in members], "chunk_index": 0,
            "chunk_count": 1, "not_found": [],
        }  # fmt: skip
        if "nonce" in data:
            chunk["nonce"] = data["nonce"]
        with self._world.lock:
            self._session.add("GUILD_MEMBERS_CHUNK", chunk)
        self._arrived.set()

    async def _send(self, payload: Wire) -> None:
        await self._send_text(json.dumps(payload))

    async def _send_text(self, text: str) -> None:
        if self._zlib is None:
            await self._ws.send_str(text)
        else:
            packed = self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
            await self._ws.send_bytes(packed)
