"""Secrets that stand in files, as container engines and systemd hand them over: `NAME_FILE` names the file."""

from __future__ import annotations

from pathlib import Path

from unstill_config.errors import ConfigError
from unstill_config.wording import one_line

SUFFIX = "_FILE"
LARGEST = 64 * 1024
"""Bytes; a larger file is no secret, but a wrong path."""


def without_suffix(name: str) -> str:
    """Return the name of the setting whose value stands in the file that `name` names; "" where `name` names none."""
    return name[: -len(SUFFIX)] if name.upper().endswith(SUFFIX) else ""


def read_secret(name: str, place: str, path: str) -> str:
    """Return the text of the file `path` without the line ends at its end.

    `name` is the setting that named the file, and `place` where it was written.

    Raises:
        ConfigError: the file cannot be read, or holds no secret; one line, which never holds what stands in it.
    """
    start = f"{name} = {path} in {place}"
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise _wrong(f"{start}: there is no such file. Make it, or leave out {name}.") from None
    except IsADirectoryError:
        raise _wrong(f"{start} is a folder. Name the file with the secret.") from None
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the path makes no sense"
        raise _wrong(f"{start} cannot be read: {why}. Let this user read it.") from None
    try:
        text = data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _wrong(f"{start} is not UTF-8 text. Name the file with the secret.") from None
    if not text.strip():
        raise _wrong(f"{start} is empty. Write the secret into it, or leave out {name}.")
    if len(data) > LARGEST or "\n" in text or "\0" in text:
        raise _wrong(f"{start} holds more than one line. A secret is one line.")
    return text


def _wrong(text: str) -> ConfigError:
    return ConfigError(one_line(text))
