"""What all commands share: their settings, language and way of printing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import IO, Any, TypeVar

import click

from unstill_bots.terminal.wording import Wording
from unstill_config.languages import LANGUAGES
from unstill_config.logs import setup_logging
from unstill_config.settings import Log, Settings

F = TypeVar("F", bound=Callable[..., Any])


def shared(command: F) -> F:
    """A click decorator: --json and --language."""
    click.option("--language", type=click.Choice(LANGUAGES), help="language of the replies")(command)
    click.option("--json", "as_json", is_flag=True, help="print JSON, with the same keys always")(command)
    return command


def prepare(language: str | None) -> tuple[Settings, Wording]:
    """The settings, with logs on stderr: errors only, unless the settings say a level.

    Raises:
        ConfigError: a setting is wrong.
    """
    settings = Settings.load()
    chosen = "level" in settings.log.model_fields_set
    log = settings.log if chosen else Log(level="error", format=settings.log.format)
    setup_logging(log, secrets=settings.secrets(), service="terminal")
    return settings, Wording.of(language, settings.bots.language)


def print_json(value: object, out: IO[str] | None = None) -> None:
    """Print to `out`, by default standard output."""
    json.dump(value, out or sys.stdout, ensure_ascii=False, indent=2)
    print(file=out)
