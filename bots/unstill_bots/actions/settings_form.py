"""The settings of people and chats: which there are, what each may be, who may change it, and what a change does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.actions.presses import (
    ACTIONS,
    CHAT_SETTINGS,
    CHATS,
    DISCORD,
    SETTINGS,
    TELEGRAM,
    Actor,
    Verdict,
    judge,
)
from unstill_bots.safety.consent import Consent
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES
from unstill_config.safety import Safety
from unstill_queue.contract.options import EXACT

if TYPE_CHECKING:
    from unstill_bots.intake.pipeline import Pipeline

IDS_MOST = 25
"""Channels or roles that a setting can hold."""
STEPS_MOST = 8
"""Values that a press each steps through; of more, one is chosen from a list."""


LOOKS = ("", "on", "off")


class Kind(Enum):
    """The kinds of settings: one value of several, chosen or stepped through, yes or no, or the platform's own ids."""

    ONE = auto()
    STEP = auto()
    SWITCH = auto()
    IDS = auto()


class Setting(msgspec.Struct, frozen=True):
    """A field of `Preferences` that people change. `page`: `SETTINGS` for a person's own, `CHAT_SETTINGS` for a group's
    or server's. `values` are what it can be, where no catalogue says that. `gives_way`: it is stepped through where the
    page has no room for its menu.
    """

    name: str
    page: str
    platforms: tuple[str, ...] = CHATS
    kind: Kind = Kind.ONE
    values: tuple[Any, ...] = ()
    gives_way: bool = False


_ALL = (
    Setting("preset", SETTINGS),
    Setting("shape", SETTINGS),
    Setting("resolution", SETTINGS),
    Setting("language", SETTINGS, values=("", *LANGUAGES)),
    Setting("when", CHAT_SETTINGS, (TELEGRAM,), values=("addressed", "photos", "off")),
    Setting("who", CHAT_SETTINGS, (TELEGRAM,), values=("all", "admins")),
    Setting("channels", CHAT_SETTINGS, (DISCORD,), Kind.IDS),
    Setting("roles", CHAT_SETTINGS, (DISCORD,), Kind.IDS),
    # few, where each press goes one value on
    Setting("jobs", CHAT_SETTINGS, (TELEGRAM,), values=(0, 1, 3, 10)),
    Setting("jobs", CHAT_SETTINGS, (DISCORD,), values=(0, 1, 2, 3, 5, 10, 20), gives_way=True),
    Setting("quiet", CHAT_SETTINGS, kind=Kind.SWITCH),
    Setting("language", CHAT_SETTINGS, values=("", *LANGUAGES)),
    Setting("thread", CHAT_SETTINGS, (TELEGRAM,)),
    Setting("spoiler", CHAT_SETTINGS, (DISCORD,), Kind.SWITCH),
    # no menu, as a message of Discord has no room for one more
    Setting("rating", CHAT_SETTINGS, kind=Kind.STEP),
    Setting("own", CHAT_SETTINGS, kind=Kind.SWITCH),
    Setting("look", CHAT_SETTINGS, kind=Kind.STEP, values=LOOKS),
    Setting("mine", SETTINGS, kind=Kind.SWITCH),
    Setting("look", SETTINGS, kind=Kind.STEP, values=LOOKS),
    Setting(EXACT, SETTINGS, kind=Kind.SWITCH),
    Setting(EXACT, CHAT_SETTINGS, kind=Kind.SWITCH),
)


class Row(msgspec.Struct, frozen=True):
    """A setting as a platform draws it: its value, that value as `text`, and each value that it may have with its text.

    Ids have no choices of ours.
    """

    name: str
    kind: Kind
    value: Any
    text: str
    choices: tuple[tuple[Any, str], ...] = ()

    @property
    def long(self) -> bool:
        """Return whether there are too many values to step through them."""
        return self.kind is Kind.ONE and len(self.choices) > STEPS_MOST


class SettingsForm:
    """Reads and changes the settings of one platform. `model` names the one whose sizes are offered now; `safety` says
    which policies are. `rewrites`: a language model makes prompts of people's words here. `looks`: there are
    early looks.
    """

    def __init__(
        self,
        platform: str,
        catalog: Catalog,
        model: Callable[[], str],
        safety: Safety | None = None,
        consent: Consent | None = None,
        *,
        rewrites: bool = False,
        looks: bool = True,
    ) -> None:
        self._consent = consent
        self._ratings = safety.choices if safety else ()
        there = {"rating": self._ratings, EXACT: rewrites, "look": looks}
        absent = {name for name, offered in there.items() if not offered}
        self._settings = _in_a_message([e for e in _ALL if platform in e.platforms and e.name not in absent])
        self._catalog = catalog
        self._model = model

    @property
    def _values(self) -> dict[str, tuple[Any, ...]]:
        entry = self._catalog.models.get(self._model())
        return {
            "preset": ("", *self._catalog.presets_for(self._model())),
            "shape": ("", *(name for name in self._catalog.finishes if name != "original")),
            "resolution": (0, *(entry.resolutions if entry else ())),
            "rating": ("", *self._ratings),
        }

    @classmethod
    def of(cls, platform: str, pipeline: Pipeline) -> Self:
        """Make the form of the front end that a pipeline serves."""
        settings = pipeline.settings
        return cls(
            platform, pipeline.catalog, lambda: pipeline.serving.model, settings.safety, pipeline.consent,
            rewrites=settings.prompt.is_on, looks=settings.bots.looks != "never",
        )  # fmt: skip

    async def read(self, store: PreferenceStore, page: str, actor: Actor, scope: str) -> Preferences | None:
        """Return what `scope` has set, or None where the actor may not see and change it. Raises RedisError."""
        if await judge(ACTIONS[page], actor) is not Verdict.ALLOWED:
            return None
        now = await store.get(scope)
        if page != SETTINGS or self._consent is None:
            return now
        return replace(now, mine=not await self._consent.given(scope))

    async def change(
        self,
        store: PreferenceStore,
        page: str,
        actor: Actor,
        scope: str,
        name: str,
        values: Sequence[str] | None,
        thread: str = "",
        *,
        sees_all: bool = True,
    ) -> Preferences | None:
        """Change one setting as in `changed`, keep it, and return what `scope` has set then; None as in `read`."""
        before = await self.read(store, page, actor, scope)
        if before is None:
            return None
        after = self.changed(page, before, name, values, thread, sees_all=sees_all)
        if after.mine != before.mine and self._consent is not None:
            await self._consent.give(scope, given=not after.mine)
        elif after != before:
            await store.set(scope, replace(after, mine=False))
        return after

    def changed(
        self,
        page: str,
        now: Preferences,
        name: str,
        values: Sequence[str] | None,
        thread: str = "",
        *,
        sees_all: bool = True,
    ) -> Preferences:
        """Return `now` with one setting changed to `values`, as text, or for None to the value after its own.

        A value that is not offered changes nothing. `thread`: the topic in which it was done. `sees_all`: the bot is
        shown every message of the chat.
        """
        for setting in self._on(page, thread):
            if setting.name != name:
                continue
            value = getattr(now, name)
            if setting.kind is Kind.SWITCH:
                return replace(now, **{name: not value})
            if setting.kind is Kind.IDS:
                ids = values is not None and all(each.isdecimal() for each in values)
                return replace(now, **{name: tuple(values or ())[:IDS_MOST]}) if ids else now
            offered = self._offered(setting, thread, sees_all=sees_all)
            if values is None or (setting.kind is Kind.STEP and not values):
                return replace(now, **{name: _after(value, offered)})
            chosen = [each for each in offered if [str(each)] == list(values)]
            return replace(now, **{name: chosen[0]}) if chosen else now
        return now

    def rows(self, page: str, now: Preferences, replies: ChatReplies, thread: str = "") -> list[Row]:
        """Return the settings of a page, in order."""
        return [self._row(setting, now, replies, thread) for setting in self._on(page, thread)]

    def _row(self, setting: Setting, now: Preferences, replies: ChatReplies, thread: str) -> Row:
        def called(value: Any) -> str:
            return replies.setting(setting.name, self._called(setting.name, value, replies))

        value = getattr(now, setting.name)
        if setting.kind is Kind.IDS:
            return Row(setting.name, setting.kind, value, replies.any_of(setting.name))
        choices = tuple((each, called(each)) for each in self._offered(setting, thread))
        return Row(setting.name, setting.kind, value, called(value), choices)

    def _on(self, page: str, thread: str) -> list[Setting]:
        """Return the settings of a page. That of a topic is among them only where `thread` names one."""
        return [each for each in self._settings if each.page == page and (each.name != "thread" or thread)]

    def _offered(self, setting: Setting, thread: str, *, sees_all: bool = True) -> tuple[Any, ...]:
        if setting.name == "when" and not sees_all:
            return tuple(value for value in setting.values if value != "photos")
        if setting.name == "thread":
            return ("", thread)
        if setting.kind is Kind.SWITCH:
            return (False, True)
        return tuple(dict.fromkeys(setting.values or self._values[setting.name]))

    def _called(self, name: str, value: Any, replies: ChatReplies) -> str:
        if name == "preset" and value in self._catalog.presets:
            return replies.translated(self._catalog.presets[value].title)
        if name == "shape" and value in self._catalog.finishes:
            return replies.translated(self._catalog.finishes[value].title)
        return replies.setting_value(name, value)


def _in_a_message(settings: Sequence[Setting]) -> list[Setting]:
    """Return settings as a message of Discord has room for them, in five rows: a menu takes one, five buttons another.

    There is a second row of buttons where one menu gives way.
    """
    pressed = [each for each in settings if each.page == CHAT_SETTINGS and each.kind in (Kind.SWITCH, Kind.STEP)]
    # the fifth button leads to the other page
    full = len(pressed) > 4
    return [replace(each, kind=Kind.STEP) if full and each.gives_way else each for each in settings]


def _after(value: Any, values: Sequence[Any]) -> Any:
    return values[(values.index(value) + 1) % len(values)] if value in values else values[0]
