"""Reports of errors to a Sentry of the host's choice: what failed and where, without secrets and people's words.

A report is made of what stands in our source: the log's sentence, which is constant, the kinds of the exceptions, and
the lines that they passed through. The texts of exceptions, local variables and the other fields of a log line may hold
what somebody wrote or who they are, so they stay here. All that is sent passes the redactor too.
"""

from __future__ import annotations

import atexit
import logging
import sys
import time
from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

from unstill_config.errors import ConfigError
from unstill_config.redaction import Redactor
from unstill_config.telemetry import Sentry
from unstill_config.version import VERSION

FLUSH_WITHIN = 2.0
"""Seconds at the end of a process for what is on its way."""
SAME_AFTER = 60.0
"""Seconds for which an error is not reported again."""
KINDS_MOST = 1000
"""Errors that are remembered for that; then all are forgotten."""
OURS = ("unstill", "__main__")
SENT = {
    *("event_id", "timestamp", "level", "logger", "logentry", "exception", "tags", "platform", "release"),
    *("environment", "sdk"),
}
"""The parts of an event that are sent; those that name a machine, a person or a request are not among them."""


def report_errors(sentry: Sentry, *, secrets: Iterable[SecretStr | None] = (), service: str) -> None:
    """Report errors of this process from now on, where the settings say so; call it after `setup_logging`.

    Raises:
        ConfigError: sentry-sdk is not installed, or the DSN is none.
    """
    if sentry.dsn is None:
        return
    try:
        import sentry_sdk
    except ImportError:
        raise ConfigError(
            "UNSTILL_SENTRY__DSN is set, but sentry-sdk is not installed. Install the extra `sentry`, or leave it out."
        ) from None
    redactor = Redactor([*secrets, sentry.dsn])
    try:
        sentry_sdk.init(
            dsn=sentry.dsn.get_secret_value(),
            environment=sentry.environment,
            release=f"unstill@{VERSION}",
            # none reads logs, requests or breadcrumbs by itself
            default_integrations=False,
            auto_enabling_integrations=False,
            max_breadcrumbs=0,
            include_local_variables=False,
            send_client_reports=False,
            auto_session_tracking=False,
            before_send=lambda event, _: _cleaned({k: v for k, v in event.items() if k in SENT}, redactor),
        )
    except sentry_sdk.utils.BadDsn:
        raise ConfigError(
            "UNSTILL_SENTRY__DSN is no address of a Sentry. Copy it from the project's settings there."
        ) from None
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Reports)]:
        root.removeHandler(old)
    root.addHandler(_Reports(service))
    atexit.register(sentry_sdk.flush, FLUSH_WITHIN)


class _Reports(logging.Handler):
    def __init__(self, service: str) -> None:
        super().__init__(logging.ERROR)
        self._service = service
        self._reported: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        import sentry_sdk

        try:
            # what goes wrong on the way to Sentry is no error of ours, and would go round in a circle
            if record.name.startswith(("sentry_sdk", "urllib3")):
                return
            sentence, error = _sentence(record), _error(record)
            kind = sentence, type(error).__name__
            now = time.monotonic()
            if now - self._reported.get(kind, float("-inf")) < SAME_AFTER:
                return
            if len(self._reported) >= KINDS_MOST:
                self._reported.clear()
            self._reported[kind] = now
            event: Any = {}
            if error is not None:
                event, _ = sentry_sdk.utils.event_from_exception(error, sentry_sdk.get_client().options)
                for one in event["exception"]["values"]:
                    one["value"] = ""
            event |= {
                "level": "fatal" if record.levelno >= logging.CRITICAL else "error",
                "logger": record.name,
                "logentry": {"message": sentence},
                "tags": {"service": self._service},
            }
            sentry_sdk.capture_event(event)
        except Exception:
            self.handleError(record)


def _sentence(record: logging.LogRecord) -> str:
    """Return the log's sentence as it stands in our source; of others' source only which part of it speaks."""
    if not record.name.startswith(OURS):
        return f"an error in {record.name}"
    said = record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg
    return str(said)


def _error(record: logging.LogRecord) -> BaseException | None:
    told: Any = record.exc_info or (record.msg.get("exc_info") if isinstance(record.msg, dict) else None)
    if isinstance(told, tuple):
        told = told[1]
    if told is True:
        told = sys.exception()
    return told if isinstance(told, BaseException) else None


def _cleaned(value: Any, redactor: Redactor) -> Any:
    match value:
        case str():
            return redactor.clean(value)
        case dict():
            return {name: _cleaned(one, redactor) for name, one in value.items() if name != "vars"}
        case list() | tuple():
            return [_cleaned(one, redactor) for one in value]
    return value
