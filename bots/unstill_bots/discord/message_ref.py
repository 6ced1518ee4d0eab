"""References to messages of ours, as the ledger keeps them."""

from __future__ import annotations

import msgspec


class MessageRef(msgspec.Struct, frozen=True):
    """A message of ours in a channel. `by_token`: it can be changed only by the token of its interaction."""

    channel: str
    message: int
    by_token: bool = False

    def __str__(self) -> str:
        return f"{self.channel}:{self.message}" + (":t" if self.by_token else "")

    @classmethod
    def of(cls, text: str) -> MessageRef:
        """Read the ref of a message, or of a clip."""
        channel, message, *by_token = text.split(" ")[0].split(":")
        return cls(channel, int(message), bool(by_token))


class ClipRef(msgspec.Struct, frozen=True):
    """A clip that was shown: its message, and the platform's id of its file."""

    ref: MessageRef
    file: str

    def __str__(self) -> str:
        return f"{self.ref} {self.file}"

    @classmethod
    def of(cls, text: str | None) -> ClipRef | None:
        """None where it is none of a clip's."""
        ref, _, file = (text or "").partition(" ")
        return cls(MessageRef.of(ref), file) if file else None
