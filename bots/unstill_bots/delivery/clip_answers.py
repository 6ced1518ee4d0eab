"""Shows clips as answers, once they were looked at: open, covered, or not at all."""

from __future__ import annotations

from pathlib import Path

import structlog

from unstill_bots.delivery import presentation
from unstill_bots.delivery.chat import Chat, ChatUnavailable
from unstill_bots.intake.older_picture import discard
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.safety.checks import Shown
from unstill_bots.safety.rating import RatingUnavailable
from unstill_bots.safety.withheld import WithheldClips
from unstill_config.safety import Policy
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.ledger import Record
from unstill_queue.storage import temporary

log = structlog.get_logger(__name__)

PREFIX = "unstill-bot-"
UNRATED_MOST, UNRATED_AGAIN = 4, 5.0
"""How often a clip that cannot be rated is tried to be shown, and the seconds in between."""


class ClipRefused(Exception):
    """The clip is not shown. `code` is one of `codes.FAILURES`."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class ClipAnswers:
    """Shows the clips of one front end."""

    def __init__(self, chat: Chat, pipeline: Pipeline) -> None:
        self._chat = chat
        self._pipeline = pipeline
        self._storage = pipeline.storage
        self._safety = pipeline.safety
        self._withheld = WithheldClips(pipeline.client, pipeline.settings.storage.keep_hours)

    async def show(self, record: Record, outcome: Succeeded, ref: str) -> str:
        """Make the message `ref` the clip. Returns its ref as `Chat.edit` does.

        Raises:
            ClipRefused: it is not to be shown.
            ChatUnavailable: it could not be looked at yet; and what `Chat.edit` raises.
            StorageError: it could not be read, NotFound where it is gone.
        """
        to, catalog = record.request.reply_to, self._pipeline.catalog
        own = await self._pipeline.preferences.get(record.request.requester.place)
        if catalog.platforms[self._chat.platform].links_clips and not self._safety.rates:
            await self._storage.size(outcome.clip)
            return await self._chat.edit(
                to, ref, presentation.clip(record, outcome, Path(), catalog, spoiler=own.spoiler)
            )
        with temporary.folder(PREFIX) as folder:
            file = folder / "clip.mp4"
            await self._storage.fetch(outcome.clip, file)
            shown = await self._look(record, file, outcome.duration, self._safety.policy(own, to))
            if shown is not Shown.OPEN:
                # before it is seen, as from then on it could be shown elsewhere
                await self._withheld.add(record.id)
            message = presentation.clip(record, outcome, file, catalog, spoiler=own.spoiler, shown=shown)
            return await self._chat.edit(to, ref, message)

    async def _look(self, record: Record, file: Path, duration: float, policy: Policy) -> Shown:
        try:
            shown = await self._safety.shown(file, duration, policy)
        except RatingUnavailable as error:
            if record.sends < UNRATED_MOST:
                raise ChatUnavailable("the clip could not be rated yet", UNRATED_AGAIN) from error
            raise ClipRefused("clip_unrated") from error
        if shown is Shown.REFUSED:
            raise ClipRefused("clip_refused")
        return shown

    async def delete(self, record: Record) -> None:
        """Delete the files of a job whose clip was refused; what cannot be deleted now goes with its age."""
        pictures = record.job.pictures if record.job else ()
        await discard(self._storage, *record.clips, *pictures)
