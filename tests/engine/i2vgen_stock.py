"""Stock I2VGenXLPipeline on the parts of a checkpoint, as diffusers has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, I2VGenXLPipeline, I2VGenXLUNet, UniPCMultistepScheduler
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from unstill_engine.renderers.base import Plan
from unstill_engine.renderers.i2vgen_xl.schedules import TrailingDDIM


class WithTextModel(CLIPTextModel):  # type: ignore[misc]
    """As transformers had it below 5.6: the pipeline asks for the inner model by name."""

    @property
    def text_model(self) -> CLIPTextModel:
        return self


def stock_pipeline(folder: Path) -> Any:
    variant = {"variant": "fp16"} if any(folder.glob("unet/*.fp16.*")) else {}
    scheduler: Any = DDIMScheduler
    pipeline = I2VGenXLPipeline(
        vae=AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=torch.float32, **variant),
        text_encoder=WithTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=torch.float32, **variant),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(
            folder, subfolder="image_encoder", dtype=torch.float32, **variant
        ),
        feature_extractor=CLIPImageProcessorPil.from_pretrained(folder / "feature_extractor"),
        unet=I2VGenXLUNet.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32, **variant),
        scheduler=scheduler.from_pretrained(folder, subfolder="scheduler"),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def stock_clip(pipeline: Any, plan: Plan, photo: Image.Image, output_type: str) -> Any:
    """The clip of a plan by the stock pipeline, for a photo of the plan's shape.

    The pipeline samples the photo's latents from the process' own generator, so that is put where ours goes on
    after it has drawn the clip's noise from the seed.
    """
    given = plan.parameters
    generator = torch.Generator().manual_seed(given.seed)
    drawn = torch.Generator().manual_seed(given.seed)
    torch.randn((1, 4, plan.num_frames, plan.height // 8, plan.width // 8), generator=drawn)
    spacing = given.timestep_spacing or "leading"
    # the stock scheduler goes elsewhere than to its own next timestep where the steps are not equally long
    even = spacing == "leading" or 1000 % given.num_inference_steps == 0
    kind: Any = DDIMScheduler if even else TrailingDDIM
    more = {}
    if given.scheduler == "unipc":
        kind, more = UniPCMultistepScheduler, {"final_sigmas_type": "zero"}  # the last alpha is one in this checkpoint
    pipeline.scheduler = kind.from_config(pipeline.scheduler.config, timestep_spacing=spacing, **more)
    with torch.random.fork_rng():
        torch.default_generator.set_state(drawn.get_state())
        return pipeline(
            prompt=given.prompt,
            negative_prompt=given.negative_prompt,
            image=photo,
            width=plan.width,
            height=plan.height,
            target_fps=given.target_fps or plan.fps,
            num_frames=plan.num_frames,
            num_inference_steps=given.num_inference_steps,
            guidance_scale=given.guidance_scale,
            generator=generator,
            output_type=output_type,
        ).frames
