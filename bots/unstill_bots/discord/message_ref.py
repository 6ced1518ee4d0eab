"""References to messages of ours, as the ledger keeps them."""

from __future__ import annotations

import msgspec


class Note(msgspec.Struct, frozen=True):
    """A message of ours in a channel. `by_token`: it can be changed only by the token of its interaction."""

    channel: str
    message: int
    by_token: bool = False

    def __str__(self) -> str:
        return f"{self.channel}:{self.message}" + (":t" if self.by_token else "")

    @classmethod
    def of(cls, text: str) -> Note:
        """Of a note, or of a receipt."""
        channel, message, *by_token = text.split(" ")[0].split(":")
        return cls(channel, int(message), bool(by_token))


class Receipt(msgspec.Struct, frozen=True):
    """A clip that was shown: its message, and the platform's id of its file."""

    note: Note
    file: str

    def __str__(self) -> str:
        return f"{self.note} {self.file}"

    @classmethod
    def of(cls, text: str | None) -> Receipt | None:
        """None where it is none of a clip's."""
        note, _, file = (text or "").partition(" ")
        return cls(Note.of(note), file) if file else None
