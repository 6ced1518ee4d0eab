"""What certificate and key may be: what cannot sign is said at the start, and one that ends costs nobody a clip."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.engine.clip_sources import RECIPE, clip_of, spooled, steps
from tests.engine.signing import PEM, Papers, papers

from unstill_config.errors import ConfigError
from unstill_config.marks import Credentials
from unstill_config.settings import Settings
from unstill_config.settings import Storage as StorageSettings
from unstill_engine import doctor
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.credentials import Signer, load_signer
from unstill_engine.clip.marks import Marks
from unstill_engine.worker.worker import Worker
from unstill_queue.contract.recipe import SOURCE_TAG, read_recipe
from unstill_queue.storage import mp4
from unstill_queue.storage.base import Storage
from unstill_queue.storage.credentials import CredentialsError, read_credentials


async def test_roots_that_are_none_are_named_and_not_the_clip(tmp_path: Path, binary: Ffmpeg, signer: Signer) -> None:
    signed = await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(RECIPE, signer))
    (tmp_path / "junk.pem").write_text("nothing")
    (tmp_path / "other.pem").write_bytes(b"\xff\xfe")
    for name, why in {"none": "No such file", "junk": "no certificates", "other": "no certificates"}.items():
        with pytest.raises(
            CredentialsError, match=f"UNSTILL_CREDENTIALS__ANCHORS=.*{name}.pem cannot be read: .*{why}"
        ):
            read_credentials(signed.path, tmp_path / f"{name}.pem")


async def test_a_certificate_that_has_ended_costs_nobody_a_clip_and_is_no_change_of_the_file(
    tmp_path: Path, binary: Ffmpeg
) -> None:
    # Given an engine with a certificate that ends while it runs, and a clip that it signed
    for seconds in (2, 20, 200):
        ending = papers(tmp_path / str(seconds), days=seconds / 86400)
        try:
            signer = Signer(ending.certificate, ending.key, "es256")
        except ConfigError:
            continue
        signed = await clip_of(
            spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(RECIPE, signer),
            target=tmp_path / "signed.mp4",
        )  # fmt: skip
        if read_credentials(signed.path) is not None:
            break
    # the second in which it ends is the last of those in which it holds
    while datetime.now(UTC) < signer.until + timedelta(seconds=1):
        await asyncio.sleep(0.1)
    # When the next one is made
    with structlog.testing.capture_logs() as logs:
        after = await clip_of(
            spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(RECIPE, signer),
            target=tmp_path / "after.mp4",
        )  # fmt: skip
    # Then it is there, with its other marks and without credentials, which the log tells as an error
    assert (read_credentials(after.path), read_recipe(after.path)) == (None, RECIPE)
    assert SOURCE_TAG in mp4.read_tags(after.path)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "a clip could not be signed and goes without credentials"
    ]
    # and of the one before nobody says that it was changed, as long as it was not
    for root in (ending.root, None):
        found = read_credentials(signed.path, root)
        assert found is not None and found.state == "unfit"
    data = bytearray(signed.path.read_bytes())
    data[-20] ^= 1
    signed.path.write_bytes(data)
    found = read_credentials(signed.path, ending.root)
    assert found is not None and found.state == "invalid"


async def test_a_time_authority_that_does_not_answer_is_not_waited_for_by_every_clip(
    tmp_path: Path, binary: Ffmpeg, host: Papers
) -> None:
    # Given a time authority that fails
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = Credentials.model_validate(
            {"certificate": host.certificate, "key": host.key, "timestamp": f"http://127.0.0.1:{port}/"}
        )
        signer = await asyncio.to_thread(load_signer, settings)
        assert asked == []
        # When two clips are made
        for name in ("one.mp4", "two.mp4"):
            clip = await clip_of(
                spooled(tmp_path / "spool", steps(64, 64, 8)), binary, marks=Marks(RECIPE, signer),
                target=tmp_path / name,
            )  # fmt: skip
            # Then each is signed, without a time
            found = read_credentials(clip.path)
            assert found is not None and found.state == "valid"
    # and the authority was asked for the first alone
    assert len(asked) == 1


def test_what_cannot_sign_is_said_in_a_line(tmp_path: Path, host: Papers) -> None:
    other, over = papers(tmp_path / "other"), papers(tmp_path / "over", days=-1)
    site = papers(tmp_path / "site", made_for=ExtendedKeyUsageOID.SERVER_AUTH)
    (tmp_path / "junk.pem").write_text("nothing")
    wrong = {
        "cannot be read": (tmp_path / "none.pem", host.key),
        "holds no certificate": (tmp_path / "junk.pem", host.key),
        "is no private key": (host.certificate, tmp_path / "junk.pem"),
        "is not that of the first certificate": (host.certificate, other.key),
        "Set one that is valid today": (over.certificate, over.key),
        # as a host may have one already: it can be read, and every clip would have failed
        "cannot sign content credentials.* those of websites are not": (site.certificate, site.key),
    }
    for said, (certificate, key) in wrong.items():
        with pytest.raises(ConfigError, match=said) as caught:
            load_signer(Credentials(certificate=certificate, key=key))
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"does not sign by ps256\. Set UNSTILL_CREDENTIALS__ALGORITHM=es256"):
        load_signer(Credentials(certificate=host.certificate, key=host.key, algorithm="ps256"))
    with pytest.raises(ValueError, match="go together"):
        Credentials(certificate=host.certificate)


def test_a_key_is_read_in_the_form_that_openssl_writes_too(tmp_path: Path) -> None:
    host = papers(tmp_path)
    key = serialization.load_pem_private_key(host.key.read_bytes(), password=None)
    host.key.write_bytes(
        key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    assert b"BEGIN EC PRIVATE KEY" in host.key.read_bytes()
    assert load_signer(Credentials(certificate=host.certificate, key=host.key)) is not None


@pytest.mark.parametrize(("days", "others", "ok"), [(100, 3650, True), (20, 3650, False), (100, 20, False)])
async def test_the_doctor_tells_of_a_certificate_that_ends_soon(
    tmp_path: Path, days: int, others: int, ok: bool
) -> None:
    # Given a certificate that ends in so many days, or one behind it that does
    ending = papers(tmp_path, days=days, root_days=others)
    settings = Settings(credentials=Credentials(certificate=ending.certificate, key=ending.key))
    # When the engine is looked at
    found = {str(each["name"]): each for each in await doctor.findings(settings, settings.load_catalog())}
    # Then it says until when, and whether that is well
    until = datetime.now(UTC) + timedelta(days=min(days, others))
    assert found["certificate"]["ok"] is ok
    assert f"{until:%Y-%m-%d}" in str(found["certificate"]["text"])


@pytest.mark.parametrize("signs", [True, False])
async def test_an_engine_tells_front_ends_when_its_certificate_ends(
    tmp_path: Path, binary: Ffmpeg, host: Papers, signs: bool
) -> None:
    certificate, key, _ = host if signs else (None, None, None)
    settings = Settings(credentials=Credentials(certificate=certificate, key=key))
    storage = Storage.open(StorageSettings(url=f"file://{tmp_path}"))
    worker = Worker(settings, settings.load_catalog(), "redis://127.0.0.1:1", binary, storage)
    until = Signer(host.certificate, host.key, "es256").until.timestamp()
    assert worker._info.signs_until == (until if signs else 0)


async def test_an_engine_says_at_the_start_that_it_cannot_sign(tmp_path: Path) -> None:
    # Given a certificate that is none
    (tmp_path / "c.pem").write_text("nothing")
    # When an engine is started
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "unstill_engine",
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "UNSTILL_CREDENTIALS__CERTIFICATE": str(tmp_path / "c.pem"),
            "UNSTILL_CREDENTIALS__KEY": str(tmp_path / "c.pem"),
        },
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    # Then it ends with one plain line, and the code of wrong settings
    assert process.returncode == 3, output
    assert "holds no certificate" in output.decode().splitlines()[-1]
