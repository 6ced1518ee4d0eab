"""Secrets from files: UNSTILL_..._FILE, as container engines hand secrets over."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.config.test_settings import TOKEN, wrong

from unstill_config.kinds import Group
from unstill_config.settings import Settings
from unstill_config.sources import _is_secret

SECRETS = sorted(key for key, field in Settings.known().items() if _is_secret(field))
VALUES = {("redis", "url"): "redis://:pw@queue:6379/0"}


def name_of(key: tuple[str, str]) -> str:
    return "UNSTILL_" + "__".join(key).upper()


def value_of(settings: Settings, key: tuple[str, str]) -> object:
    group = getattr(settings, key[0])
    assert isinstance(group, Group)
    return getattr(group, key[1]).get_secret_value()


@pytest.mark.parametrize("key", SECRETS, ids=name_of)
def test_every_secret_can_stand_in_a_file(key: tuple[str, str], tmp_path: Path) -> None:
    # Given a file as editors and engines write it, with a line's end that is no part of the secret
    value = VALUES.get(key, "a secret with a blank ")
    file = tmp_path / "secret"
    file.write_text(f"{value}\r\n")

    # When it is named by the environment, by .env or by unstill.toml
    for place in ("environment", ".env", "unstill.toml"):
        folder = tmp_path / place
        folder.mkdir()
        (folder / ".env").write_text(f"{name_of(key)}_FILE={file}\n" if place == ".env" else "")
        table = f'[{key[0]}]\n{key[1]}_file = "{file}"\n' if place == "unstill.toml" else ""
        (folder / "unstill.toml").write_text(table)
        settings = Settings.load({f"{name_of(key)}_FILE": str(file)} if place == "environment" else {}, folder)

        # Then the setting has it, the log is told to keep it out, and a process of ours is given it
        assert value_of(settings, key) == value.strip()
        assert [secret.get_secret_value() for secret in settings.secrets()] == [value.strip()]
        assert Settings.load(settings.environ(), Path("/nowhere")) == settings
        assert value.strip() not in repr(settings)


def test_the_nearer_place_wins_and_an_empty_name_names_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from the file")
    (tmp_path / ".env").write_text("UNSTILL_TELEGRAM__TOKEN=from .env\n")

    def token(**environ: str) -> object:
        return value_of(Settings.load(environ, tmp_path), ("telegram", "token"))

    assert token(UNSTILL_TELEGRAM__TOKEN_FILE=str(file)) == "from the file"
    assert token(UNSTILL_TELEGRAM__TOKEN_FILE="") == "from .env"
    assert token(UNSTILL_TELEGRAM__TOKEN="", UNSTILL_TELEGRAM__TOKEN_FILE=str(file)) == "from the file"
    (tmp_path / ".env").write_text(f"UNSTILL_TELEGRAM__TOKEN_FILE={file}\n")
    assert token() == "from the file"
    assert token(UNSTILL_TELEGRAM__TOKEN="nearer") == "nearer"  # noqa: S106


def test_a_wrong_file_is_one_plain_line_without_what_stands_in_it(tmp_path: Path) -> None:
    name = "UNSTILL_TELEGRAM__TOKEN_FILE"
    file = tmp_path / "token"

    def told(**more: str) -> str:
        text = wrong({name: str(file), **more}, Path("/nowhere"))
        assert TOKEN not in text
        return text

    assert told() == f"{name} = {file} in the environment: there is no such file. Make it, or leave out {name}."
    file.mkdir()
    assert "is a folder. Name the file" in told()
    file.rmdir()
    for content, why in {
        b"": "is empty",
        b"\n\n": "is empty",
        f"{TOKEN}\n{TOKEN}\n".encode(): "holds more than one line",
        TOKEN.encode() * 2000: "holds more than one line",
        TOKEN.encode() + b"\xff": "is not UTF-8 text",
        TOKEN.encode() + b"\0": "holds more than one line",
    }.items():
        file.write_bytes(content)
        assert why in told()
    file.write_text(TOKEN)
    both = told(UNSTILL_TELEGRAM__TOKEN=TOKEN)
    assert both == f"UNSTILL_TELEGRAM__TOKEN and {name} are both set in the environment. Leave out one of them."
    assert "cannot be read" in wrong({name: "/proc/self/mem"}, Path("/nowhere"))
    if os.getuid() != 0:
        file.chmod(0)
        assert "cannot be read: Permission denied. Let this user read it." in told()


def test_a_wrong_value_in_a_file_is_told_by_the_files_name_alone(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"telnet://:{TOKEN}@queue/0\n")

    text = wrong({"UNSTILL_REDIS__URL_FILE": str(file)}, Path("/nowhere"))

    assert f"UNSTILL_REDIS__URL_FILE = *** in the file {file} is wrong" in text
    assert TOKEN not in text


def test_what_is_no_secret_is_in_no_file(tmp_path: Path) -> None:
    assert "is not a setting" in wrong({"UNSTILL_LOG__LEVEL_FILE": "x"}, tmp_path)
    (tmp_path / "unstill.toml").write_text('[log]\nlevel_file = "x"\n')
    assert re.search(r"log\.level_file = .* is not a setting", wrong({}, tmp_path))
