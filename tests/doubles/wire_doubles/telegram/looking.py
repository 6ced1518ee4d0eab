"""Methods that ask: who am I, what is this chat, who is in it, where is this file."""

from __future__ import annotations

from typing import Any

from wire_doubles.telegram.access import chat_of
from wire_doubles.telegram.errors import bad_request
from wire_doubles.telegram.methods import method
from wire_doubles.telegram.requests import Call
from wire_doubles.telegram.world import World

Wire = dict[str, Any]


@method("getMe")
def get_me(world: World, call: Call) -> Wire:
    return {
        **world.bot.wire(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": world.inline_enabled,
        "supports_guest_queries": world.guests_enabled,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


@method("getFile")
def get_file(world: World, call: Call) -> Wire:
    file, path = world.files.link(call.text("file_id"))
    return {**file.wire(), "file_path": path}


@method("getChat")
def get_chat(world: World, call: Call) -> Wire:
    """A ChatFullInfo."""
    chat = chat_of(world, call)
    wire = {
        **chat.wire(),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        ),
    }
    if linked := chat.linked or chat.discussion:
        wire["linked_chat_id"] = linked.id
    if chat.is_group:
        wire["permissions"] = {"can_send_messages": True}
    return wire


@method("getChatMember")
def get_chat_member(world: World, call: Call) -> Wire:
    chat, user = chat_of(world, call), call.number("user_id")
    if chat.kind == "channel" and chat.standing != "administrator" and user != world.bot.id:
        raise bad_request("member list is inaccessible")
    member = chat.member_wire(user)
    if member is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return member


@method("getChatAdministrators")
def get_chat_administrators(world: World, call: Call) -> list[Wire]:
    """Without other bots."""
    chat = chat_of(world, call)
    if not chat.is_group and chat.kind != "channel":
        raise bad_request("there are no administrators in the private chat")
    known = [member.id for member in chat.members] + [world.bot.id]
    return [wire for id in known if chat.is_admin(id) and (wire := chat.member_wire(id))]


@method("getChatMemberCount")
def get_chat_member_count(world: World, call: Call) -> int:
    chat = chat_of(world, call)
    return 2 if chat.person else len(chat.members) + 1


@method("leaveChat")
def leave_chat(world: World, call: Call) -> bool:
    chat = chat_of(world, call)
    if chat.kind == "private":
        raise bad_request("chat member status can't be changed in private chats")
    world.set_standing(chat, "left", world.bot)
    return True


@method("logOut")
def log_out(world: World, call: Call) -> bool:
    return True


@method("close")
def close(world: World, call: Call) -> bool:
    return True
