"""Pictures and clips in a real folder and on a real S3 API."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from obstore.store import S3Store
from tests.waiting import PATIENCE

from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.errors import NotFound, StorageError
from unstill_queue.storage.base import Storage
from unstill_queue.storage.folder import explain

ABSENT = "clips/20260930/0123456789abcdef0123456789abcdef.mp4"
MIB = 1 << 20

S3_SERVER = """
import signal
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
signal.pause()
"""

WRITER = """
import asyncio, sys
from unstill_config.settings import Storage as StorageSettings
from unstill_queue.storage.base import Storage

async def main():
    storage = Storage.open(StorageSettings(url=sys.argv[1]))
    while True:
        key = await storage.put(b"x" * 3_000_000 + b"end", kind="clips")
        print(key, flush=True)

asyncio.run(main())
"""


class S3:
    """moto's server in a process of its own, with one bucket."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", S3_SERVER],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        self.endpoint = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/bucket", method="PUT")).close()  # noqa: S310

    def bucket(self) -> S3Store:
        """The whole bucket, past the storage."""
        return S3Store(
            "bucket",
            endpoint=self.endpoint,
            access_key_id="id",
            secret_access_key="secret",  # noqa: S106
            client_options={"allow_http": True},
        )

    def settings(self) -> StorageSettings:
        return StorageSettings.model_validate(
            {
                "url": "s3://bucket/some/prefix",
                "s3_endpoint": self.endpoint,
                "s3_access_key_id": "id",
                "s3_secret_access_key": "secret",
            }
        )

    def close(self) -> None:
        with self.process:
            self.process.kill()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    server = S3()
    yield server
    server.close()


@pytest.fixture(params=["folder", "s3"])
def anywhere(request: pytest.FixtureRequest) -> Storage:
    """A storage of each kind, for what both must do."""
    if request.param == "s3":
        return Storage.open(request.getfixturevalue("s3").settings())
    storage: Storage = request.getfixturevalue("storage")
    return storage


# -- what both do


async def test_bytes_come_back(anywhere: Storage) -> None:
    key = await anywhere.put(b"picture", kind="pictures")
    assert await anywhere.get(key) == b"picture"
    assert await anywhere.size(key) == 7
    assert re.fullmatch(r"pictures/\d{8}/[0-9a-f]{32}\.png", key)


async def test_a_large_file_streams_in_and_out(anywhere: Storage, tmp_path: Path) -> None:
    # Given a clip of 12 MiB and a bit, more than one part of an upload
    source, target = tmp_path / "source.mp4", tmp_path / "target.mp4"
    source.write_bytes(os.urandom(12 * MIB + 5))
    # When it goes there and back
    key = await anywhere.put(source, kind="clips")
    await anywhere.fetch(key, target)
    # Then it is the same, and nothing else lies about
    assert target.read_bytes() == source.read_bytes()
    assert await anywhere.size(key) == 12 * MIB + 5
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["source.mp4", "target.mp4"]


async def test_an_empty_file_is_a_file(anywhere: Storage) -> None:
    assert await anywhere.get(await anywhere.put(b"", kind="pictures")) == b""


async def test_what_is_not_there_is_said(anywhere: Storage, tmp_path: Path) -> None:
    for asked in (anywhere.get(ABSENT), anywhere.size(ABSENT), anywhere.fetch(ABSENT, tmp_path / "clip.mp4")):
        with pytest.raises(NotFound, match=ABSENT):
            await asked
    assert not (tmp_path / "clip.mp4").exists()


async def test_deleting_twice_does_no_harm(anywhere: Storage) -> None:
    key = await anywhere.put(b"x", kind="clips")
    await anywhere.delete(key)
    await anywhere.delete(key)
    with pytest.raises(NotFound):
        await anywhere.get(key)


async def test_the_sweep_takes_what_is_old_and_leaves_the_rest(anywhere: Storage) -> None:
    # Given old things and new ones
    await anywhere.sweep(-3600)
    old = [await anywhere.put(b"x", kind="clips"), await anywhere.put(b"x", kind="pictures")]
    await asyncio.sleep(8)
    new = await anywhere.put(b"y", kind="clips")
    # When what is older than some seconds goes
    assert await anywhere.sweep(6) == 2
    # Then the new one is there
    assert await anywhere.get(new) == b"y"
    for key in old:
        with pytest.raises(NotFound):
            await anywhere.get(key)
    assert await anywhere.sweep(3600) == 0


async def test_many_at_once_and_two_sweepers(anywhere: Storage) -> None:
    await anywhere.sweep(-3600)
    keys = await asyncio.gather(*(anywhere.put(b"x", kind="clips") for _ in range(60)))
    assert len(set(keys)) == 60
    # When two sweep at the same time, neither trips over the other
    await asyncio.gather(anywhere.sweep(-3600), anywhere.sweep(-3600))
    assert await anywhere.sweep(-3600) == 0


async def test_the_check_leaves_nothing(anywhere: Storage) -> None:
    await anywhere.sweep(-3600)
    await anywhere.check()
    assert await anywhere.sweep(-3600) == 0


# -- keys


@given(st.text())
@example("../../etc/passwd")
@example("clips/../../etc/passwd")
@example("/etc/passwd")
@example(ABSENT + "\n")
@example(ABSENT.upper())
@example(ABSENT.replace("20260930", "２０２６０９３０"))
@example("clips/20260930/..%2f..%2f0123456789abcdef01234567.mp4")
@example(".incoming/20260930/0123456789abcdef0123456789abcdef.mp4")
def test_only_our_own_keys_are_used(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    storage = Storage.open(StorageSettings(url=f"file://{tmp_path_factory.getbasetemp()}/keys"))
    for asked in (storage.get, storage.size, storage.delete):
        with pytest.raises(StorageError) as caught:
            asyncio.run(asked(key))
        assert not isinstance(caught.value, NotFound)


@pytest.mark.parametrize("suffix", ["/../x", ".PNG", "png", ".", ".toolong", ".p/g", ".png\n"])
async def test_a_strange_suffix_is_refused(storage: Storage, suffix: str) -> None:
    with pytest.raises(ValueError, match="a-z"):
        await storage.put(b"x", kind="pictures", suffix=suffix)


# -- the folder


async def test_a_crash_in_the_middle_of_a_put_leaves_nothing_partial(tmp_path: Path) -> None:
    # Given a process that writes and writes, killed at six moments
    url = f"file://{tmp_path / 'storage'}"
    said: list[str] = []
    for pause in (0.0, 0.003, 0.006, 0.01, 0.015, 0.02):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
        with writer:
            assert writer.stdout
            said.append(writer.stdout.readline().strip())
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
            said += [line.strip() for line in writer.stdout if line.endswith("\n")]
    # Then every file that can be seen is whole, and all that were acknowledged are there
    seen = {str(path.relative_to(tmp_path / "storage")): path for path in (tmp_path / "storage/clips").rglob("*.mp4")}
    assert {path.stat().st_size for path in seen.values()} == {3_000_003}
    assert all(path.read_bytes().endswith(b"xend") for path in seen.values())
    assert set(said) <= seen.keys()
    # and what was left half written goes with the next sweep
    storage = Storage.open(StorageSettings(url=url))
    await storage.sweep(-3600)
    assert list((tmp_path / "storage/.incoming").iterdir()) == []


async def test_a_clip_is_synced_before_it_has_its_name(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an ear on the real calls
    calls: list[str] = []
    fsync, rename = os.fsync, os.rename

    def hear_fsync(descriptor: int) -> None:
        fsync(descriptor)
        calls.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().relative_to(tmp_path / 'storage')}")

    def hear_rename(old: Path, new: Path) -> None:
        rename(old, new)
        calls.append(f"{old.relative_to(tmp_path / 'storage')} is {new.relative_to(tmp_path / 'storage')}")

    monkeypatch.setattr(os, "fsync", hear_fsync)
    monkeypatch.setattr(os, "rename", hear_rename)
    # When the first clip of a day is stored, and the second
    for entries in (["clips", "."], []):
        calls.clear()
        key = await storage.put(b"clip", kind="clips")
        # Then the bytes are synced, then named, then the folder, and those above it that have a new entry
        day = key.rsplit("/", 1)[0]
        incoming = calls[0].removeprefix("fsync ")
        assert incoming.startswith(".incoming/")
        assert calls[1:3] == [f"{incoming} is {key}", f"fsync {day}"]
        assert sorted(calls[3:]) == sorted(f"fsync {folder}" for folder in entries)


async def test_only_this_user_may_read_it(storage: Storage, tmp_path: Path) -> None:
    key = await storage.put(b"x", kind="clips")
    for path in (tmp_path / "storage" / key).parents[:2]:
        assert path.stat().st_mode & 0o077 == 0


async def test_a_full_disk_is_one_sentence_and_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    # Given a system that lets no file grow past 1 MiB
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"storage does not work: File too large\. Check its disk\.$"):
            await storage.put(b"x" * (2 * MIB), kind="clips")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, heard)
    # Then nothing is left of it, and the next put works
    assert list((tmp_path / "storage/.incoming").iterdir()) == []
    assert await storage.size(await storage.put(b"x" * (2 * MIB), kind="clips")) == 2 * MIB


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "is full. Free some space"), (errno.EROFS, "read-only"), (errno.EACCES, "may not be written")],
)
def test_what_the_system_says_becomes_a_sentence(number: int, words: str) -> None:
    sentence = explain("/storage", OSError(number, os.strerror(number)))
    assert words in sentence
    assert sentence.startswith("The folder /storage ")


async def test_a_folder_that_is_deleted_is_made_anew(storage: Storage, tmp_path: Path) -> None:
    # Given a storage whose folder, and the one around it, are gone
    key = await storage.put(b"x", kind="clips")
    shutil.rmtree(tmp_path / "storage")
    # Then what was in it has expired, and nothing else is wrong
    for asked in (storage.get(key), storage.size(key), storage.fetch(key, tmp_path / "clip.mp4")):
        with pytest.raises(NotFound):
            await asked
    await storage.delete(key)
    assert await storage.sweep(0) == 0
    shutil.rmtree(tmp_path / "storage")
    await storage.check()
    # And the next clip is stored, as privately as the first
    shutil.rmtree(tmp_path / "storage")
    key = await storage.put(b"y", kind="clips")
    assert await storage.get(key) == b"y"
    assert stat.S_IMODE((tmp_path / "storage").stat().st_mode) == 0o700


async def test_a_folder_in_whose_place_a_file_stands_is_said(storage: Storage, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "storage")
    (tmp_path / "storage").touch()
    with pytest.raises(StorageError, match="is a file, or lies under one") as caught:
        await storage.put(b"x", kind="clips")
    assert (caught.value.code, caught.value.lasting) == ("storage_missing", True)
    with pytest.raises(StorageError, match="is a file, or lies under one"):
        Storage.open(StorageSettings(url=f"file://{tmp_path}/storage/under"))


async def test_a_folder_that_may_not_be_written_is_said(storage: Storage, tmp_path: Path) -> None:
    key = await storage.put(b"x", kind="clips")
    folders = [tmp_path / "storage" / name for name in ("clips", ".incoming")]
    for folder in folders:
        folder.chmod(0o500)
    # Given that we are not root, who may write everywhere
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(StorageError, match="may not be written by this user") as caught:
            await storage.put(b"y", kind="clips")
    finally:
        if root:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o700)
    assert (caught.value.code, caught.value.lasting) == ("storage_refused", True)
    assert await storage.get(key) == b"x"


async def test_a_disk_without_room_is_said_and_works_again_when_it_has_some(tmp_path: Path) -> None:
    """On a disk of 1 MiB that is there for this process alone."""
    (tmp_path / "disk").mkdir()
    code = """
import asyncio, sys
from pathlib import Path
from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.errors import StorageError
from unstill_queue.storage.base import Storage
folder = Path(sys.argv[1])
async def main():
    storage = Storage.open(StorageSettings(url=f"file://{folder}/storage"))
    small = await storage.put(b"x" * 900_000, kind="clips")
    for target in ("put", "fetch"):
        try:
            if target == "put":
                await storage.put(b"x" * 900_000, kind="clips")
            else:
                await storage.fetch(small, folder / "clip.mp4")
        except StorageError as error:
            print(error.code, error.lasting, str(error).partition("is full")[2])
    await storage.delete(small)
    await storage.put(b"x" * 900_000, kind="clips")
    print("stored")
asyncio.run(main())
"""
    own = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    script = 'mount -t tmpfs -o size=1m t "$1" && exec "$2" -c "$3" "$1"'
    command = [*own, "/bin/sh", "-c", script, "sh", str(tmp_path / "disk"), sys.executable, code]
    if subprocess.run([*own, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets us have no mounts of our own")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "storage_full True . Free some space, or lower UNSTILL_STORAGE__KEEP_HOURS.",
        "disk_full True . Free some space.",
        "stored",
    ], done.stderr


async def test_urls_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    key = await Storage.open(StorageSettings(url="file://~/at home")).put(b"x", kind="clips")
    assert (tmp_path / "at home" / key).read_bytes() == b"x"
    key = await Storage.open(StorageSettings(url=f"file://{tmp_path}/a%20space")).put(b"x", kind="clips")
    assert (tmp_path / "a space" / key).read_bytes() == b"x"


async def test_empty_folders_of_days_gone_by_are_tidied(storage: Storage, tmp_path: Path) -> None:
    root = tmp_path / "storage"
    key = await storage.put(b"x", kind="clips")
    (root / "clips/20200101").mkdir()
    (root / "clips/20200102").mkdir()
    (root / "clips/20200102/notes.txt").touch()
    await storage.sweep(-3600)
    assert not (root / "clips/20200101").exists()
    assert (root / "clips/20200102/notes.txt").exists()
    assert (root / key).parent.exists()


async def test_a_file_that_cannot_be_read_is_not_the_storages_fault(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"none.mp4 cannot be read"):
        await storage.put(tmp_path / "none.mp4", kind="clips")
    key = await storage.put(b"x", kind="clips")
    with pytest.raises(StorageError, match="is not there") as caught:
        await storage.fetch(key, tmp_path / "no folder" / "clip.mp4")
    assert not isinstance(caught.value, NotFound)


async def test_fetching_holds_a_piece_at_a_time(tmp_path: Path) -> None:
    """In a process of its own, so that its peak is its own: 200 MiB there and back."""
    code = """
import asyncio, resource, sys
from pathlib import Path
from unstill_config.settings import Storage as StorageSettings
from unstill_queue.storage.base import Storage
folder = Path(sys.argv[1])
async def main():
    storage = Storage.open(StorageSettings(url=f"file://{folder}/storage"))
    await storage.put(b"warm", kind="clips")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (folder / "large").open("wb") as large:
        large.truncate(200 << 20)
    await storage.fetch(await storage.put(folder / "large", kind="clips"), folder / "back")
    assert (folder / "back").stat().st_size == 200 << 20
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50


# -- S3


async def test_nobody_elses_things_are_swept(s3: S3) -> None:
    storage = Storage.open(s3.settings())
    theirs = ["clips/theirs.mp4", "some/prefix/clips/theirs.mp4"]
    for path in theirs:
        obstore.put(s3.bucket(), path, b"theirs")
    await storage.put(b"x", kind="clips")
    assert await storage.sweep(-3600) >= 1
    assert [bytes(obstore.get(s3.bucket(), path).bytes()) for path in theirs] == [b"theirs"] * 2


async def test_things_lie_under_the_prefix_with_their_type(s3: S3) -> None:
    key = await Storage.open(s3.settings()).put(b"clip", kind="clips")
    stored = obstore.get(s3.bucket(), f"some/prefix/{key}")
    assert (bytes(stored.bytes()), stored.attributes["Content-Type"]) == (b"clip", "video/mp4")


async def test_the_environment_of_aws_fills_what_is_not_set(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    storage = Storage.open(StorageSettings(url="s3://bucket"))
    assert await storage.get(await storage.put(b"x", kind="clips")) == b"x"


async def test_a_bucket_that_is_not_there(s3: S3) -> None:
    storage = Storage.open(s3.settings().model_copy(update={"url": "s3://another"}))
    with pytest.raises(StorageError, match="UNSTILL_STORAGE__URL"):
        await storage.check()


async def test_a_server_that_dies_is_said_in_time() -> None:
    # Given a server, and a client that has used it
    server = S3()
    try:
        storage = Storage.open(server.settings())
        key = await storage.put(b"x", kind="clips")
        # When it is killed
        server.process.kill()
        # Then reading, writing and sweeping end with an error within the retries' half minute
        async with asyncio.timeout(PATIENCE):
            asked = (storage.get(key), storage.put(b"y", kind="clips"), storage.sweep(1))
            errors = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(error) for error in errors] == [StorageError] * 3
        assert "secret" not in str(errors)
    finally:
        server.close()
