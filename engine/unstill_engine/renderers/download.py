"""Where a model's files are: a folder of the host's, or what the Hugging Face Hub has, fetched once."""

from __future__ import annotations

import errno
import json
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from unstill_engine.renderers.base import RenderError

_NOT_THERE = (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError)
_WORTH_SAYING = 1_000_000
"""Bytes; a list of a model's parts is fetched in no time."""
TELL_EVERY = 60.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Contents:
    """What a model's folder has to hold; names are relative to it.

    `weights` are folders of safetensors files, each with its config.json; `files` have to be there too, and of each
    group in `either` one file. `more` are patterns of what is fetched besides, where it is there.
    """

    weights: tuple[str, ...]
    files: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    more: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The files that are known by name."""
        return (*(f"{part}/config.json" for part in self.weights), *self.files)

    def lacking(self, folder: Path) -> str | None:
        """Return the name of the first file that is not there; None where the folder is whole."""
        for name in self.named:
            if not (folder / name).is_file():
                return name
        for part in self.weights:
            lacking = _lacking_weights(folder / part)
            if lacking is not None:
                return f"{part}/{lacking}"
        for group in self.either:
            if not any((folder / name).is_file() for name in group):
                return group[0]
        return None

    def patterns(self, variant: str) -> list[str]:
        """Return the patterns of all that is to be fetched of a repository."""
        dotted = f".{variant}" if variant else ""
        return [*self.named, *self.more, *(f"{part}/*{dotted}*.safetensors*" for part in self.weights)]


def _lacking_weights(part: Path) -> str | None:
    """Return the first file of a part's weights that is missing, of those that its index names; None, none is."""
    missing = []
    for index in part.glob("*.safetensors.index*.json"):
        try:
            listed = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return index.name  # a list that cannot be read is as good as none
        missing.append([name for name in listed if not (part / name).is_file()])
    if missing:
        return None if [] in missing else missing[0][0]
    return None if any(part.glob("*.safetensors")) else "*.safetensors"


def model_folder(weights: Mapping[str, str], contents: Contents) -> Path:
    """Return the folder with all of `contents`; what is missing there of a repository's is downloaded.

    `weights.repo` is a folder or a repository id; `revision` and `variant` are for the latter.

    Raises:
        RenderError: "model_unavailable" or "disk_full".
    """
    folder = _own_folder(weights)
    if folder is not None:
        lacking = contents.lacking(folder)
        if lacking is not None:
            raise _unavailable(f"The model folder {folder} is not whole: {lacking} is missing", "Fetch the model anew")
        return folder
    return _fetched(_which(weights, contents), contents)


def lacking_here(weights: Mapping[str, str], contents: Contents) -> str | None:
    """Return the first of `contents` that is not on this machine; None: all of it is. Nobody else is asked."""
    folder = _own_folder(weights)
    if folder is not None:
        return contents.lacking(folder)
    try:
        return contents.lacking(Path(snapshot_download(**_which(weights, contents), local_files_only=True)))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return weights.get("repo", "")


def _own_folder(weights: Mapping[str, str]) -> Path | None:
    """The folder of the host's that `weights.repo` names; None where it is the id of a repository."""
    repo = weights.get("repo", "")
    folder = Path(repo).expanduser()
    return folder if repo.startswith(("/", "~", ".")) or folder.is_dir() else None


def _which(weights: Mapping[str, str], contents: Contents) -> dict[str, Any]:
    """What is wanted of a repository, as the client takes it."""
    variant = weights.get("variant", "")
    return {
        "repo_id": weights.get("repo", ""),
        "revision": weights.get("revision", "main"),
        "allow_patterns": contents.patterns(variant),
        "ignore_patterns": None if variant else ["*.fp16*"],
    }


def variant_in(folder: Path, part: str, wanted: str) -> str | None:
    """Return the variant of that part's weights to load: the one that is wanted, where it is there."""
    return wanted if wanted and any((folder / part).glob(f"*.{wanted}*.safetensors")) else None


def _fetched(which: dict[str, Any], contents: Contents) -> Path:
    repo, revision = which["repo_id"], which["revision"]
    try:
        folder = Path(snapshot_download(**which, local_files_only=True))
        if contents.lacking(folder) is None:
            return folder
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        pass  # whatever is wrong there, the next call says it
    disable_progress_bars()  # a log is no terminal
    try:
        needed = sum(file.file_size or 0 for file in snapshot_download(**which, dry_run=True) if file.will_download)
        _check_room(repo, needed)
        if needed >= _WORTH_SAYING:
            sys.stderr.write(
                f"Fetching {needed / 1e9:.1f} GB of {repo} at {revision} into {constants.HF_HUB_CACHE}, once.\n"
            )
        with telling(repo, needed):
            folder = Path(snapshot_download(**which))
    except RenderError:
        raise
    except Exception as error:  # the client's own, of whichever library it speaks HTTP with, and the disk's
        raise _not_fetched(repo, revision, error) from error
    lacking = contents.lacking(folder)
    if lacking is not None:
        raise _unavailable(
            f"The model {repo} at revision {revision} has no {lacking}", "Check weights.variant in the catalogue"
        )
    return folder


@contextmanager
def telling(repo: str, needed: int, every: float = TELL_EVERY) -> Iterator[None]:
    """Write to the log how much of `needed` bytes has come, each `every` seconds in which some did.

    By that the engine knows that its process lives, however long the fetch takes.
    """
    blobs = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "blobs"
    ended, first = threading.Event(), _bytes_in(blobs)

    def tell() -> None:
        before = first
        while not ended.wait(every):
            now = _bytes_in(blobs)
            if now > before:
                sys.stderr.write(f"Fetched {(now - first) / 1e9:.1f} of {needed / 1e9:.1f} GB of {repo}.\n")
            before = now

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        with suppress(OSError):  # it got its final name in this moment
            total += path.stat().st_size
    return total


def _check_room(repo: str, needed: int) -> None:
    cache = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise _no_room(repo, f"{needed / 1e9:.1f} GB on {there}, where {free / 1e9:.1f} GB are free")


def _no_room(repo: str, what: str) -> RenderError:
    return RenderError("disk_full", f"The model {repo} needs {what}. Make room there, or set HF_HOME to a larger disk.")


def _not_fetched(repo: str, revision: str, error: Exception) -> RenderError:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return _unavailable(
            f"The makers of the model {repo} give it to those who asked them for it",
            f"Ask for it at {constants.ENDPOINT}/{repo}, and set HF_TOKEN to that account's token",
        )
    if any(isinstance(cause, _NOT_THERE) for cause in causes):
        return _unavailable(
            f"{constants.ENDPOINT} has no model {repo} at revision {revision} for this machine",
            "Check weights.repo and weights.revision in the catalogue",
        )
    if any(isinstance(cause, OSError) and cause.errno in _FULL for cause in causes):
        return _no_room(repo, f"more room on {constants.HF_HUB_CACHE}")
    return _unavailable(
        f"The model {repo} is not on this machine, and {constants.ENDPOINT} cannot be reached to fetch it "
        f"({type(causes[-1]).__name__})",
        "Connect the machine, or name a folder that holds the model as weights.repo in the catalogue",
    )


def _unavailable(what: str, advice: str) -> RenderError:
    return RenderError("model_unavailable", f"{what}. {advice}.")
