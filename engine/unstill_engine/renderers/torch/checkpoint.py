"""Reads the parts of a model's folder, each from safetensors alone, onto a device."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from torch import Tensor

from unstill_engine.renderers.base import DevicePoisoned, RenderError
from unstill_engine.renderers.download import variant_in
from unstill_engine.renderers.torch.device import device_errors, is_out_of_memory

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
            _check_whole(found["missing_keys"])  # both libraries would go on with random values in their place
            return loaded

        return self.read(part, load).to(device).eval().requires_grad_(False)

    @contextmanager
    def reading(self, homes: Mapping[str, torch.device], dtype: torch.dtype) -> Iterator[Weights]:
        """Read the parts' weights beside what is done meanwhile, in that order, each onto its device."""
        with ThreadPoolExecutor(1, thread_name_prefix="weights") as thread:
            futures = {part: thread.submit(self._tensors, part, home, dtype) for part, home in homes.items()}
            try:
                yield Weights(self, futures)
            except BaseException:
                thread.shutdown(wait=False, cancel_futures=True)
                raise

    def config(self, part: str) -> dict[str, Any]:
        """Return what the part's config.json says. Raises RenderError where it cannot be read."""
        said: dict[str, Any] = self.read(
            part, lambda: json.loads((self.folder / part / "config.json").read_text("utf-8"))
        )
        return said

    def read(self, part: str, load: Callable[[], T]) -> T:
        """Return what `load` reads of the part.

        Raises:
            RenderError: "model_unavailable", whatever `load` raised; memory that ran out passes as it is.
            DevicePoisoned: the device answers nothing.
        """
        try:
            return load()
        except DevicePoisoned:
            raise
        except Exception as error:  # each library has its own ways to fail on a broken file
            if is_out_of_memory(error):
                raise
            why = f"{type(error).__name__}: {error}".splitlines()[0][:_SHOWN_REASON].rstrip(".")
            raise RenderError(
                "model_unavailable",
                f"The model's {part} in {self.folder} cannot be read ({why}). "
                "Delete that folder and fetch the model anew.",
            ) from error

    def _tensors(self, part: str, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for file in self._files(part):
            with device_errors(), safe_open(file, framework="pt", device=str(device)) as opened:
                for name in opened.keys():  # noqa: SIM118, it is no mapping
                    tensor = opened.get_tensor(name)
                    wanted = dtype if tensor.is_floating_point() else tensor.dtype
                    # on the processor it is the file, which may be replaced, and whose place decides how sums round
                    found[name] = tensor.to(wanted, copy=device.type == "cpu")
        return found

    def _files(self, part: str) -> list[Path]:
        folder = self.folder / part
        variant = variant_in(self.folder, part, self.variant)
        ending = f".{variant}" if variant else ""
        indices = sorted(folder.glob(f"*.safetensors.index{ending}.json"))
        if indices:
            listed = json.loads(indices[0].read_text("utf-8"))["weight_map"].values()
            return [folder / name for name in sorted(set(listed))]
        files = [path for path in sorted(folder.glob(f"*{ending}.safetensors")) if variant or path.name.count(".") == 1]
        if len(files) != 1:
            raise ValueError(f"it has {len(files)} files of weights, and no list of them")
        return files


@dataclass(frozen=True)
class Weights:
    """Has what is read of a checkpoint, part by part, once it is there."""

    checkpoint: Checkpoint
    _futures: dict[str, Future[dict[str, Tensor]]]

    def fill(self, part: str, module: Any, prefix: str = "") -> Any:
        """Give the part's weights to a `module` that was made on the meta device, and return it.

        It comes in evaluation mode and without gradients. `prefix` may stand ahead of the weights' names. What the
        module has no place for is left out.

        Raises:
            RenderError: "model_unavailable", the part is damaged, of another shape, or lacks weights.
            torch.OutOfMemoryError: the device is too small for the weights.
        """

        def filled() -> Any:
            tensors = {name.removeprefix(prefix): tensor for name, tensor in self._futures.pop(part).result().items()}
            if hasattr(module, "_fix_state_dict_keys_on_load"):  # diffusers: names of older versions
                module._fix_state_dict_keys_on_load(tensors)
            _check_whole(module.load_state_dict(tensors, strict=False, assign=True).missing_keys)
            return module

        return self.checkpoint.read(part, filled).eval().requires_grad_(False)


def silence_libraries() -> None:
    """Have diffusers and transformers write errors only, and no progress bars: a log is no terminal."""
    for library in ("diffusers", "transformers"):
        logging = importlib.import_module(f"{library}.utils.logging")
        logging.set_verbosity_error()
        logging.disable_progress_bar()


def _check_whole(missing: Any) -> None:
    if missing:
        raise ValueError(f"it lacks the weights {', '.join(sorted(missing)[:_SHOWN_KEYS])}")
