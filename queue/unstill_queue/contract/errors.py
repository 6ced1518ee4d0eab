"""What can go wrong on the way through the queue. One root; each says what it is about."""

from __future__ import annotations

from collections.abc import Sequence

from unstill_queue.contract.jobs import Failed


class QueueError(Exception):
    """The root. Its text is one sentence of what happened, and one of what to do where there is one."""


class Allowed:
    """The values that an option takes: one of `codes.ALLOWED`, with its parameters."""

    def __init__(self, code: str, **details: str) -> None:
        self.code = code
        self.details = details

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Allowed) and (self.code, self.details) == (other.code, other.details)

    def __repr__(self) -> str:
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.details.items())])


ANY = Allowed("names", names="")
"""Stands for what an option takes where there is no such option."""


class OptionError(QueueError):
    """A parameter that cannot be used as it was given. The text is for the operator, as of every JobError.

    `option` is the canonical name or, for an unknown one, what was typed. `nearest` is a known
    name or a valid value close to what was meant, if there is one. `typed` is the option as the person wrote it, dashes
    and all; empty where nobody typed it. `others` are what else is wrong with the same caption.
    """

    def __init__(
        self, option: str, value: str, allowed: Allowed = ANY, *, nearest: str | None = None, unknown: bool = False
    ) -> None:
        self.option = option
        self.value = value
        self.allowed = allowed
        self.nearest = nearest
        self.unknown = unknown
        self.typed = ""
        self.others: tuple[OptionError, ...] = ()
        what = "unknown" if unknown else f"{value!r} is not of {allowed}"
        super().__init__(f"option {option}: {what}, nearest is {nearest}")

    @property
    def faults(self) -> tuple[OptionError, ...]:
        """All that is wrong, this error first."""
        return (self, *self.others)

    @classmethod
    def together(cls, faults: Sequence[OptionError]) -> OptionError:
        """Make one error of several, of which there is at least one."""
        first, *others = faults
        first.others = tuple(others)
        return first


class BlockedWords(OptionError):
    """Words that the host does not take. It does not say which, as a group would read them."""

    def __init__(self) -> None:
        super().__init__("prompt", "")


class QuotaExceeded(QueueError):
    """A person or a chat has as many jobs, or GPU-seconds today, as the host allows."""

    def __init__(self, quota: str, scope: str, limit: float, used: float) -> None:
        self.quota = quota
        self.scope = scope
        self.limit = limit
        self.used = used
        super().__init__(
            f"The {scope} has used its {quota}: {used:g} of {limit:g}. Wait for a job to end, or try tomorrow."
        )


class NotTaken(QueueError):
    """A request is not written down: it is too early, or the host does not want it."""


class Paused(NotTaken):
    """The host has new requests refused for now."""

    def __init__(self) -> None:
        super().__init__("The host takes no requests for now. Ask again later.")


class Blocked(NotTaken):
    """The host has blocked the person or the chat. `told`: they have been told so."""

    def __init__(self, *, told: bool) -> None:
        self.told = told
        super().__init__("The host has blocked this person or chat. Ask whoever runs the bot.")


class TooManyRequests(NotTaken):
    """An account has asked for `limit` clips within a minute; there is room for one more in `retry_after` seconds."""

    def __init__(self, limit: int, retry_after: float) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(f"There were {limit} requests within a minute. Wait {retry_after:.0f} seconds.")


class UnknownJob(QueueError):
    """No record of that job exists, or its record has expired."""

    def __init__(self, job: str) -> None:
        self.job = job
        super().__init__(f"There is no job {job}. It may have expired.")


class UnreadableRecord(UnknownJob):
    """A record stands under the id, and this program cannot act on it: `wrong` says why, for the operator.

    `newer`: it was written by a newer version, which can. An UnknownJob, so that whoever walks over records and
    leaves out those that are gone leaves out these too.
    """

    def __init__(self, job: str, wrong: str, *, newer: bool = False) -> None:
        super().__init__(job)
        self.wrong = wrong
        self.newer = newer
        self.args = (f"The record of {job} cannot be read: {wrong}. Run unstill doctor.",)


class JobError(QueueError):
    """A job cannot be done. `failed` is the answer that its person gets; the text is for the operator alone.

    `code` and `details` are as in `codes.FAILURES`.
    """

    def __init__(self, code: str, message: str, **details: str) -> None:
        self.failed = Failed(code, details=details)
        super().__init__(message)

    @property
    def code(self) -> str:
        return self.failed.code


class StorageError(JobError):
    """The bytes could not be read or written.

    `code` says why: storage_full (no room), storage_refused (no permission), storage_missing (no folder) or
    storage_away (anything else, or for now); with disk_ for storage_ where it is not the storage's fault but that of
    the folder to which a file was to be brought.
    """

    def __init__(self, message: str, code: str = "storage_away") -> None:
        super().__init__(code, message)

    @property
    def lasting(self) -> bool:
        """Whether somebody has to mend it: trying again for a while will hardly do."""
        return not self.code.endswith("_away")


class NotFound(StorageError):
    """Nothing is stored under that key; it may have expired."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"Nothing is stored under {key}. It may have expired.")


class CodecError(QueueError):
    """Bytes that are not one of our values."""


class NewerVersion(CodecError):
    """One of our values as a newer version writes it; `version` is its number."""

    def __init__(self, version: int, ours: int) -> None:
        self.version = version
        super().__init__(f"The record is of version {version} and this program reads {ours}. Update this program.")


class EmbeddedError(QueueError):
    """The Valkey server of our own could not be started."""
