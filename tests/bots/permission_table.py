"""Who may do what, written out: what `presses.judge` and both platforms are compared with, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from unstill_bots.actions.presses import ACTIONS, CHATS, DISCORD, TELEGRAM, Action

OWNER, STRANGER, ADMIN, ELSEWHERE = "owner", "stranger", "admin here", "admin elsewhere"
ANONYMOUS, CHANNEL = "anonymous admin", "person writing as their channel"
WHO = (OWNER, STRANGER, ADMIN, ELSEWHERE, ANONYMOUS, CHANNEL)
"""Who does it. The first four to what the owner asked for in their own name; the others to what they asked for in the
name of the group, or of their channel.
"""

PRIVATE, GROUP, TOPIC = "private chat", "group", "supergroup's topic"
SERVER, THREAD, INSTALL, DIRECT = "server", "thread", "user install", "direct messages"
PLACES = {TELEGRAM: (PRIVATE, GROUP, TOPIC), DISCORD: (SERVER, THREAD, INSTALL, DIRECT)}

YES, NO = True, False
# fmt: off
TABLE: dict[str, tuple[bool, bool, bool, bool, bool, bool]] = {
    #                  owner stranger admin  admin      anonymous person writing
    #                                 here   elsewhere  admin     as their channel
    "cancel":         (YES,  NO,      YES,   NO,        YES,      YES),
    "switch_model":   (YES,  NO,      NO,    NO,        YES,      YES),
    "new_seed":       (YES,  NO,      NO,    NO,        YES,      YES),
    "delete":         (YES,  NO,      YES,   NO,        YES,      YES),
    "again":          (YES,  NO,      NO,    NO,        YES,      YES),
    "better":         (YES,  NO,      NO,    NO,        YES,      YES),
    "reels":          (YES,  NO,      NO,    NO,        YES,      YES),
    "loop":           (YES,  NO,      NO,    NO,        YES,      YES),
    "extend":         (YES,  NO,      NO,    NO,        YES,      YES),
    "share":          (YES,  NO,      NO,    NO,        YES,      YES),
    "edit":           (YES,  NO,      NO,    NO,        YES,      YES),
    "preset":         (YES,  NO,      NO,    NO,        YES,      YES),
    "last_picture":   (YES,  NO,      NO,    NO,        YES,      YES),
    "words_alone":    (YES,  NO,      NO,    NO,        YES,      YES),
    "form":           (YES,  NO,      NO,    NO,        YES,      YES),
    "chat_settings":  (NO,   NO,      YES,   NO,        YES,      NO),
    "settings":       (YES,  YES,     YES,   YES,       YES,      YES),
    "animate":        (YES,  YES,     YES,   YES,       YES,      YES),
    "animate_avatar": (YES,  YES,     YES,   YES,       YES,      YES),
    "queue":          (YES,  YES,     YES,   YES,       YES,      YES),
    "presets":        (YES,  YES,     YES,   YES,       YES,      YES),
    "status":         (YES,  YES,     YES,   YES,       YES,      YES),
    "options":        (YES,  YES,     YES,   YES,       YES,      YES),
    "tips":           (YES,  YES,     YES,   YES,       YES,      YES),
    "help":           (YES,  YES,     YES,   YES,       YES,      YES),
    "report":         (YES,  YES,     YES,   YES,       YES,      YES),
    "privacy":        (YES,  YES,     YES,   YES,       YES,      YES),
    "forgetme":       (YES,  YES,     YES,   YES,       YES,      YES),
    "start":          (YES,  YES,     YES,   YES,       YES,      YES),
    # whatever they are in a chat: who hosts the bots is in HOSTS_TABLE
    "pause":          (NO,   NO,      NO,    NO,        NO,       NO),
    "drain":          (NO,   NO,      NO,    NO,        NO,       NO),
    "resume":         (NO,   NO,      NO,    NO,        NO,       NO),
    "usage":          (NO,   NO,      NO,    NO,        NO,       NO),
    "engines":        (NO,   NO,      NO,    NO,        NO,       NO),
    "block":          (NO,   NO,      NO,    NO,        NO,       NO),
    "unblock":        (NO,   NO,      NO,    NO,        NO,       NO),
}
HOSTS_TABLE: dict[str, tuple[bool, bool, bool, bool]] = {
    #                  host    host     another  host of another
    #                  alone   in group person   platform, same id
    "pause":          (YES,    NO,      NO,      NO),
    "drain":          (YES,    NO,      NO,      NO),
    "resume":         (YES,    NO,      NO,      NO),
    "usage":          (YES,    NO,      NO,      NO),
    "engines":        (YES,    NO,      NO,      NO),
    "block":          (YES,    NO,      NO,      NO),
    "unblock":        (YES,    NO,      NO,      NO),
    # and no other action is a host's by being one
    "cancel":         (NO,     NO,      NO,      NO),
    "delete":         (NO,     NO,      NO,      NO),
    "chat_settings":  (NO,     NO,      NO,      NO),
}
# fmt: on


class Cell(msgspec.Struct, frozen=True):
    platform: str
    action: str
    who: str
    place: str

    @property
    def expected(self) -> bool:
        # where a person brought the bot along, its admins have no say
        if self.place == INSTALL and self.who == ADMIN and self.action != "settings":
            return NO if ACTIONS[self.action].may.name != "EVERYBODY" else YES
        return TABLE[self.action][WHO.index(self.who)]

    def __str__(self) -> str:
        return f"{self.platform}-{self.action}-{self.who}-{self.place}".replace(" ", "_")


def exists(who: str, place: str) -> bool:
    """Private chats have no admins; only supergroups have those who write in its name, or in a channel's."""
    if place in (PRIVATE, DIRECT):
        return who in (OWNER, STRANGER, ELSEWHERE)
    return who not in (ANONYMOUS, CHANNEL) or place == TOPIC


def cells(platform: str, *actions: Action) -> Iterator[Cell]:
    for action in actions:
        for place in PLACES[platform]:
            yield from (Cell(platform, action.name, who, place) for who in WHO if exists(who, place))


def every_cell() -> list[Cell]:
    return [cell for platform in CHATS for cell in cells(platform, *ACTIONS.values())]
