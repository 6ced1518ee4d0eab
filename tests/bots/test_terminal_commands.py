"""The commands that start nothing, and what they say of what was typed wrong."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from tests.bots.terminal_cli import Terminal

from unstill_bots.terminal.commands import cli, main
from unstill_queue.contract.options import OPTIONS
from unstill_queue.redis.connection import where

Unstill = Callable[..., tuple[int, str, str]]


@pytest.fixture
def unstill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Unstill]:
    """The command in this process, in a folder with a photo; code, stdout and stderr."""
    terminal = Terminal(tmp_path)
    terminal.photo()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in terminal.settings.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    assert not terminal.state.exists()
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("beach.png", "waves", "-steppz", "3"), "--s cannot be teppz"),
        (("beach.png", "waves -sed 3"), "There is no option -sed. Did you mean -seed?"),
        (("beach.png", "waves", "--seed", "many"), "seed cannot be many"),
        (("beach.png", "--seed many --loop"), "--seed cannot be many"),
        (("beach.png", "waves", "--preset", "fast"), "--preset cannot be fast"),
        (("beach.png", "waves", "--seed"), "--seed"),
        (("beach.png", "waves", "--forse"), "Did you mean --force?"),
        (("missing.png", "waves"), "There is no file missing.png."),
        # an empty word, as of a variable that is not set, is no folder
        (("beach.png", "", "waves"), "There is no file "),
        (("beach.png", "waves", "--limit", "much"), "much is not a size."),
        (("beach.png", "--out", "beach.png"), "beach.png is there already."),
        (("beach.png", "beach.png", "--out", "beach.png"), "Name a folder."),
        (("-", "-", "waves"), "only once"),
        ((), "There is no photo."),
    ],
)
def test_what_is_typed_wrong_is_said_and_nothing_is_queued(
    unstill: Unstill, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = unstill("animate", *words, "--json")

    assert code == 2
    assert sentence in err
    assert json.loads(out)["error"]["code"] == 2
    assert sentence in json.loads(out)["error"]["message"]


def test_cancel_wants_to_know_what_and_queue_says_that_there_is_none(unstill: Unstill) -> None:
    assert unstill("cancel")[0] == 2
    for words in (["status"], ["cancel", "--all-mine"], ["cancel", "x"]):
        code, _, err = unstill(*words)
        assert (code, err) == (4, "Nothing is running here: there is no queue. `unstill animate` starts one.\n")


def test_files_without_a_recipe(unstill: Unstill) -> None:
    assert unstill("recipe", "missing.mp4")[0] == 2
    code, out, err = unstill("recipe", "beach.png")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("This is not an MP4 file")


def test_options_and_presets_are_those_of_the_declaration(unstill: Unstill) -> None:
    options = json.loads(unstill("options", "--json")[1])["options"]
    presets = json.loads(unstill("presets", "--json")[1])["presets"]

    assert [option["name"] for option in options] == [option.name for option in OPTIONS]
    assert "--seed, --sd:" in unstill("options")[1]
    assert "timelapse" in [preset["name"] for preset in presets]
    assert not unstill("presets", "--language", "zh_CN")[1].isascii()


def test_sentences_are_in_the_language_of_the_terminal(unstill: Unstill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")

    code, _, err = unstill("animate", "missing.png")

    assert (code, err.replace("missing.png", "").isascii()) == (2, False)


@pytest.mark.parametrize("command", ["animate", "queue", "cancel", "status", "doctor", "recipe", "presets", "options"])
def test_every_command_takes_json_and_a_language_and_has_a_help(unstill: Unstill, command: str) -> None:
    flags = [spelling for parameter in cli.commands[command].params for spelling in parameter.opts]

    assert {"--json", "--language"} <= set(flags)
    code, out, _ = unstill(command, "--help")
    assert (code, "Usage: unstill" in out) == (0, True)


def test_the_exit_codes_are_in_the_help(unstill: Unstill) -> None:
    assert "130 cancelled" in " ".join(unstill("--help")[1].split())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:1/0", "redis://host:1/0"),
        ("rediss://user:se@cret@host", "rediss://host"),
        ("unix:///run/valkey.sock?password=secret", "unix:///run/valkey.sock"),
    ],
)
def test_a_server_is_shown_without_its_password(url: str, shown: str) -> None:
    assert where(url) == shown
