"""Every sentence that a person reads, in their language. Plain text, without markup."""

from __future__ import annotations

from collections.abc import Iterable

from unstill_bots.text.advice import Advice
from unstill_bots.text.input_replies import InputReplies
from unstill_bots.text.parts import Text
from unstill_bots.text.refusal_replies import RefusalReplies
from unstill_bots.text.sentences import ADVICE, CAMERA_ADVICE, FAILURES, NOTES, PICTURES, WITHOUT
from unstill_bots.text.waiting_replies import WaitingReplies
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES
from unstill_queue.contract.codes import FAILURES as FAILURE_CODES
from unstill_queue.contract.codes import SAID, UNKNOWN, read_note
from unstill_queue.contract.jobs import Cancelled, Failed, Outcome, Progress, Succeeded
from unstill_queue.contract.options import Option
from unstill_queue.contract.resolving import allowed_by

CAPTION_LENGTH = 1024
"""Characters under a clip: Telegram's bound, the narrowest of the platforms'."""


def names_of(option: Option) -> tuple[str, ...]:
    """Return the names under which an option may be written, its own first."""
    return tuple(f"--{name}" for name in (option.name, *option.aliases))


class Replies(InputReplies, RefusalReplies, WaitingReplies):
    """The sentences in one language. Takes any platform's language tag; English where we have no other."""

    # -- on the way in

    def seconds(self, count: int) -> str:
        return self.ngettext("{count} second", "{count} seconds", count)

    def progress(self, progress: Progress) -> str:
        if progress.phase == "loading":
            return self.gettext("Loading the model …")
        if progress.phase == "encoding":
            return self.gettext("Rendered. Making the file …")
        if not progress.steps:
            return self.gettext("Rendering …")
        percent = f"{min(100, 100 * progress.step // progress.steps)} %"
        if progress.seconds_left is None:
            return self.gettext("Rendering: {percent}.", percent=percent)
        left = self.duration(progress.seconds_left)
        return self.gettext("Rendering: {percent}, {duration} left.", percent=percent, duration=left)

    def shrinking(self) -> str:
        """The platform refused the clip's size."""
        return self.gettext("This file is too large here. Making it smaller …")

    # -- the answer

    def done(self, outcome: Succeeded, advice: Advice | None = None, *, length: int = CAPTION_LENGTH) -> str:
        """The text under the clip, of at most `length` characters: what is too long of the words is left out."""
        return self.clip_text(outcome, outcome.notes, advice).plain(length)

    def clip_text(
        self,
        outcome: Succeeded,
        notes: Iterable[str],
        advice: Advice | None = None,
        *,
        pictures: int = 1,
        own: str = "",
    ) -> Text:
        """Return the parts of the text under the clip, with all `notes` on it, as `Record.notes` has them.

        `pictures` as in `Request`, `own` as `Job.own_words`.
        """
        facts = self.gettext(
            "{seconds} s, {width} × {height}, seed {seed}.",
            seconds=round(outcome.duration, 1),
            width=outcome.width,
            height=outcome.height,
            seed=outcome.parameters.seed,
        )
        said = filter(
            None, (self.disclosure(outcome.synthetic, pictures, filled=outcome.filled), *map(self.note, notes))
        )
        tip = self.advice(advice) if advice is not None else ""
        return Text(facts, own or outcome.parameters.prompt, tuple(said), tip, quotes=LANGUAGES[self.language].quotes)

    def disclosure(self, synthetic: bool, pictures: int = 1, *, filled: bool = False) -> str:
        """Say who made the clip. `synthetic` and `filled` as in `Succeeded`, `pictures` as in `Request`."""
        if filled:
            return self.gettext(
                "A camera moves through the still picture. AI judged its depth, and what it hides was filled in."
            )
        if not synthetic:
            return self.gettext("A camera moves over the still picture; AI drew none of it.")
        if not pictures:
            return self.gettext("Made by AI from words alone.")
        if pictures > 1:
            return self.gettext("Made by AI from two still pictures.")
        return self.gettext("Made by AI from a still picture.")

    def note(self, note: str) -> str:
        """The sentence of a code of `codes.NOTES`; empty for one that says nothing here.

        They are 'code', 'code:value', or 'code:name=value,name=value'.
        """
        code, parameters = read_note(note)
        return self._by_code(NOTES, code, parameters) if code in NOTES else ""

    def advice(self, advice: Advice) -> str:
        return self.gettext("Tip: {advice}", advice=self._by_code(ADVICE, advice.code, advice.details))

    def failed(self, failed: Failed) -> str:
        """Say what happened; of a code that this version does not know, that something went wrong."""
        if failed.code == SAID:
            return failed.message
        if failed.code in WITHOUT and not FAILURE_CODES[failed.code] <= failed.details.keys():
            return self._by_code(WITHOUT, failed.code, {})
        for sentences in (FAILURES, PICTURES):
            if failed.code in sentences:
                return self._by_code(sentences, failed.code, failed.details)
        return self._by_code(FAILURES, UNKNOWN, {})

    def cancelled(self, by: str) -> str:
        if by == "system":
            return self.gettext("This was cancelled by the host. Send it again if you still want it.")
        return self.gettext("Cancelled.")

    def call(self, outcome: Outcome | None) -> str:
        """A short new message after a long wait, as an edit does not notify."""
        match outcome:
            case Failed():
                return self.gettext("Your clip could not be made; the message above says why.")
            case Cancelled():
                return self.gettext("Your request was cancelled.")
            case _:
                return self.gettext("Your clip is ready.")

    # -- what was wrong with the request

    def no_picture(self) -> str:
        return self.gettext("There is no picture here. Send one with a few words, or reply to one.")

    def not_yours(self) -> str:
        return self.gettext("Only the person who asked for it can cancel it.")

    def cannot_cancel(self) -> str:
        return self.gettext("It is too late to cancel this: it is done.")

    def unknown_job(self) -> str:
        return self.gettext("There is no such clip. It may have been too long ago.")

    # -- the help

    def example(self, *, draws: bool) -> str:
        """Return words that a model can do. `draws`: it draws new pixels; else it moves a camera over the photo."""
        if draws:
            return self.gettext("Waves rolling in, slow motion --seconds 3")
        return self.gettext("Zoom in slowly, then pan left --seconds 3")

    def option_help(self, option: Option, catalog: Catalog) -> str:
        """One line: name, aliases, what it does, what it takes."""
        return f"{', '.join(names_of(option))}: {self.option_said(option, catalog)}"

    def option_said(self, option: Option, catalog: Catalog) -> str:
        """Say what an option does and what it takes."""
        return f"{self.gettext(option.help)} ({self._taken(option, catalog)})"

    def _taken(self, option: Option, catalog: Catalog) -> str:
        """Say what the catalogue's models take of an option: those that read it, those that take the same together."""
        models = [one for one in catalog.models.values() if not option.ability or option.name in one.abilities]
        taken: dict[str, list[str]] = {}
        for model in models:
            taken.setdefault(self.allowed(allowed_by(option, model, catalog)), []).append(model.title)
        if len(taken) <= 1:
            return next(iter(taken), self.allowed(option.allowed(catalog)))
        return "; ".join(f"{', '.join(titles)}: {said}" for said, titles in taken.items())

    def option_described(self, option: Option, catalog: Catalog) -> str:
        """Say what an option does, and for numbers which ones it takes."""
        said = self.translated(option.help)
        return f"{said} ({self.allowed(option.allowed(catalog))})" if option.type in ("int", "float") else said

    def preset_help(self, catalog: Catalog, name: str, *, draws: bool = True) -> str:
        return f"{name}: {self.translated(catalog.presets[name].help_of(draws=draws))}"

    def guide(self, *, draws: bool, guided: bool = True) -> tuple[str, ...]:
        """Say how to write a good prompt, a line each. `draws` as in `example`; `guided`: it takes a guidance scale."""
        codes = [code for code in ADVICE if (code in CAMERA_ADVICE) is not draws and (guided or code != "guidance")]
        return tuple(self._by_code(ADVICE, code, {"verb": self.gettext("rolling in")}) for code in codes)
