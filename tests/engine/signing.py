"""A root and certificates of our own, as a host would get them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


class Papers(NamedTuple):
    """PEM files: a certificate with its root behind it, its key, and the root alone."""

    certificate: Path
    key: Path
    root: Path


def papers(
    folder: Path,
    *,
    days: float = 365,
    root_days: float = 3650,
    name: str = "A host",
    made_for: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Papers:
    """Make a root, and a certificate that it vouches for, which began two days ago and ends in `days`."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _named("A root")
    root = _certificate(root_name, root_name, root_key, root_key, root_days, None)
    certificate = _certificate(_named(name), root_name, key, root_key, days, made_for)
    made = Papers(folder / "certificate.pem", folder / "key.pem", folder / "root.pem")
    made.certificate.write_bytes(certificate.public_bytes(PEM) + root.public_bytes(PEM))
    made.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    made.root.write_bytes(root.public_bytes(PEM))
    return made


def _named(name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: float,
    made_for: x509.ObjectIdentifier | None,
) -> x509.Certificate:
    of_root = made_for is None
    now = datetime.now(UTC)
    usage = x509.KeyUsage(not of_root, False, False, False, False, of_root, of_root, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(of_root, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if made_for is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([made_for]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
