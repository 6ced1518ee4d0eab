"""Catalogues as a host might write them: many entries, of any names and texts."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from unstill_config.catalog import Catalog, Model, Preset, Shape

CATALOG = Catalog.load()
_SHORT = st.text(st.characters(codec="utf-8"), max_size=12)
# hypothesis seldom makes what is long, or many
TEXT = _SHORT | st.builds(
    lambda part: (part * 160)[:160], st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
)
Value = TypeVar("Value")


def _entries(values: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[str, Value]]:
    many = st.builds(lambda name, value: {f"{name}{number}": value for number in range(40)}, TEXT, values)
    return st.dictionaries(TEXT, values, min_size=1, max_size=5) | many


def _model(title: str, sizes: list[int]) -> Model:
    return Model.model_validate({**CATALOG.models["camera"].model_dump(), "title": title, "resolutions": (720, *sizes)})


def catalogs() -> st.SearchStrategy[Catalog]:
    models = st.builds(_model, TEXT, st.lists(st.integers(1, 9999), max_size=4) | st.just(list(range(1, 41))))
    presets = st.builds(lambda title, text: Preset(title=title, help=text), TEXT, TEXT)
    shapes = st.builds(lambda title: Shape(title=title), TEXT)
    return st.builds(
        lambda models, presets, shapes: CATALOG.model_copy(
            update={"models": models, "presets": presets, "finishes": shapes}
        ),
        _entries(models),
        _entries(presets) | st.just({}),
        _entries(shapes) | st.just({}),
    )
