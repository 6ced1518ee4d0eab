"""Imports classes of diffusers by their files' own modules, without all that the library imports beside them.

A package of diffusers imports every model that lies in it, and those import transformers, accelerate, peft and torch's
compiler: most of what a start would wait for. Here its packages are stood in for by empty ones with the same path while
the classes are imported, and what is optional is not found.
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
_CLIENT = "requests"
"""diffusers fetches pictures with it, which nobody asks it for here."""

_ABSENT = (
    "accelerate", "bitsandbytes", "flax", "gguf", "optimum", "peft", "scipy", "sklearn", "torchao", "torchvision",
    "transformers", "xformers",
)  # fmt: skip
"""Packages that diffusers imports wherever they are installed, and works without."""


_kept: dict[str, ModuleType] = {}
"""The modules of diffusers that were imported so: they stand in sys.modules only while others are."""


@contextmanager
def lean_imports() -> Iterator[None]:
    """Import modules of diffusers alone, by `import` in the block; never a package of it. Also call there what imports.

    Where diffusers is in this process already, it is left as it is. Else what is imported is a copy that stands apart:
    whoever imports diffusers later gets a whole one.

    Raises:
        ImportError: diffusers is not installed.
    """
    if LIBRARY in sys.modules:
        yield
        return
    placed = _placed()
    sys.modules.update(placed)  # type: ignore[arg-type]
    sys.modules.update(_kept)
    try:
        with no_compiler():
            yield
    finally:
        for name, module in placed.items():
            if sys.modules.get(name, placed) is module:
                del sys.modules[name]
        _kept.update({name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)})
        logging.getLogger(LIBRARY).setLevel(logging.ERROR)  # it advises to install what was not looked for


@contextmanager
def no_compiler() -> Iterator[None]:
    """Have torch's compiler be imported by nobody in the block; where it is imported already, this does nothing."""
    if _COMPILER in sys.modules:
        yield
        return
    sys.modules[_COMPILER] = module = _stand_in()
    try:
        yield
    finally:
        if sys.modules.get(_COMPILER) is module:
            del sys.modules[_COMPILER]


def load_classes(*paths: str) -> tuple[Any, ...]:
    """Return what stands at each 'module:name' of diffusers, by `lean_imports`.

    Raises:
        ImportError: there is no such module.
        AttributeError: it has nothing of that name.
    """
    parts = [path.partition(":") for path in paths]
    with lean_imports():
        return tuple(getattr(importlib.import_module(module), name) for module, _, name in parts)


def _is_ours(name: str) -> bool:
    return name == LIBRARY or name.startswith(f"{LIBRARY}.")


def _placed() -> dict[str, ModuleType | None]:
    """Return what stands in sys.modules meanwhile; None there is Python's own way to say that nothing is."""
    found = importlib.util.find_spec(LIBRARY)
    if found is None or found.origin is None:
        raise ImportError(f"No module named {LIBRARY!r}", name=LIBRARY)
    root = Path(found.origin).parent
    placed: dict[str, ModuleType | None] = {name: None for name in _ABSENT if name not in sys.modules}
    if _CLIENT not in sys.modules:
        placed[_CLIENT] = _empty(_CLIENT)
    return placed | {name: _bare(name, root.joinpath(*name.split(".")[1:])) for name in _BARE}


def _bare(name: str, folder: Path) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    module.__package__ = name
    module.__spec__ = ModuleSpec(name, None, is_package=True)
    module.__spec__.submodule_search_locations = module.__path__
    return module


def _empty(name: str) -> ModuleType:
    """Return a module of which every public name is a class without anything, for annotations."""
    module = ModuleType(name)
    module.__getattr__ = lambda wanted: _public(name, wanted)  # type: ignore[method-assign]
    return module


def _public(module: str, name: str) -> type:
    if name.startswith("_"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return type(name, (), {})


def _stand_in() -> ModuleType:
    """Return what diffusers and torch decorate functions with, for a process that compiles none of them."""

    def unchanged(function: Any = None, *_: Any, **__: Any) -> Any:
        return (lambda given: given) if function is None else function

    module = ModuleType(_COMPILER)
    module.__path__ = []
    module.allow_in_graph = module.disable = unchanged  # type: ignore[attr-defined]
    return module
