"""News for who hosts the bots: what is wrong, what to do, and that it is well again."""

from __future__ import annotations

from datetime import datetime

from unstill_bots.text.replies import Replies


class NewsReplies(Replies):
    """The sentences that a host is told without having asked."""

    def news(self) -> str:
        """Stand for news that follow in the same message at once."""
        return self.gettext("News for the host of this bot …")

    # -- reports

    def news_of_report(self, platform: str, asked: str, place: str, reporter: str) -> str:
        """Tell of a clip that was reported, by the names under which a host blocks. `platform` is where it was made."""
        return "\n".join((
            self.gettext("A clip on {platform} was reported.", platform=platform.title()),
            self.gettext("Asked for by: {name}", name=asked),
            self.gettext("In the chat: {name}", name=place),
            self.gettext("Reported by: {name}", name=reporter),
            self.gettext("Send /block with one of these names to keep them out."),
        ))  # fmt: skip

    def report_without_clip(self) -> str:
        return self.gettext("The clip is gone, or cannot be shown here.")

    def reported(self) -> str:
        return self.gettext("Thank you. Who hosts this bot is told of the clip.")

    def nothing_to_report(self) -> str:
        return self.gettext("There is no clip here to report. Reply to a clip of this bot's.")

    def nobody_to_report_to(self) -> str:
        return self.gettext("The host of this bot has not said who is told. Ask whoever runs it.")

    def too_many_reports(self) -> str:
        return self.gettext("There were too many reports within an hour. Try again later.")

    def button_report(self) -> str:
        return self.gettext("Report")

    # -- what is wrong

    def trouble_engine(self, seconds: float, waiting: int) -> str:
        return self._join(
            self.gettext("No engine has been running for {duration}.", duration=self.duration(seconds)),
            self.ngettext("{count} clip waits.", "{count} clips wait.", waiting) if waiting else "",
            self.gettext("Start one, or look at its log."),
        )

    def well_engine(self) -> str:
        return self.gettext("An engine is running again.")

    def trouble_parked(self, jobs: int) -> str:
        return self._join(
            self.ngettext(
                "{count} clip needs what no engine can do that runs.",
                "{count} clips need what no engine can do that runs.",
                jobs,
            ),
            self.gettext("Update the engines, and give them the catalogue of the front ends."),
        )

    def well_parked(self) -> str:
        return self.gettext("No clip waits for what no engine can do any more.")

    def trouble_certificate(self, end: datetime) -> str:
        return self.gettext(
            "The certificate that signs clips is valid until {day}. Set a new one, and start the engines again.",
            day=f"{end:%Y-%m-%d}",
        )

    def well_certificate(self, end: datetime) -> str:
        return self.gettext("Clips are signed with a certificate that is valid until {day}.", day=f"{end:%Y-%m-%d}")

    def trouble_disk(self, folder: str, megabytes: int) -> str:
        return self.gettext(
            "The disk of {folder} is nearly full: {megabytes} MB are free. Free some.",
            folder=folder,
            megabytes=megabytes,
        )

    def well_disk(self, folder: str) -> str:
        return self.gettext("The disk of {folder} has room again.", folder=folder)

    def trouble_storage(self) -> str:
        return self.gettext("Pictures and clips cannot be stored. Run unstill doctor and look.")

    def well_storage(self) -> str:
        return self.gettext("Pictures and clips can be stored again.")

    def trouble_rating(self) -> str:
        return self.gettext("Pictures cannot be rated, so they are refused or covered. Run unstill doctor and look.")

    def well_rating(self) -> str:
        return self.gettext("Pictures can be rated again.")

    def trouble_records(self, count: int) -> str:
        return self._join(
            self.ngettext("{count} record cannot be read.", "{count} records cannot be read.", count),
            self.gettext("Run unstill doctor and look."),
        )

    def well_records(self) -> str:
        return self.gettext("All records can be read again.")

    def trouble_bot(self, platform: str, seconds: float) -> str:
        return self.gettext(
            "The front end of {platform} has not been running for {duration}. Start it, or look at its log.",
            platform=platform.title(),
            duration=self.duration(seconds),
        )

    def trouble_platform(self, platform: str, seconds: float) -> str:
        return self.gettext(
            "{platform} has refused its bot, or not answered it, for {duration}. Look at the bot's log.",
            platform=platform.title(),
            duration=self.duration(seconds),
        )

    def well_bot(self, platform: str) -> str:
        return self.gettext("{platform} is served again.", platform=platform.title())
