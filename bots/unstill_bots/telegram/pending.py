"""A message that asks for a clip, as the queue's Request."""

from __future__ import annotations

from telegram import Chat, Message

from unstill_bots.intake.pending import PendingRequest
from unstill_bots.telegram.media import Picture
from unstill_queue.contract.jobs import ReplyAddress, Requester

PLATFORM = "telegram"
GUEST = "guest"
"""In `ReplyAddress.extra`: the request came from a chat that the bot is not in."""


class TelegramRequest(PendingRequest, frozen=True, kw_only=True):
    """A request for a clip on Telegram. `chat` and `message` are the message's own, `album` its media group's id;
    `persona` as in `Requester`. `guest` is the id of a query from a chat that the bot is not in, and `message` then
    empty: it is answered in the person's own chat.
    """

    chat: str
    message: str
    picture: Picture
    thread: str | None = None
    persona: bool = False
    guest: str = ""

    @property
    def id(self) -> str:
        return f"{PLATFORM}:{self.chat}:{self.message or GUEST + self.guest}"

    @property
    def who(self) -> Requester:
        return Requester(PLATFORM, self.user, self.chat, self.language, self.persona)

    def address(self, job: str = "") -> ReplyAddress:
        extra = {"job": job, GUEST: "1" if self.guest else ""}
        return ReplyAddress(PLATFORM, self.chat, self.message, self.thread, {k: v for k, v in extra.items() if v})


def pending_of(message: Message, picture: Picture, language: str, upload_limit: int) -> TelegramRequest:
    return TelegramRequest(
        chat=str(message.chat.id),
        message=str(message.message_id),
        user=user_of(message),
        language=language,
        sent_at=message.date.timestamp(),
        picture=picture,
        thread=thread_of(message),
        album=message.media_group_id or "",
        persona=message.sender_chat is not None,
        covered=any(one.type == "spoiler" for one in (*message.entities, *message.caption_entities)),
        upload_limit=upload_limit,
    )


def id_of(message: Message) -> str:
    """The id of the request that a message is."""
    return f"{PLATFORM}:{message.chat.id}:{message.message_id}"


def user_of(message: Message) -> str:
    """Who sent it; a group's or channel's id where it speaks itself."""
    if message.sender_chat is not None:
        return str(message.sender_chat.id)
    return str(message.from_user.id) if message.from_user else str(message.chat.id)


def thread_of(message: Message) -> str | None:
    """The forum's topic. In other groups a thread is only a chain of replies, which nobody may send into."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None


def scope_of(chat: Chat) -> str:
    """A chat's name for its preferences."""
    return f"{PLATFORM}:{chat.id}"
