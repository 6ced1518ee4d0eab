"""The sentences that explain what can be done: the help, its pages, and what is said to a command that is none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unstill_bots.intake.served import Served
from unstill_bots.text.pages import Item, Page, Section
from unstill_bots.text.replies import Replies, names_of
from unstill_queue.contract.options import LAST_IMAGE, TEXT_TO_VIDEO

if TYPE_CHECKING:
    from unstill_bots.actions.commands import Command


class HelpReplies(Replies):
    """`Replies`, and the pages of the help."""

    def leads(self, *, draws: bool) -> str:
        """Say how to ask for a clip. An example follows. `draws` as in `example`."""
        if draws:
            return self.gettext("Send a picture with words that say what moves, for example:")
        return self.gettext("Send a picture with words that say how a camera moves over it, for example:")

    def usage(self, *, draws: bool) -> str:
        return self._join(self.leads(draws=draws), self.example(draws=draws))

    def other_ways(self) -> tuple[str, ...]:
        """Say how else to ask for a clip, a line each."""
        return ()

    def abilities(self, served: Served) -> tuple[str, ...]:
        """Say what models that are served make besides clips of one picture, a line each."""
        two = self.gettext("Two pictures sent together become one clip by words such as “from this one to that one”.")
        none = self.gettext("Words without a picture become a clip, too.")
        return tuple(said for ability, said in ((LAST_IMAGE, two), (TEXT_TO_VIDEO, none)) if served.able(ability))

    def overview(self, commands: Iterable[Command], *, draws: bool, how: str = "", also: Iterable[str] = ()) -> Page:
        """Make the help's first page: how to ask for a clip, and all commands by topic.

        `draws` as in `example`; `how` is said instead of the usual where that is another way; `also` are lines
        about what else can be asked for.
        """
        usual = (Item(self.leads(draws=draws)), Item(terms=(self.example(draws=draws),)))
        asking = (Item(how),) if how else usual
        topics: dict[str, list[Item]] = {}
        for command in commands:
            topics.setdefault(command.topic, []).append(
                Item(f"/{command.name}: {self.gettext(self.described(command))}")
            )
        lists = (Section(self.gettext(topic), tuple(items)) for topic, items in topics.items())
        return Page((Section("", (*asking, *map(Item, (*self.other_ways(), *also)))), *lists))

    def described(self, command: Command) -> str:
        """Return the English description of a command, as it is used here."""
        return command.description

    def options(self, served: Served) -> Page:
        """Make the page of the options that can be used now, with what each takes."""
        items = (Item(self.option_said(option, served.offered), names_of(option)) for option in served.options)
        example = self._written(self.example(draws=served.draws))
        return Page((Section(self.gettext("Options"), tuple(items)), example))

    def presets(self, served: Served) -> Page:
        """Make the page of all presets."""
        presets, draws = served.presets, served.draws
        items = (Item(self.translated(one.help_of(draws=draws)), (name,)) for name, one in presets.items())
        words = self.gettext("Waves rolling in") if draws else self.gettext("Zoom in slowly")
        return Page((Section(self.gettext("Presets"), tuple(items)), self._written(f"{words} --preset quality")))

    def _written(self, example: str) -> Section:
        lead = self.gettext("Write them with your words, for example:")
        return Section("", (Item(lead), Item(terms=(example,))))

    def tips(self, *, draws: bool, guided: bool = True) -> Page:
        """Make the page of how to write good words. `draws` and `guided` as in `guide`."""
        lines = self.guide(draws=draws, guided=guided)
        return Page((Section(self.gettext("How to write it"), tuple(map(Item, lines))),))

    def unknown_command(self, name: str, nearest: str = "") -> str:
        """Answer a command that is none. `nearest`: the one that may be meant."""
        if nearest:
            return self.gettext(
                "There is no command {command}. Did you mean {nearest}?", command=f"/{name}", nearest=f"/{nearest}"
            )
        return self.gettext("There is no command {command}. Send /help to see them all.", command=f"/{name}")

    def typed_command(self, name: str) -> str:
        """Answer a command that was sent as a message where the platform has commands of its own."""
        return self.gettext(
            "Use {command} here, or choose it from the list that opens when you type a slash.", command=f"/{name}"
        )
