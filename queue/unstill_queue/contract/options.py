"""The one declaration of every parameter a person can set.

The caption parser, the slash commands, the terminal's flags, the web form and /help are all made
from `OPTIONS`; `resolving` turns what was given into `Parameters` and a `Finish`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.sizing import ratio_of
from unstill_queue.contract.typed_words import UNITS as UNITS_OF
from unstill_queue.contract.typed_words import words

SEED_MAX = 2**32 - 1
PROMPT_MAX = 6000
"""Characters of a text, as many as the longest text that a platform sends: a text option of a slash command."""
LAST_IMAGE = "last_image"
"""The option, and the ability of a model, by which a clip goes from one picture to another."""
EXACT = "exact"
"""The option by which no language model makes a prompt of the words."""
EXTEND = "extend"
"""The option by which a clip goes on from the end of an older one."""
TEXT_TO_VIDEO = "text_to_video"
"""The ability of a model by which a clip is made of words alone."""
SEAMLESS = "seamless"
"""The value of the option loop by which a clip ends with the picture with which it begins."""
MOTIONS = {"low": 0.5, "medium": 1.0, "high": 1.75}
FILLS = ("pad", "crop", "blur")
_TRUE, _FALSE, _UNSET = frozenset({"", *words("yes")}), frozenset(words("no")), frozenset(words("unset"))
UNITS = frozenset(unit for units in UNITS_OF.values() for unit in units)
NEAR, NEAR_LEAST = 0.6, 3
"""How alike a known name has to be, as difflib counts it, and the letters below which no name is like another."""


def one_of(names: Iterable[object]) -> Allowed:
    """Return what is allowed where an option takes one of these names."""
    return Allowed("names", names=", ".join(map(str, names)))


class Option(msgspec.Struct, frozen=True):
    """One parameter. `least` and `most` are inclusive and hold unless a model's own range is narrower.

    `ability`: only a model reads it whose abilities have its name. `lenient`: what it cannot take is brought to the
    nearest in a caption, where there is one. `apart`: a form and a command line have a field for its picture instead.
    `units` are how its unit is written. `unset` are values that leave it to the program. A flag's `choices` are
    what it takes beside yes and no.
    """

    name: str
    type: Literal["int", "float", "text", "flag", "choice"]
    help: str
    aliases: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    #: Which catalogue holds the choices, where they are data.
    catalogue: Literal["", "models", "presets", "finishes"] = ""
    synonyms: Mapping[str, str] = {}
    ability: bool = False
    lenient: bool = False
    apart: bool = False
    unset: frozenset[str] = _UNSET

    @property
    def units(self) -> tuple[str, ...]:
        return UNITS_OF.get(self.unit or self.name.removeprefix("output_"), ())

    def leaves_open(self, text: str) -> bool:
        """Return whether a value only says that the program is to choose, such as "auto"."""
        return self.type not in ("text", "flag") and text.strip().lower() in self.unset

    def choices_in(self, catalog: Catalog) -> tuple[str, ...]:
        if self.catalogue:
            return tuple(getattr(catalog, self.catalogue))
        return self.choices

    def allowed(self, catalog: Catalog) -> Allowed:
        """Return what the option takes."""
        if self.type == "choice":
            return one_of(self.choices_in(catalog))
        if self.type == "flag":
            return Allowed("flag_or", names=", ".join(self.choices)) if self.choices else Allowed("flag")
        if self.type == "text":
            return Allowed("text", most=str(PROMPT_MAX))
        kind = "whole_number" if self.type == "int" else "number"
        return Allowed(kind, least=f"{self.least:.12g}", most=f"{self.most:.12g}", unit=self.unit)

    def parse(self, text: str, catalog: Catalog) -> Value:
        """Read one value as a person typed it.

        Raises:
            OptionError: not of this option's type, or outside what it allows.
        """
        given = text.strip()
        if self.type == "text":
            if len(given) > PROMPT_MAX:
                raise OptionError(self.name, f"{given[:20]}…", self.allowed(catalog))
            return given
        if self.type == "flag":
            return self._parse_flag(given, catalog)
        if self.type == "choice":
            return self._parse_choice(given, catalog)
        return self._parse_number(given, catalog)

    def number(self, text: str) -> float | None:
        """The number that was typed, with or without its unit, whether it is allowed or not."""
        plain = text.lower().strip()
        unit = next((unit for unit in self.units if plain.endswith(unit)), "")
        plain = plain.removesuffix(unit).strip()
        if self.type == "float" and re.fullmatch(r"[-+]?\d+,\d+", plain):
            plain = plain.replace(",", ".")
        try:
            number = float(plain)
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def _parse_flag(self, given: str, catalog: Catalog) -> bool | str:
        if given.lower() in self.choices:
            return given.lower()
        if given.lower() in _TRUE:
            return True
        if given.lower() in _FALSE:
            return False
        raise OptionError(self.name, given, self.allowed(catalog))

    def _parse_choice(self, given: str, catalog: Catalog) -> str:
        choices = self.choices_in(catalog)
        folded = self.synonyms.get(given.lower(), given.lower())
        if folded in choices:
            return folded
        near = self._nearest_shape(folded, catalog) if self.catalogue == "finishes" else self._nearest_rank(folded)
        if near is None:
            near = next(iter(difflib.get_close_matches(folded, choices, n=1)), None)
        elif near in choices and self._is_exact(folded, near, catalog):
            return near
        raise OptionError(self.name, given, self.allowed(catalog), nearest=near)

    def _nearest_rank(self, folded: str) -> str | None:
        """Return the choice of the nearest number, where choices have numbers."""
        ranks = {int(rank): choice for rank, choice in self.synonyms.items() if rank.isdecimal()}
        number = self.number(folded)
        return None if number is None or not ranks else ranks[min(ranks, key=lambda rank: abs(rank - number))]

    def _nearest_shape(self, folded: str, catalog: Catalog) -> str | None:
        """Return the finish whose width over its height is nearest to what was typed; None where that is no ratio."""
        ratio = ratio_of(folded)
        sizes = {
            name: finish.width / finish.height
            for name, finish in catalog.finishes.items()
            if finish.width and finish.height
        }
        if ratio is None or not sizes:
            return None
        return min(sizes, key=lambda name: abs(math.log(sizes[name] / ratio)))

    def _is_exact(self, folded: str, near: str, catalog: Catalog) -> bool:
        """Return whether a ratio is that of a finish but for a rounding, as in 1366x768."""
        ratio, finish = ratio_of(folded), catalog.finishes.get(near)
        if ratio is None or finish is None or not finish.width or not finish.height:
            return False
        return abs(math.log(finish.width / finish.height / ratio)) < 0.01

    def _parse_number(self, given: str, catalog: Catalog) -> int | float:
        number = self.number(given)
        if number is None:
            raise OptionError(self.name, given, self.allowed(catalog))
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        near = min(max(round(number) if self.type == "int" else number, low), high)
        if near != number:
            raise OptionError(self.name, given, self.allowed(catalog), nearest=f"{near:.12g}")
        return int(number) if self.type == "int" else number


OPTIONS: tuple[Option, ...] = (
    Option("preset", "choice", "a set of values to start from", ("p", "style"), catalogue="presets"),
    Option("model", "choice", "what renders the clip", ("m", "engine"), catalogue="models"),
    Option(
        "seconds", "float", "length of the clip", ("s", "sec", "secs", "duration", "length", "d"), 0.2, 20, "seconds"
    ),
    Option("num_frames", "int", "length of the clip in frames", ("frames", "f"), 8, 480, "frames"),
    Option("fps", "int", "frames a second that are rendered", ("framerate",), 4, 60),
    Option("num_inference_steps", "int", "denoising steps: more is slower and finer", ("steps",), 1, 100, ability=True),
    Option(
        "guidance_scale",
        "float",
        "how closely the words are followed",
        ("gs", "cfg", "guidance"),
        1,
        20,
        ability=True,
        lenient=True,
    ),
    Option(
        "seed",
        "int",
        "the same seed gives the same clip",
        ("sd",),
        0,
        SEED_MAX,
        ability=True,
        unset=_UNSET | {*words("random")},
    ),
    Option("negative_prompt", "text", "what should not appear", ("neg", "no", "negative", "without"), ability=True),
    Option("resolution", "int", "short side that is rendered", ("res", "size", "r"), 128, 1080, "px", lenient=True),
    Option(
        "motion",
        "choice",
        "how much moves",
        ("strength",),
        choices=tuple(MOTIONS),
        synonyms={
            **{"0": "low", "1": "low", "2": "medium", "3": "high", "4": "high"},
            **{"subtle": "low", "slow": "low", "small": "low", "weak": "low", "normal": "medium", "mid": "medium"},
            **{"strong": "high", "fast": "high", "big": "high", "large": "high"},
        },
        ability=True,
        lenient=True,
    ),
    Option("camera", "text", "camera words: zoom in, pan left, tilt up, rotate", ("cam",), ability=True),
    Option(
        "shape",
        "choice",
        "shape of the clip",
        ("ar", "aspect", "aspect_ratio", "format", "ratio"),
        catalogue="finishes",
        synonyms={
            **dict.fromkeys(("9:16", "vertical", "portrait", "tall", "story", "stories", "reel"), "reels"),
            **dict.fromkeys(("tiktok", "shorts"), "reels"),
            **dict.fromkeys(("16:9", "horizontal", "wide", "widescreen", "youtube"), "landscape"),
            **dict.fromkeys(("keep", "same", "source", "photo", "native", "none"), "original"),
            "1:1": "square",
        },
        lenient=True,
    ),
    Option(
        "fill",
        "choice",
        "how the photo fills that shape",
        ("fit", "background"),
        choices=FILLS,
        synonyms={
            **dict.fromkeys(("contain", "letterbox", "bars", "black"), "pad"),
            **dict.fromkeys(("cover", "cut"), "crop"),
            **dict.fromkeys(("blurred", "blurry"), "blur"),
        },
    ),
    Option("output_fps", "int", "frames a second of the file", ("ofps",), 10, 60),
    Option(
        "loop",
        "flag",
        "forwards, then backwards; seamless: it ends as it begins, where the model can",
        ("boomerang",),
        choices=(SEAMLESS,),
    ),
    Option("fade", "flag", "fade to black at the end"),
    Option("audio", "flag", "add the model's sound, else a silent sound track", ("sound",)),
    Option(EXACT, "flag", "your words go to the model as they are", ("verbatim", "literal")),
    Option(EXTEND, "flag", "go on from the end of your newest clip, or of the one that you answer", ("continue",)),
    Option(
        LAST_IMAGE,
        "flag",
        "the second of two pictures is where the clip ends",
        ("last_picture", "last_frame"),
        ability=True,
        apart=True,
    ),
)

_BY_NAME = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}


def find(name: str) -> Option:
    """The option called that, by its name or an alias; case, '-' and '_' do not matter.

    Raises:
        OptionError: unknown; carries the nearest known name.
    """
    folded = name.lower().replace("-", "_")
    if folded in _BY_NAME:
        return _BY_NAME[folded]
    long = [known for known in _BY_NAME if len(known) >= NEAR_LEAST]
    near = difflib.get_close_matches(folded, long, n=1, cutoff=NEAR) if len(folded) >= NEAR_LEAST else []
    raise OptionError(name, "", nearest=near[0] if near else None, unknown=True)
