"""The sentences that chats say besides: questions, buttons, commands and settings."""

from __future__ import annotations

from unstill_bots.actions.forgetting import Left
from unstill_bots.text.again_replies import AgainReplies
from unstill_bots.text.group_replies import GroupReplies
from unstill_bots.text.help_replies import HelpReplies
from unstill_bots.text.host_command_replies import HostCommandReplies
from unstill_bots.text.host_replies import HostReplies
from unstill_bots.text.news_replies import NewsReplies
from unstill_bots.text.prompt_replies import PromptReplies
from unstill_bots.text.safety_replies import SafetyReplies
from unstill_bots.text.sharing_replies import SharingReplies
from unstill_bots.text.talk_replies import TalkReplies
from unstill_config.languages import LANGUAGES
from unstill_queue.ledger.ledger import Place


class ChatReplies(
    AgainReplies,
    GroupReplies,
    HelpReplies,
    HostReplies,
    HostCommandReplies,
    NewsReplies,
    PromptReplies,
    SafetyReplies,
    SharingReplies,
    TalkReplies,
):
    """`Replies`, and what a chat's bot says besides."""

    # -- pictures and words

    def ask_words(self, pictures: int = 1, *, draws: bool = True) -> str:
        """Ask for words. `draws` as in `example`."""
        if not draws and pictures > 1:
            return self.ngettext(
                "How should the camera move over this {count} picture? Write a few words, or choose:",
                "How should the camera move over these {count} pictures? Write a few words, or choose:",
                pictures,
            )
        if not draws:
            return self.gettext("How should the camera move? Write a few words, such as “zoom in”, or choose:")
        if pictures > 1:
            return self.ngettext(
                "What should move in this {count} picture? Write a few words, or choose:",
                "What should move in these {count} pictures? Write a few words, or choose:",
                pictures,
            )
        return self.gettext("What should move, and how? Write a few words, or choose:")

    def too_old(self) -> str:
        return self.gettext("This came while the bot was away for over a day. Send it again if you still want it.")

    def only_admins(self) -> str:
        return self.gettext("Only this group's admins may ask for clips here. An admin can change that with /settings.")

    def chat_full(self, jobs: int) -> str:
        return self.ngettext(
            "This group allows {count} clip in the making at a time. Wait for it to end.",
            "This group allows {count} clips in the making at a time. Wait for one to end.",
            jobs,
        )

    def not_taken(self) -> str:
        return self.gettext(
            "The bot could not write this down in time. If nothing shows up here within a minute, try again."
        )

    def comes_by_message(self) -> str:
        return self.gettext("The bot is no member here: if this takes over 14 minutes, the clip comes to your DMs.")

    def cannot_speak_there(self) -> str:
        return self.gettext(
            "The bot may not send messages or files in that channel. Ask an admin, or use another channel."
        )

    def unseen_picture(self) -> str:
        return self.gettext(
            "The bot is not shown that picture. Press on it for long, or right-click it: Apps, Animate."
        )

    def ready(self, when: str) -> str:
        """`when`: a time as the platform shows it, such as 'in 2 minutes'."""
        return self.gettext("Ready {when} (about).", when=when)

    # -- commands

    def what_for(self) -> str:
        return self.gettext("Send a photo and a few words, and get it back moving.")

    def before_start(self) -> str:
        """Say it to somebody who has not written yet."""
        return self._paragraphs(
            self.what_for(), self.gettext("/help shows what else there is, /settings keeps your own defaults.")
        )

    def welcome(self, *, draws: bool) -> str:
        return self._paragraphs(
            self.what_for(),
            self.usage(draws=draws),
            self.gettext("/help shows what else there is, /settings keeps your own defaults."),
        )

    def queue_empty(self) -> str:
        return self.gettext("You have no clips in the making. Send a photo with a few words.")

    def queue_line(self, words: str, place: str) -> str:
        shown = words if len(words) <= 40 else f"{words[:39].rstrip()}…"
        return f"“{shown}”: {place}" if shown else place

    def running(self) -> str:
        return self.gettext("Rendering …")

    def nothing_to_cancel(self) -> str:
        return self.gettext("You have nothing that could be cancelled.")

    def mine_cancelled(self, count: int) -> str:
        """The answer to /cancel; nothing where the jobs' own messages say that they ended."""
        return "" if count else self.nothing_to_cancel()

    def cancelling(self) -> str:
        return self.gettext("Cancelling …")

    def status(self, engines: int, waiting: int, place: Place | None = None) -> str:
        if not engines:
            return self.gettext("No engine is running at the moment. What is sent now waits in the queue.")
        return self._join(
            self.ngettext("{count} engine is running.", "{count} engines are running.", engines),
            self.ngettext("{count} clip is in the making.", "{count} clips are in the making.", waiting),
        )

    def privacy(self, media_hours: float, record_hours: float, leaves: str) -> str:
        return self._paragraphs(
            self.gettext(
                "Your picture and its clip are deleted after {hours} hours, your words and your id after {records} "
                "hours. Your settings stay until you change them.",
                hours=float(media_hours),
                records=float(record_hours),
            ),
            leaves,
            self.reports_and_blocks(),
            self._how_to_forget(),
            self._kept_without_name(),
            self.refusal_kept(),
        )

    def _how_to_forget(self) -> str:
        return self.gettext(
            "/forgetme cancels what is in the making and deletes words, pictures, clips, settings and your id at once."
        )

    def forgotten(self, left: Left) -> str:
        """What is gone, what goes by itself, and what stays for how long."""
        deleted = self.gettext("Your words, pictures, clips and settings are deleted, and your id.")
        if left.files:
            deleted = self.gettext(
                "Your words, settings and id are deleted. The storage does not answer: your pictures and clips are "
                "deleted as soon as it does."
            )
        stopping = self.ngettext(
            "{count} clip is still being stopped; when it has, it goes with all that belongs to it.",
            "{count} clips are still being stopped; when they have, they go with all that belongs to them.",
            left.jobs,
        )
        on_disk = self.gettext("In a minute or two they are gone from the file of the host's queue, too.")
        return self._join(
            deleted,
            stopping if left.jobs else "",
            on_disk if left.on_disk else "",
            self._kept_without_name(),
            self.gettext("What stands in this chat, you can delete yourself."),
        )

    def _kept_without_name(self) -> str:
        return self.gettext(
            "For two days it stays known, without your name, that your requests were here and how much of your quota "
            "is used."
        )

    # -- buttons

    def button_cancel(self) -> str:
        return self.gettext("Cancel")

    def button_better(self) -> str:
        return self.gettext("Better")

    def button_reels(self) -> str:
        return "9:16"

    def button_loop(self) -> str:
        return self.gettext("Loop")

    def button_delete(self) -> str:
        return self.gettext("Delete")

    def button_done(self) -> str:
        return self.gettext("Done")

    def already(self) -> str:
        return self.gettext("That was asked for already.")

    def deleted(self) -> str:
        return self.gettext("Deleted.")

    def cannot_delete(self) -> str:
        return self.gettext("The bot cannot delete this any more. Delete it yourself.")

    def not_your_clip(self) -> str:
        return self.gettext("Only the person who asked for it can do that.")

    def unproven(self, command: str) -> str:
        """Whoever wrote as a channel, and presses in their own name; at most 200 characters, as under any button."""
        return self.gettext(
            "Only who asked for it can do that. If you asked as a channel, send {command} as that channel, in reply to "
            "this message.",
            command=command,
        )

    def unproven_words(self) -> str:
        """The same, of what asks for one more clip."""
        return self.gettext(
            "Only who asked for it can do that. If you asked as a channel, send /animate and words as that channel, in "
            "reply to the picture."
        )

    def nothing_to_delete(self) -> str:
        return self.gettext("There is no clip to delete. Send /delete in reply to a clip of yours.")

    def no_longer_there(self) -> str:
        return self.gettext("The picture is no longer known. Send it again.")

    # -- settings

    def settings(self, *, group: bool, sees_all: bool = True) -> str:
        """Head the settings. `sees_all`: the bot is shown every message of the chat."""
        if group:
            said = self.gettext("How this group uses the bot. Only admins can change it.")
            return self._paragraphs(said, "" if sees_all else self.sees_commands())
        return self.gettext("Your own defaults. What you write with a picture wins.")

    def settings_for_admins(self) -> str:
        return self.gettext("Only this group's admins can change its settings.")

    def setting(self, name: str, value: str) -> str:
        """A button: what is set, and how."""
        titles = {
            "preset": self.gettext("Preset"),
            "shape": self.gettext("Shape"),
            "resolution": self.gettext("Size"),
            "language": self.gettext("Language"),
            "when": self.gettext("Answers"),
            "who": self.gettext("Who"),
            "jobs": self.gettext("At a time"),
            "quiet": self.gettext("Quiet"),
            "thread": self.gettext("Topic"),
            **self.safety_titles() | {"look": self.look_title()},
        }
        return f"{titles[name]}: {value}"

    def any_of(self, setting: str) -> str:
        """The line above a choice of the platform's own channels or roles: what holds where none is chosen."""
        if setting == "channels":
            return self.gettext("Channels: all. Choose those that may be used.")
        return self.gettext("Roles: everybody. Choose those that may ask for clips.")

    def setting_value(self, name: str, value: object) -> str:
        """How a setting's value is called; numbers and names of the catalogue are their own names."""
        titles: dict[tuple[str, object], str] = {
            ("when", "addressed"): self.gettext("when asked"),
            ("when", "photos"): self.gettext("to every photo"),
            ("when", "off"): self.gettext("never"),
            ("who", "all"): self.gettext("everybody"),
            ("who", "admins"): self.gettext("admins"),
            ("quiet", True): self.gettext("yes"),
            ("quiet", False): self.gettext("no"),
            **self.safety_values() | self.look_values(),
            **{("language", code): language.title for code, language in LANGUAGES.items()},
            ("thread", ""): self.gettext("any"),
            ("language", ""): self.gettext("automatic"),
        }
        if (name, value) in titles:
            return titles[name, value]
        if name == "thread":
            return self.gettext("only this one")
        # beside a preset that is called "Standard", nothing chosen is not called so
        if name in ("preset", "shape", "resolution") and not value:
            return self.gettext("not set")
        return str(value) if value else self.gettext("standard")

    # -- sharing

    def share_title(self, words: str, seed: int) -> str:
        return words or self.gettext("seed {seed}", seed=seed)

    def _paragraphs(self, *blocks: str) -> str:
        return "\n\n".join(filter(None, blocks))
