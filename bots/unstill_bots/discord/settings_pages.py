"""The two pages of `/settings`, as menus and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
import msgspec

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.presses import CHAT_SETTINGS, SETTINGS
from unstill_bots.actions.settings_form import IDS_MOST, Kind, Row, SettingsForm
from unstill_bots.discord.buttons import button, view_of
from unstill_bots.discord.localized import CHOICE_MOST, shortened
from unstill_bots.text.server_replies import ServerReplies

ME, SERVER = "me", "server"
PAGES = {ME: SETTINGS, SERVER: CHAT_SETTINGS}
OPEN = "open"
TEMPLATE = rf"set (?:{ME}|{SERVER}) [a-z]+"
OPTIONS_MOST = 25
"""Of a menu: Discord's message components."""
CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.media,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
]


class Change(msgspec.Struct, frozen=True):
    """A component's custom id: of whose settings, and which."""

    page: str
    name: str

    @property
    def custom_id(self) -> str:
        return f"set {self.page} {self.name}"

    @classmethod
    def of(cls, custom_id: str) -> Change:
        _, page, name = custom_id.split(" ")
        return cls(page, name)


class SettingsPages:
    """Draws the form. A setting of one value is a menu, another a button that goes on to the next value."""

    def __init__(self, form: SettingsForm) -> None:
        self._form = form

    def mine(self, now: Preferences, replies: ServerReplies, *, manager: bool) -> discord.ui.View:
        """A person's own; `manager` is offered the server's."""
        return self._drawn(ME, now, replies, replies.button_server() if manager else "")

    def server(self, now: Preferences, replies: ServerReplies) -> discord.ui.View:
        return self._drawn(SERVER, now, replies, replies.button_mine())

    def _drawn(self, page: str, now: Preferences, replies: ServerReplies, other: str) -> discord.ui.View:
        """Draw a page. `other` is what the other page is called; empty where it is not offered."""
        rows = self._form.rows(PAGES[page], now, replies)
        pressed = (Kind.SWITCH, Kind.STEP)
        items = [
            _menu(page, row) for row in sorted(rows, key=lambda row: row.kind is Kind.ONE) if row.kind not in pressed
        ]
        items += [button(row.text, Change(page, row.name).custom_id) for row in rows if row.kind in pressed]
        if other:
            items.append(button(other, Change(ME if page == SERVER else SERVER, OPEN).custom_id))
        return view_of(items)


def chosen(values: Sequence[str]) -> list[str]:
    """Return what was chosen in a menu, by the values that it sent."""
    return [value.removeprefix("=") for value in values]


def _menu(page: str, row: Row) -> discord.ui.Item[Any]:
    custom_id, placeholder = Change(page, row.name).custom_id, shortened(row.text)
    if row.kind is Kind.ONE:
        options = [
            discord.SelectOption(label=shortened(text, CHOICE_MOST), value=_sent(value), default=value == row.value)
            for value, text in row.choices
            if len(_sent(value)) <= CHOICE_MOST
        ]
        return discord.ui.Select(custom_id=custom_id, options=options[:OPTIONS_MOST], placeholder=placeholder)
    ids: dict[str, Any] = {
        "custom_id": custom_id,
        "placeholder": placeholder,
        "min_values": 0,
        "max_values": IDS_MOST,
        "default_values": [discord.Object(int(id)) for id in row.value],
    }
    if row.name == "channels":
        return discord.ui.ChannelSelect(channel_types=CHANNELS, **ids)
    return discord.ui.RoleSelect(**ids)


def _sent(value: Any) -> str:
    """As a menu sends it, where nothing at all is not allowed."""
    return f"={value}"
