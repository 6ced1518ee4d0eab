"""Marks a clip with what made it: by tags, XMP, the host's credentials, and a label that is seen."""

from __future__ import annotations

from pathlib import Path

import structlog

from unstill_engine.clip.credentials import Signer
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.finish import Layout
from unstill_engine.clip.label import Label, draw_label
from unstill_queue.contract.recipe import Recipe, tags_of, xmp_of
from unstill_queue.storage import mp4

log = structlog.get_logger(__name__)


class Marks:
    """Marks the clips of one recipe. `label_seconds`: for how long a clip that AI made shows that; 0, not at all."""

    def __init__(self, recipe: Recipe, signer: Signer | None = None, label_seconds: float = 0.0) -> None:
        self._recipe = recipe
        self._signer = signer
        self._label_seconds = label_seconds if recipe.made_by == "AI" else 0.0
        self._tags = mp4.tag_box(tags_of(recipe))
        self._xmp = xmp_of(recipe)

    @property
    def labelled(self) -> bool:
        """Return whether the label is drawn into frames of the clip."""
        return self._label_seconds > 0

    @property
    def room(self) -> int:
        """Bytes by which a file grows at most."""
        return len(self._tags) + len(self._xmp) + (self._signer.room if self._signer else 0)

    def write(self, clip: Path, target: Path) -> None:
        """Write the clip with its marks to `target`; credentials last, as they vouch for the rest.

        What cannot be signed, as by a certificate that has ended meanwhile, goes without them: its other marks say the
        same. Raises OSError where it could not be written.
        """
        if self._signer is None:
            mp4.write_tagged(clip, target, self._tags, self._xmp)
            return
        tagged = target.with_name(f"tagged-{target.name}")
        mp4.write_tagged(clip, tagged, self._tags, self._xmp)
        try:
            self._signer.sign(tagged, target, self._recipe)
            tagged.unlink()
        except ClipError as error:
            log.error("a clip could not be signed and goes without credentials", error=str(error))
            tagged.replace(target)

    def label(self, layout: Layout, folder: Path) -> Label | None:
        """Return the label for frames of that layout, drawn in `folder`; None, there is none. Raises OSError."""
        return draw_label(layout, folder, self._label_seconds) if self._label_seconds else None
