"""Content credentials (C2PA): a clip's file says, signed by the host, which program made it and how."""

from __future__ import annotations

import importlib.util
import io
import json
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from unstill_config.errors import ConfigError
from unstill_config.marks import Credentials
from unstill_config.version import VERSION
from unstill_engine.clip.errors import ClipError
from unstill_queue.contract.recipe import Recipe

log = structlog.get_logger(__name__)

PACKAGES = ("c2pa", "cryptography")
ROOM = 3072
"""Bytes of a manifest besides its signature: 1,300 in a trial, and names that are longer."""
TIME_AGAIN = 300.0
"""Seconds for which a time authority that did not answer is not asked: each time may cost half a minute."""
ALGORITHMS = {
    "secp256r1": ("es256",),
    "secp384r1": ("es384",),
    "secp521r1": ("es512",),
    "rsa": ("ps256", "ps384", "ps512"),
    "ed25519": ("ed25519",),
}
"""What each kind of key signs by."""
TRIAL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c636000000002000148afa4710000"
    "000049454e44ae426082"
)
"""A picture of one pixel."""


class Signer:
    """Signs clips with one certificate. It may be used by several threads, one clip each.

    `until`: when the first of the certificate, and of those in its file that vouch for it, ends. `room`: bytes by which
    a clip grows at most.
    """

    def __init__(self, certificate: Path, key: Path, algorithm: str, timestamp: str | None = None) -> None:
        """Read certificate and key, both PEM, and sign a trial by them.

        Raises:
            ConfigError: they cannot be read, do not belong together, are not valid today or not made for content
                credentials, or c2pa is not installed.
        """
        _check_installed()
        certificate_pem = _read("CERTIFICATE", certificate)
        chain = _certificates(certificate, certificate_pem)
        key_pem = _fitting(chain[0], certificate, _read("KEY", key), key, algorithm)
        self._certificate = certificate
        self.until: datetime = min(each.not_valid_after_utc for each in chain)
        self._info = {"alg": algorithm.encode(), "sign_cert": certificate_pem, "private_key": key_pem}
        self._authority = timestamp.encode() if timestamp else None
        self._asks_from = 0.0
        with self._signer(self._authority) as signer:
            self.room = int(signer.reserve_size()) + ROOM
        self._try()

    def sign(self, clip: Path, target: Path, recipe: Recipe) -> None:
        """Write `clip` with its credentials to `target`: no larger than by `room`, its index still in front.

        Where the time authority does not answer, they say no time.

        Raises:
            ClipError: it could not be signed.
        """
        import c2pa

        authority = self._authority if time.monotonic() >= self._asks_from else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with self._signer(authority) as signer, c2pa.Builder(json.dumps(_manifest(recipe))) as builder:
                    builder.sign_file(clip, target, signer)
        except c2pa.C2paError as error:
            if authority is None:
                raise ClipError("encode_failed", f"the clip could not be signed: {error}") from error
            self._asks_from = time.monotonic() + TIME_AGAIN
            self.sign(clip, target, recipe)
            # only now it is known that nothing else was wrong
            log.warning("the time authority does not answer: clips are signed without a time", error=str(error))

    def _try(self) -> None:
        """Sign a picture of one pixel: only that shows whether a certificate may be used for it."""
        import c2pa

        manifest = json.dumps({"claim_generator_info": [{"name": "Unstill"}], "claim_version": 1})
        try:
            with self._signer(None) as signer, c2pa.Builder(manifest) as builder:
                builder.sign(signer, "image/png", io.BytesIO(TRIAL))
        except c2pa.C2paError as error:
            raise ConfigError(
                f"The certificate {self._certificate} cannot sign content credentials: {error}. "
                "Set one that is made for signing, such as one for e-mail; those of websites are not."
            ) from error

    def _signer(self, authority: bytes | None) -> Any:
        import c2pa

        try:
            return c2pa.Signer.from_info(c2pa.C2paSignerInfo(**self._info, ta_url=authority))
        except c2pa.C2paError as error:
            raise ConfigError(f"UNSTILL_CREDENTIALS__CERTIFICATE cannot be used: {error}. Set another.") from error


def load_signer(settings: Credentials) -> Signer | None:
    """Return what signs; None: the host has set no certificate. Raises ConfigError, as `Signer`."""
    if settings.certificate is None or settings.key is None:
        return None
    return Signer(settings.certificate, settings.key, settings.algorithm, settings.timestamp)


def _manifest(recipe: Recipe) -> dict[str, Any]:
    """What is claimed: that it was created, by what, and of which source. Nothing of a person."""
    action = {"action": "c2pa.created", "softwareAgent": {"name": recipe.model, "version": VERSION}}
    manifest: dict[str, Any] = {
        "claim_generator_info": [{"name": "Unstill", "version": VERSION}],
        "format": "video/mp4",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    if recipe.source_type:
        action["digitalSourceType"] = recipe.source_type
        return manifest
    # of a photo that a camera moves over no source is known; a claim of the second version has to name one
    return manifest | {"claim_version": 1}


def _check_installed() -> None:
    if any(importlib.util.find_spec(package) is None for package in PACKAGES):
        raise ConfigError(
            "UNSTILL_CREDENTIALS__CERTIFICATE needs c2pa-python. Run: pip install 'unstill-engine[c2pa]'."
        )


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"UNSTILL_CREDENTIALS__{name}={path} cannot be read: {error.strerror}. Set a PEM file."
        ) from None


def _certificates(path: Path, pem: bytes) -> list[Any]:
    """Return the host's own certificate, and those behind it. Raises ConfigError."""
    from cryptography import x509

    try:
        return list(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise ConfigError(f"UNSTILL_CREDENTIALS__CERTIFICATE={path} holds no certificate. Set a PEM file.") from None


def _fitting(certificate: Any, certificate_path: Path, key_pem: bytes, key_path: Path, algorithm: str) -> bytes:
    """Return the key, in the form that c2pa reads, of a certificate that is valid today and signs by that algorithm."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError(
            f"UNSTILL_CREDENTIALS__KEY={key_path} is no private key that can be read. Set one without a password."
        ) from None
    if key.public_key() != certificate.public_key():
        raise ConfigError(
            f"The key {key_path} is not that of the first certificate in {certificate_path}. "
            "Set the two that belong together."
        )
    # a curve's name; of other keys the kind, which stands at the head of their class's name
    kind = getattr(getattr(key, "curve", None), "name", "") or type(key).__name__.lower()
    takes = next((taken for name, taken in ALGORITHMS.items() if kind.strip("_").startswith(name)), ())
    if not takes:
        raise ConfigError(f"The key {key_path} is of a kind that signs no clips. Set an ECDSA, RSA or Ed25519 key.")
    if algorithm not in takes:
        raise ConfigError(
            f"The key {key_path} does not sign by {algorithm}. Set UNSTILL_CREDENTIALS__ALGORITHM={' or '.join(takes)}."
        )
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= datetime.now(UTC) <= last:
        raise ConfigError(
            f"The certificate {certificate_path} is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}. "
            "Set one that is valid today."
        )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
