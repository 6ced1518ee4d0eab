"""Who somebody on the page is: a random number in a signed cookie, or the owner of a token."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from typing import Any

import msgspec
from redis.asyncio import Redis

from unstill_config.languages import SOURCE, closest, first_subtag
from unstill_queue.contract.codec import decode_or, encode

PLATFORM = "web"
COOKIE = "unstill"
LANGUAGE_COOKIE = "unstill_language"
COOKIE_DAYS = 365
KEYS = "unstill:web:keys"
KEYS_FRESH = 30.0
"""Seconds for which the keys that were read are good: so long a key that was rotated out is still taken."""
KEYS_KEPT = 2
"""Keys that are taken: the newest, which signs, and the one before, so that nobody is signed out by one rotation."""
_USER = re.compile(r"[a-z2-7]{26}|telegram\.[0-9]{1,20}", re.ASCII)
AWAY_AFTER = 5.0
"""Seconds without an answer of the queue's server after which a request is refused: what must not be lost waits for it
far longer, but nobody waits so long for a page.
"""
BACK_WITHIN = 1.0
_MARK = re.compile(r"[A-Za-z0-9_-]{1,16}", re.ASCII)
_FIRST_KEY = """
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('LPUSH', KEYS[1], ARGV[1]) end
"""
TOKENS = "unstill:web:tokens"
TOKEN_PREFIX = "unstill_"  # noqa: S105
TOKENS_MOST = 20


class Visitor(msgspec.Struct, frozen=True):
    """A person at the page. `user` names them here: a random number, or "telegram.123" for a person of that platform.
    `scope` stands for the network that they come from.

    `signed_in`: they gave the password. `new`: they have no cookie yet.
    """

    user: str
    scope: str
    language: str
    signed_in: bool = False
    new: bool = False

    @property
    def person(self) -> str:
        """The person, as `Requester.person`."""
        return person_of(self.user)


class Token(msgspec.Struct, frozen=True):
    """A token as it is kept: whose it is, what they call it, and when it was made. `id` is made from the token, which
    itself is kept nowhere.
    """

    id: str
    user: str
    name: str
    at: float


class Keys:
    """The keys that sign cookies. They live in the queue's server, so that all processes have the same, and no setting
    has to. All methods raise RedisError.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._make_first = redis.register_script(_FIRST_KEY)
        self._known: list[bytes] = []
        self._until = 0.0

    async def all(self) -> list[bytes]:
        """Return the keys, the newest first; one is made where there is none."""
        if time.monotonic() >= self._until:
            self._known = await self._read_keys()
            if not self._known:
                # those who come first come at once, and are to have one key among all processes
                await self._make_first(keys=[KEYS], args=[_new_key()])
                self._known = await self._read_keys()
            self._until = time.monotonic() + KEYS_FRESH
        return self._known

    async def rotate(self) -> None:
        """Sign by a new key from now on. What the oldest signed is no longer taken."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.lpush(KEYS, _new_key())
            pipe.ltrim(KEYS, 0, KEYS_KEPT - 1)
            await pipe.execute()
        self._until = 0.0

    async def _read_keys(self) -> list[bytes]:
        keys: list[bytes] = await self._redis.execute_command("LRANGE", KEYS, 0, KEYS_KEPT - 1)  # type: ignore[no-untyped-call]  # redis-py has no type for it
        return keys

    async def sign(self, text: str) -> str:
        return _signature((await self.all())[0], text)

    async def is_signed(self, text: str, signature: str) -> bool:
        given = signature.encode("utf-8", "replace")
        return any([hmac.compare_digest(_signature(key, text).encode(), given) for key in await self.all()])


class Visitors:
    """Recognises people by cookie or token. Who gave another `password` than this one is not signed in any more. All
    methods raise RedisError.
    """

    def __init__(self, redis: Redis, password: str = "") -> None:
        self._redis = redis
        self._password = password
        self._away = False
        self.keys = Keys(redis)

    async def check(self) -> None:
        """Raise TimeoutError where the queue's server is away."""
        try:
            # one that was away a moment ago is asked only whether it is back
            async with asyncio.timeout(BACK_WITHIN if self._away else AWAY_AFTER):
                await self._redis.ping()
        except TimeoutError:
            self._away = True
            raise
        self._away = False

    async def by_cookie(self, cookie: str, address: str, languages: str) -> Visitor:
        """Return the person whom a cookie names, or a new one. `languages` as in Accept-Language, the best first."""
        user, signed_in = await self._read(cookie)
        found = user or new_user()
        return Visitor(found, await self.scope(address), language_of(languages), signed_in, new=not user)

    async def by_token(self, token: str, address: str, languages: str) -> Visitor | None:
        """Return the owner of a token, or None."""
        known = decode_or(await self._tokens("HGET", token_id(token)), Token, None)
        if known is None:
            return None
        return Visitor(known.user, await self.scope(address), language_of(languages), signed_in=True)

    async def cookie_of(self, visitor: Visitor) -> str:
        """Return the cookie that says who somebody is."""
        said = f"{visitor.user}.{(await self._marks(visitor.user))[0] if visitor.signed_in else 0}"
        return f"{said}.{await self.keys.sign(said)}"

    async def scope(self, address: str) -> str:
        """Return what stands for the network of an address, which is kept nowhere itself: a house's /64 for IPv6."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return "local"
        if isinstance(parsed, ipaddress.IPv6Address):
            parsed = parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address
        return _signature((await self.keys.all())[-1], f"network {parsed}")[:20]

    async def _read(self, cookie: str) -> tuple[str, bool]:
        said, _, signature = cookie.rpartition(".")
        user, _, mark = said.rpartition(".")
        if not _USER.fullmatch(user) or not _MARK.fullmatch(mark) or not await self.keys.is_signed(said, signature):
            return "", False
        return user, mark in await self._marks(user)

    async def _marks(self, user: str) -> list[str]:
        """Return what stands in the cookie of somebody who gave the password, by each key."""
        return [_signature(key, f"password {user} {self._password}")[:16] for key in await self.keys.all()]

    # -- tokens

    async def make_token(self, visitor: Visitor, name: str) -> str | None:
        """Return a new token of a person's; None where they have too many, or are known by a chat."""
        if split(visitor.user)[0] != PLATFORM or len(await self.tokens(visitor)) >= TOKENS_MOST:
            return None
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        kept = Token(token_id(token), visitor.user, name[:60], time.time())
        await self._tokens("HSET", kept.id, encode(kept))
        return token

    async def tokens(self, visitor: Visitor) -> list[Token]:
        """Return a person's tokens, the newest first."""
        every: list[Token | None] = [decode_or(one, Token, None) for one in (await self._tokens("HGETALL")).values()]
        own = [one for one in every if one is not None and one.user == visitor.user]
        return sorted(own, key=lambda one: one.at, reverse=True)

    async def revoke(self, visitor: Visitor, id: str) -> None:
        """Delete a person's token; another's stays."""
        if any(one.id == id for one in await self.tokens(visitor)):
            await self._tokens("HDEL", id)

    async def forget(self, user: str) -> None:
        """Delete all tokens of a person."""
        for token in await self.tokens(Visitor(user, "", "")):
            await self._tokens("HDEL", token.id)

    async def _tokens(self, command: str, *about: Any) -> Any:
        return await self._redis.execute_command(command, TOKENS, *about)  # type: ignore[no-untyped-call]  # as above


def split(user: str) -> tuple[str, str]:
    """Return the platform and the user, as in `Requester`, of a name here."""
    platform, dot, known = user.partition(".")
    return (platform, known) if dot else (PLATFORM, user)


def person_of(user: str) -> str:
    """Return the person, as `Requester.person`, of a name here."""
    return ":".join(split(user))


async def rotate(redis: Redis) -> None:
    """Have a new key sign cookies from now on; those that the key before the last one signed are no longer taken.

    Raises RedisError.
    """
    await Keys(redis).rotate()


def new_user() -> str:
    """Return the name of somebody new: 128 random bits."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def token_id(token: str) -> str:
    """Return the name under which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def language_of(languages: str) -> str:
    """Return the first language of an Accept-Language that there are sentences in, else the source's."""
    wanted = []
    for number, part in enumerate(languages.split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), number, tag.strip()))
        except ValueError:
            continue
    for _, _, tag in sorted(wanted):
        found = closest(tag)
        if first_subtag(found) == first_subtag(tag):
            return found
    return SOURCE


def _new_key() -> bytes:
    return secrets.token_bytes(32)


def _signature(key: bytes, text: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).decode().rstrip("=")
