"""Content credentials (C2PA): a clip's file says, signed by the host, which program made it and how."""

from __future__ import annotations

import importlib.util
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unstill_config.errors import ConfigError
from unstill_config.marks import Credentials
from unstill_config.version import VERSION
from unstill_engine.clip.errors import ClipError
from unstill_queue.contract.recipe import TRAINED, Recipe

PACKAGES = ("c2pa", "cryptography")
ROOM = 3072
"""Bytes of a manifest besides its signature: 1,300 in a trial, and names that are longer."""
SOON_DAYS = 30


class Signer:
    """Signs clips with one certificate. It may be used by several threads, one clip each."""

    def __init__(self, certificate: Path, key: Path, algorithm: str, timestamp: str | None = None) -> None:
        """Read certificate and key, both PEM.

        Raises:
            ConfigError: they cannot be read, do not belong together, or are not valid today, or c2pa is not installed.
        """
        _check_installed()
        certificate_pem, key_pem = _read("CERTIFICATE", certificate), _read("KEY", key)
        _check_pair(_certificate(certificate, certificate_pem), certificate, key_pem, key)
        self._info = {
            "alg": algorithm.encode(),
            "sign_cert": certificate_pem,
            "private_key": key_pem,
            "ta_url": timestamp.encode() if timestamp else None,
        }
        with self._signer() as signer:
            self.room = int(signer.reserve_size()) + ROOM

    def sign(self, clip: Path, target: Path, recipe: Recipe) -> None:
        """Write `clip` with its credentials to `target`: no larger than by `room`, its index still in front.

        Raises:
            ClipError: it could not be signed.
        """
        import c2pa

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with self._signer() as signer, c2pa.Builder(json.dumps(_manifest(recipe))) as builder:
                    builder.sign_file(clip, target, signer)
        except c2pa.C2paError as error:
            raise ClipError("encode_failed", f"the clip could not be signed: {error}") from error

    def _signer(self) -> Any:
        import c2pa

        try:
            return c2pa.Signer.from_info(c2pa.C2paSignerInfo(**self._info))
        except c2pa.C2paError as error:
            raise ConfigError(f"UNSTILL_CREDENTIALS__CERTIFICATE cannot be used: {error}. Set another.") from error


def load_signer(settings: Credentials) -> Signer | None:
    """Return what signs; None: the host has set no certificate. Raises ConfigError, as `Signer`."""
    if settings.certificate is None or settings.key is None:
        return None
    return Signer(settings.certificate, settings.key, settings.algorithm, settings.timestamp)


def ends(certificate: Path) -> datetime:
    """Return until when a certificate is valid. Raises ConfigError."""
    _check_installed()
    return _certificate(certificate, _read("CERTIFICATE", certificate)).not_valid_after_utc  # type: ignore[no-any-return]


def _manifest(recipe: Recipe) -> dict[str, Any]:
    """What is claimed: that it was created, by what, and for a trained model that. Nothing of a person."""
    action = {"action": "c2pa.created", "softwareAgent": {"name": recipe.model, "version": VERSION}}
    manifest: dict[str, Any] = {
        "claim_generator_info": [{"name": "Unstill", "version": VERSION}],
        "format": "video/mp4",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    if recipe.made_by == "AI":
        action["digitalSourceType"] = TRAINED
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


def _certificate(path: Path, pem: bytes) -> Any:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except (ValueError, IndexError):
        raise ConfigError(f"UNSTILL_CREDENTIALS__CERTIFICATE={path} holds no certificate. Set a PEM file.") from None


def _check_pair(certificate: Any, certificate_path: Path, key_pem: bytes, key_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        raise ConfigError(
            f"UNSTILL_CREDENTIALS__KEY={key_path} is no private key that can be read. Set one without a password."
        ) from None
    if key.public_key() != certificate.public_key():
        raise ConfigError(
            f"The key {key_path} is not that of the certificate {certificate_path}. Set the two that belong together."
        )
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= datetime.now(UTC) <= last:
        raise ConfigError(
            f"The certificate {certificate_path} is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}. "
            "Set one that is valid today."
        )
