"""Sentences of chats that are servers: with channels and roles, commands with options, answers to one person alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstill_bots.text.chat_replies import ChatReplies

if TYPE_CHECKING:
    from unstill_bots.actions.commands import Command


class ServerReplies(ChatReplies):
    """The sentences of `ChatReplies`, worded for a server instead of a group, and those of its forms and settings."""

    # -- when it does not work

    def unreachable(self) -> str:
        return self.gettext("The bot cannot reach its queue at the moment. Try again in a minute.")

    def changed(self) -> str:
        return self.gettext("This command has changed since your app last looked. Restart the app, or wait an hour.")

    def role_is_not_shown(self) -> str:
        return self.gettext(
            "What is said to the bot's role is not shown to it here. Pick the bot itself, or use /animate."
        )

    # -- what a server has set

    def only_in(self, channels: str) -> str:
        """Say where clips are made. `channels`: as the platform writes them in a message."""
        return self.gettext("This server makes clips only in {channels}. Ask there.", channels=channels)

    def not_with_these_roles(self) -> str:
        return self.gettext("This server lets only some roles ask for clips. Ask one of its admins.")

    def chat_full(self, jobs: int) -> str:
        return self.ngettext(
            "This server allows {count} clip in the making at a time. Wait for it to end.",
            "This server allows {count} clips in the making at a time. Wait for one to end.",
            jobs,
        )

    # -- commands

    def leads(self, *, draws: bool) -> str:
        if draws:
            return self.gettext("Use /animate with a picture and words that say what moves, for example:")
        return self.gettext("Use /animate with a picture and words that say how a camera moves over it, for example:")

    def other_ways(self) -> tuple[str, ...]:
        return (
            self.gettext(
                "Or press on a message for long, or right-click it: Apps, Animate. Or mention the bot beside a picture."
            ),
        )

    def described(self, command: Command) -> str:
        return command.with_options or command.description

    def queue_empty(self) -> str:
        return self.gettext("You have no clips in the making. Use /animate with a picture.")

    def cancelled_some(self, count: int) -> str:
        return self.ngettext("{count} clip is being cancelled.", "{count} clips are being cancelled.", count)

    def mine_cancelled(self, count: int) -> str:
        return self.cancelled_some(count) if count else self.nothing_to_cancel()

    # -- the form for a picture that somebody pointed at, or uploads in it

    def modal_title(self) -> str:
        return self.gettext("Animate")

    def modal_words(self, *, draws: bool) -> str:
        return self.gettext("What should move, and how?") if draws else self.gettext("How should the camera move?")

    def modal_picture(self) -> str:
        return self.gettext("Picture")

    def modal_options(self) -> tuple[str, str, str]:
        """Name the menus of the form: preset, shape and length."""
        return self.gettext("Preset"), self.gettext("Shape"), self.gettext("Length")

    def no_longer_open(self) -> str:
        return self.gettext("This was open for too long. Choose Animate again.")

    # -- settings

    def settings(self, *, group: bool, sees_all: bool = True) -> str:
        if group:
            return self.gettext("How this server uses the bot. Only members who may manage it can change this.")
        return super().settings(group=False)

    def settings_for_admins(self) -> str:
        return self.gettext("Only members who may manage this server can change its settings.")

    def button_server(self) -> str:
        return self.gettext("This server …")

    def button_mine(self) -> str:
        return self.gettext("My own …")

    def setting(self, name: str, value: str) -> str:
        if name == "jobs":
            return self.gettext("Clips at a time: {count}", count=value)
        if name == "spoiler":
            return self.gettext("Clips as spoilers: {value}", value=value)
        return super().setting(name, value)

    def setting_value(self, name: str, value: object) -> str:
        return super().setting_value("quiet" if name == "spoiler" else name, value)
