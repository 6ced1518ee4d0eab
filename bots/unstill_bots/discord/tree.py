"""Every interaction, and who takes it: commands, menus of messages and people, forms, presses and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import discord
from discord import InteractionType, app_commands
from discord.app_commands import ContextMenu
from msgspec.structs import replace

from unstill_bots.actions.open_forms import Pointed
from unstill_bots.actions.option_offers import words
from unstill_bots.actions.presses import REPORT
from unstill_bots.actions.replied import Replied, RepliedCommands
from unstill_bots.discord import modals
from unstill_bots.discord.actors import DiscordActor
from unstill_bots.discord.buttons import jobs_of
from unstill_bots.discord.commands import Commands
from unstill_bots.discord.context import Context
from unstill_bots.discord.handling import Interaction, answer, failed, guarded, replies_for, tell
from unstill_bots.discord.intake import Intake
from unstill_bots.discord.localized import ANIMATE, ANIMATE_AVATAR, REPORT_CLIP, Localized, marked
from unstill_bots.discord.media import Picture, find, of_attachment
from unstill_bots.discord.modals import of_form
from unstill_bots.discord.parameters import animate_command
from unstill_bots.discord.pending import PLATFORM, is_covered, of_interaction, person_scope, uncovered
from unstill_bots.discord.presses import Presses
from unstill_bots.discord.settings_view import SettingsView
from unstill_bots.discord.sync import installs_of, offer, read_links, register
from unstill_bots.host.background import quickly
from unstill_bots.host.registration import keep_registered
from unstill_bots.intake.admission import Written
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.intake.pending import usable_of
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.catalog import Value
from unstill_queue.contract.jobs import ReplyAddress

AVATAR_SIZE = 1024


class Tree(app_commands.CommandTree[Any]):
    """One front end's; to be made before its client connects."""

    def __init__(self, context: Context, intake: Intake) -> None:
        super().__init__(context.bot)
        offer(self, installs_of(context.bot.application))
        self._context = context
        self._intake = intake
        self._open = context.memory.forms
        self._replied = RepliedCommands(context.pipeline)
        settings, presses = SettingsView(context), Presses(context, intake)
        serving = context.pipeline.serving
        self.add_command(animate_command(self._animate, context.catalog, serving.now, *serving.left_out))
        for command in Commands(context, settings).all():
            self.add_command(command)
        self.add_command(self._message_menu())
        self.add_command(self._person_menu())
        self.add_command(self._report_menu())
        context.bot.add_dynamic_items(presses.item(), settings.item())
        context.bot.event(self._forms())

    async def register(self) -> None:
        """With Discord, where something changed; tried until it is done. Raises nothing."""
        await self.set_translator(Localized(self._context.catalog))
        await keep_registered(lambda: register(self, self._context.client.redis))
        await keep_registered(lambda: read_links(self, self._context.chat.marks.links))

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        await failed(self._context, interaction, error)

    # -- /animate

    async def _animate(
        self, interaction: Interaction, images: Sequence[discord.Attachment], prompt: str, given: Mapping[str, Value]
    ) -> None:
        replies, said = await replies_for(self._context, interaction), words(prompt, given)
        sent = [of_attachment(image) for image in images]
        unfit = next((one for one in sent if isinstance(one, Unfit)), None)
        found = [one for one in sent if isinstance(one, Picture)]
        if unfit is not None:
            await answer(interaction, replies.picture_error(unfit))
            return
        if not found and await quickly(self._context.conversation.words.are_enough(said, prompt=prompt)):
            found = [Picture("")]
        if not found:
            await self._ask(interaction, [], replies, prompt, given)
        elif await quickly(self._context.conversation.suffices(said, person_scope(interaction.user))):
            await self._intake.admit(interaction, replies, self._write(interaction, found, said, replies))
        else:
            await self._ask(interaction, found, replies)

    async def _write(
        self,
        interaction: Interaction,
        found: Sequence[Picture],
        said: str,
        replies: ServerReplies,
        form: str = "",
        older: OlderPicture | None = None,
        author: str = "",
        unfit: Sequence[str] = (),
    ) -> Written:
        limit = self._context.upload_limit(interaction)
        asks = [
            replace(
                of_interaction(interaction, picture, replies.language, limit, number=number),
                older=older,
                covered=is_covered(said),
                author=author,
            )
            for number, picture in enumerate(found)
        ]
        written = await self._intake.admission.write(of_form(asks, form) if form else asks, uncovered(said), unfit)
        if written.words:
            # for the button under the refusal, which opens a form with the words
            pointed = Pointed(asks[0].user, asks[0].channel, list(found), said, author=author)
            await self._open.keep(interaction.id, pointed)
        return written

    # -- Animate on a message, and on a person

    def _message_menu(self) -> ContextMenu:
        async def animate(interaction: Interaction, message: discord.Message) -> None:
            replies = await replies_for(self._context, interaction)
            found = find(message)
            if found is None:
                await answer(interaction, replies.no_picture())
            elif isinstance(found, Unfit):
                await answer(interaction, replies.picture_error(found))
            elif usable := usable_of(found, own=_is_own(message, interaction)):
                author = "" if message.author.bot else str(message.author.id)
                await self._ask(interaction, usable, replies, author=author)
            else:
                await answer(interaction, replies.picture_is_covered())

        return ContextMenu(name=marked(ANIMATE), callback=animate)

    def _person_menu(self) -> ContextMenu:
        async def animate_avatar(interaction: Interaction, person: discord.User) -> None:
            still = person.display_avatar.with_format("png").with_size(AVATAR_SIZE)
            replies = await replies_for(self._context, interaction)
            await self._ask(interaction, [Picture(still.url)], replies, author=str(person.id))

        return ContextMenu(name=marked(ANIMATE_AVATAR), callback=animate_avatar)

    def _report_menu(self) -> ContextMenu:
        async def report(interaction: Interaction, message: discord.Message) -> None:
            replies, me = await replies_for(self._context, interaction), self._context.bot.user
            actor = DiscordActor(self._context, interaction, message)
            at = ReplyAddress(PLATFORM, actor.chat, str(message.id))
            replied = Replied(actor, at, me is not None and message.author.id == me.id, jobs_of(message))
            await tell(self._context, interaction, self._replied.perform(REPORT, replied, replies))

        return ContextMenu(name=marked(REPORT_CLIP), callback=report)

    async def _ask(
        self,
        interaction: Interaction,
        found: Sequence[Picture],
        replies: ServerReplies,
        prompt: str = "",
        given: Mapping[str, Value] = MappingProxyType({}),
        author: str = "",
    ) -> None:
        """Open a form for what was found, which `author` posted; where that is nothing, the form asks for it."""
        refusal = await quickly(self._may_ask(interaction, found, replies, author))
        if refusal is not None:
            await answer(interaction, refusal)
            return
        serving = self._context.pipeline.serving
        await modals.show(interaction, replies, serving, upload=not found, prompt=prompt, given=given)

    async def _may_ask(
        self, interaction: Interaction, found: Sequence[Picture], replies: ServerReplies, author: str
    ) -> str | None:
        """Return why they may not ask for a clip here, before they write anything, or None. Raises RedisError."""
        first = found[0] if found else Picture("")
        ask = of_interaction(interaction, first, replies.language, self._context.upload_limit(interaction))
        ask = replace(ask, author=self._context.pipeline.consent.author(ask.who, author))
        refusal = await self._context.pipeline.refusal(ask, None)
        if refusal is None:
            await self._open.keep(interaction.id, Pointed(ask.user, ask.channel, list(found), author=ask.author))
        return refusal.said if refusal else None

    def _forms(self) -> Any:
        async def on_interaction(interaction: Interaction) -> None:
            custom_id = interaction.custom_id or ""
            if interaction.type is InteractionType.modal_submit and modals.is_ours(custom_id):
                await guarded(self._context, interaction, self._form(interaction, modals.form_of(custom_id)))

        return on_interaction

    async def _form(self, interaction: Interaction, form: str) -> None:
        replies = await replies_for(self._context, interaction)
        await self._intake.admit(interaction, replies, self._write_form(interaction, form, replies))

    async def _write_form(self, interaction: Interaction, form: str, replies: ServerReplies) -> Written:
        pointed = await self._open.of(form, DiscordActor(self._context, interaction))
        if pointed is None:
            return Written(replies.no_longer_open())
        sent = [of_attachment(file) for file in modals.uploaded(interaction)]
        found = pointed.pictures or [one for one in sent if isinstance(one, Picture)]
        said = modals.written(interaction.data)
        if not (found or sent) and await self._context.conversation.words.are_enough(said):
            found = [Picture("")]
        unfit = [replies.picture_error(one) for one in sent if isinstance(one, Unfit)]
        if not found:
            return Written(unfit[0] if unfit else replies.no_picture())
        record = await self._context.pipeline.record(pointed.job) if pointed.job else None
        older = OlderPicture.of(record) if record else None
        return await self._write(interaction, found, said, replies, form, older, pointed.author, unfit)


def _is_own(message: discord.Message, interaction: Interaction) -> bool:
    """Tell whether a message counts as the person's own: that of an application is anybody's."""
    return message.author.bot or message.author.id == interaction.user.id
