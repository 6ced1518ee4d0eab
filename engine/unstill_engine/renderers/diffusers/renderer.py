"""The `diffusers` renderer: a photo, words, or both to a clip, by any pipeline that a table describes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import torch
from torch import Tensor

from unstill_config.catalog import Model
from unstill_config.pipelines import Placing
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled, RenderError, Revised, Sound
from unstill_engine.renderers.diffusers.adapter import Adapter
from unstill_engine.renderers.diffusers.clip_size import drawn_size, fitted
from unstill_engine.renderers.diffusers.loading import Loaded, load_pipelines
from unstill_engine.renderers.diffusers.memory import estimate_of, ladder, modes_of
from unstill_engine.renderers.diffusers.residence import Residence
from unstill_engine.renderers.diffusers.running import Steps, called
from unstill_engine.renderers.diffusers.tables import named, unavailable
from unstill_engine.renderers.framing import Size, crop_size, cropped
from unstill_engine.renderers.photo import load_photo, photo_size
from unstill_engine.renderers.torch.device import device_errors, free_bytes, loading_errors, open_device
from unstill_engine.renderers.torch.oom_fallback import OomFallback
from unstill_engine.renderers.torch.placement import MemoryMode, Placement, place, usual_parameters
from unstill_engine.renderers.torch.reading import last_read
from unstill_engine.renderers.torch.sight import Sight
from unstill_queue.contract.codes import note
from unstill_queue.contract.jobs import Parameters


class Diffusers:
    """Renders by the pipeline that the model's table names. The seed alone decides what is random, on any device."""

    _device: torch.device
    _loaded: Loaded
    _adapter: Adapter
    _residence: Residence

    def __init__(self, name: str, model: Model) -> None:
        self._name = name
        self._model = model
        self._fresh = True
        self._made: tuple[Plan, Photos, Any] | None = None
        self._reused = 0
        self._sight = Sight()

    def load(self, device: str) -> None:
        """Fetch the weights where they are not there, and place them as the usual clip needs them.

        Raises:
            RenderError: "model_unavailable", "disk_full" or "out_of_memory".
            DevicePoisoned: the device answers nothing.
        """
        table = self._model.pipeline
        if table is None:
            raise unavailable(f"The model {self._name} has no pipeline", "Add one to its table in the catalogue")
        self._table = table
        accelerate = named(self._name, "accelerate", table.accelerate) if table.accelerate else None
        adapter = named(self._name, "adapter", table.adapter)
        with loading_errors(self._name, device):
            self._device = open_device(device)
            placing = self._usual()
            self._loaded = load_pipelines(
                self._name, self._model, table, self._device, lambda part: self._home(part, placing)
            )
            self._adapter = adapter(self._loaded.photo, table, self._device)
            self._adapter.prepare()
            self._residence = Residence(self._loaded.photo, table, self._device, self._adapter.parts(), accelerate)
            self._residence.enter(placing)

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        """Return frame size, frames, seconds and bytes; smaller than asked where memory is short.

        Raises:
            RenderError: "picture_gone", "picture_unreadable", or the model takes no such photos.
            DevicePoisoned: the device answers no more.
        """
        self._check(photos)
        photo = _size_of(photos)
        counted = self._counted(parameters)
        placed = self._place(counted, photo)
        plan = self._lay(placed.parameters, photo)
        notes = (*plan.notes, *placed.notes)
        if counted.num_frames != parameters.num_frames:
            notes = (*notes, note("frames_changed", value=counted.num_frames))
        if self._residence.rounded and note("memory_eight_bit") not in notes:
            notes = (*notes, note("memory_eight_bit"))
        return msgspec.structs.replace(plan, notes=(*notes, *self._cuts(parameters)))

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames | Sound | Revised]:
        """Yield frames as they are decoded, and a sound where the model makes one. A step is one of the scheduler's.

        Raises:
            RenderCancelled: `cancelled()` was true before a step, or before frames were decoded.
            RenderError: "picture_gone", "picture_unreadable" or "out_of_memory".
            DevicePoisoned: the device answers no more.
        """
        if cancelled():
            raise RenderCancelled
        photo = _size_of(photos)
        fallback = OomFallback(
            self._model,
            plan,
            self._place(plan.parameters, photo).mode,
            replan=lambda parameters: self._lay(parameters, photo),
            release=self._release,
            fresh=self._fresh,
            ladder=ladder(self._table),
        )
        self._fresh = False
        self._made = None

        def attempt(plan: Plan, mode: MemoryMode) -> Iterator[Frames | Sound]:
            self._residence.enter(mode.placing or Placing())
            kept = self._drawn(plan, photos, on_step, cancelled)
            if self._reused:
                fallback.tell(note("steps_reused", value=self._reused))
            yield from self._frames(kept, plan, mode, cancelled)
            sound = self._adapter.sound(kept)
            if sound is not None:
                yield sound

        try:
            yield from fallback.run(attempt)
        finally:
            self._made = None
            self._adapter.narrow()

    def sees(self) -> Frames | None:
        """Return the middle frame of what the last step predicted, where the scheduler says that."""
        return self._sight.frame()

    @torch.no_grad()
    def _drawn(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Any:
        """What the pipeline made of the plan; once, where only the decoding ran out of memory."""
        if self._made is not None and self._made[0].parameters == plan.parameters:
            return self._made[2]
        arguments = self._arguments(plan, photos)
        self._sight = Sight(self._model.latent_rgb)
        steps = Steps(plan.parameters.num_inference_steps, on_step, cancelled, self._device, self._sight)
        pipeline = self._loaded.photo if photos.first is not None else self._loaded.text
        self._residence.reuse(plan.parameters.step_cache)
        try:
            kept = self._adapter.kept(called(pipeline, arguments, steps))
        finally:
            self._sight = Sight()
            self._reused = self._residence.reused()
            self._residence.forget()  # so that decoding has that memory
        self._made = plan, photos, kept
        return kept

    def _arguments(self, plan: Plan, photos: Photos) -> dict[str, Any]:
        parameters, size = plan.parameters, (plan.width, plan.height)
        values: dict[str, Any] = {
            "prompt": parameters.prompt,
            "negative_prompt": parameters.negative_prompt or self._table.negative_prompt,
            "width": plan.width,
            "height": plan.height,
            "num_frames": plan.num_frames,
            "num_inference_steps": parameters.num_inference_steps,
            "guidance_scale": parameters.guidance_scale,
            "generator": torch.Generator().manual_seed(parameters.seed),
        }
        names = self._loaded.text_names or {}
        if photos.first is not None:
            names = self._loaded.photo_names
            values["image"] = fitted(load_photo(photos.first), size)
        if photos.last is not None:
            values["last_image"] = fitted(load_photo(photos.last), size)
        given = {names[ours]: value for ours, value in values.items() if ours in names}
        return {
            **given,
            **self._table.fixed,
            "output_type": self._adapter.output_type,
            **self._adapter.arguments(parameters, photos),
        }

    @torch.no_grad()
    def _frames(self, kept: Any, plan: Plan, mode: MemoryMode, cancelled: Callable[[], bool]) -> Iterator[Frames]:
        """Yield the frames; from where numbers were too large for 16 bits on, by a wider decoder."""
        tiled = mode.placing is not None and mode.placing.tiled
        done, widened = 0, False
        while done < plan.num_frames:
            self._residence.visit(self._adapter.decoder())
            seen = 0
            for pictures in self._adapter.pictures(kept, tiled=tiled):
                if cancelled():
                    raise RenderCancelled
                if not bool(torch.isfinite(pictures).all()):
                    if widened or not self._adapter.widen():
                        raise RenderError("render_failed", "the model made numbers that are no picture")
                    widened = True
                    break
                fresh = pictures[max(done - seen, 0) :]
                seen += len(pictures)
                if len(fresh):
                    done += len(fresh)
                    yield _pixels(fresh)
            else:
                return

    def _cuts(self, parameters: Parameters) -> Iterator[str]:
        """What the reply says of words that are not read."""
        tokenizer = getattr(self._loaded.photo, "tokenizer", None)
        longest = inspect.signature(type(self._loaded.photo).__call__).parameters.get("max_sequence_length")
        if longest is None or not getattr(tokenizer, "is_fast", False):
            return
        length = int(self._table.fixed.get("max_sequence_length", longest.default))
        if (read := last_read(tokenizer, parameters.prompt, length)) is not None:
            yield note("prompt_shortened", value=read)
        if parameters.guidance_scale > 1 and (read := last_read(tokenizer, parameters.negative_prompt, length)):
            yield note("negative_shortened", value=read)

    def _release(self) -> None:
        self._residence.empty()

    def _check(self, photos: Photos) -> None:
        if photos.first is None and self._loaded.text is None:
            raise RenderError("picture_gone", f"the model {self._name} makes no clip without a photo")
        takes_last = "last_image" in self._model.abilities and "last_image" in self._loaded.photo_names
        if photos.last is not None and not (takes_last and photos.first is not None):
            raise RenderError("render_failed", f"the model {self._name} takes no second photo to end a clip with")

    def _counted(self, parameters: Parameters) -> Parameters:
        return msgspec.structs.replace(parameters, num_frames=self._model.frame_grid.nearest(parameters.num_frames))

    def _place(self, parameters: Parameters, photo: Size | None) -> Placement:
        def size_at(resolution: int) -> Size:
            return drawn_size(photo, parameters.at(resolution), self._model)

        with device_errors():
            free = free_bytes(self._device)
        estimate = estimate_of(self._table, size_at, bytes_per_value=2 if self._on_card else 4)
        placed = place(parameters, self._model, free, modes=modes_of(self._table), estimate=estimate)
        if placed.mode.placing is None:  # a table that says nothing of memory
            return msgspec.structs.replace(placed, mode=ladder(self._table)[0])
        return placed

    def _lay(self, parameters: Parameters, photo: Size | None) -> Plan:
        width, height = drawn_size(photo, parameters, self._model)
        frames, steps = parameters.num_frames, parameters.num_inference_steps
        shown = 1.0
        if photo is not None:
            across, down = crop_size(photo, (width, height))
            shown = across * down / (photo[0] * photo[1])
        return Plan(
            width=width,
            height=height,
            num_frames=frames,
            fps=parameters.fps,
            seconds=self._model.cost.seconds(frames, steps, width * height / 1e6),
            memory=self._place(parameters, photo).memory,
            parameters=parameters,
            notes=cropped(shown),
        )

    @property
    def _on_card(self) -> bool:
        return self._device.type == "cuda"

    def _usual(self) -> Placing:
        """The placing of the model's usual clip."""
        parameters = usual_parameters(self._name, self._model)
        return self._place(parameters, None).mode.placing or Placing()

    def _home(self, part: str, placing: Placing) -> torch.device:
        """Where a part is loaded to: onto the device only what stays there."""
        stays = placing.words == "resident" if part in self._table.encoders else placing.denoiser == "resident"
        return self._device if stays else torch.device("cpu")


def _size_of(photos: Photos) -> Size | None:
    return photo_size(photos.first) if photos.first is not None else None


def _pixels(pictures: Tensor) -> Frames:
    """(T, H, W, 3), 0 to 1, to uint8: rounded on the device, out in one copy."""
    pixels = pictures.float().clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    frames: Frames = pixels.contiguous().cpu().numpy()
    return frames
