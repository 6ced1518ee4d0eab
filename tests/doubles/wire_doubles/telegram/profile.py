"""Methods with which a bot tells about itself: its commands, by scope and language, and its descriptions."""

from __future__ import annotations

import json
import re
from typing import Any

from wire_doubles.telegram.access import chat_of
from wire_doubles.telegram.errors import bad_request
from wire_doubles.telegram.methods import method
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

MAX_COMMANDS = 100
SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat", "chat_administrators")
# field: the longest that the platform takes
TEXTS = {"name": 64, "description": 512, "short_description": 120}


def _where(world: World, call: Call) -> tuple[str, str]:
    scope = call.json("scope") or {"type": "default"}
    if scope.get("type") not in SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if "chat_id" in scope:
        chat_of(world, Call(call.method, {"chat_id": str(scope["chat_id"])}))
    language = call.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("invalid language code specified")
    return json.dumps(scope, sort_keys=True), language


@method("setMyCommands")
def set_my_commands(world: World, call: Call) -> bool:
    where = _where(world, call)
    commands: list[dict[str, Any]] = call.json("commands") or []
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.profile.commands[where] = commands
    return True


@method("getMyCommands")
def get_my_commands(world: World, call: Call) -> list[dict[str, str]]:
    return world.profile.commands.get(_where(world, call), [])


@method("deleteMyCommands")
def delete_my_commands(world: World, call: Call) -> bool:
    world.profile.commands.pop(_where(world, call), None)
    return True


def _set(field: str) -> None:
    @method(f"setMy{field.title().replace('_', '')}")
    def set_text(world: World, call: Call) -> bool:
        text = call.text(field)
        if len(text) > TEXTS[field]:
            raise bad_request(f"BOT_{field.upper()}_TOO_LONG")
        world.profile.texts[field, call.text("language_code")] = text
        return True

    @method(f"getMy{field.title().replace('_', '')}")
    def get_text(world: World, call: Call) -> dict[str, str]:
        texts = world.profile.texts
        otherwise = texts.get((field, ""), world.bot.name if field == "name" else "")
        return {field: texts.get((field, call.text("language_code")), otherwise)}


for _field in TEXTS:
    _set(_field)


@method("setChatMenuButton")
def set_chat_menu_button(world: World, call: Call) -> bool:
    """For one private chat, or for all of them."""
    if call.text("chat_id"):
        chat_of(world, call)
    button = call.json("menu_button") or {"type": "default"}
    if button.get("type") not in ("commands", "web_app", "default"):
        raise bad_request("can't parse menu button: Unsupported type specified")
    if button["type"] == "web_app":
        if not str((button.get("web_app") or {}).get("url", "")).startswith("https://"):
            raise bad_request("menu button Web App URL is invalid: Only HTTPS links are allowed")
        if not button.get("text"):
            raise bad_request("menu button text must be non-empty")
        world.profile.app = button["web_app"]["url"], button["text"]
    world.profile.menu_buttons[call.number("chat_id")] = button["type"]
    return True


@method("getChatMenuButton")
def get_chat_menu_button(world: World, call: Call) -> dict[str, str]:
    buttons = world.profile.menu_buttons
    return {"type": buttons.get(call.number("chat_id"), buttons.get(0, "default"))}


@method("setMyProfilePhoto")
def set_my_profile_photo(world: World, call: Call) -> bool:
    """A JPEG that is uploaded with the call; what was sent before cannot be used."""
    photo = call.json("photo") or {}
    if photo.get("type") not in ("static", "animated"):
        raise bad_request("can't parse input profile photo: type is wrong")
    attached = str(photo.get("photo", "")).removeprefix("attach://")
    if attached not in call.uploads:
        raise bad_request("profile photo must be uploaded as a file")
    if call.uploads[attached].data[:2] != b"\xff\xd8":
        raise bad_request("PHOTO_EXT_INVALID")
    world.profile.photos.insert(0, world.files.photo(call.uploads[attached].data))
    return True


@method("removeMyProfilePhoto")
def remove_my_profile_photo(world: World, call: Call) -> bool:
    if not world.profile.photos:
        raise bad_request("profile photo not found")
    world.profile.photos.pop(0)
    return True


@method("getUserProfilePhotos")
def get_user_profile_photos(world: World, call: Call) -> dict[str, Any]:
    """The bot's own; people here have none."""
    photos = world.profile.photos if call.number("user_id") == world.bot.id else []
    shown = photos[call.number("offset") :][: call.number("limit", 100)]
    return {"total_count": len(photos), "photos": [photo.wire()["photo"] for photo in shown]}
