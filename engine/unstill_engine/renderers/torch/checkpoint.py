"""Reads the parts of a model's folder, each from safetensors alone, onto a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.download import variant_in
from unstill_engine.renderers.torch.device import is_out_of_memory

T = TypeVar("T")

_SHOWN_KEYS = 3
_SHOWN_REASON = 200


@dataclass(frozen=True)
class Checkpoint:
    """A model's folder, laid out as diffusers does it: a folder a part.

    `variant` is the one to read, such as "fp16", of those parts that have it.
    """

    folder: Path
    variant: str = ""

    def model(self, kind: Any, part: str, device: torch.device, **options: Any) -> Any:
        """Return the part as a module of the class `kind`, in evaluation mode, without gradients, on `device`.

        `kind` is a class of diffusers or transformers; `options` go to its `from_pretrained`.

        Raises:
            RenderError: "model_unavailable", the part is damaged or lacks weights.
            torch.OutOfMemoryError: the device is too small for the weights.
        """

        def load() -> Any:
            loaded, found = kind.from_pretrained(
                self.folder,
                subfolder=part,
                variant=variant_in(self.folder, part, self.variant),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **options,
            )
            if found["missing_keys"]:  # both libraries would go on with random values in their place
                raise ValueError(f"it lacks the weights {', '.join(sorted(found['missing_keys'])[:_SHOWN_KEYS])}")
            return loaded

        return self.read(part, load).to(device).eval().requires_grad_(False)

    def read(self, part: str, load: Callable[[], T]) -> T:
        """Return what `load` reads of the part.

        Raises:
            RenderError: "model_unavailable", whatever `load` raised; memory that ran out passes as it is.
        """
        try:
            return load()
        except Exception as error:  # each library has its own ways to fail on a broken file
            if is_out_of_memory(error):
                raise
            why = f"{type(error).__name__}: {error}".splitlines()[0][:_SHOWN_REASON].rstrip(".")
            raise RenderError(
                "model_unavailable",
                f"The model's {part} in {self.folder} cannot be read ({why}). "
                "Delete that folder and fetch the model anew.",
            ) from error


def silence_libraries() -> None:
    """Have diffusers and transformers write errors only, and no progress bars: a log is no terminal."""
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
