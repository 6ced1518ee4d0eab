"""The catalogues: what models, presets, platforms and finishes there are, as data."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from unstill_config.auto import Auto as Auto
from unstill_config.auto import Needs as Needs
from unstill_config.entry import Entry
from unstill_config.entry import Value as Value
from unstill_config.errors import ConfigError
from unstill_config.latents import LatentRgb
from unstill_config.layers import laid_over, without_gone
from unstill_config.memory import Memory as Memory
from unstill_config.pipelines import Pipeline
from unstill_config.preset import Preset as Preset
from unstill_config.preset import check_presets, check_values
from unstill_config.prompt import Guide
from unstill_config.wording import expected, nearest, one_line, shown

_RENDERER = re.compile(r"[a-zA-Z_][\w.]*:[a-zA-Z_]\w*")


def _renderer(path: str) -> str:
    if not _RENDERER.fullmatch(path):
        raise ValueError("renderer is written 'package.module:Class'")
    return path


class Statement(Entry):
    """What one source says of a model's licence."""

    source: str
    says: str
    url: str


class Licence(Entry):
    """`statements`: what the host has to know and accept before the model is loaded; none, nothing to accept."""

    name: str
    statements: tuple[Statement, ...] = ()


class FrameGrid(Entry):
    """Frame counts a model can make: multiple * n + offset."""

    multiple: int = Field(default=1, ge=1)
    offset: int = Field(default=0, ge=0)

    def nearest(self, num_frames: int) -> int:
        return max(0, round((num_frames - self.offset) / self.multiple)) * self.multiple + self.offset


class Cost(Entry):
    """Estimated seconds = base + per_unit * num_frames * num_inference_steps * megapixels of a frame.

    `shallow` is what a step costs of a whole one, of which a cache has all but the topmost level.
    """

    base: float = Field(ge=0)
    per_unit: float = Field(ge=0)
    shallow: float = Field(default=1.0, ge=0, le=1)

    def seconds(self, num_frames: int, num_inference_steps: int, megapixels: float, cache_interval: int = 1) -> float:
        whole = math.ceil(num_inference_steps / cache_interval)
        steps = whole + self.shallow * (num_inference_steps - whole)
        return self.base + self.per_unit * num_frames * steps * megapixels


class Model(Entry):
    """One table of models.toml. `renderer` is 'module:Class'; ranges are inclusive.

    `aspect_most` is the long side of a frame over its short one, at most; a longer photo is cropped, or travelled over.
    `moves` are camera words, of which each makes another clip, of a model that another seed may change nothing for.
    `auto`: it may be chosen for a host. `host_memory` is what its process needs of the machine's own memory at most,
    in GiB; 0 where nobody has measured that. `target_fps` are the frame rates that it was trained to make motion for,
    where it is told one, whatever that of the file is. `latent_rgb`: how its latents look, for an early look at a clip.
    `synthetic`: it makes pixels that no camera took; `filled`: these are only
    what the photo hides, filled in from what is around it by no trained model.
    """

    title: str
    renderer: Annotated[str, AfterValidator(_renderer)]
    synthetic: bool
    filled: bool = False
    abilities: tuple[str, ...]
    size_multiple: int = Field(ge=1)
    aspect_most: float = Field(default=4.0, ge=1)
    frame_grid: FrameGrid = FrameGrid()
    resolutions: tuple[int, ...]
    licence: Licence
    defaults: dict[str, Value]
    ranges: dict[str, tuple[float, float]]
    cost: Cost
    weights: dict[str, str] = {}
    moves: tuple[str, ...] = ()
    memory: Memory | None = None
    auto: Auto | None = None
    needs: Needs | None = None
    host_memory: float = Field(default=0.0, ge=0)
    pipeline: Pipeline | None = None
    latent_rgb: LatentRgb | None = None
    target_fps: tuple[Annotated[int, Field(gt=0)], ...] = ()
    guide: Guide = Guide()

    def target_fps_for(self, fps: float) -> int:
        """Return the frame rate to tell a model for a clip of `fps`: the nearest by ratio; 0: that of the clip."""
        return min(self.target_fps, key=lambda known: abs(math.log(known / fps)), default=0)

    def using(self, mode: Literal["auto", "low"]) -> Model:
        """The same model, sparing with memory or not; one that says nothing of memory stays as it is."""
        if self.memory is None:
            return self
        return self.model_copy(update={"memory": self.memory.model_copy(update={"mode": mode})})

    @property
    def draws(self) -> bool:
        """Return whether a trained model draws its pixels, so that words say what moves; else they tell a camera."""
        return self.synthetic and not self.filled

    @model_validator(mode="after")
    def _agrees(self) -> Model:
        if self.filled and not self.synthetic:
            raise ValueError("what is filled in is synthetic")
        for name, (low, high) in self.ranges.items():
            value = self.defaults.get(name)
            if low > high:
                raise ValueError(f"the range of {name} begins at {low:g} and ends at {high:g}")
            if isinstance(value, int | float) and not low <= value <= high:
                raise ValueError(f"the default {name} = {value:g} is not within {low:g} to {high:g}")
        check_values(self.defaults)
        num_frames = self.defaults.get("num_frames")
        if isinstance(num_frames, int) and self.frame_grid.nearest(num_frames) != num_frames:
            raise ValueError(f"the default num_frames = {num_frames} is not on the frame grid")
        if self.resolutions and self.defaults.get("resolution", self.resolutions[0]) not in self.resolutions:
            raise ValueError(f"the default resolution = {self.defaults['resolution']} is none of the resolutions")
        for resolution in (*self.memory.least_free, *self.memory.experimental) if self.memory else ():
            if resolution not in self.resolutions:
                raise ValueError(f"memory names the resolution {resolution}, which is none of the resolutions")
        return self


class Platform(Entry):
    """Sizes in bytes, lengths in characters, `edit_seconds` between two edits of a message.

    `upload_steps` are the limits that its chats are known to have: what a platform says of one of
    them has been wrong. `counts_down`: a time that is told is shown as how far away it is at each moment.
    `links_clips`: a clip is shown from the storage, so that nothing is uploaded.
    """

    upload_limit: int = Field(gt=0)
    upload_steps: tuple[int, ...] = ()
    download_limit: int = Field(gt=0)
    edit_seconds: float = Field(ge=0)
    caption_length: int = Field(gt=0)
    text_length: int = Field(gt=0)
    multipart_overhead: int = Field(ge=0)
    counts_down: bool = False
    links_clips: bool = False

    def step_below(self, refused: int) -> int:
        """The limit to try after a clip of `refused` bytes: the next step below that is known, else half of it."""
        steps = [step - self.multipart_overhead for step in self.upload_steps]
        return max((step for step in steps if 0 < step < refused), default=refused // 2)


class Shape(Entry):
    """A finish's frame. Without width and height the photo's own shape stays.

    `fill` is how a photo of another shape fills it where nobody says that, as in `unstill_queue.contract.jobs.Finish`.
    """

    title: str
    width: int | None = None
    height: int | None = None
    fill: Literal["", "pad", "crop", "blur"] = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Shape:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together")
        if any(side is not None and (side < 2 or side % 2) for side in (self.width, self.height)):
            raise ValueError("width and height have to be even, as H.264 wants them")
        return self


class Catalog(Entry):
    models: dict[str, Model]
    presets: dict[str, Preset]
    platforms: dict[str, Platform]
    finishes: dict[str, Shape]

    @model_validator(mode="after")
    def _agrees(self) -> Catalog:
        rates = {name: model.target_fps for name, model in self.models.items()}
        check_presets(self.presets, rates, self.finishes)
        return self

    def presets_for(self, *models: str) -> dict[str, Preset]:
        """Return the presets for all models, and those for one of these."""
        return {name: preset for name, preset in self.presets.items() if preset.is_for(models)}

    def best_of(self, names: Iterable[str]) -> str | None:
        """Return the model to take where nobody says which: by `Auto.rank`, then as they stand here; None of none."""
        last = 1 + max((model.auto.rank for model in self.models.values() if model.auto), default=0)

        def rank(name: str) -> int:
            auto = self.models[name].auto
            return auto.rank if auto else last

        wanted = set(names)
        return min((name for name in self.models if name in wanted), key=rank, default=None)

    def become(self, other: Catalog) -> None:
        """Have all entries of another one, and no others: whoever holds this one sees them from now on."""
        for field in type(self).model_fields:
            entries, wanted = getattr(self, field), getattr(other, field)
            # not emptied first, as a thread may be reading; the order is the other's
            for name in [*entries]:
                if name not in wanted:
                    del entries[name]
            for name, entry in wanted.items():
                entries.pop(name, None)
                entries[name] = entry

    @classmethod
    def load(cls, overrides: Path | None = None) -> Catalog:
        """The catalogues that ship with the package, with a host's own file laid over them.

        The host's file has the tables [models.NAME], [presets.NAME], [platforms.NAME] and
        [finishes.NAME]; what it says wins, key by key, and new names are added.

        Raises:
            ConfigError: a file cannot be read, or a value in it is wrong; names file and value.
        """
        package = resources.files("unstill_config")
        tables: dict[str, Any] = {
            field: tomllib.loads((package / f"{field}.toml").read_text("utf-8")) for field in cls.model_fields
        }
        source = "the catalogue"
        if overrides is not None:
            source = str(overrides)
            try:
                tables = laid_over(tables, without_gone(tomllib.loads(overrides.read_text("utf-8-sig")), source))
            except OSError as error:
                raise ConfigError(f"The catalogue {overrides} cannot be read: {error.strerror}.") from None
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigError(one_line(f"The catalogue {overrides} is not valid TOML: {error}.")) from None
        try:
            return cls.model_validate(tables)
        except ValidationError as error:
            raise ConfigError(f"{source}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    loc = tuple(str(part) for part in first["loc"])
    where = ".".join(loc)
    match first["type"]:
        case "missing":
            return one_line(f"{where} is missing: a new entry has to say it.")
        case "extra_forbidden":
            close = nearest(loc[-1], _siblings(loc))
            return one_line(f"{where} is not known. {f'Did you mean {close}?' if close else ''}")
        case "value_error":
            said = expected(first)
            return one_line(f"{where}: {said}{'' if said.endswith('?') else '.'}".removeprefix(": "))
        case _:
            return one_line(f"{where} = {shown(first['input'])} is wrong. Allowed: {expected(first)}.")


def _siblings(loc: tuple[str, ...]) -> tuple[str, ...]:
    kinds: dict[str, type[Entry]] = {"models": Model, "presets": Preset, "platforms": Platform, "finishes": Shape}
    nested: dict[str, type[Entry]] = {
        "licence": Licence,
        "frame_grid": FrameGrid,
        "cost": Cost,
        "memory": Memory,
        "auto": Auto,
        "needs": Needs,
        "pipeline": Pipeline,
        "latent_rgb": LatentRgb,
        "guide": Guide,
    }
    kind = Catalog if len(loc) == 1 else kinds[loc[0]] if len(loc) == 3 else nested.get(loc[2])
    return tuple(kind.model_fields) if kind else ()
