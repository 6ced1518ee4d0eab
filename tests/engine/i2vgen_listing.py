"""The renderer, in a child that writes down what it has imported."""

from __future__ import annotations

import sys
from pathlib import Path

from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL

LISTING = "imported"


class Listing(I2VGenXL):
    """The list comes to lie beside the model's folder."""

    def load(self, device: str) -> None:
        super().load(device)
        Path(self._model.weights["repo"]).with_name(LISTING).write_text("\n".join(sorted(sys.modules)))
