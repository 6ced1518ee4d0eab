"""Reports of errors: what a Sentry is sent, by the real library over a real connection."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sentry_server import SentryServer

from unstill_config.error_reports import SENT
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings

ROOT = Path(__file__).parents[2]
TOKEN = "123456789:AAHkB4z8h3jP0wq5tYvXn2cR7mEuLsDfGiK"  # noqa: S105  # nobody's
WORDS = "my grandmother waves from the harbour"
PROGRAM = f"""
import asyncio, logging, os, sys
import structlog
from pydantic import SecretStr
from unstill_config.error_reports import report_errors
from unstill_config.logs import setup_logging
from unstill_config.settings import Settings

settings = Settings.load()
setup_logging(settings.log, secrets=settings.secrets(), service="telegram")
report_errors(settings.sentry, secrets=settings.secrets(), service="telegram")
log = structlog.get_logger("unstill_bots.delivery.courier")
words = {WORDS!r}

def render(prompt, chat):
    raise ValueError(f"{{prompt!r}} of {{chat}} by {TOKEN} cannot be read")

def make(prompt):
    try:
        render(prompt, "telegram:4711")
    except ValueError as error:
        raise RuntimeError(prompt) from error

for _ in range(3):
    try:
        make(words)
    except RuntimeError:
        log.exception("a delivery failed in an unforeseen way", job="telegram:4711:99", prompt=words)
log.error("a record cannot be read and is set aside; unstill doctor shows it", job="telegram:4711:99", wrong=words)
log.warning("only a warning", prompt=words)
logging.getLogger("discord.client").error("ignoring %s of " + words, words)
logging.getLogger("unstill_bots.x").error("a secret is {TOKEN}")
if "die" in sys.argv:
    make(words)
"""


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, SentryServer]:
    """What the program printed, and what was reported by the time that it ended."""
    folder = tmp_path_factory.mktemp("reports")
    with SentryServer().running() as sentry:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("UNSTILL_")}
        environ |= {"UNSTILL_SENTRY__DSN": sentry.dsn, "UNSTILL_TELEGRAM__TOKEN": TOKEN}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "die"], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
    return done.stderr, sentry


def test_an_error_is_reported_once_with_its_place_and_its_kind(reported: tuple[str, SentryServer]) -> None:
    _, sentry = reported
    events = {event["logentry"]["message"]: event for event in sentry.events()}

    assert len(events) == len(sentry.events()) == 5
    delivery = events["a delivery failed in an unforeseen way"]
    assert [one["type"] for one in delivery["exception"]["values"]] == ["ValueError", "RuntimeError"]
    frames = delivery["exception"]["values"][0]["stacktrace"]["frames"]
    assert [frame["function"] for frame in frames] == ["make", "render"]
    assert delivery["level"] == "error"
    assert delivery["logger"] == "unstill_bots.delivery.courier"
    assert delivery["environment"] == "production"
    assert delivery["release"].startswith("unstill@")
    assert delivery["tags"] == {"service": "telegram"}
    # and what nobody caught, though the program ends with it
    assert events["uncaught %s"]["level"] == "fatal"
    assert [one["type"] for one in events["uncaught %s"]["exception"]["values"]] == ["ValueError", "RuntimeError"]
    # and of others' sentences only that there was one
    assert "an error in discord.client" in events


def test_nothing_of_a_secret_or_a_person_is_sent(reported: tuple[str, SentryServer]) -> None:
    printed, sentry = reported
    # Given that the log has the words, so that they could have been sent
    assert WORDS in printed
    sent = "\n".join(sentry.bodies)

    for private in (TOKEN, TOKEN[12:], "grandmother", "harbour", "4711", os.uname().nodename):
        assert private not in sent
    assert "a secret is ***" in sent
    for event in sentry.events():
        assert event.keys() <= SENT
        assert '"vars"' not in json.dumps(event)
        assert {one["value"] for one in event.get("exception", {}).get("values", ())} <= {""}


def test_where_nobody_set_it_nothing_is_sent_and_the_library_is_not_loaded(tmp_path: Path) -> None:
    program = PROGRAM.replace("words = ", "assert 'sentry_sdk' not in sys.modules\nwords = ", 1)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UNSTILL_")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )

    assert (done.returncode, "AssertionError" in done.stderr) == (0, False)


def test_what_cannot_be_reported_to_is_said_in_a_sentence(tmp_path: Path) -> None:
    from unstill_config.error_reports import report_errors

    settings = Settings.load({"UNSTILL_SENTRY__DSN": "sentry.example.org"}, tmp_path)
    with pytest.raises(ConfigError, match=r"no address of a Sentry\. Copy it"):
        report_errors(settings.sentry, service="test")
    hidden = "import sys; sys.modules['sentry_sdk'] = None\n"
    environ = {**os.environ, "UNSTILL_SENTRY__DSN": "http://key@127.0.0.1:9/1"}
    program = f"{hidden}from unstill_bots.service import main; sys.exit(main(['telegram']))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "sentry-sdk is not installed. Install the extra `sentry`" in done.stderr.splitlines()[-1]


def test_the_sentence_of_every_error_in_the_log_is_constant() -> None:
    """What is reported of a line is its sentence, so that may hold nothing that comes from elsewhere."""
    found = []
    for folder in ("config", "queue", "engine", "bots"):
        for file in (ROOT / folder).rglob("*.py"):
            for call in ast.walk(ast.parse(file.read_text("utf-8"))):
                match call:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="log") | ast.Attribute(attr="_log" | "log"), attr=level),
                        args=args,
                    ) if level in ("error", "exception", "critical"):
                        constant = len(args) == 1 and isinstance(args[0], ast.Constant)
                        found += [] if constant else [(file.name, ast.unparse(args[0]))]
    # the caller's constant; and the kind of what nobody caught, behind its sentence
    assert sorted(set(found)) == [("job_run.py", "what"), ("logs.py", "'uncaught %s'")]
    callers = (ROOT / "engine/unstill_engine/worker").glob("*.py")
    lines = [line for file in callers for line in file.read_text().splitlines() if "._not_stored(" in line]
    assert lines and all(re.search(r"_not_stored\(\"", line) for line in lines)
