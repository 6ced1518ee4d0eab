"""The sentences about groups that do not show a bot everything: Telegram's privacy mode."""

from __future__ import annotations

from unstill_bots.text.replies import Replies


class GroupReplies(Replies):
    """`Replies`, and what is said of a group. `sees_all`: the bot is shown every message there."""

    def welcome_group(self, name: str, *, sees_all: bool = True) -> str:
        """Say what may be done in a group. Where commands need the bot's `name`, they are shown with it."""
        return "\n\n".join(
            (
                self.usage_in_group(name, sees_all=sees_all),
                self.gettext("Admins choose with /settings when @{name} answers.", name=name)
                if sees_all
                else self.sees_commands(),
            )
        )

    def usage_in_group(self, name: str, *, sees_all: bool = True) -> str:
        command = "/animate" if sees_all else f"/animate@{name}"
        return self.gettext(
            "Reply to a picture with {command} and a few words, and it comes back moving.", command=command
        )

    # -- chats that the bot is not in

    def guest_received(self) -> str:
        return self.gettext("On its way. The clip comes here, and to your chat with the bot.")

    def guest_unknown(self, name: str) -> str:
        return self.gettext("Open @{name} and press Start once, then ask here again.", name=name)

    def guest_without_picture(self, name: str) -> str:
        return self.gettext("Reply to a photo with @{name} and a few words, and it comes back moving.", name=name)

    # -- what reaches the bot

    def sees_commands(self) -> str:
        """Say what does not reach the bot, and what changes that."""
        return self.gettext(
            "Here the bot is shown only commands with its name and replies to its messages. Make it an admin of this "
            "group, and it can answer every photo."
        )
