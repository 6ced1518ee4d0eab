"""May the bot do this here? Where to, as a reply to what, in which topic: all that a call says before its content."""

from __future__ import annotations

from typing import Literal

from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.errors import bad_request, forbidden
from wire_doubles.telegram.media import Kind
from wire_doubles.telegram.messages import Message
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

# what ChatPermissions call it, and how the refusal does
_RIGHT: dict[str, tuple[str, str]] = {
    "text": ("can_send_messages", "text messages"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "animation": ("can_send_other_messages", "animations"),
    "sticker": ("can_send_other_messages", "stickers"),
    "document": ("can_send_documents", "documents"),
}


def chat_of(world: World, call: Call, field: str = "chat_id") -> Chat:
    """Raises 400 for an unknown chat and for one that has moved, 403 where the bot is not wanted."""
    said = call.text(field)
    if not said:
        raise bad_request(f"{field} is empty")
    try:
        chat = world.chats.get(int(said))
    except ValueError:
        chat = None
    if chat is None:
        raise bad_request("chat not found")
    if chat.migrated_to:
        raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to.id)
    kind = chat.kind
    match chat.standing:
        case "stranger":
            raise forbidden("bot can't initiate conversation with a user")
        case "deactivated":
            raise forbidden("user is deactivated")
        case "kicked" if kind == "private":
            raise forbidden("bot was blocked by the user")
        case "kicked":
            raise forbidden(f"bot was kicked from the {kind} chat")
        case "left":
            raise forbidden(f"bot is not a member of the {kind} chat")
    return chat


def check_may_send(chat: Chat, kind: Kind | Literal["text"]) -> None:
    """Raises 400."""
    right, name = _RIGHT[kind]
    if chat.standing == "restricted" and right in chat.forbidden:
        raise bad_request(f"not enough rights to send {name} to the chat")
    if chat.kind == "channel" and chat.standing != "administrator":
        raise bad_request("need administrator rights in the channel chat")


def replied_of(chat: Chat, call: Call) -> Message | None:
    """Raises 400 unless the call allows to send without it."""
    parameters = call.json("reply_parameters") or {}
    number = int(parameters.get("message_id", 0)) or call.number("reply_to_message_id")
    if not number:
        return None
    message = chat.messages.get(number)
    if message is not None and not message.deleted:
        return message
    if parameters.get("allow_sending_without_reply") or call.flag("allow_sending_without_reply"):
        return None
    raise bad_request("message to be replied not found")


def thread_of(world: World, chat: Chat, call: Call, replied: Message | None) -> int | None:
    """Raises 400 for a topic that is none, or closed."""
    thread = call.number("message_thread_id") or None
    if chat.forum:
        if thread is None:
            thread = world.thread_of(chat, replied)
        if thread is None:
            return None
        topic = chat.topics.get(thread)
        if topic is None or topic.deleted:
            raise bad_request("message thread not found")
        if topic.closed and chat.standing != "administrator":
            raise bad_request("TOPIC_CLOSED")
        return thread
    if thread is not None and not any(message.thread == thread for message in chat.messages.values()):
        root = chat.messages.get(thread)
        # a channel's post can be commented on before anybody did
        if root is None or root.deleted or not root.automatic:
            raise bad_request("message thread not found")
    return thread if thread is not None else world.thread_of(chat, replied)


def message_of(world: World, chat: Chat, call: Call, what: str) -> Message:
    """Raises 400, "message to `what` not found"."""
    number = call.number("message_id")
    if number <= 0:
        raise bad_request("message identifier is not specified")
    message = chat.messages.get(number)
    if message is None or message.deleted:
        raise bad_request(f"message to {what} not found")
    return message
