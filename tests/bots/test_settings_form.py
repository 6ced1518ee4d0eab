"""The settings of people and chats: the same rules on each platform, which only draws them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import asdict
from redis.asyncio import Redis

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.actions.presses import CHAT_SETTINGS, CHATS, SETTINGS, TELEGRAM
from unstill_bots.actions.settings_form import Kind, SettingsForm
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.catalog import Catalog
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

CATALOG = Catalog.load()
THREAD = "77"
PAGES = (SETTINGS, CHAT_SETTINGS)

on_both = pytest.mark.parametrize("platform", CHATS)


class Somebody:
    """An actor who manages the chat, or does not."""

    chat, message = "5", ""

    def __init__(self, *, manages: bool) -> None:
        self._manages = manages

    async def owns(self, user: str) -> bool | None:
        return False

    async def moderates(self) -> bool:
        return self._manages

    async def manages(self) -> bool:
        return self._manages


@pytest.fixture
async def store(valkey: EmbeddedValkey) -> AsyncIterator[PreferenceStore]:
    client: Redis = connect(valkey.url)
    yield PreferenceStore(client)
    await client.aclose()


def words_of(platform: str, language: str) -> ChatReplies:
    return (ChatReplies if platform == TELEGRAM else ServerReplies)(language)


@on_both
@pytest.mark.parametrize("page", PAGES)
def test_each_press_goes_one_value_on_and_comes_round_and_touches_nothing_else(platform: str, page: str) -> None:
    form = SettingsForm(platform, CATALOG, lambda: "camera", rewrites=True)
    before = Preferences(roles=("7",))
    rows = form.rows(page, before, words_of(platform, "en"), THREAD)
    assert rows

    for row in rows:
        if row.kind is Kind.IDS:
            # what is not chosen from a list changes nothing
            assert form.changed(page, before, row.name, None, THREAD) == before
            continue
        now, went = before, []
        for _ in row.choices:
            now = form.changed(page, now, row.name, None, THREAD)
            went.append(getattr(now, row.name))
            assert {**asdict(now), row.name: row.value} == asdict(before)
        values = [value for value, _ in row.choices]
        assert went == [*values[1:], values[0]]


@on_both
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_what_is_set_is_what_is_shown(platform: str, language: str) -> None:
    form, replies = SettingsForm(platform, CATALOG, lambda: "camera", rewrites=True), words_of(platform, language)
    for page in PAGES:
        for row in form.rows(page, Preferences(), replies, THREAD):
            for value, text in row.choices:
                after = form.changed(page, Preferences(), row.name, [str(value)], THREAD)
                shown = {each.name: each.text for each in form.rows(page, after, replies, THREAD)}
                if row.kind is Kind.ONE:
                    assert (getattr(after, row.name), shown[row.name]) == (value, text)
            # and no two values look alike
            assert len({text for _, text in row.choices}) == len(row.choices)


@on_both
def test_what_nobody_is_offered_changes_nothing(platform: str) -> None:
    form, now = SettingsForm(platform, CATALOG, lambda: "camera"), Preferences(when="photos", thread="9")
    tried: list[tuple[str, str, Any]] = [
        *((SETTINGS, "preset", ["nonsense"]), (SETTINGS, "preset", ["quality", "preview"]), (SETTINGS, "preset", [])),
        *((SETTINGS, "jobs", ["3"]), (SETTINGS, "quiet", None), (CHAT_SETTINGS, "preset", ["quality"])),
        *((CHAT_SETTINGS, "jobs", ["1000"]), (CHAT_SETTINGS, "open", None), (SETTINGS, "done", None)),
        # outside of a topic there is none to choose
        (CHAT_SETTINGS, "thread", None),
    ]
    for page, name, values in tried:
        assert form.changed(page, now, name, values) == now


@on_both
def test_words_that_stay_as_they_are_are_offered_where_a_language_model_writes_prompts(platform: str) -> None:
    for page in PAGES:
        with_one, without = (
            {row.name for row in SettingsForm(platform, CATALOG, lambda: "camera", rewrites=rewrites).rows(
                page, Preferences(), words_of(platform, "en")
            )}
            for rewrites in (True, False)
        )  # fmt: skip
        assert with_one - without == {"exact"}


@on_both
def test_early_looks_are_offered_where_the_host_has_them(platform: str) -> None:
    for looks in (True, False):
        form = SettingsForm(platform, CATALOG, lambda: "camera", looks=looks)
        names = [{row.name for row in form.rows(page, Preferences(), words_of(platform, "en"))} for page in PAGES]
        assert ["look" in each for each in names] == [looks, looks]


def test_a_chat_that_does_not_show_the_bot_every_photo_is_not_offered_that_it_answers_them() -> None:
    form = SettingsForm(TELEGRAM, CATALOG, lambda: "camera")
    asked, every, off = (Preferences(when=when) for when in ("addressed", "photos", "off"))

    assert form.changed(CHAT_SETTINGS, asked, "when", None, sees_all=False) == off
    assert form.changed(CHAT_SETTINGS, asked, "when", ["photos"], sees_all=False) == asked
    # what was set while it was shown them goes on to what it can do
    assert form.changed(CHAT_SETTINGS, every, "when", None, sees_all=False) == asked
    assert form.changed(CHAT_SETTINGS, asked, "when", None) == every


@on_both
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_hosts_own_titles_may_hold_anything(platform: str, language: str) -> None:
    # Given a preset and a shape whose titles look like placeholders
    presets = {name: preset.model_copy(update={"title": "{0} {name"}) for name, preset in CATALOG.presets.items()}
    form = SettingsForm(platform, CATALOG.model_copy(update={"presets": presets}), lambda: "camera")

    row = form.rows(SETTINGS, Preferences(preset="quality"), words_of(platform, language))[0]

    assert row.text.endswith("{0} {name")


@on_both
async def test_a_chats_settings_are_its_managers_and_ones_own_everybodys(platform: str, store: PreferenceStore) -> None:
    form, scope = SettingsForm(platform, CATALOG, lambda: "camera"), f"{platform}:5"
    manager, member = Somebody(manages=True), Somebody(manages=False)
    # Given a chat that its manager has set to be quiet
    assert await form.change(store, CHAT_SETTINGS, manager, scope, "quiet", None) == Preferences(quiet=True)

    # When a member tries to see it, and to change it
    assert await form.read(store, CHAT_SETTINGS, member, scope) is None
    assert await form.change(store, CHAT_SETTINGS, member, scope, "quiet", None) is None

    # Then it is as it was, and the member's own are the member's
    assert await store.get(scope) == Preferences(quiet=True)
    mine = await form.change(store, SETTINGS, member, f"{platform}:9", "language", ["zh_CN"])
    assert mine == await store.get(f"{platform}:9") == Preferences(language="zh_CN")
