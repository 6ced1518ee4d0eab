"""References to messages of ours, as the ledger keeps them."""

from __future__ import annotations

import msgspec

from unstill_bots.delivery.chat import MessageGone


class MessageRef(msgspec.Struct, frozen=True):
    """A message of ours; its number means something only in the chat it was sent to."""

    chat: str
    message: int

    def __str__(self) -> str:
        return f"{self.chat}:{self.message}"

    @classmethod
    def of(cls, text: str) -> MessageRef:
        """Read the ref of a message, or of a clip."""
        chat, _, message = text.split(" ")[0].partition(":")
        return cls(chat, int(message))

    def within(self, chat: str) -> int:
        """Return the message's number. Raises MessageGone where the chat has got another id since."""
        if chat != self.chat:
            raise MessageGone("the chat moved, and its messages are out of reach")
        return self.message


class ClipRef(msgspec.Struct, frozen=True):
    """What was shown: with the platform's `file` id it can be shown again without an upload."""

    ref: MessageRef
    kind: str
    file: str

    def __str__(self) -> str:
        return f"{self.ref} {self.kind} {self.file}"

    @classmethod
    def of(cls, text: str | None) -> ClipRef | None:
        """None where it is none of a clip's."""
        parts = (text or "").split(" ")
        if len(parts) != 3 or not parts[2]:
            return None
        return cls(MessageRef.of(parts[0]), parts[1], parts[2])
