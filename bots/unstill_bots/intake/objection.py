"""Sentences that refuse a request, each with its code for programs."""

from __future__ import annotations

import math

import msgspec

from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.replies import Replies
from unstill_queue.contract.errors import Blocked, BlockedWords, NotTaken, OptionError, QuotaExceeded, TooManyRequests

QUOTAS = tuple(f"quota_{scope}_{quota}" for scope in ("person", "chat") for quota in ("jobs", "seconds"))


class Objection(msgspec.Struct, frozen=True):
    """A sentence that refuses a request. `code` stays the same in all languages and versions: one of QUOTAS,
    "too_many_requests", "paused", "blocked", "unknown_option", "wrong_option", "words_too_long",
    "words_refused", one of `text.input_replies.INPUTS`, or "refused" where a rule does.

    `fields` are the options that are wrong. `retry_after`: whole seconds after which there is room. `silent`: they have
    been told, and it is said again only where the platform waits for an answer.
    """

    said: str
    code: str = "refused"
    fields: tuple[str, ...] = ()
    retry_after: int | None = None
    silent: bool = False

    @classmethod
    def to_words(cls, error: OptionError, replies: Replies) -> Objection:
        """Object to what is wrong with a caption."""
        code = "unknown_option" if error.unknown else "words_too_long" if error.option == "prompt" else "wrong_option"
        if isinstance(error, BlockedWords):
            code = "words_refused"
        return cls(replies.option_error(error), code, tuple(fault.option for fault in error.faults))

    @classmethod
    def to_quota(cls, error: QuotaExceeded, sentence: str) -> Objection:
        """Object to one too many, by the sentence of whoever set the quota."""
        return cls(sentence, f"quota_{error.scope}_{error.quota}")

    @classmethod
    def to_asking(cls, error: NotTaken, replies: ChatReplies) -> Objection:
        """Object to what is not written down: more requests a minute than are taken, or what the host does not want."""
        said = replies.declined(error)
        match error:
            case TooManyRequests(retry_after=seconds):
                return cls(said, "too_many_requests", retry_after=math.ceil(seconds))
            case Blocked(told=told):
                return cls(said, "blocked", silent=told)
            case _:
                return cls(said, "paused")
