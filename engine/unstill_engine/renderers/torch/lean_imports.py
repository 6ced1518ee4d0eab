"""Imports classes of diffusers by their files' own modules, without all that the library imports beside them.

A package of diffusers imports every model that lies in it, and those import transformers, accelerate, peft and torch's
compiler: four of five modules that a start would wait for. Here its packages are stood in for by empty ones with the same
path while the classes are imported, and what is optional is not found.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARY = "diffusers"

_BARE = tuple(f"{LIBRARY}.{name}" for name in ("hooks", "models.autoencoders", "models.transformers", "models.unets"))
"""Packages whose `__init__` is not run, so that their modules are imported one by one."""

_COMPILER = "torch._dynamo"

_ABSENT = (
    "accelerate", "bitsandbytes", "flax", "gguf", "optimum", "peft", "scipy", "sklearn", "torchao", "torchvision",
    "transformers", "xformers",
)  # fmt: skip
"""What diffusers imports wherever it is installed, and works without."""


def load_classes(*paths: str) -> tuple[Any, ...]:
    """Return what stands at each 'module:name' of diffusers.

    Where diffusers is in this process already, they are its classes. Else they are a copy that stands apart: whoever
    imports diffusers later gets a whole one.

    Raises:
        ImportError: there is no such module.
        AttributeError: it has nothing of that name.
    """
    if LIBRARY in sys.modules:
        return _found(paths)
    before = frozenset(sys.modules)
    with _lean():
        try:
            classes = _found(paths)
        finally:
            for name in [name for name in sys.modules if name not in before and _is_ours(name)]:
                del sys.modules[name]
    logging.getLogger(LIBRARY).setLevel(logging.ERROR)  # it advises to install what was not looked for
    return classes


def _found(paths: tuple[str, ...]) -> tuple[Any, ...]:
    parts = [path.partition(":") for path in paths]
    return tuple(getattr(importlib.import_module(module), name) for module, _, name in parts)


def _is_ours(name: str) -> bool:
    return name == LIBRARY or name.startswith(f"{LIBRARY}.")


@contextmanager
def _lean() -> Iterator[None]:
    found = importlib.util.find_spec(LIBRARY)
    if found is None or found.origin is None:
        raise ImportError(f"No module named {LIBRARY!r}", name=LIBRARY)
    root = Path(found.origin).parent
    # None in sys.modules is Python's own way to say that there is no such module
    placed: dict[str, ModuleType | None] = {name: None for name in _ABSENT if name not in sys.modules}
    placed |= {name: _bare(name, root.joinpath(*name.split(".")[1:])) for name in _BARE}
    if _COMPILER not in sys.modules:
        placed[_COMPILER] = _no_compiler()
    sys.modules.update(placed)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name, placed) is module:
                del sys.modules[name]


def _bare(name: str, folder: Path) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    module.__package__ = name
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__spec__.submodule_search_locations = module.__path__
    return module


def _no_compiler() -> ModuleType:
    """Return what diffusers decorates its functions with, for a process that compiles none of them."""

    def unchanged(function: Any = None, *_: Any, **__: Any) -> Any:
        return (lambda given: given) if function is None else function

    module = ModuleType(_COMPILER)
    module.__path__ = []
    module.allow_in_graph = module.disable = unchanged  # type: ignore[attr-defined]
    return module
