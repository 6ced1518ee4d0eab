"""`unstill backup` and `unstill restore`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from errno import EISDIR
from pathlib import Path
from typing import IO

import click
import msgspec

from unstill_bots.host.local import Local
from unstill_bots.terminal.backup_wording import BackupWording
from unstill_bots.terminal.common import prepare, print_json, shared
from unstill_bots.terminal.ending import Code, Stop
from unstill_config.settings import Settings
from unstill_config.version import VERSION
from unstill_queue.backup import transfer
from unstill_queue.backup.archive import BackupError, Reader
from unstill_queue.backup.transfer import Files, Summary
from unstill_queue.redis.connection import connect, where
from unstill_queue.storage.base import Storage

PATIENCE = 10.0
READ_WITHIN = 300.0
"""Seconds that the server gets to read all that it holds, or to write a part of it."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--files",
    type=click.Choice(["owed", "all", "none"]),
    default="owed",
    help="pictures and clips to put in: those that are still to be used, all that there are, or none (owed)",
)
@click.option("--force", is_flag=True, help="replace the file where it is there already")
@shared
def backup(file: Path, files: Files, force: bool, as_json: bool, language: str | None) -> Code:
    """Copy the queue and what people are owed into FILE, while everything runs; - is standard output."""
    settings, plain = prepare(language)
    wording = BackupWording(plain.language)
    if file.is_dir():
        raise Stop(Code.USAGE, wording.not_written(str(file), IsADirectoryError(EISDIR, os.strerror(EISDIR))))
    if str(file) != "-" and file.exists() and not force:
        raise Stop(Code.USAGE, wording.exists(str(file)))

    async def run() -> Summary:
        async with Local(settings) as local:
            redis = connect(local.url, patience=PATIENCE, answer_within=READ_WITHIN)
            try:
                with _out(file, wording) as out:
                    return await transfer.backup(
                        redis,
                        Storage.open(settings.storage),
                        out,
                        files=files,
                        version=VERSION,
                        tokens=transfer.tokens_of(settings),
                    )
            finally:
                await redis.aclose()

    summary = asyncio.run(run())
    # what is written to standard output is the backup itself
    out = sys.stderr if str(file) == "-" else sys.stdout
    _tell(summary, wording.backed_up(str(file), summary), wording, as_json, out=out)
    return Code.OK


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@shared
def restore(file: Path, as_json: bool, language: str | None) -> Code:
    """Put a backup onto an empty server, while no engine and no front end runs; - is standard input."""
    settings, plain = prepare(language)
    wording = BackupWording(plain.language)
    try:
        with _read(file, wording) as (path, name):
            found = Reader(path, name)
            summary = asyncio.run(_restore(found, settings))
    except BackupError as error:
        raise Stop(Code.FAILED, wording.not_restored(error)) from None
    _tell(summary, wording.restored(name, summary), wording, as_json)
    return Code.OK


async def _restore(found: Reader, settings: Settings) -> Summary:
    async with Local(settings) as local:
        redis = connect(local.url, patience=PATIENCE, answer_within=READ_WITHIN)
        try:
            storage = Storage.open(settings.storage)
            return await transfer.restore(redis, storage, found, settings, server=where(local.url))
        finally:
            await redis.aclose()


def _tell(summary: Summary, sentence: str, wording: BackupWording, as_json: bool, out: IO[str] | None = None) -> None:
    if as_json:
        taken = datetime.fromtimestamp(summary.taken_at / 1000, UTC).isoformat(timespec="seconds")
        print_json(msgspec.to_builtins(summary) | {"taken_at": taken}, out)
        return
    print(sentence, file=out)
    if summary.missing:
        print(wording.files_missing(summary.missing), file=out)
    for platform in summary.other_tokens:
        print(wording.other_token(platform), file=out)


@contextlib.contextmanager
def _out(file: Path, wording: BackupWording) -> Iterator[IO[bytes]]:
    """Open the file for its owner alone; it is there when it is whole. Raises Stop where it cannot be written."""
    if str(file) == "-":
        try:
            # a descriptor of its own: what cannot be written is not tried again by Python's last flush
            with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
                yield out
        except OSError as error:
            raise Stop(Code.FAILED, wording.not_written("-", error)) from error
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        raise Stop(Code.FAILED, wording.not_written(str(file), error)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _read(file: Path, wording: BackupWording) -> Iterator[tuple[Path, str]]:
    """Yield a path that can be read twice, and what it is called. Raises Stop where there is no such file."""
    if str(file) == "-":
        with tempfile.NamedTemporaryFile(prefix="unstill-restore-") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
            copy.flush()
            yield Path(copy.name), "-"
        return
    try:
        file.open("rb").close()
    except FileNotFoundError:
        raise Stop(Code.USAGE, wording.no_file(str(file))) from None
    except OSError:
        raise Stop(Code.USAGE, wording.cannot_read(str(file))) from None
    yield file, str(file)


COMMANDS = (backup, restore)
