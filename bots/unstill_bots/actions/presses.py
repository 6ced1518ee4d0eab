"""Who may do what: every action that a chat offers, and the one place where an attempt at one is judged."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

import msgspec

from unstill_bots.actions.variations import AGAIN, BETTER, LOOP, REELS
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.platforms import PLATFORMS, BotSettings
from unstill_queue.contract.options import EXTEND

TELEGRAM, DISCORD = "telegram", "discord"
EVERYWHERE = tuple(PLATFORMS)
CHATS = tuple(name for name, settings in PLATFORMS.items() if issubclass(settings, BotSettings))
"""The platforms on which one talks with a bot: commands are typed there, and a question is answered by a press."""


class May(Enum):
    """Names who may do an action.

    `ADMINS` are those of the very chat in which it is done. `HOSTS` host the bots, and are known by their ids: see
    `host_commands.may_host`.
    """

    EVERYBODY = auto()
    OWNER = auto()
    OWNER_OR_ADMINS = auto()
    ADMINS = auto()
    HOSTS = auto()


class Action(msgspec.Struct, frozen=True):
    """Describes a thing that people can do, and the platforms on which they can.

    `buttons`, `commands`, `menus` and `forms` are the platforms that offer it so; on those of `hosts` it is a command
    for the hosts alone.

    `anywhere`: it may be done from any message of the chat where the job's answer stands, not only from that answer.
    """

    name: str
    does: str
    may: May
    buttons: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    menus: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    anywhere: bool = False


CANCEL, DELETE, FORGET, PRESET, FORM, SHARE = "cancel", "delete", "forgetme", "preset", "form", "share"
EDIT, SWITCH, NEW_SEED = "edit", "switch_model", "new_seed"
LAST_PICTURE, WORDS_ALONE = "last_picture", "words_alone"
REPORT = "report"
SETTINGS, CHAT_SETTINGS = "settings", "chat_settings"

_ALL = (
    # A status message that was sent right before a kill may be on no record: its Cancel has to work too.
    Action(CANCEL, "ends a job", May.OWNER_OR_ADMINS, EVERYWHERE, CHATS, anywhere=True),
    Action(SWITCH, "has a waiting clip made by a model that is served", May.OWNER, EVERYWHERE, anywhere=True),
    Action(NEW_SEED, "has a clip in the making made with another seed", May.OWNER, EVERYWHERE),
    Action(DELETE, "removes a clip from its chat and from storage", May.OWNER_OR_ADMINS, EVERYWHERE, (TELEGRAM,)),
    Action(AGAIN, "asks for one more clip, by another seed or another move", May.OWNER, EVERYWHERE),
    Action(BETTER, "asks for the clip in better quality", May.OWNER, EVERYWHERE),
    Action(REELS, "asks for the clip in 9:16", May.OWNER, EVERYWHERE),
    Action(LOOP, "asks for the clip as a loop", May.OWNER, EVERYWHERE),
    Action(EXTEND, "asks for the clip with one more piece, from its end on", May.OWNER, EVERYWHERE),
    # the platform itself asks which chat, and does not tell in which one it was pressed
    Action(SHARE, "offers the clip to another chat, on Telegram", May.OWNER, (TELEGRAM,), anywhere=True),
    # who presses it there presses at their own
    Action(REPORT, "reports a clip to who hosts the bot", May.EVERYBODY, ("web",), (TELEGRAM,), (DISCORD,)),
    Action(EDIT, "asks for other words, for a picture whose words were refused", May.OWNER, EVERYWHERE),
    Action(PRESET, "asks for a clip of a picture that waits for words", May.OWNER, CHATS),
    Action(LAST_PICTURE, "asks for a clip of one's last picture by new words", May.OWNER, CHATS, anywhere=True),
    Action(WORDS_ALONE, "asks for a clip of new words alone", May.OWNER, CHATS, anywhere=True),
    Action(FORM, "asks for clips of pictures that somebody pointed at", May.OWNER, forms=(DISCORD,), anywhere=True),
    Action(SETTINGS, "shows and changes a person's own defaults", May.EVERYBODY, CHATS, CHATS),
    Action(CHAT_SETTINGS, "shows and changes how a group or server uses the bot", May.ADMINS, CHATS),
    Action("animate", "asks for a clip", May.EVERYBODY, commands=CHATS, menus=(DISCORD,)),
    Action("animate_avatar", "asks for a clip of a person's picture", May.EVERYBODY, menus=(DISCORD,)),
    Action("queue", "lists one's own jobs", May.EVERYBODY, commands=CHATS),
    Action("presets", "lists the presets", May.EVERYBODY, commands=CHATS),
    Action("options", "lists the options", May.EVERYBODY, commands=CHATS),
    Action("tips", "says how to write good words", May.EVERYBODY, commands=CHATS),
    Action("status", "says how busy the bot is", May.EVERYBODY, commands=CHATS),
    Action("help", "says what can be done here", May.EVERYBODY, commands=CHATS),
    Action("privacy", "says what is kept", May.EVERYBODY, commands=CHATS),
    Action(FORGET, "deletes what is kept of who asks", May.EVERYBODY, commands=CHATS),
    Action("start", "says what the bot does", May.EVERYBODY, commands=(TELEGRAM,)),
    Action("pause", "has new requests refused; what is queued is made", May.HOSTS, hosts=CHATS),
    Action("drain", "has engines finish what they have and take no more", May.HOSTS, hosts=CHATS),
    Action("resume", "ends a pause and a drain", May.HOSTS, hosts=CHATS),
    Action("usage", "counts clips and seconds of today by person and chat, under pseudonyms", May.HOSTS, hosts=CHATS),
    Action("engines", "lists engines, models, and how much waits", May.HOSTS, hosts=CHATS),
    Action("block", "keeps a person or a chat out, or lists the blocks", May.HOSTS, hosts=CHATS),
    Action("unblock", "lets a person or a chat in again", May.HOSTS, hosts=CHATS),
)
ACTIONS = {action.name: action for action in _ALL}


def commands_of(platform: str) -> set[str]:
    """What may be typed after a slash there."""
    return {action.name for action in ACTIONS.values() if platform in action.commands}


class Thing(msgspec.Struct, frozen=True):
    """What an action is done to.

    `user` is who asked for it, as in `Requester.user`, and empty where nobody knows; `chat` the id that its chat has
    today; `message` the message that shows it, in the platform's own notation, and empty where there is none yet.
    """

    user: str
    chat: str
    message: str = ""


class Actor(Protocol):
    """Who does it, and where: `chat` and `message` as in `Thing`, told by the platform and never by callback data."""

    @property
    def chat(self) -> str: ...
    @property
    def message(self) -> str: ...
    async def owns(self, user: str) -> bool | None:
        """Whether they are `user`, or may speak for it. None where the platform does not let the bot know."""

    async def moderates(self) -> bool:
        """Whether they may end and delete what others asked for in this chat."""

    async def manages(self) -> bool:
        """Whether they may change this chat's settings."""


class Verdict(Enum):
    """UNKNOWN: nothing of the kind stands where it was done. UNPROVEN: it may be theirs, which nobody can tell."""

    ALLOWED = auto()
    NOT_YOURS = auto()
    UNKNOWN = auto()
    UNPROVEN = auto()


async def judge(action: Action, actor: Actor, thing: Thing | None = None) -> Verdict:
    """Whether `actor` may do `action` to `thing`."""
    if action.may is May.EVERYBODY:
        return Verdict.ALLOWED
    if action.may is May.ADMINS:
        return Verdict.ALLOWED if await actor.manages() else Verdict.NOT_YOURS
    if action.may is May.HOSTS:
        # never by what a chat says of its people
        return Verdict.NOT_YOURS
    if thing is None or thing.chat != actor.chat or not (action.anywhere or thing.message == actor.message):
        return Verdict.UNKNOWN
    owns = await actor.owns(thing.user) if thing.user else False
    if owns or (action.may is May.OWNER_OR_ADMINS and await actor.moderates()):
        return Verdict.ALLOWED
    if not thing.user:
        return Verdict.UNKNOWN
    return Verdict.UNPROVEN if owns is None else Verdict.NOT_YOURS


def refusal(verdict: Verdict, action: Action, replies: ChatReplies) -> str:
    """The sentence for a verdict that is not ALLOWED."""
    if action.may is May.ADMINS:
        return replies.settings_for_admins()
    if verdict is Verdict.UNKNOWN:
        waits = action.name in (PRESET, LAST_PICTURE, WORDS_ALONE)
        return replies.no_longer_there() if waits else replies.unknown_job()
    if verdict is Verdict.UNPROVEN:
        if action.name in (CANCEL, DELETE):
            return replies.unproven(f"/{action.name}")
        return replies.unproven_words()
    return replies.not_yours() if action.name == CANCEL else replies.not_your_clip()
