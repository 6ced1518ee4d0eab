"""What people type after a slash, but for /animate. All of it is answered to the person alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from discord import app_commands

from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction, replies_for, tell
from unstill_bots.discord.intake import Intake
from unstill_bots.discord.localized import DESCRIPTIONS, marked
from unstill_bots.discord.pending import person_scope
from unstill_bots.discord.settings_view import SettingsView
from unstill_bots.text.server_replies import ServerReplies

NEWEST, ALL = "newest", "all"

Command = app_commands.Command[Any, ..., None]
Talk = Callable[[Interaction, ServerReplies], Awaitable[str]]


class Commands:
    """One front end's."""

    def __init__(self, context: Context, intake: Intake, settings: SettingsView) -> None:
        self._context = context
        self._intake = intake
        self._settings = settings
        self._forgetting = Forgetting(context.client, context.studio.storage, context.preferences, context.memory)

    def all(self) -> list[Command]:
        """As the platform is told of them."""
        talks: dict[str, Talk] = {
            "queue": self._queue,
            "presets": self._presets,
            "status": self._status,
            "help": self._help,
            "privacy": self._privacy,
            "forgetme": self._forget,
        }
        return [*(self._talk(name, talk) for name, talk in talks.items()), self._cancel(), self._show_settings()]

    def _talk(self, name: str, talk: Talk) -> Command:
        async def callback(interaction: Interaction) -> None:
            replies = await replies_for(self._context, interaction)

            async def work() -> str:
                return await talk(interaction, replies)

            await tell(self._context, interaction, work())

        return _command(name, callback)

    def _show_settings(self) -> Command:
        async def settings(interaction: Interaction) -> None:
            await self._settings.show(interaction)

        return _command("settings", settings)

    def _cancel(self) -> Command:
        @app_commands.describe(which=marked(DESCRIPTIONS["which"]))
        @app_commands.choices(which=[app_commands.Choice(name=marked(name), value=name) for name in (NEWEST, ALL)])
        async def cancel(interaction: Interaction, which: str = NEWEST) -> None:
            replies = await replies_for(self._context, interaction)

            async def work() -> str:
                person = person_scope(interaction.user)
                waiting = await self._intake.own.open(person)
                return replies.mine_cancelled(await self._intake.own.cancel(person, waiting, which))

            await tell(self._context, interaction, work())

        return _command("cancel", cancel)

    async def _queue(self, interaction: Interaction, replies: ServerReplies) -> str:
        return await self._intake.own.listing(person_scope(interaction.user), replies)

    async def _presets(self, interaction: Interaction, replies: ServerReplies) -> str:
        return replies.presets(self._context.catalog)

    async def _status(self, interaction: Interaction, replies: ServerReplies) -> str:
        ledger = self._context.client.ledger
        engines = sum(len(infos) for infos in (await ledger.engines()).values())
        return replies.status(engines, len(await ledger.open_ids()))

    async def _help(self, interaction: Interaction, replies: ServerReplies) -> str:
        return replies.help(self._context.catalog)

    async def _privacy(self, interaction: Interaction, replies: ServerReplies) -> str:
        settings = self._context.settings
        return replies.privacy(settings.storage.keep_hours, settings.queue.keep_hours)

    async def _forget(self, interaction: Interaction, replies: ServerReplies) -> str:
        forgotten = await self._forgetting.begin(person_scope(interaction.user))
        if interaction.guild_id is None and interaction.channel_id is not None:
            await self._context.memory.leave(interaction.channel_id)
        return replies.forgotten(await self._forgetting.finish(forgotten))


def _command(name: str, callback: Callable[..., Any]) -> Command:
    return app_commands.Command(name=marked(name), description=marked(DESCRIPTIONS[name]), callback=callback)
