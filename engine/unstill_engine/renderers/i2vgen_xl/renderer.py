"""The `i2vgen_xl` renderer: a photo and words to a clip, by ali-vilab's I2VGen-XL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import torch
from PIL import Image
from torch import Tensor

from unstill_config.catalog import Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled, Revised
from unstill_engine.renderers.framing import Size, crop_size, cropped, frame_size
from unstill_engine.renderers.i2vgen_xl.backend import ops_on, trusted
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.conditioning import Encoders, Noise
from unstill_engine.renderers.i2vgen_xl.denoising import Denoiser, FastDenoiser, denoise
from unstill_engine.renderers.i2vgen_xl.dry_run import LATENT, compile_for
from unstill_engine.renderers.i2vgen_xl.fast_vae import FastDecoder
from unstill_engine.renderers.i2vgen_xl.graph import StepGraphs
from unstill_engine.renderers.i2vgen_xl.loading import Parts, load_parts
from unstill_engine.renderers.i2vgen_xl.memory import place_clip
from unstill_engine.renderers.i2vgen_xl.ops import Ops, TorchOps
from unstill_engine.renderers.i2vgen_xl.packing import pack_unet
from unstill_engine.renderers.i2vgen_xl.schedules import schedule_of
from unstill_engine.renderers.i2vgen_xl.shapes import crop
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet
from unstill_engine.renderers.photo import load_photo, photo_size
from unstill_engine.renderers.torch.compile_ahead import Ahead
from unstill_engine.renderers.torch.device import (
    device_errors,
    dtype_on,
    free_bytes,
    is_out_of_memory,
    loading_errors,
    open_device,
    waking,
)
from unstill_engine.renderers.torch.frames import FrameDecoder
from unstill_engine.renderers.torch.oom_fallback import OomFallback
from unstill_engine.renderers.torch.placement import MemoryMode, Placement, usual_parameters
from unstill_engine.renderers.torch.sight import Sight
from unstill_engine.renderers.torch.stages import Stages
from unstill_queue.contract.codes import note
from unstill_queue.contract.jobs import Parameters

SQUARE = (512, 512)
"""The size of the photo that a start rehearses with."""


class I2VGenXL:
    """Equal to diffusers' I2VGenXLPipeline for the same seed and parameters, and the photo cropped to the clip's shape.

    The seed alone decides what is random, on any device.
    """

    _device: torch.device
    _dtype: torch.dtype
    _encoders: Encoders
    _denoiser: Denoiser
    _decoder: FrameDecoder

    def __init__(self, name: str, model: Model) -> None:
        self._name = name
        self._model = model
        self._fresh = True
        self._sight = Sight()
        self.stages = Stages()

    def load(self, device: str) -> None:
        """Fetches the weights where they are not there, and loads them.

        Raises:
            RenderError: "model_unavailable", "disk_full" or "out_of_memory".
            DevicePoisoned: the device answers nothing.
        """
        memory = self._model.memory
        with loading_errors(self._name, device):
            with self.stages.measure("device"):
                self._device = open_device(device)
                self._dtype = dtype_on(self._device)
            with waking(self._device, self._dtype):
                self._load(offload=memory is not None and memory.mode == "low")
            if self._device.type == "cuda":
                with self.stages.measure("rehearsal"):
                    self.rehearse()
        self.stages.tell(self._name)

    def _load(self, *, offload: bool) -> None:
        choices = Choices()
        ops = ops_on(self._device, choices)
        kernels: list[Ahead] = []

        def meanwhile(unet: Any, vae: Any) -> None:
            if type(ops) is not TorchOps:
                kernels.append(compile_for(unet, vae, ops, choices, self._dtype))

        parts = load_parts(
            self._model.weights, self._device, self._dtype, offload=offload, stages=self.stages, meanwhile=meanwhile
        )
        with self.stages.measure("kernels"):
            for ahead in kernels:
                ahead.wait()
            ops = trusted(ops, self._device, choices)
        with self.stages.measure("packing"):
            self._pack(parts, ops, choices, offload=offload)

    def _pack(self, parts: Parts, ops: Ops, choices: Choices, *, offload: bool) -> None:
        self._scheduler = parts.scheduler
        self._encoders = Encoders(parts, self._device)
        unet = FastUNet(pack_unet(parts.unet, choices), ops, choices)
        # a graph keeps its working memory for itself between steps and clips
        graphs = StepGraphs(unet) if self._device.type == "cuda" and not offload else None
        self._denoiser = FastDenoiser(unet, graphs)
        scaling_factor = float(parts.vae.config.scaling_factor)
        self._decoder = FrameDecoder(FastDecoder(parts.vae, ops, choices), scaling_factor, self._dtype)

    def rehearse(self) -> None:
        """A step of the usual clip, so that nobody waits for kernels to be compiled; none if it is too big."""
        placed = self._place(usual_parameters(self._name, self._model), SQUARE)
        plan = self._lay(placed.parameters, SQUARE)
        photo = Image.new("RGB", SQUARE)
        try:
            latents = self.latents(plan, placed.mode, photo, lambda step, steps: None, lambda: False)
            self._decoder.decode(latents, 0, min(placed.mode.decode_frames, plan.num_frames))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._denoiser.release()

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        """Frame size, seconds and bytes; smaller than what was asked where the device has too little memory for that.

        Raises:
            RenderError: "picture_gone" or "picture_unreadable".
            DevicePoisoned: the device answers no more.
        """
        photo = photo_size(photos.first)
        placed = self._place(parameters, photo)
        plan = self._lay(placed.parameters, photo)
        return msgspec.structs.replace(plan, notes=(*plan.notes, *placed.notes, *_cuts(self._encoders, parameters)))

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames | Revised]:
        """Chunks of (T, H, W, 3), and a `Revised` where memory runs out. A step is one of the scheduler's.

        Raises:
            RenderCancelled: `cancelled()` was true before a step, or before a chunk was decoded.
            RenderError: "picture_gone", "picture_unreadable" or "out_of_memory".
            DevicePoisoned: the device answers no more.
        """
        if cancelled():
            raise RenderCancelled
        photo = load_photo(photos.first)
        fallback = OomFallback(
            self._model,
            plan,
            self._place(plan.parameters, photo.size).mode,
            replan=lambda parameters: self._lay(parameters, photo.size),
            release=self._denoiser.release,
            fresh=self._fresh,
        )
        self._fresh = False

        def attempt(plan: Plan, mode: MemoryMode) -> Iterator[Frames]:
            self._make_room(plan)
            latents = self.latents(plan, mode, photo, on_step, cancelled)

            def decode(start: int, stop: int) -> Frames:
                if cancelled():
                    raise RenderCancelled
                return self._decoder.decode(latents, start, stop)

            yield from fallback.in_chunks(decode, plan.num_frames, mode.decode_frames)

        yield from fallback.run(attempt)

    def _make_room(self, plan: Plan) -> None:
        """Give back the graphs of other clips where this one does not fit beside them: it is to be made whole."""
        size = (plan.width, plan.height)
        kept = self._kept_beside(size, plan.num_frames)
        if kept and self._place(plan.parameters, size).memory + kept > self._free():
            self._denoiser.release()

    def sees(self) -> Frames | None:
        """Return the middle frame of what the last step predicted."""
        return self._sight.frame()

    def latents(
        self, plan: Plan, mode: MemoryMode, photo: Image.Image, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Tensor:
        """What stock I2VGenXLPipeline returns as `output_type="latent"`: (1, 4, F, height / 8, width / 8), in float32.

        Raises:
            RenderCancelled: `cancelled()` was true before a step.
            torch.OutOfMemoryError: to be tried again in a more sparing mode.
        """
        parameters, size = plan.parameters, (plan.width, plan.height)
        guided = parameters.guidance_scale > 1
        height, width = plan.height // LATENT, plan.width // LATENT
        noise = Noise.of(parameters.seed, plan.num_frames, height, width, self._device, self._dtype)
        conditioning = self._encoders.condition(
            crop(photo, size),
            size,
            (parameters.negative_prompt, parameters.prompt) if guided else (parameters.prompt,),
            fps=parameters.target_fps or plan.fps,
            noise=noise,
            offload=mode.offload_encoders,
        )
        self._sight = Sight(self._model.latent_rgb)
        return denoise(
            self._denoiser,
            schedule_of(parameters, self._scheduler),
            noise.latents,
            conditioning,
            steps=parameters.num_inference_steps,
            guidance_scale=parameters.guidance_scale,
            cache_interval=parameters.cache_interval,
            split=mode.split_guidance,
            on_step=on_step,
            cancelled=cancelled,
            sight=self._sight,
        )

    def _place(self, parameters: Parameters, photo: Size) -> Placement:
        def size_at(resolution: int) -> Size:
            return self._size(parameters.at(resolution), photo)

        return place_clip(parameters, self._model, self._free(), size_at, bytes_per_value=self._dtype.itemsize)

    def _lay(self, parameters: Parameters, photo: Size) -> Plan:
        width, height = self._size(parameters, photo)
        across, down = crop_size(photo, (width, height))
        frames, steps = parameters.num_frames, parameters.num_inference_steps
        needed = self._place(parameters, photo).memory
        beside = needed + self._kept_beside((width, height), frames)
        return Plan(
            width=width,
            height=height,
            num_frames=frames,
            fps=parameters.fps,
            seconds=self._model.cost.seconds(frames, steps, width * height / 1e6, parameters.cache_interval),
            memory=beside if beside <= self._free() else needed,
            parameters=parameters,
            notes=cropped(across * down / (photo[0] * photo[1])),
        )

    def _kept_beside(self, size: Size, frames: int) -> int:
        """The bytes of graphs of other clips, while that clip has none."""
        return self._denoiser.held_beside((1, 4, frames, size[1] // LATENT, size[0] // LATENT))

    def _free(self) -> int:
        with device_errors():
            return free_bytes(self._device)

    def _size(self, parameters: Parameters, photo: Size) -> Size:
        model = self._model
        return frame_size(photo, parameters, model.size_multiple, aspect_most=model.aspect_most)


def _cuts(encoders: Encoders, parameters: Parameters) -> Iterator[str]:
    """What the reply says of words that were not read."""
    guided = parameters.guidance_scale > 1
    if (read := encoders.words.last_read(parameters.prompt)) is not None:
        yield note("prompt_shortened", value=read)
    if guided and (read := encoders.words.last_read(parameters.negative_prompt)) is not None:
        yield note("negative_shortened", value=read)
