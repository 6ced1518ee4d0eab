"""What was typed: photos, a size, a place for the clips."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from unstill_bots.intake.media import HEAD, PICTURE_SUFFIXES, VIDEO_SUFFIXES, sniff
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.wording import Wording

STDIN = "-"
_FILES = PICTURE_SUFFIXES | VIDEO_SUFFIXES | {".svg"}
_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:([kmg])(i)?)?(?:b|bytes?)?", re.IGNORECASE)


class Found(msgspec.Struct, frozen=True):
    """Photos as absolute paths, '-' for standard input. `passed_over`: sentences on files in folders that are none."""

    photos: list[str]
    passed_over: list[str]


class Target(msgspec.Struct, frozen=True):
    """Where clips go: a folder, where each gets a name of its own, `stem` if it is given, or one file."""

    folder: Path
    file: str | None = None
    force: bool = False
    stem: str = ""


def split_words(words: Sequence[str], wording: Wording, *, enough: bool = False) -> tuple[list[str], str]:
    """Return the photos and the prompt, which is the last word unless that is a photo. `enough`: neither need be there.

    Raises:
        Stop: a photo is not there, or there is neither a photo nor a prompt.
    """
    photos, prompt = list(words), ""
    if photos and photos[-1] != STDIN and not _exists(photos[-1]) and not _like_file(photos[-1]):
        prompt = photos.pop()
    if not (photos or prompt or enough):
        raise Stop(Code.USAGE, wording.no_photo())
    return photos, prompt


def _exists(word: str) -> bool:
    try:
        return bool(word) and Path(word).exists()
    except (OSError, ValueError):  # too long for a name: a prompt
        return False


def _like_file(word: str) -> bool:
    """A name with a picture's ending is a photo that is missing, rather than a prompt."""
    suffix = Path(word).suffix.lower()
    return " " not in word and suffix in _FILES


def find_photos(words: Sequence[str], wording: Wording) -> Found:
    """Find the photos in the order given, in folders the pictures by name, as their first bytes tell.

    Raises:
        Stop: one is not there or cannot be read, a folder holds no picture, or '-' stands twice.
    """
    found: list[str] = []
    passed_over: list[str] = []
    for word in words:
        path = Path(word).absolute()
        if word == STDIN:
            if STDIN in found:
                raise Stop(Code.USAGE, wording.stdin_twice())
            found.append(STDIN)
        elif not _exists(word):
            raise Stop(Code.USAGE, wording.no_file(word))
        elif path.is_dir():
            pictures, others = _pictures_in(path, wording)
            found.extend(map(str, pictures))
            if others:
                passed_over.append(wording.passed_over(word, others))
        elif not os.access(path, os.R_OK):
            raise Stop(Code.USAGE, wording.cannot_read(word))
        else:
            found.append(str(path))
    return Found(found, passed_over)


def find_last(word: str | None, photos: Sequence[str], wording: Wording) -> str:
    """Return the one picture with which clips of `photos` are to end, as `find_photos` does; empty where none is given.

    Raises:
        Stop: it is not there or cannot be read, is a folder, is standard input like a photo, or there is no first one.
    """
    if word is None:
        return ""
    if not photos:
        raise Stop(Code.USAGE, wording.no_first_photo())
    if Path(word).is_dir():
        raise Stop(Code.USAGE, wording.no_file(word))
    if word == STDIN and STDIN in photos:
        raise Stop(Code.USAGE, wording.stdin_twice())
    return find_photos([word], wording).photos[0]


def _pictures_in(folder: Path, wording: Wording) -> tuple[list[Path], list[str]]:
    """Return the pictures in a folder, and the names of files that somebody could take for some."""
    pictures, others = [], []
    try:
        for path in sorted(folder.iterdir()):
            if not path.is_file():
                continue
            # macOS puts a file "._photo.jpg" beside each photo on a drive that is not its own
            if not path.name.startswith(".") and _is_picture(path):
                pictures.append(path)
            elif path.suffix.lower() in _FILES:
                others.append(path.name)
    except OSError:
        raise Stop(Code.USAGE, wording.cannot_read(str(folder))) from None
    if not pictures:
        raise Stop(Code.USAGE, wording.no_pictures_in(str(folder)))
    return pictures, others


def _is_picture(path: Path) -> bool:
    """Tell by its first bytes; a picture that cannot be read is one, and its own answer says so."""
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD)).kind == "picture"
    except OSError:
        return path.suffix.lower() in PICTURE_SUFFIXES


def parse_size(text: str, wording: Wording) -> int:
    """Bytes in '10MB', '10 MiB', '500kB' or '1000'. Raises Stop."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Stop(Code.USAGE, wording.not_a_size(text))
    number, letter, binary = match.groups()
    power: int = " kmg".index(letter.lower()) if letter else 0
    size: int = round(float(number.replace(",", ".")) * (1024 if binary else 1000) ** power)
    if size < 1:
        raise Stop(Code.USAGE, wording.not_a_size(text))
    return size


def find_target(out: str | None, photos: int, *, force: bool, wording: Wording) -> Target:
    """`out` is a folder if it is one, ends like one, or if there are several photos; else a file.

    Raises:
        Stop: it cannot be written, or is there already and `force` was not given.
    """
    path = Path(out or ".").absolute()
    folder = out is None or path.is_dir() or out.endswith(("/", os.sep)) or photos > 1
    if folder and path.is_file():
        raise Stop(Code.USAGE, wording.file_for_many(str(out)))
    if not folder and path.exists() and not force:
        raise Stop(Code.USAGE, wording.exists(str(out)))
    place = path if folder else path.parent
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(Code.USAGE, wording.cannot_write(str(place), error)) from None
    if not os.access(place, os.W_OK | os.X_OK):
        raise Stop(Code.USAGE, wording.cannot_write(str(place), None))
    return Target(place) if folder else Target(place, path.name, force)
