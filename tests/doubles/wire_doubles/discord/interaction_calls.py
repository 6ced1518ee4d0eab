"""Operations that need an interaction's token and nothing else: the first answer, and what follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wire_doubles.discord import components, mentions
from wire_doubles.discord.access import check_not_archived, check_not_locked
from wire_doubles.discord.commands import STRING, check_choices
from wire_doubles.discord.content import Content, content_of
from wire_doubles.discord.errors import (
    already_acknowledged,
    invalid_body,
    invalid_webhook_token,
    too_many_followups,
    unknown_channel,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)
from wire_doubles.discord.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    DEFERRED,
    DEFERRED_UPDATE,
    MESSAGE,
    MODAL,
    MODAL_SUBMIT,
    UPDATE,
    Interaction,
)
from wire_doubles.discord.messages import EPHEMERAL, LOADING, MENU_ANSWER, REPLY, SLASH_ANSWER, Message
from wire_doubles.discord.requests import Call
from wire_doubles.discord.routes import route
from wire_doubles.discord.threads import Thread

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

FITTING = {
    COMMAND: (MESSAGE, DEFERRED, MODAL),
    COMPONENT: (MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
    MODAL_SUBMIT: (MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE),
}
USER_INSTALL_FOLLOWUPS = 5
HOOK = "/webhooks/{application_id}/{token}"
ORIGINAL = HOOK + "/messages/@original"
FOLLOWUP = HOOK + "/messages/{message_id}"


@route("POST", "/interactions/{interaction_id}/{token}/callback", allowed=(1000, 1.0), open=True)
def answer_interaction(world: World, call: Call) -> Wire | None:
    """Once, and within three seconds. Raises 10062, 40060 and 50035."""
    interaction = world.interactions.get(call.id("interaction_id"))
    if interaction is None or interaction.token != call.path["token"]:
        raise unknown_interaction()
    if interaction.callback is not None:
        raise already_acknowledged()
    if interaction.too_late:
        raise unknown_interaction()
    kind = call.fields.get("type")
    updates = kind in (UPDATE, DEFERRED_UPDATE)
    if kind not in FITTING[interaction.type] or (updates and interaction.message is None):
        raise invalid_body("type", "INTERACTION_CALLBACK_TYPE_INVALID", f"Type {kind} is no answer to this interaction")
    _answer(world, interaction, kind, call.fields.get("data") or {}, call)
    interaction.callback, interaction.answered_at = kind, world.clock.now()
    interaction.shows()
    return _told(interaction, kind) if call.flag("with_response") else None


def _answer(world: World, interaction: Interaction, kind: int, data: Wire, call: Call) -> None:
    if kind == MODAL:
        interaction.modal = components.modal(data)
    elif kind == CHOICES:
        check_choices(data.get("choices") or [], _focused_type(interaction), "data.choices")
        interaction.choices = tuple(data.get("choices") or ())
    elif kind == DEFERRED:
        interaction.original = _new(world, interaction, int(data.get("flags") or 0) & EPHEMERAL | LOADING)
        world.post(interaction.original)
    elif kind == MESSAGE:
        interaction.original = _posted(world, interaction, data, call)
    else:
        interaction.original = interaction.message
        if kind == UPDATE:
            assert interaction.message
            _rewritten(world, interaction, interaction.message, data, call)


@route("GET", ORIGINAL, open=True, allowed=(5, 1.0))
def get_original(world: World, call: Call) -> Wire:
    return _original(_hook(world, call)).wire()


@route("PATCH", ORIGINAL, open=True, allowed=(5, 2.0))
def edit_original(world: World, call: Call) -> Wire:
    interaction = _hook(world, call)
    return _rewritten(world, interaction, _original(interaction), call.fields, call)


@route("DELETE", ORIGINAL, open=True, allowed=(5, 2.0))
def delete_original(world: World, call: Call) -> None:
    world.remove(_original(_hook(world, call)))


@route("POST", HOOK, open=True, allowed=(5, 2.0))
def create_followup(world: World, call: Call) -> Wire:
    """The first one after a deferred answer becomes that answer."""
    interaction = _hook(world, call)
    original = interaction.original
    if interaction.callback == DEFERRED and original and original.loading and not original.deleted:
        return _rewritten(world, interaction, original, call.fields, call, call_people=True)
    if interaction.by_user_install and interaction.followups >= USER_INSTALL_FOLLOWUPS:
        raise too_many_followups()
    message = _posted(world, interaction, call.fields, call, after=original)
    interaction.followups += 1
    return message.wire(handed=True)


@route("GET", FOLLOWUP, open=True, allowed=(5, 1.0))
def get_followup(world: World, call: Call) -> Wire:
    return _followup(_hook(world, call), call).wire()


@route("PATCH", FOLLOWUP, open=True, allowed=(5, 2.0))
def edit_followup(world: World, call: Call) -> Wire:
    interaction = _hook(world, call)
    return _rewritten(world, interaction, _followup(interaction, call), call.fields, call)


@route("DELETE", FOLLOWUP, open=True, allowed=(5, 2.0))
def delete_followup(world: World, call: Call) -> None:
    world.remove(_followup(_hook(world, call), call))


def _hook(world: World, call: Call) -> Interaction:
    """Raises 50027 for a token that is over or none, 10015 before the first answer."""
    interaction = world.tokens.get(call.path["token"])
    if interaction is None or interaction.expired or call.id("application_id") != world.bot.id:
        raise invalid_webhook_token()
    if interaction.callback is None:
        raise unknown_webhook()
    return interaction


def _original(interaction: Interaction) -> Message:
    message = interaction.original
    if message is None or message.deleted or message.channel.deleted:
        raise unknown_message()
    return message


def _followup(interaction: Interaction, call: Call) -> Message:
    message = interaction.channel.messages.get(call.id("message_id"))
    ours = message is not None and (message.interaction is interaction or message is interaction.original)
    if message is None or message.deleted or not ours:
        raise unknown_message()
    return message


def _new(world: World, interaction: Interaction, flags: int, after: Message | None = None) -> Message:
    if interaction.must_be_ephemeral:
        flags |= EPHEMERAL
    target = after or interaction.message
    kind = REPLY if target else 0
    if interaction.type == COMMAND and after is None:
        kind = SLASH_ANSWER if interaction.data["type"] == 1 else MENU_ANSWER
    return Message(
        world, world.snowflakes.next(), interaction.channel, world.bot, world.timestamp(), flags=flags, type=kind,
        interaction=interaction, only_for=interaction.person if flags & EPHEMERAL else None,
        replied=target, replied_id=target.id if target else None,
    )  # fmt: skip


def _posted(world: World, interaction: Interaction, data: Wire, call: Call, after: Message | None = None) -> Message:
    channel = interaction.channel
    if channel.deleted:
        raise unknown_channel()
    check_not_locked(channel)
    ephemeral = bool(int(data.get("flags") or 0) & EPHEMERAL) or interaction.must_be_ephemeral
    content = content_of(
        world, data, call.uploads, channel=channel, limit=interaction.upload_limit, ephemeral=ephemeral
    )
    if isinstance(channel, Thread) and channel.archived:
        channel.open()
    message = _new(world, interaction, content.flags, after)
    content.write(message)
    mentions.mark(world, message, content.allowed, answer=True)
    return world.post(message)


def _rewritten(
    world: World, interaction: Interaction, message: Message, data: Wire, call: Call, *, call_people: bool = False
) -> Wire:
    was_loading = message.loading
    check_not_archived(message.channel)
    content: Content = content_of(
        world, data, call.uploads, channel=message.channel, limit=interaction.upload_limit,
        ephemeral=message.ephemeral, editing=message,
    )  # fmt: skip
    content.write(message)
    message.flags &= ~LOADING
    if not was_loading:
        message.edited_at = world.timestamp()
    elif message is interaction.original:
        interaction.shows()
    mentions.mark(world, message, content.allowed, answer=True, silently=not (was_loading or call_people))
    world.tell_message("MESSAGE_UPDATE", message)
    return message.wire(handed=True)


def _focused_type(interaction: Interaction) -> int:
    def walk(options: list[Wire]) -> int | None:
        for option in options:
            if option.get("focused"):
                return int(option["type"])
            inner = walk(option.get("options") or [])
            if inner:
                return inner
        return None

    return walk(interaction.data.get("options") or []) or STRING


def _told(interaction: Interaction, kind: int) -> Wire:
    told: Wire = {"id": str(interaction.id), "type": interaction.type}
    answer: Wire = {"interaction": told}
    message = interaction.original
    if message is not None:
        told |= {
            "response_message_id": str(message.id), "response_message_loading": message.loading,
            "response_message_ephemeral": message.ephemeral,
        }  # fmt: skip
    if message is not None and kind in (MESSAGE, UPDATE):
        answer["resource"] = {"type": kind, "message": message.wire(handed=True)}
    elif kind != CHOICES:
        answer["resource"] = {"type": kind}
    return answer
