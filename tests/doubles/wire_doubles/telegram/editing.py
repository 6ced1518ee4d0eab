"""Methods that change or remove what stands in a chat."""

from __future__ import annotations

from typing import Any

from wire_doubles.telegram.access import chat_of, check_may_send, message_of
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.content import caption_of, keyboard_of, media_of, text_of
from wire_doubles.telegram.entities import Entity
from wire_doubles.telegram.errors import NOT_MODIFIED, bad_request
from wire_doubles.telegram.media import Media
from wire_doubles.telegram.messages import Message
from wire_doubles.telegram.methods import method
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

Wire = dict[str, Any]
DELETE_SECONDS = 48 * 3600.0


@method("editMessageText")
def edit_text(world: World, call: Call) -> Wire | bool:
    chat, message = _editable(world, call)
    text, found = text_of(call)
    if message.media:
        raise bad_request("there is no text in the message to edit")
    return _change(world, chat, call, message, text, found, None)


@method("editMessageCaption")
def edit_caption(world: World, call: Call) -> Wire | bool:
    chat, message = _editable(world, call)
    text, found = caption_of(call.text("caption"), call.text("parse_mode"), call.json("caption_entities"))
    if not message.media:
        raise bad_request("there is no caption in the message to edit")
    return _change(world, chat, call, message, text, found, message.media, spoiler=message.spoiler)


@method("editMessageMedia")
def edit_media(world: World, call: Call) -> Wire | bool:
    """A text message takes media too."""
    chat, message = _editable(world, call)
    item = call.json("media")
    if not isinstance(item, dict):
        raise bad_request("media is empty")
    kind = item.get("type")
    if kind not in ("photo", "video", "animation", "document"):
        raise bad_request("can't parse InputMedia: media type is wrong")
    if not call.text("inline_message_id"):
        check_may_send(chat, kind)
    text, found = caption_of(item.get("caption", ""), item.get("parse_mode", ""), item.get("caption_entities"))
    if call.text("inline_message_id") and (call.uploads or not item.get("media")):
        # its file has to be one that was sent before
        raise bad_request("invalid message content specified")
    media = media_of(world, call, kind, str(item.get("media", "")), item, "media")
    return _change(world, chat, call, message, text, found, media, spoiler=bool(item.get("has_spoiler")))


@method("editMessageReplyMarkup")
def edit_reply_markup(world: World, call: Call) -> Wire | bool:
    chat, message = _editable(world, call)
    return _change(world, chat, call, message, message.text, message.entities, message.media, spoiler=message.spoiler)


@method("deleteMessage")
def delete_message(world: World, call: Call) -> bool:
    _delete(world, chat_of(world, call), message_of(world, chat_of(world, call), call, "delete"))
    return True


@method("deleteMessages")
def delete_messages(world: World, call: Call) -> bool:
    """Those that are gone are passed over."""
    chat = chat_of(world, call)
    for number in call.json("message_ids") or []:
        message = chat.messages.get(int(number))
        if message and not message.deleted:
            _delete(world, chat, message)
    return True


@method("setMessageReaction")
def set_message_reaction(world: World, call: Call) -> bool:
    message = message_of(world, chat_of(world, call), call, "react")
    reactions = call.json("reaction") or []
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    allowed = message.chat.reactions
    if allowed is not None and any(each.get("emoji") not in allowed for each in reactions):
        raise bad_request("REACTION_INVALID")
    message.reactions = reactions
    return True


def _delete(world: World, chat: Chat, message: Message) -> None:
    own = message.sender is world.bot
    if not own and chat.kind != "private" and chat.standing != "administrator":
        raise bad_request("message can't be deleted")
    as_admin = chat.standing == "administrator"
    if not as_admin and world.clock.now() - message.date > DELETE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    message.deleted = True


def _editable(world: World, call: Call) -> tuple[Chat, Message]:
    if inline := call.text("inline_message_id"):
        if inline not in world.inline_messages or world.inline_messages[inline].deleted:
            raise bad_request("MESSAGE_ID_INVALID")
        return world.inline_messages[inline].chat, world.inline_messages[inline]
    chat = chat_of(world, call)
    message = message_of(world, chat, call, "edit")
    old = world.clock.now() - message.date > world.edit_seconds
    if message.sender is not world.bot or message.service is not None or message.other_markup or old:
        raise bad_request("message can't be edited")
    return chat, message


def _change(
    world: World,
    chat: Chat,
    call: Call,
    message: Message,
    text: str,
    found: list[Entity],
    media: Media | None,
    *,
    spoiler: bool = False,
) -> Wire | bool:
    """A keyboard that is not sent again is gone. Every edit counts for the limits, one without effect too."""
    keyboard, _ = keyboard_of(call)
    inline = bool(call.text("inline_message_id"))
    if not inline:
        world.limits.spend(chat.id, group=chat.is_group)
    before = message.content()
    if before == (text, found, media and media.file.unique_id, keyboard, spoiler):
        raise bad_request(NOT_MODIFIED)
    only_buttons = before[:3] == (text, found, media and media.file.unique_id)
    message.text, message.entities, message.media, message.keyboard = text, found, media, keyboard
    message.spoiler = spoiler
    if not only_buttons:
        message.edited_at = world.clock.date()
    return True if inline else message.wire()
