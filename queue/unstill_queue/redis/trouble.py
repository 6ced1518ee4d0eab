"""What a server of the queue refuses for a reason of its own: which word it says, what that means, and what mends it.

None of these is the fault of what was asked, and each can pass while bot and engine run. So they count as a server
that is away, and are waited for; and whoever tells the operator says the true mend.
"""

from __future__ import annotations

import re

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

TROUBLES: dict[str, tuple[str, str]] = {
    "OOM": ("The queue's server has no memory left", "Raise its maxmemory, or give the machine more memory."),
    "READONLY": ("The queue's server is a read-only replica", "Set UNSTILL_REDIS__URL to its primary."),
    "MASTERDOWN": (
        "The queue's server is a replica without its primary",
        "Start it, or set UNSTILL_REDIS__URL.",
    ),
    "BUSY": ("A script holds up the queue's server", "End it with SCRIPT KILL, and find out who runs it."),
    "LOADING": ("The queue's server still reads its file", "Wait until it has."),
    "MISCONF": ("The queue's server cannot write its file", "Free space on its disk, and look at its log."),
    "NOREPLICAS": ("The queue's server misses its replicas", "Start them, or lower min-replicas-to-write."),
    "NOAUTH": ("The queue's server wants a password", "Write it into UNSTILL_REDIS__URL."),
    "WRONGPASS": ("The queue's server does not take the password", "Write the right one into UNSTILL_REDIS__URL."),
    "NOPERM": (
        "The queue's server forbids its user what the queue needs",
        "Allow it by ACL SETUSER: all keys, all channels, and all commands but those of administration.",
    ),
}
"""By the first word of the server's answer."""

_CLASSES = {
    # redis-py takes the word off these
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    BusyLoadingError: "LOADING",
    NoPermissionError: "NOPERM",
}
# what a primary says that becomes a replica, to whoever waits in XREADGROUP or BLPOP
_SAME = {"UNBLOCKED": "READONLY"}
_WORD = re.compile(rf"(?:^|[ -])({'|'.join((*TROUBLES, *_SAME))})\b")
_OURS_TO_DO_WITHOUT = re.compile(r"'(config|info|bgrewriteaof|acl|client|script|memory|latency)\b", re.IGNORECASE)

REFUSED = (AuthenticationError, AuthorizationError, NoPermissionError)
"""At the start these are settings to be mended. Where it had worked before, somebody changes the server just now."""


def trouble(error: BaseException) -> str | None:
    """The word in `TROUBLES` for an error of redis-py, however deep it is wrapped; None: it is none of these."""
    for one in (error, error.__cause__):
        for kind, word in _CLASSES.items():
            if isinstance(one, kind):
                # what hosted servers forbid, such as CONFIG, can be done without
                return None if word == "NOPERM" and _OURS_TO_DO_WITHOUT.search(str(one)) else word
        if isinstance(one, AuthenticationError | AuthorizationError):
            return "NOAUTH" if "required" in str(one).lower() else "WRONGPASS"
        if isinstance(one, ResponseError):
            if "ACL failure" in str(one):
                return "NOPERM"
            # Redis 6.2 says what went wrong inside a script in the middle of its answer
            found = _WORD.search(str(one))
            if found:
                return _SAME.get(found[1], found[1])
    return None


def is_away(error: BaseException) -> bool:
    """Whether it is the server's, and may be over the next time."""
    return isinstance(error, RedisConnectionError | RedisTimeoutError | OSError) or trouble(error) is not None


def refusal(error: BaseException) -> BaseException | None:
    """The error of a server that does not take our password, or forbids what we need."""
    if trouble(error) not in ("NOAUTH", "WRONGPASS", "NOPERM"):
        return None
    # redis-py wraps what is refused on a unix socket
    return next((one for one in (error, error.__cause__) if isinstance(one, (*REFUSED, ResponseError))), error)


def happened_and_mend(error: BaseException) -> tuple[str, str]:
    """One sentence without its full stop, and one with it."""
    word = trouble(error)
    if word is not None:
        return TROUBLES[word]
    if is_away(error):
        said = str(error).strip().rstrip(".")
        return f"The queue's server does not answer: {said}", "Start it, or check UNSTILL_REDIS__URL."
    return f"The queue's server refused a command: {error}".rstrip("."), "Look at the log, and at the server's version."


def told(error: BaseException) -> str:
    """What happened and what mends it, in one line."""
    happened, mend = happened_and_mend(error)
    return " ".join(f"{happened}. {mend}".split())
