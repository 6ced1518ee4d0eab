"""One way to the log for everything: structlog's loggers, the standard library's, warnings and uncaught errors."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from unstill_config.errors import ConfigError
from unstill_config.redaction import Redactor
from unstill_config.settings import Log

_CHATTY = ("httpx", "httpcore", "urllib3", "botocore", "boto3", "PIL")
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ONE_LINE = _CONTROL | {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
_MANY_LINES = {code: text for code, text in _CONTROL.items() if code not in (0x09, 0x0A)}


def setup_logging(log: Log, *, secrets: Iterable[SecretStr | None] = (), service: str) -> None:
    """Send every log line of this process to stderr, and to a file where `log` has a folder, as JSON lines or for
    reading, without secrets.

    Lines are cleaned after they are rendered, so messages, arguments, extras and tracebacks all pass.
    Takes over the handlers of other libraries, `warnings`, and the hooks for uncaught exceptions, so
    call it first thing in a process, and again to change it. `service` stands in every line.

    Raises:
        ConfigError: nothing can be written in the folder.
    """
    redactor = Redactor(secrets)
    handlers = [_Handler(sys.stderr, redactor)]
    handlers[0].setFormatter(_Formatter(log.format, service, redactor, colours=_colours(sys.stderr)))
    if log.folder is not None:
        handlers.append(_Handler(_new_file(log.folder, service), redactor))
        handlers[1].setFormatter(_Formatter(log.format, service, redactor, colours=False))
    root = logging.getLogger()
    for old in list(root.handlers):
        # only what writes to the terminal: a test runner's collecting handlers stay
        if type(old) in (logging.StreamHandler, _Handler):
            root.removeHandler(old)
            if isinstance(old, _Handler) and old.stream is not sys.stderr:
                old.stream.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(log.level.upper())
    for name in list(logging.root.manager.loggerDict):
        library = logging.getLogger(name)
        for own in list(library.handlers):
            if type(own) is logging.StreamHandler:
                library.removeHandler(own)
                library.propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    arq = logging.getLogger("arq.worker")
    if not any(isinstance(old, _NoArguments) for old in arq.filters):
        arq.addFilter(_NoArguments())
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _new_file(folder: Path, service: str) -> TextIO:
    """Open a file that nobody else writes: two processes may begin in one second."""
    began = time.strftime("%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (f"{service}-{began}.log", f"{service}-{began}-{os.getpid()}.log"):
            try:
                return (folder / name).open("x", encoding="utf-8", errors="backslashreplace")
            except FileExistsError:
                continue
        return (folder / name).open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ConfigError(
            f"The log's folder {folder} cannot be used: {error.strerror}. Set UNSTILL_LOG__FOLDER."
        ) from None


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        super().__init__(stream)
        self._redactor = redactor

    def handleError(self, record: logging.LogRecord) -> None:
        # The standard one prints the record's message and arguments as they are.
        error = sys.exception()
        if isinstance(error, RecursionError):
            raise error
        text = self._redactor.clean(f"The log call at {record.pathname}:{record.lineno} failed: {error!r}")
        try:
            told = logging.LogRecord(record.name, logging.ERROR, record.pathname, record.lineno, text, None, None)
            self.stream.write(self.format(told) + self.terminator)
            self.flush()
        except (OSError, ValueError):
            pass  # the stream is closed, or its disk full: there is nobody to tell


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def __init__(self, form: str, service: str, redactor: Redactor, *, colours: bool) -> None:
        self._redactor = redactor
        self._json = form == "json"

        def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
            return {**event, "service": service, "pid": os.getpid()}

        rendering: list[Processor]
        if self._json:
            rendering = [add_service, structlog.processors.format_exc_info, _to_json]
        else:
            rendering = [
                structlog.processors.format_exc_info,
                _without_control_characters,
                # plain: rich's tracebacks print local variables
                structlog.dev.ConsoleRenderer(
                    colors=colours, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
                ),
            ]
        super().__init__(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
            foreign_pre_chain=[*_common(), structlog.stdlib.ExtraAdder()],
        )

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        cleaned = self._redactor.clean(line)
        if self._json and cleaned != line and not _is_json(cleaned):
            # what was blackened was not a text but, for one, a number
            cleaned = json.dumps({"level": record.levelname.lower(), "logger": record.name, "event": cleaned})
        return cleaned


class _NoArguments(logging.Filter):
    """arq logs a job's arguments and its result, which may be what people wrote: keep the rest of the line."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and isinstance(record.msg, str):
            if "→ %s(%s)%s" in record.msg and len(record.args) == 4:
                record.args = (*record.args[:2], "…", record.args[3])
            elif "← %s ● %s" in record.msg and len(record.args) == 3:
                record.args = (*record.args[:2], "…" if record.args[2] else "")
        return True


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _to_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return json.dumps(event, default=repr, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, values that hold themselves
        texts = {str(key): value if isinstance(value, str) else repr(value) for key, value in event.items()}
        return json.dumps(texts, ensure_ascii=False)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _without_control_characters(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What people wrote must neither forge lines nor steer the terminal of who reads them."""
    cleaned: dict[str, Any] = {}
    for key, value in event.items():
        many = key in ("exception", "stack")
        cleaned[key] = value.translate(_MANY_LINES if many else _ONE_LINE) if isinstance(value, str) else value
    return cleaned


def _colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log = logging.getLogger("unstill")
    if issubclass(kind, KeyboardInterrupt):
        log.warning("interrupted")
    else:
        log.critical("uncaught %s", kind.__name__, exc_info=(kind, error, trace))


def _uncaught_in_thread(hook: threading.ExceptHookArgs) -> None:
    if hook.exc_value is not None and not issubclass(hook.exc_type, SystemExit):
        _uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)


def _unraisable(hook: sys.UnraisableHookArgs) -> None:
    error = hook.exc_value
    if error is not None:
        text = hook.err_msg or "an exception could not be raised"
        logging.getLogger("unstill").error(
            "%s in %r", text, hook.object, exc_info=(type(error), error, hook.exc_traceback)
        )
