"""Methods that answer what people pressed or typed, and those that show the bot at work."""

from __future__ import annotations

import re
from typing import Any

from wire_doubles.telegram.access import chat_of
from wire_doubles.telegram.errors import QUERY_TOO_OLD, bad_request
from wire_doubles.telegram.messages import Message
from wire_doubles.telegram.methods import method
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

MAX_ANSWER = 200
MAX_RESULTS = 50
MAX_RESULT_ID = 64
ACTIONS = ("typing", "upload_photo", "record_video", "upload_video", "upload_document", "choose_sticker")


@method("answerCallbackQuery")
def answer_callback_query(world: World, call: Call) -> bool:
    query = world.callbacks.get(call.text("callback_query_id"))
    if query is None or query.answered or world.clock.now() - query.asked_at > world.query_seconds:
        raise bad_request(QUERY_TOO_OLD)
    if len(call.text("text")) > MAX_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    query.text, query.alert = call.text("text"), call.flag("show_alert")
    query.answered = True
    return True


@method("answerInlineQuery")
def answer_inline_query(world: World, call: Call) -> bool:
    query = world.inlines.get(call.text("inline_query_id"))
    results: list[dict[str, Any]] = call.json("results") or []
    if len(results) > MAX_RESULTS:
        raise bad_request("RESULTS_TOO_MUCH")
    names = [str(result.get("id", "")) for result in results]
    if any(not 1 <= len(name.encode()) <= MAX_RESULT_ID for name in names):
        raise bad_request("RESULT_ID_INVALID")
    if len(set(names)) < len(names):
        raise bad_request("RESULT_ID_DUPLICATE")
    for result in results:
        _check(world, result)
    button = call.json("button")
    if button and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(button.get("start_parameter", ""))):
        raise bad_request("START_PARAM_INVALID")
    if query is None or query.answered or world.clock.now() - query.asked_at > world.query_seconds:
        raise bad_request(QUERY_TOO_OLD)
    query.results = results
    query.next_offset = call.text("next_offset")
    query.button = button
    query.cache_seconds = call.number("cache_time", 300)
    query.personal = call.flag("is_personal")
    query.answered = True
    return True


@method("answerGuestQuery")
def answer_guest_query(world: World, call: Call) -> dict[str, str]:
    """One message, in the chat that the bot is not in."""
    query = world.guests.get(call.text("guest_query_id"))
    result: dict[str, Any] = call.json("result") or {}
    if not 1 <= len(str(result.get("id", "")).encode()) <= MAX_RESULT_ID:
        raise bad_request("RESULT_ID_INVALID")
    _check(world, result)
    if query is None or query.answered or world.clock.now() - query.asked_at > world.query_seconds:
        raise bad_request(QUERY_TOO_OLD)
    asked = query.message
    assert asked is not None
    content = result.get("input_message_content") or {}
    text = str(content.get("message_text") or result.get("caption") or "")
    if not text:
        raise bad_request("message text is empty")
    files = [value for name, value in result.items() if name.endswith("_file_id")]
    query.shown = Message(
        world.next_message_id(asked.chat), asked.chat, world.bot, world.clock.date(), text,
        media=world.files.known(files[0]) if files else None, reply_to=asked,
    )  # fmt: skip
    asked.chat.messages[query.shown.id] = query.shown
    query.answered = True
    name = f"inline-{query.id}"
    world.inline_messages[name] = query.shown
    return {"inline_message_id": name}


def _check(world: World, result: dict[str, Any]) -> None:
    for name, value in result.items():
        if name.endswith("_file_id"):
            kind = {"mpeg4": "animation", "gif": "animation"}.get(name.split("_")[0], name.split("_")[0])
            if world.files.known(value).kind != kind:
                raise bad_request("wrong file identifier/HTTP URL specified")
    if result.get("type") in ("video", "document", "article") and not result.get("title"):
        raise bad_request("can't parse inline query result: Can't find field \"title\"")


@method("sendChatAction")
def send_chat_action(world: World, call: Call) -> bool:
    chat = chat_of(world, call)
    if call.text("action") not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append(call.text("action"))
    return True
