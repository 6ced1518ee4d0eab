"""Has a language model make a prompt of a few words, by any endpoint that speaks as OpenAI's chat completions do.

Whatever goes wrong there, the person's own words are used, and nobody waits longer than the settings say.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
import msgspec
import structlog

from unstill_bots.host.circuit import Circuit
from unstill_bots.host.gate import FairGate
from unstill_bots.intake.pictures import SafePicture
from unstill_bots.intake.rewritten import LARGEST, Unusable, content_of, prompt_of
from unstill_bots.intake.wish import Wish, messages_of, small
from unstill_config import metrics
from unstill_config.catalog import Catalog, Model
from unstill_config.prompt import Prompt
from unstill_queue.contract.jobs import Requester

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Wishes that are asked of the endpoint at a time, half of them of one account. Others wait for their turn, on their
own time.
"""
PATH = "/chat/completions"
ABOUT_THE_WISH = (400, 413, 422)
"""HTTP statuses that refuse one wish, as of a service that looks at the words first, and not the endpoint's others."""
REJECTED = "rejected"
"""The reason, in the metrics, of such an answer."""


class EndpointFailed(Exception):
    """The endpoint gave no answer that can be read. `reason` is one word for the metrics; `again_after` is in seconds,
    where it said that itself.
    """

    def __init__(self, reason: str, told: str, again_after: float | None = None) -> None:
        self.reason = reason
        self.again_after = again_after
        super().__init__(told)


def is_rewritten(model: Model) -> bool:
    """Return whether words for a model may be rewritten: one that moves a camera reads people's own, word by word."""
    return "prompt" in model.abilities and "camera" not in model.abilities


class PromptRewriter:
    """Asks the endpoint of the settings; nothing where they name none. One for all of a front end."""

    def __init__(self, settings: Prompt | None = None, *, circuit: Circuit | None = None) -> None:
        self._settings = settings or Prompt()
        self._circuit = circuit or Circuit()
        self._turns = FairGate(AT_ONCE, AT_ONCE - 1, AT_ONCE // 2)

    @property
    def is_on(self) -> bool:
        """Return whether words are rewritten here."""
        return self._settings.is_on

    @property
    def is_away(self) -> bool:
        """Return whether the endpoint failed in a row, so that it is asked only now and then."""
        return self.is_on and self._circuit.is_open

    async def wish(
        self, words: str, model: Model, pictures: int, first: SafePicture | None, who: Requester
    ) -> Wish | None:
        """Return what to ask for words; None where nothing is asked: no endpoint, none that answers, or no words.

        `first` is the photo that the clip begins with.
        """
        # punctuation alone is no wish; an emoji is one
        if not self.is_on or not any(unicodedata.category(sign)[0] in "LNS" for sign in words):
            return None
        if not self._circuit.is_ready(who.account):
            metrics.count("prompts", result="not_asked")
            return None
        until = asyncio.get_running_loop().time() + self._settings.seconds
        photo = await asyncio.to_thread(small, first.data) if first is not None and self._settings.sees else b""
        return Wish(words, model, pictures, until, photo, who.place, who.account)

    async def prompt(self, wish: Wish, catalog: Catalog, holds: Callable[[str], bool]) -> str | None:
        """Return the prompt that the endpoint makes of a wish; None: the person's own words are to be used.

        `holds` says whether a word of the host's list is among those of a text. Raises nothing.
        """
        began = time.monotonic()
        try:
            prompt = await self.ask(wish, catalog)
            if holds(prompt):
                raise Unusable("blocked")
        except Unusable as error:
            log.info("what the language model wrote is not used", reason=error.reason)
            result, prompt = error.reason, ""
        except EndpointFailed as error:
            log.warning("the language model did not answer", reason=error.reason, told=str(error))
            result, prompt = error.reason, ""
        except Exception:
            log.exception("a prompt could not be written, in an unforeseen way")
            result, prompt = "unforeseen", ""
        else:
            result = "written"
        metrics.count("prompts", result=result)
        metrics.observe("prompt_seconds", time.monotonic() - began)
        return prompt or None

    async def ask(self, wish: Wish, catalog: Catalog) -> str:
        """Return the prompt that the endpoint makes of a wish.

        Raises:
            EndpointFailed: it did not answer in time, or with something else.
            Unusable: it answered with what is no prompt, or it was not its turn.
        """
        clock, asking = asyncio.get_running_loop().time, 0.0
        try:
            async with asyncio.timeout_at(wish.until), self._turns.slot(wish.place, wish.account):
                if not self._circuit.admits(wish.account):
                    raise Unusable("not_asked")
                asking = clock()
                content = await self._answer(messages_of(wish))
                prompt = prompt_of(content, wish.model.guide, catalog)
        except TimeoutError:
            if not asking:
                raise Unusable("no_turn") from None
            if clock() - asking < self._settings.seconds / 2:
                # after a long wait for its turn, that says little
                self._circuit.stopped(wish.account)
            else:
                self._circuit.failed(wish.account)
            raise EndpointFailed("timeout", f"it took longer than {self._settings.seconds:g} s") from None
        except EndpointFailed as error:
            self._circuit.failed(wish.account, again_after=error.again_after)
            raise
        except Unusable:
            if asking:
                # it lives, whatever it writes
                self._circuit.succeeded()
            raise
        except BaseException:
            if asking:
                self._circuit.stopped(wish.account)
            raise
        self._circuit.succeeded()
        return prompt

    async def _answer(self, messages: list[dict[str, Any]]) -> str:
        """Return the text of an answer. Raises EndpointFailed, Unusable."""
        own = self._settings
        key = {"Authorization": f"Bearer {own.key.get_secret_value()}"} if own.key else {}
        headers = {**key, "Accept-Encoding": "identity"}
        # nothing else: newer models refuse what older ones take, such as max_tokens
        body = {"model": own.model, "messages": messages, "stream": False}
        url = f"{(own.url or '').removesuffix(PATH)}{PATH}"
        try:
            async with (
                httpx.AsyncClient(verify=_tls(), timeout=own.seconds) as client,
                client.stream("POST", url, json=body, headers=headers) as response,
            ):
                if response.status_code in ABOUT_THE_WISH:
                    raise Unusable(REJECTED)
                if response.status_code != 200:
                    raise EndpointFailed("status", f"HTTP {response.status_code}", _again_after(response))
                return content_of(await _read(response))
        except httpx.TimeoutException:
            raise TimeoutError from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise EndpointFailed("unreachable", type(error).__name__) from None
        except UnicodeEncodeError:
            # which is not told
            raise EndpointFailed("unreachable", "no header can hold that key") from None
        except (ValueError, RecursionError, msgspec.DecodeError):
            raise EndpointFailed("garbled", "the answer is no chat completion") from None


async def _read(response: httpx.Response) -> bytes:
    """Return the body of an answer. Raises EndpointFailed for one that does not end."""
    data = bytearray()
    # as it came: what is packed all the same could be small on the way and huge here
    async for part in response.aiter_raw():
        data += part
        if len(data) > LARGEST:
            raise EndpointFailed("garbled", f"the answer is larger than {LARGEST} bytes")
    return bytes(data)


def _again_after(response: httpx.Response) -> float | None:
    """Return the seconds that a server which is asked too much wants to be left alone."""
    if response.status_code not in (429, 503):
        return None
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdecimal() and len(told) < 10 else None


@cache
def _tls() -> ssl.SSLContext:
    """Return what checks certificates, which takes 20 ms to read."""
    return httpx.create_ssl_context()
