"""The options of one caption as they are found, and what has to be said of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from unstill_bots.intake.foreign import foreign
from unstill_bots.intake.sizes import read_size
from unstill_config.catalog import Catalog, Model, Value
from unstill_queue.contract.codes import note
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import PROMPT_MAX, Option, find
from unstill_queue.contract.resolving import faults, narrowed, unread
from unstill_queue.contract.sizing import frame_of

SOUND = "sound"
"""The ability of a model that makes sound."""
LEFT_OUT_MOST, OVERRULED_MOST = 10, 4
"""Options of other programs that are named where they were left out, and contradictions that are told."""


def typed_as(typed: str, error: OptionError) -> OptionError:
    """Note in an error how the option was typed."""
    error.typed = typed
    return error


class CaptionOptions:
    """The options of a caption. `given` are the values by canonical names; `typed` the names as they were typed, and
    `asked` these with their values; `faults` is what is wrong.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.given: dict[str, Value] = {}
        self.typed: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        self.faults: list[OptionError] = []
        self._overruled: list[tuple[str, str]] = []
        self._read_as: list[tuple[str, str]] = []
        self._left_out: list[str] = []
        self._sides: dict[str, str] = {}
        self._beside: list[tuple[str, str, str]] = []
        self._unread: list[str] = []

    @property
    def named(self) -> frozenset[str]:
        """The options that are set, or left open, by what was typed."""
        return frozenset(self.typed) | {fault.option for fault in self.faults if not fault.unknown}

    # -- while the caption is read

    def take(self, option: Option, text: str, typed: str, asked: str, name: str = "") -> None:
        """Take a value. `name` is the option's folded name as it was typed, `asked` all that was typed of it."""
        if option.leaves_open(text):
            for kept in (self.given, self.typed, self.asked):
                kept.pop(option.name, None)
            self.typed[option.name] = typed
            return
        size = read_size(option.name, text) if option.name in ("resolution", "shape") else None
        if size is not None:
            option, text = find(size.option), size.text
            if size.beside:
                self._beside.append((*size.beside, asked))
        try:
            value = option.parse(text, self._catalog)
        except OptionError as error:
            self.refuse(error, typed, asked, name)
            return
        self._give(option, value, typed, asked)

    def _give(self, option: Option, value: Value, typed: str, asked: str) -> None:
        """Keep a value. Texts that are given twice are joined; of other values the last one holds."""
        name = option.name
        if name in self.given and self.given[name] != value:
            if option.type == "text":
                value = ", ".join(filter(None, (str(self.given[name]), str(value))))[:PROMPT_MAX]
            else:
                self._overruled.append((self.asked[name], asked))
        self.given[name], self.typed[name], self.asked[name] = value, typed, asked

    def refuse(self, error: OptionError, typed: str, asked: str, name: str = "") -> None:
        """Note what is wrong with an option, unless it was meant for another program."""
        if not error.unknown and foreign().means_another(name, error.value):
            self._left_out.append(asked)
            return
        self.faults.append(typed_as(typed, error))
        if not error.unknown:
            self.asked[error.option] = asked

    def leave_out(self, asked: str, side: Literal["width", "height"] | None = None) -> None:
        """Note an option that only other programs have; `side` where it is one of a size."""
        if side is None:
            self._left_out.append(asked)
        else:
            self._sides[side] = asked

    def read_as(self, name: str, text: str, asked: str) -> None:
        """Take what was typed as a value of an option of ours."""
        ours = f"--{name} {text}"
        self._read_as.append((asked, ours))
        self.take(find(name), text, asked, asked)

    def finish(self) -> None:
        """Take what depends on all options together: a width with a height, and the shape of a size."""
        if len(self._sides) == 2:
            size = "x".join(re.sub(r"^\D*", "", self._sides[side]) for side in ("width", "height"))
            asked = " ".join(self._sides.values())
            self.take(find("resolution"), size, asked, asked)
        else:
            self._left_out += self._sides.values()
        for name, text, asked in self._beside:
            try:
                value = find(name).parse(text, self._catalog)
            except OptionError as error:
                if name not in self.typed:
                    self.refuse(error, asked, asked)
                continue
            if name not in self.typed:
                self._give(find(name), value, asked, asked)
            elif name == "shape" and self.given.get(name) != value:
                self._overruled.append((asked, self.asked.get(name, self.typed[name])))

    # -- when it is known

    def settled(self, model: str, default_model: str) -> tuple[list[OptionError], list[str]]:
        """Return what is wrong, and the notes of the rest: what a lenient option cannot take is brought to the nearest
        that the model takes.
        """
        known = self._catalog.models.get(model)
        preset = self._catalog.presets.get(str(self.given.get("preset")))
        if preset is not None and not preset.is_for([model]):
            self._unread.append(self.asked["preset"])
        narrow = (narrowed(fault, self.given, self._catalog, default_model=default_model) for fault in self.faults)
        wrong, notes = self._sorted(map(typed_as, (fault.typed for fault in self.faults), narrow), known)
        if known is not None and not any(fault.option == "model" for fault in wrong):
            models = (typed_as(self.typed[fault.option], fault) for fault in faults(self.given, self._catalog, model))
            more, nearer = self._sorted(models, known)
            wrong, notes = [*wrong, *more], [*notes, *nearer]
        return wrong, [*notes, *self._notes(known)]

    def _sorted(self, found: Iterable[OptionError], model: Model | None) -> tuple[list[OptionError], list[str]]:
        """Return what is wrong of what was found, and the notes of the rest."""
        wrong: list[OptionError] = []
        notes: list[str] = []
        for fault in list(found):
            option = None if fault.unknown else find(fault.option)
            if option is not None and fault.value and model is not None and unread(option.name, model):
                self._unread.append(fault.typed)
            elif option is not None and option.lenient and fault.nearest is not None:
                # a model may take what the option by itself does not
                value: Value = fault.nearest if option.type == "choice" else float(fault.nearest)
                value = int(value) if option.type == "int" else value
                asked = self.asked[option.name]
                self.given[option.name], self.typed[option.name] = value, fault.typed
                notes.append(note("option_nearest", asked=asked, chosen=self._said(option, value)))
            else:
                wrong.append(fault)
        return wrong, notes

    def _said(self, option: Option, value: Value) -> str:
        if option.catalogue == "finishes":
            return self._catalog.finishes[str(value)].title
        return f"{value:g} {option.unit}".strip() if isinstance(value, int | float) else str(value)

    def _notes(self, model: Model | None) -> Iterator[str]:
        for asked, chosen in self._read_as:
            yield note("option_read_as", asked=asked, chosen=chosen)
        for asked, chosen in (*self._overruled[:OVERRULED_MOST], *self._lengths(model)):
            yield note("option_overruled", asked=asked, chosen=chosen)
        if self._left_out:
            told = list(dict.fromkeys(self._left_out))
            more = ["…"] if len(told) > LEFT_OUT_MOST else []
            yield note("options_left_out", value=", ".join([*told[:LEFT_OUT_MOST], *more]))
        if "fill" in self.given and frame_of(self._catalog.finishes.get(self._shape())) is None:
            yield note("fill_without_shape", value=self.typed["fill"])
        if model is not None and self.given.get("audio") and SOUND not in model.abilities:
            yield note("sound_silent", model=model.title)
        if model is not None and (names := self._names_unread(model)):
            yield note("options_not_read", options=", ".join(names), model=model.title)

    def _shape(self) -> str:
        preset = self._catalog.presets.get(str(self.given.get("preset")))
        return str(self.given.get("shape", preset.values.get("shape") if preset else None))

    def _lengths(self, model: Model | None) -> Iterator[tuple[str, str]]:
        """Yield a length in seconds that is not that in frames, which holds."""
        if {"seconds", "num_frames"} <= self.given.keys():
            fps = self.given.get("fps", model.defaults["fps"] if model else 0)
            if round(float(self.given["seconds"]) * float(fps)) != self.given["num_frames"]:
                yield self.asked["seconds"], self.asked["num_frames"]

    def _names_unread(self, model: Model) -> list[str]:
        """Return the options that the model does nothing with, but for those with the value that it has anyway."""
        given = (
            self.typed[name]
            for name, value in self.given.items()
            if unread(name, model) and model.defaults.get(name) != value
        )
        return list(dict.fromkeys([*self._unread, *given]))
