"""The sentences that say what is wrong with a request, or was not taken of it."""

from __future__ import annotations

from unstill_bots.intake.captions import Unheard
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.pictures import PictureError
from unstill_bots.text.language import Sentences
from unstill_bots.text.sentences import ALLOWED, PICTURES
from unstill_queue.contract.errors import Allowed, BlockedWords, OptionError, QuotaExceeded

FAULTS_MOST = 5
"""Faults of one caption that are told; of those beyond, only how many there are."""


class RefusalReplies(Sentences):
    """The sentences of refusals, in one language."""

    def option_error(self, error: OptionError) -> str:
        """Say all that is wrong with a caption, a line for each fault."""
        if isinstance(error, BlockedWords):
            return self.gettext("Some of these words are not taken here. Use others.")
        lines = [self._fault(fault) for fault in error.faults[:FAULTS_MOST]]
        more = len(error.faults) - FAULTS_MOST
        if more > 0:
            lines.append(self.ngettext("{count} more is wrong.", "{count} more are wrong.", more))
        return "\n".join(lines)

    def _fault(self, error: OptionError) -> str:
        option = error.typed or error.option
        dashes = option[: len(option) - len(option.lstrip("-"))]
        if error.unknown:
            meant = self._did_you_mean(f"{dashes}{error.nearest}" if error.nearest else None)
            advice = meant or self.gettext("The help lists them all.")
            return self._join(self.gettext("There is no option {option}.", option=option), advice)
        allowed = self.allowed(error.allowed)
        if error.option == "prompt":
            return self.gettext("Your words are too long: this takes {allowed}. Shorten them.", allowed=allowed)
        if not error.value:
            return self.gettext("{option} needs a value: it takes {allowed}.", option=option, allowed=allowed)
        sentence = self.gettext(
            "{option} cannot be {value}: it takes {allowed}.",
            option=option,
            value=self._as_written(error.value),
            allowed=allowed,
        )
        return self._join(sentence, self._did_you_mean(error.nearest))

    def _did_you_mean(self, nearest: str | None) -> str:
        return self.gettext("Did you mean {nearest}?", nearest=self._as_written(nearest)) if nearest else ""

    def allowed(self, allowed: Allowed) -> str:
        """Say what an option takes."""
        unit = allowed.details.get("unit", "")
        details = {**allowed.details, "unit": self.gettext(unit)} if unit else allowed.details
        return self._by_code(ALLOWED, allowed.code, details).strip()

    def only_own_pictures(self) -> str:
        """Refuse another's picture, in a chat that wants it so."""
        return self.gettext("Here only one's own pictures are animated. Send one of your own.")

    def unwilling(self) -> str:
        """Refuse the picture of somebody who wants it so."""
        return self.gettext("Whose picture this is does not want others to animate it. Send one of your own.")

    def unheard(self, length: Unheard) -> str:
        """Say that a length of time among the words was not taken as the clip's."""
        if length.allowed is not None:
            return self.gettext(
                "“{words}” was not taken as the length of the clip: that can be {allowed}.",
                words=length.said,
                allowed=self.allowed(length.allowed),
            )
        return self.gettext(
            "“{words}” was not taken as the length of the clip. To set it, write {example}.",
            words=length.said,
            example=f"--seconds {length.seconds:g}",
        )

    def picture_error(self, error: PictureError | Unfit) -> str:
        return self._by_code(PICTURES, error.code, error.details)

    def quota(self, error: QuotaExceeded) -> str:
        limit = float(error.limit)
        if error.quota == "jobs":
            if error.scope == "person":
                return self.gettext("You have {limit} clips in the making already. Wait for one to end.", limit=limit)
            return self.gettext("This chat has {limit} clips in the making already. Wait for one to end.", limit=limit)
        minutes = round(error.limit / 60, 1)
        if error.scope == "person":
            return self.gettext(
                "Your {minutes} minutes of computing for today are used up. Try tomorrow.", minutes=minutes
            )
        return self.gettext(
            "This chat's {minutes} minutes of computing for today are used up. Try tomorrow.", minutes=minutes
        )
