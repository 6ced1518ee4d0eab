"""Who used the application, and what stands in a message, as `presses.judge` wants to know it."""

from __future__ import annotations

import aiohttp
import discord
import structlog

from unstill_bots.actions.presses import Thing
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction
from unstill_bots.discord.message_ref import MessageRef
from unstill_bots.discord.pending import channel_of, person_scope
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)


class DiscordActor:
    """Whoever caused an interaction, where Discord says that it happened: `chat` is the channel or thread. `about` is a
    message that they point at by its menu; else it is the one that was pressed.
    """

    def __init__(self, context: Context, interaction: Interaction, about: discord.Message | None = None) -> None:
        self._context = context
        self._interaction = interaction
        self.user = str(interaction.user.id)
        self.person = person_scope(interaction.user)
        self.chat = channel_of(interaction)
        self.press = str(interaction.id)
        message = about or interaction.message
        self.message = str(MessageRef(self.chat, message.id)) if message else ""

    async def owns(self, user: str) -> bool | None:
        return user == self.user

    async def moderates(self) -> bool:
        """Those who may delete others' messages, in the channel or thread of the interaction. Where the application
        came along with a person only, it is no matter of the server's.
        """
        return self._interaction.is_guild_integration() and self._interaction.permissions.manage_messages

    async def manages(self) -> bool:
        return is_manager(self._interaction)

    async def thing_of(self, record: Record) -> Thing:
        """A job, where its answer stands; as long as there is none, in the channel where it will."""
        user = record.request.requester.user
        if record.note is None:
            return Thing(user, record.request.reply_to.chat)
        note = MessageRef.of(record.note)
        return Thing(user, note.channel, str(MessageRef(note.channel, note.message)))

    async def shown(self) -> Thing | None:
        """Return the message that was pressed, which belongs to whoever it answers."""
        return Thing(await _asker(self._context, self._interaction), self.chat, self.message)

    async def replied(self) -> discord.Message | None:
        """Return the message to which the pressed one replies; None where it cannot be read."""
        return await _replied(self._context, self._interaction.message)

    async def remove(self) -> bool:
        """Delete the message that was pressed, by the interaction's own token, which may do so wherever that message
        is. The interaction has been answered before, by a deferral.
        """
        try:
            await self._interaction.delete_original_response()
        except discord.NotFound:
            log.info("a clip was deleted already")
        except discord.DiscordException as error:
            log.info("a clip could not be deleted from its channel", error=str(error))
            return False
        return True


def is_manager(interaction: Interaction) -> bool:
    """Of a server that the bot is in."""
    return interaction.is_guild_integration() and interaction.permissions.manage_guild


async def _asker(context: Context, interaction: Interaction) -> str:
    """Return the id of the person whom the pressed message answers; empty where nobody can tell."""
    message = interaction.message
    if interaction.guild_id is None and interaction.context.dm_channel:
        # the bot's direct messages with one person
        return str(interaction.user.id)
    if message is None:
        return ""
    if message.interaction_metadata is not None:
        return str(message.interaction_metadata.user.id)
    replied = await _replied(context, message)
    return str(replied.author.id) if replied else ""


async def _replied(context: Context, message: discord.Message | None) -> discord.Message | None:
    reference = message.reference if message else None
    if reference is None or reference.message_id is None:
        return None
    replied = reference.resolved
    if replied is None:
        place = context.bot.get_partial_messageable(reference.channel_id)
        try:
            replied = await place.fetch_message(reference.message_id)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("the message that a clip answers could not be read", error=str(error))
    return replied if isinstance(replied, discord.Message) else None
