"""What people type after a slash, but for /animate. All of it is answered to the person alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discord import Permissions, app_commands

from unstill_bots.actions.commands import Caller, offered
from unstill_bots.actions.forgetting import WITHIN
from unstill_bots.actions.host_commands import HOST_COMMANDS
from unstill_bots.actions.presses import CANCEL, DISCORD, FORGET, SETTINGS
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import PATIENCE, Interaction, replies_for, tell
from unstill_bots.discord.localized import DESCRIPTIONS, marked
from unstill_bots.discord.pending import person_scope
from unstill_bots.discord.settings_view import SettingsView
from unstill_bots.text.pages import Answer

NEWEST, ALL = "newest", "all"

Command = app_commands.Command[Any, ..., None]


class Commands:
    """Makes the slash commands of one front end, but for /animate."""

    def __init__(self, context: Context, settings: SettingsView) -> None:
        self._context = context
        self._settings = settings
        self._answers = context.answers()

    def all(self) -> list[Command]:
        """As the platform is told of them."""
        talks = [command.name for command in offered(DISCORD) if command.name not in ("animate", CANCEL, SETTINGS)]
        return [*(self._talk(name) for name in talks), self._cancel(), self._show_settings(), *self._hosts()]

    def _talk(self, name: str) -> Command:
        async def callback(interaction: Interaction) -> None:
            await self._answer(interaction, name)

        return _command(name, callback)

    def _show_settings(self) -> Command:
        async def settings(interaction: Interaction) -> None:
            await self._settings.show(interaction)

        return _command(SETTINGS, settings)

    def _hosts(self) -> list[Command]:
        """The host's commands as one, shown to nobody but admins of servers; in direct messages hosts type them."""

        @app_commands.describe(action=marked(DESCRIPTIONS["action"]), whom=marked(DESCRIPTIONS["whom"]))
        @app_commands.choices(action=[app_commands.Choice(name=name, value=name) for name in HOST_COMMANDS])
        async def host(interaction: Interaction, action: str, whom: str = "") -> None:
            caller = Caller(person_scope(interaction.user), await replies_for(self._context, interaction))
            await tell(self._context, interaction, self._context.hosts.answer(action, caller, whom))

        if not self._context.hosts.on(DISCORD):
            return []
        made = _command("host", host)
        made.default_permissions = Permissions(administrator=True)
        made.allowed_contexts = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
        return [made]

    def _cancel(self) -> Command:
        @app_commands.describe(which=marked(DESCRIPTIONS["which"]))
        @app_commands.choices(which=[app_commands.Choice(name=marked(name), value=name) for name in (NEWEST, ALL)])
        async def cancel(interaction: Interaction, which: str = NEWEST) -> None:
            await self._answer(interaction, CANCEL, which)

        return _command(CANCEL, cancel)

    async def _answer(self, interaction: Interaction, name: str, words: str = "") -> None:
        caller = Caller(person_scope(interaction.user), await replies_for(self._context, interaction))

        async def work() -> Answer:
            answer = await self._answers.run(name, caller, words)
            if name == FORGET and interaction.guild_id is None and interaction.channel_id is not None:
                await self._context.memory.leave(interaction.channel_id)
            return await answer

        # to forget somebody waits for renders to stop, and must not be cut off in the middle
        await tell(self._context, interaction, work(), PATIENCE + (WITHIN if name == FORGET else 0.0))


def _command(name: str, callback: Callable[..., Any]) -> Command:
    return app_commands.Command(name=marked(name), description=marked(DESCRIPTIONS[name]), callback=callback)
