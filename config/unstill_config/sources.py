"""Where settings are written: the environment, `.env` and `unstill.toml`; each value keeps its origin."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from unstill_config.errors import ConfigError
from unstill_config.secret_files import read_secret, without_suffix
from unstill_config.wording import expected, nearest, one_line, shown

PREFIX = "UNSTILL_"
Key = tuple[str, str]
Known = Mapping[Key, FieldInfo]
_SECRETIVE = re.compile("token|secret|key|pass|url", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """A setting's value with the name and the place it was written under."""

    name: str
    place: str
    value: object


@dataclass(frozen=True, slots=True)
class Sources:
    known: Known
    written: dict[Key, Written]

    @classmethod
    def read(cls, known: Known, environ: Mapping[str, str], folder: Path) -> Sources:
        """All that is written, the environment over .env over unstill.toml, setting by setting."""
        written = _from_toml(known, folder / "unstill.toml")
        written |= _from_variables(known, _dotenv(known, folder / ".env"), ".env")
        written |= _from_variables(known, environ, "the environment")
        return cls(known, written)

    def tables(self) -> dict[str, dict[str, object]]:
        tables: dict[str, dict[str, object]] = {}
        for (group, name), written in self.written.items():
            value = written.value.strip() if isinstance(written.value, str) else written.value
            # an empty text says "none" where a setting may be none, as compose files pass it
            if value == "" and type(None) in get_args(self.known[group, name].annotation):
                value = None
            tables.setdefault(group, {})[name] = value
        return tables

    def explain(self, error: ValidationError) -> str:
        """The first thing that is wrong, in one line."""
        first = error.errors(include_url=False)[0]
        key = first["loc"][:2]
        if len(key) < 2:
            return one_line(f"The settings do not agree: {expected(first)}.")
        group, name = str(key[0]), str(key[1])
        written = self.written.get((group, name)) or Written(f"{group}.{name}", "its default", first["input"])
        value = "***" if _is_secret(self.known[group, name]) else shown(written.value)
        return one_line(f"{written.name} = {value} in {written.place} is wrong. Allowed: {expected(first)}.")


def _variable(key: Key) -> str:
    return PREFIX + "__".join(key).upper()


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _text(file: Path) -> str | None:
    try:
        return file.read_text("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text: save it as UTF-8.") from None


def _from_variables(known: Known, variables: Mapping[str, str], place: str) -> dict[Key, Written]:
    names = {_variable(key): key for key in known}
    found: dict[Key, Written] = {}
    in_files: dict[Key, Written] = {}
    for name, value in variables.items():
        if not name.upper().startswith(PREFIX):
            continue
        key = names.get(name.upper())
        if key is not None:
            found[key] = Written(name, place, value)
            continue
        key = names.get(without_suffix(name.upper()))
        if key is None or not _is_secret(known[key]):
            raise _unknown(Written(name, place, value), known, names)
        # compose passes an empty one where none is set
        if value.strip():
            in_files[key] = Written(name, place, value)
    return found | _from_files(in_files, found)


def _from_files(in_files: Mapping[Key, Written], found: Mapping[Key, Written]) -> dict[Key, Written]:
    """Read the secrets that stand in files. Raises ConfigError where the same place has the secret itself too."""
    read: dict[Key, Written] = {}
    for key, written in in_files.items():
        beside = found.get(key)
        if beside is not None and beside.value not in ("", None):
            raise ConfigError(
                f"{beside.name} and {written.name} are both set in {written.place}. Leave out one of them."
            )
        path = str(written.value).strip()
        read[key] = Written(written.name, f"the file {path}", read_secret(written.name, written.place, path))
    return read


def _dotenv(known: Known, file: Path) -> dict[str, str]:
    """The variables of a .env file. It is compose's file too, so names that are not ours may stand in it."""
    text = _text(file)
    if text is None:
        return {}
    names = {_variable(key): key for key in known}
    for line in parse_stream(io.StringIO(text)):
        if line.error:
            raise ConfigError(f"Line {line.original.line} of {file} cannot be read: write NAME=value.")
        # the prefix itself can be misspelt
        if line.key and not line.key.upper().startswith(PREFIX) and nearest(line.key.upper(), names, cutoff=0.9):
            raise _unknown(Written(line.key, ".env", line.value), known, names)
    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}


def _from_toml(known: Known, file: Path) -> dict[Key, Written]:
    text = _text(file)
    if text is None:
        return {}
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(one_line(f"{file} is not valid TOML: {error}.")) from None
    groups = {group for group, _ in known}
    names = {".".join(key): key for key in known}
    found: dict[Key, Written] = {}
    in_files: dict[Key, Written] = {}
    for group, table in tables.items():
        if group not in groups:
            close = nearest(group, groups)
            hint = f"Did you mean [{close}]?" if close else f"The tables are {', '.join(sorted(groups))}."
            raise ConfigError(f"{group} in {file.name} is not a table of the settings. {hint}")
        if not isinstance(table, dict):
            raise ConfigError(f"{group} in {file.name} has to be a table: write [{group}] and its settings below.")
        for name, value in table.items():
            written = Written(f"{group}.{name}", file.name, value)
            secret = (group, without_suffix(name))
            if (group, name) in known:
                found[group, name] = written
            elif secret in known and _is_secret(known[secret]):
                in_files[secret] = written
            else:
                raise _unknown(written, known, names)
    return found | _from_files(in_files, found)


def _unknown(written: Written, known: Known, names: Mapping[str, Key]) -> ConfigError:
    close = nearest(written.name, names) or nearest(written.name.upper(), names)
    # a misspelt secret is still a secret
    secret = close is None or _is_secret(known[names[close]]) or _SECRETIVE.search(written.name)
    value = "***" if secret else shown(written.value)
    hint = f"Did you mean {close}?" if close else "Every setting stands in .env.example."
    return ConfigError(one_line(f"{written.name} = {value} in {written.place} is not a setting. {hint}"))


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in _types(field.annotation)
