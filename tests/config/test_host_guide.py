"""Tests of what the README tells a host: commands, buttons, units of systemd, profiles of compose, and settings."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from tests.config.test_docs import README, ROOT, rows
from tests.system.compose_file import COMPOSE, SERVICES

from unstill_bots import service
from unstill_bots.actions.presses import ACTIONS, CHATS
from unstill_bots.host import lifecycle
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.platforms import PLATFORMS
from unstill_config.settings import Settings
from unstill_engine import __main__ as engine

BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = "\n".join(text for kind, text in BLOCKS if not kind)
UNITS = dict(re.findall(r"^`/etc/systemd/system/([\w@.-]+)`:\n\n```ini\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
HAND_BACK = 20
"""Seconds that an engine may need after its drain."""


def test_the_chat_commands_are_those_of_the_one_table() -> None:
    made = {
        f"`/{action.name}`": (", ".join(name.title() for name in PLATFORMS if name in action.commands), action.does)
        for action in ACTIONS.values()
        if action.commands
    }

    assert {command: (where, does) for command, where, does in rows("chat commands")} == made


def test_the_hosts_commands_are_those_of_the_one_table() -> None:
    made = {f"`/{action.name}`": action.does for action in ACTIONS.values() if action.hosts}

    assert dict(rows("host commands")) == made


def test_the_buttons_are_those_that_are_under_jobs_and_clips() -> None:
    # Given what is written on each
    replies = ChatReplies()
    labels = {
        "cancel": replies.button_cancel(),
        "switch_model": replies.button_switch("Camera"),
        "new_seed": replies.button_new_seed(),
        "again": replies.button_again(),
        "better": replies.button_better(),
        "reels": replies.button_reels(),
        "loop": replies.button_loop(),
        "extend": replies.button_extend(),
        "delete": replies.button_delete(),
        "edit": replies.button_edit(),
        "share": replies.button_share(),
        "last_picture": replies.button_last_picture(),
        "words_alone": replies.button_words_alone(),
    }
    everywhere = {name for name, action in ACTIONS.items() if set(CHATS) <= set(action.buttons)}

    # Then the table has them all; the settings' buttons are told of with the command, presets bear their own names
    assert everywhere - labels.keys() == {"settings", "chat_settings", "preset"}
    assert dict(rows("buttons")) == {label: ACTIONS[name].does for name, label in labels.items()}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_program_of_ours_and_leaves_it_time_to_hand_back(name: str) -> None:
    # Given the unit
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNITS[name])
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    folder = unit["Service"]["WorkingDirectory"]

    # Then it starts what an installation there has, once more where it ended, but not where the settings are wrong
    scripts = {
        script
        for package in ("engine", "bots")
        for script in tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]["scripts"]
    }
    assert program in {f"{folder}/.venv/bin/{script}" for script in scripts}
    assert arguments == (["%i"] if "@" in name else [])
    assert unit["Service"]["Restart"] == "always"
    assert int(unit["Service"]["RestartPreventExitStatus"]) == service.SETTINGS_WRONG == engine.SETTINGS_WRONG
    # and only the program itself is told to stop, which sees to its children
    assert unit["Service"]["KillMode"] == "mixed"
    drain = lifecycle.TASKS_WITHIN + lifecycle.CALLS_WITHIN + lifecycle.FILING
    least = drain if "bot" in name else Settings().engine.drain + HAND_BACK
    assert float(unit["Service"]["TimeoutStopSec"]) > least


def test_the_units_that_are_started_are_those_that_are_written() -> None:
    (line,) = [line for line in SHELL.splitlines() if line.startswith("systemctl enable")]
    started = line.split()[3:]
    of_platforms = {f"unstill-bot@{platform}" for platform in PLATFORMS}

    assert set(UNITS) == {"unstill-engine.service", "unstill-bot@.service"}
    assert set(started) == {"unstill-engine", *of_platforms}


def test_compose_is_shown_with_profiles_and_services_that_it_has() -> None:
    lines = [line for line in SHELL.splitlines() if line.startswith("docker compose")]
    profiles = {profile for one in SERVICES.values() for profile in one.get("profiles", ())}
    shown = {profile for line in lines for profile in re.findall(r"--profile (\w+)", line)}
    run = [line.split()[-2] for line in lines if " run " in line]

    assert len(lines) == 4
    assert shown <= profiles
    assert set(PLATFORMS) <= shown
    assert set(run) <= set(COMPOSE["services"])


def test_settings_in_blocks_are_taken() -> None:
    # Given every line of a block that sets something
    lines = [line for line in SHELL.splitlines() if re.match(r"UNSTILL_\w+=", line) and " " not in line]

    # Then all of them together are settings
    settings = Settings.load(dict(line.split("=", 1) for line in lines), Path("/nowhere"))
    assert len(lines) == 8
    assert settings.telegram.local_mode
    assert settings.prompt.is_on
    assert settings.telegram.token is not None
    assert settings.discord.token is not None


def test_a_bot_is_started_as_the_service_takes_it() -> None:
    started = re.findall(r"^unstill-bot (\w+)$", SHELL, re.MULTILINE)

    assert set(started) == set(PLATFORMS)
