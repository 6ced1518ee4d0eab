"""The two pages of `/settings`, and what a choice on them changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
import msgspec
from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences
from unstill_bots.discord.localized import CHOICE_MOST, shortened, translated
from unstill_bots.text.server_replies import ServerReplies
from unstill_bots.text.translations import LANGUAGES
from unstill_config.catalog import Catalog

ME, SERVER = "me", "server"
OPEN = "open"
OWN = ("preset", "shape", "resolution", "language")
TOGGLED, CHOSEN, SELECTED = ("quiet", "spoiler"), ("channels", "roles"), ("jobs", "language")
"""A server's: yes or no, any of its own, one of what there is."""
TEMPLATE = rf"set (?:{ME}|{SERVER}) [a-z]+"
JOBS = (0, 1, 2, 3, 5, 10, 20)
CHOSEN_MOST, OPTIONS_MOST = 25, 25
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
    """A catalogue's. `model` is the host's, which says what sizes there are."""

    def __init__(self, catalog: Catalog, model: str) -> None:
        self._catalog = catalog
        entry = catalog.models.get(model)
        choices: dict[str, tuple[Any, ...]] = {
            "preset": ("", *catalog.presets),
            "shape": ("", *(name for name in catalog.finishes if name != "original")),
            "resolution": (0, *(entry.resolutions if entry else ())),
            "language": ("", *LANGUAGES),
            "jobs": JOBS,
        }
        self._choices = {name: tuple(dict.fromkeys(values)) for name, values in choices.items()}

    def changed(self, now: Preferences, change: Change, values: Sequence[str]) -> Preferences:
        """`values` as a menu sends them. What nobody could have chosen changes nothing."""
        name, server = change.name, change.page == SERVER
        if server and name in TOGGLED:
            return replace(now, **{name: not getattr(now, name)})
        if server and name in CHOSEN and all(value.isdecimal() for value in values):
            return replace(now, **{name: tuple(values[:CHOSEN_MOST])})
        if name in (SELECTED if server else OWN):
            for value in self._choices[name]:
                if list(values) == [_sent(value)]:
                    return replace(now, **{name: value})
        return now

    def mine(self, now: Preferences, replies: ServerReplies, *, manager: bool) -> discord.ui.View:
        """A person's own; `manager` is offered the server's."""
        items: list[discord.ui.Item[Any]] = [self._select(ME, name, getattr(now, name), replies) for name in OWN]
        if manager:
            items.append(_button(SERVER, OPEN, replies.button_server()))
        return _view(items)

    def server(self, now: Preferences, replies: ServerReplies) -> discord.ui.View:
        channels: discord.ui.ChannelSelect[Any] = discord.ui.ChannelSelect(
            custom_id=Change(SERVER, "channels").custom_id,
            channel_types=CHANNELS,
            placeholder=shortened(replies.any_channel()),
            min_values=0,
            max_values=CHOSEN_MOST,
            default_values=[discord.Object(int(id)) for id in now.channels],
        )
        roles: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
            custom_id=Change(SERVER, "roles").custom_id,
            placeholder=shortened(replies.any_role()),
            min_values=0,
            max_values=CHOSEN_MOST,
            default_values=[discord.Object(int(id)) for id in now.roles],
        )
        return _view(
            [
                channels,
                roles,
                *(self._select(SERVER, name, getattr(now, name), replies) for name in SELECTED),
                _button(SERVER, "quiet", replies.setting("quiet", replies.setting_value("quiet", now.quiet))),
                _button(SERVER, "spoiler", replies.spoiler(now.spoiler)),
                _button(ME, OPEN, replies.button_mine()),
            ]
        )

    def _select(self, page: str, name: str, now: Any, replies: ServerReplies) -> discord.ui.Select[Any]:
        options = [
            discord.SelectOption(
                label=shortened(self._shown(name, value, replies), CHOICE_MOST),
                value=_sent(value),
                default=value == now,
            )
            for value in self._choices[name]
            if len(_sent(value)) <= CHOICE_MOST
        ]
        placeholder = shortened(self._shown(name, now, replies))
        return discord.ui.Select(
            custom_id=Change(page, name).custom_id, options=options[:OPTIONS_MOST], placeholder=placeholder
        )

    def _shown(self, name: str, value: Any, replies: ServerReplies) -> str:
        if name == "jobs":
            return replies.setting_limit(value)
        if name == "preset" and value in self._catalog.presets:
            title = translated(self._catalog.presets[value].title, replies.language)
        elif name == "shape" and value in self._catalog.finishes:
            title = self._catalog.finishes[value].title
        else:
            title = replies.setting_value(name, value)
        return replies.setting(name, title)


def _sent(value: Any) -> str:
    """As a menu sends it, where nothing at all is not allowed."""
    return f"={value}"


def _button(page: str, name: str, text: str) -> discord.ui.Button[Any]:
    custom_id = Change(page, name).custom_id
    return discord.ui.Button(label=text, custom_id=custom_id, style=discord.ButtonStyle.secondary)


def _view(items: Sequence[discord.ui.Item[Any]]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    # changes go by their custom id; discord.py need not remember each menu
    view.stop()
    return view
