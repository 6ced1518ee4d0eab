"""The commands of `unstill`, and how each of their ends becomes a sentence and an exit code."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence

import click
from redis.exceptions import RedisError

from unstill_bots.terminal import backup_commands, ending, looking_commands
from unstill_bots.terminal.animate_command import animate
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.options import joined, unknown
from unstill_bots.terminal.wording import Wording
from unstill_config.errors import ConfigError
from unstill_config.version import VERSION
from unstill_queue.contract.errors import EmbeddedError, OptionError, QueueError, StorageError


@click.group(epilog=ending.EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="unstill, version %(version)s")
def cli() -> None:
    """Make photos move, through the same queue and engine as the bots.

    Every command takes --json and --language.
    """


#: Several words in one argument, such as "--seed 7 --loop": a caption, and no flag, of which none has a blank.
_CAPTION = re.compile(r"-[^\s=]*\s")

cli.add_command(animate)
for command in (*looking_commands.COMMANDS, *backup_commands.COMMANDS):
    cli.add_command(command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code, and never raises."""
    words = [f" {word}" if _CAPTION.match(word) else word for word in joined(sys.argv[1:] if argv is None else argv)]
    try:
        return int(cli.main(args=words, prog_name="unstill", standalone_mode=False) or Code.OK)
    except KeyboardInterrupt:
        return Code.CANCELLED
    except BrokenPipeError:
        # whoever read our output has gone; without this, Python complains as it ends
        sys.stdout = None
        return Code.FAILED
    except (
        Stop,
        click.ClickException,
        click.Abort,
        ConfigError,
        QueueError,
        RedisError,
        OSError,
    ) as error:
        code, sentence = _explain(error, Wording.of(_language(words), "en"))
        if "--json" in words:
            print(json.dumps({"error": {"code": int(code), "message": sentence}}, ensure_ascii=False))
        print(sentence, file=sys.stderr)
        return code


def _explain(error: Exception, wording: Wording) -> tuple[Code, str]:
    match error:
        case Stop(code=code):
            return code, str(error)
        case click.NoSuchOption():
            return Code.USAGE, wording.option_error(unknown(error))
        case OptionError():
            return Code.USAGE, wording.option_error(error)
        case click.Abort():
            return Code.CANCELLED, wording.cancelled("")
        case click.ClickException():
            return Code.USAGE, error.format_message()
        case ConfigError():
            return Code.SETTINGS, str(error)
        case EmbeddedError() | StorageError() | RedisError():
            return Code.UNAVAILABLE, str(error)
        case QueueError():
            return Code.SETTINGS, str(error)
        case _:
            return Code.UNAVAILABLE, str(error)


def _language(words: Sequence[str]) -> str | None:
    """What --language says, before anything is parsed."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == "--language" and after:
            return after
        if word.startswith("--language="):
            return word.partition("=")[2]
    return None
