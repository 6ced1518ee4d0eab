"""`/settings`: a person's own defaults, and for those who may manage a server, how it uses the bot."""

from __future__ import annotations

from typing import Any

import discord

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.presses import ACTIONS, CHAT_SETTINGS, SETTINGS, Verdict, judge, refusal
from unstill_bots.discord.actors import DiscordActor, is_manager
from unstill_bots.discord.answering import answer, quickly
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction, guarded, replies_for
from unstill_bots.discord.pending import guild_scope, person_scope
from unstill_bots.discord.settings_pages import SERVER, TEMPLATE, Change, SettingsPages


class SettingsView:
    """Shown to the person alone. What is set is decided by what is kept, not by what is shown."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pages = SettingsPages(context.catalog, context.settings.engine.model)

    def item(self) -> type[discord.ui.DynamicItem[Any]]:
        """What discord.py hands changes to, of menus from before any restart, too."""
        view = self

        class SettingItem(discord.ui.DynamicItem[discord.ui.Item[Any]], template=TEMPLATE):
            @classmethod
            async def from_custom_id(cls, interaction: Interaction, item: Any, match: Any, /) -> Any:
                return cls(item)

            async def callback(self, interaction: Interaction) -> None:
                await guarded(view._context, interaction, view.changed(interaction, Change.of(self.custom_id)))

        return SettingItem

    async def show(self, interaction: Interaction) -> None:
        """Raises RedisError, OSError, also when it took too long."""
        preferences = await quickly(self._context.preferences.get(person_scope(interaction.user)))
        replies = await replies_for(self._context, interaction)
        menu = self._pages.mine(preferences, replies, manager=is_manager(interaction))
        await answer(interaction, replies.my_settings(), view=menu)

    async def changed(self, interaction: Interaction, change: Change) -> None:
        """One setting, or the other page. Raises as `show`."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            # no menu of ours, whatever was sent with it: to change it would be to change what all see
            await interaction.response.defer()
            return
        action = ACTIONS[CHAT_SETTINGS if change.page == SERVER else SETTINGS]
        verdict = await judge(action, DiscordActor(self._context, interaction))
        if verdict is not Verdict.ALLOWED:
            await answer(interaction, refusal(verdict, action, await replies_for(self._context, interaction)))
            return
        preferences = await quickly(self._change(interaction, change))
        replies = await replies_for(self._context, interaction)
        if change.page == SERVER:
            text, menu = replies.server_settings(), self._pages.server(preferences, replies)
        else:
            text, menu = replies.my_settings(), self._pages.mine(preferences, replies, manager=is_manager(interaction))
        await interaction.response.edit_message(content=text, view=menu)

    async def _change(self, interaction: Interaction, change: Change) -> Preferences:
        guild = interaction.guild_id
        scope = guild_scope(guild) if change.page == SERVER and guild else person_scope(interaction.user)
        preferences = await self._context.preferences.get(scope)
        data: Any = interaction.data
        changed = self._pages.changed(preferences, change, [str(value) for value in data.get("values", ())])
        if changed != preferences:
            await self._context.preferences.set(scope, changed)
        return changed
