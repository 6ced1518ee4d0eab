"""`/settings`: a person's own defaults, and for those who may manage a server, how it uses the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from unstill_bots.actions.settings_form import SettingsForm
from unstill_bots.discord.actors import DiscordActor, is_manager
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction, answer, items_by_custom_id, replies_for
from unstill_bots.discord.pending import PLATFORM, guild_scope, person_scope
from unstill_bots.discord.settings_pages import ME, OPEN, PAGES, SERVER, TEMPLATE, Change, SettingsPages, chosen
from unstill_bots.host.background import quickly

Draw = Callable[..., Awaitable[object]]
"""Shows text and a view, by a new answer or in the message that was used."""


class SettingsView:
    """Shown to the person alone. What is set is decided by what is kept, not by what is shown."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._form = SettingsForm.of(PLATFORM, context.pipeline)
        self._pages = SettingsPages(self._form)

    def item(self) -> type[discord.ui.DynamicItem[Any]]:
        """Make the class to which discord.py hands changes."""
        return items_by_custom_id(
            self._context, TEMPLATE, lambda interaction, custom_id: self.changed(interaction, Change.of(custom_id))
        )

    async def show(self, interaction: Interaction) -> None:
        """Raises RedisError, OSError, also when it took too long."""
        await self._draw(interaction, Change(ME, OPEN), answer)

    async def changed(self, interaction: Interaction, change: Change) -> None:
        """One setting, or the other page. Raises as `show`."""
        if interaction.message is None or not interaction.message.flags.ephemeral:
            # no menu of ours, whatever was sent with it: to change it would be to change what all see
            await interaction.response.defer()
            return
        await self._draw(interaction, change, _edit)

    async def _draw(self, interaction: Interaction, change: Change, draw: Draw) -> None:
        """Show the page of a change, once that is made."""
        actor, guild = DiscordActor(self._context, interaction), interaction.guild_id
        scope = guild_scope(guild) if change.page == SERVER and guild else person_scope(interaction.user)
        data: Any = interaction.data
        values = chosen([str(value) for value in data.get("values", ())])
        store = self._context.preferences
        changing = self._form.change(store, PAGES[change.page], actor, scope, change.name, values)
        preferences = await quickly(changing)
        replies = await replies_for(self._context, interaction)
        if preferences is None:
            await answer(interaction, replies.settings_for_admins())
        elif change.page == SERVER:
            await draw(interaction, replies.settings(group=True), view=self._pages.server(preferences, replies))
        else:
            menu = self._pages.mine(preferences, replies, manager=is_manager(interaction))
            await draw(interaction, replies.settings(group=False), view=menu)


async def _edit(interaction: Interaction, text: str, *, view: discord.ui.View) -> None:
    await interaction.response.edit_message(content=text, view=view)
