"""Methods that put messages into a chat."""

from __future__ import annotations

from typing import Any

from wire_doubles.telegram.access import chat_of, check_may_send, replied_of, thread_of
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.content import caption_of, keyboard_of, media_of, text_of
from wire_doubles.telegram.entities import Entity
from wire_doubles.telegram.errors import bad_request
from wire_doubles.telegram.media import Kind, Media
from wire_doubles.telegram.messages import Message
from wire_doubles.telegram.methods import method
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

Wire = dict[str, Any]
ALBUM = range(2, 11)


@method("sendMessage")
def send_message(world: World, call: Call) -> Wire:
    chat = chat_of(world, call)
    check_may_send(chat, "text")
    text, found = text_of(call)
    return _place(world, chat, call, text, found).wire()


@method("sendPhoto")
def send_photo(world: World, call: Call) -> Wire:
    return _send_media(world, call, "photo")


@method("sendVideo")
def send_video(world: World, call: Call) -> Wire:
    return _send_media(world, call, "video")


@method("sendAnimation")
def send_animation(world: World, call: Call) -> Wire:
    return _send_media(world, call, "animation")


@method("sendDocument")
def send_document(world: World, call: Call) -> Wire:
    return _send_media(world, call, "document")


@method("sendMediaGroup")
def send_media_group(world: World, call: Call) -> list[Wire]:
    chat = chat_of(world, call)
    items = call.json("media")
    if not isinstance(items, list) or len(items) not in ALBUM:
        raise bad_request("wrong number of media in the group")
    prepared: list[tuple[Media, str, list[Entity]]] = []
    for item in items:
        kind = item.get("type")
        if kind not in ("photo", "video", "document"):
            raise bad_request("can't parse InputMedia: media type is wrong")
        check_may_send(chat, kind)
        media = media_of(world, call, kind, str(item.get("media", "")), item, "media")
        prepared.append(
            (media, *caption_of(item.get("caption", ""), item.get("parse_mode", ""), item.get("caption_entities")))
        )
    replied = replied_of(chat, call)
    thread = thread_of(world, chat, call, replied)
    world.limits.spend(chat.id, group=chat.is_group, messages=len(prepared))
    album = world.album(chat, f"bot {world.next_id()}")
    return [
        _say(world, chat, call, text, found, media, replied=replied, thread=thread, album=album).wire()
        for media, text, found in prepared
    ]


def _send_media(world: World, call: Call, kind: Kind) -> Wire:
    chat = chat_of(world, call)
    check_may_send(chat, kind)
    text, found = caption_of(call.text("caption"), call.text("parse_mode"), call.json("caption_entities"))
    about = {name: call.text(name) for name in ("width", "height", "duration", "thumbnail", "supports_streaming")}
    media = media_of(world, call, kind, call.text(kind), about, kind)
    shown = _place(world, chat, call, text, found, media)
    shown.spoiler = call.flag("has_spoiler")
    return shown.wire()


def _place(world: World, chat: Chat, call: Call, text: str, found: list[Entity], media: Media | None = None) -> Message:
    replied = replied_of(chat, call)
    thread = thread_of(world, chat, call, replied)
    keyboard_of(call)
    world.limits.spend(chat.id, group=chat.is_group)
    return _say(world, chat, call, text, found, media, replied=replied, thread=thread)


def _say(
    world: World,
    chat: Chat,
    call: Call,
    text: str,
    found: list[Entity],
    media: Media | None,
    *,
    replied: Message | None,
    thread: int | None,
    album: str | None = None,
) -> Message:
    keyboard, other = keyboard_of(call)
    if replied is None and thread is not None and chat.forum:
        replied = chat.topics[thread].created
    return world.post(
        Message(
            world.next_message_id(chat),
            chat,
            world.bot,
            world.clock.date(),
            text,
            found,
            media,
            keyboard,
            other,
            reply_to=replied,
            thread=thread,
            album=album,
            silent=call.flag("disable_notification"),
        )
    )
