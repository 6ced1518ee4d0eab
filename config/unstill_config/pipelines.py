"""How a pipeline of diffusers is loaded, called and placed: the `pipeline` table of a model in models.toml."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from unstill_config.entry import Entry, Value

Dtype = Literal["bfloat16", "float16", "float32"]
_PATH = re.compile(r"[a-zA-Z_][\w.]*:[a-zA-Z_]\w*")


def _path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError("it is written 'package.module:name'")
    return text


def _class(text: str) -> str:
    if not re.fullmatch(r"(diffusers|transformers)\.\w+", text):
        raise ValueError("it is written 'diffusers.Class' or 'transformers.Class'")
    return text


def _safe_backend(name: str) -> str:
    if name.endswith("_hub"):
        raise ValueError(f"{name} would fetch and run a stranger's code")
    return name


class Lora(Entry):
    """Weights that are laid over those of one part: a `file` of safetensors in a repository or a folder."""

    repo: str
    file: str
    revision: str = "main"
    part: str = "transformer"
    scale: float = 1.0


class Placing(Entry):
    """Says where the parts are while a clip is rendered.

    `words`, the encoders of words, are on the device always, only while they work, or work on the processor. The
    denoiser is there always ("resident"), only while it works ("moved"), so with its weights kept in 8 bits
    ("eight_bit", which changes the clip a little), or a layer at a time ("leaf"); with all but the first the VAE too
    is there only while it works. `tiled`: frames are decoded in tiles.
    """

    words: Literal["resident", "moved", "processor"] = "resident"
    denoiser: Literal["resident", "moved", "eight_bit", "leaf"] = "resident"
    tiled: bool = False


class Pipeline(Entry):
    """Tells diffusers how to load, call and place a model.

    `class_name` makes a clip of a photo, and `text_class_name` of words alone, of the same parts. `dtypes` are by part,
    "default" for the rest; `decode_dtype` is for what decodes, which has a copy where it is another than the VAE's.
    `arguments` are the pipeline's names for ours ("" where it has none), `fixed` values it is always given, `scheduler`
    values laid over those of its folder. `negative_prompt` is its makers', for who gives none. `areas` are the pixels
    of a frame at each resolution, in whatever shape; `attention` are backends, of which the first that works here is
    taken. `packages` have to be installed. `classes`, "library.Class" by part, stand in for those that the folder
    names. `placements` go from the fastest to the most sparing. `adapter` is the class for what a table cannot say,
    `accelerate` a function that is given the pipeline and the device once its denoiser is there.
    """

    class_name: str
    text_class_name: str = ""
    dtypes: dict[str, Dtype] = {}
    decode_dtype: Dtype | None = None
    encoders: tuple[str, ...] = ("text_encoder",)
    denoisers: tuple[str, ...] = ("transformer",)
    arguments: dict[str, str] = {}
    fixed: dict[str, Value] = {}
    scheduler: dict[str, Value] = {}
    negative_prompt: str = ""
    areas: dict[int, Annotated[int, Field(gt=0)]] = {}
    attention: tuple[Annotated[str, AfterValidator(_safe_backend)], ...] = ()
    loras: tuple[Lora, ...] = ()
    packages: tuple[str, ...] = ()
    classes: dict[str, Annotated[str, AfterValidator(_class)]] = {}
    placements: tuple[Placing, ...] = Field(default=(Placing(),), min_length=1)
    adapter: Annotated[str, AfterValidator(_path)] = "unstill_engine.renderers.diffusers.adapter:Adapter"
    accelerate: Annotated[str, AfterValidator(_path)] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Pipeline:
        for lora in self.loras:
            if lora.part not in self.denoisers:
                raise ValueError(f"a LoRA is for the part {lora.part}, which is none of the denoisers")
        return self
