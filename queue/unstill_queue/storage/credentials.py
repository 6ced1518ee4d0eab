"""Content credentials (C2PA) as a clip's file has them: who signed what, and whether that still holds."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any, Literal

import msgspec

from unstill_queue.contract.errors import QueueError
from unstill_queue.storage import mp4

MANIFEST_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The box in which a C2PA manifest stands in an MP4, by its specification."""

State = Literal["trusted", "valid", "unfit", "invalid", "unchecked"]
UNFIT = "signingCredential."
"""How the codes begin by which the certificate is faulted, and not what it signed."""


class CredentialsError(QueueError):
    """The credentials, or the roots that shall vouch for them, cannot be read."""


class ClipCredentials(msgspec.Struct, frozen=True):
    """Has what a clip's credentials claim.

    `state`: "trusted", they hold and one of the roots vouches for who signed; "valid", they hold; "unfit", the file
    was not changed, but the certificate has ended or may not sign that; "invalid", the file was changed; "unchecked",
    c2pa-python is not installed, so that nothing else is known. `source` is IPTC's digital source type, where one is
    claimed.
    """

    state: State
    signed_by: str = ""
    made_with: str = ""
    source: str = ""


def read_credentials(clip: Path, anchors: Path | None = None) -> ClipCredentials | None:
    """Return the credentials of an MP4, judged by the PEM roots in `anchors`; None, it has none.

    Raises:
        CredentialsError: the roots cannot be read.
        Mp4Error: it is no MP4.
        OSError: it cannot be read.
    """
    if not _has(clip):
        return None
    if importlib.util.find_spec("c2pa") is None:
        return ClipCredentials("unchecked")
    import c2pa

    trust = _trust(anchors)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with c2pa.Reader(clip, context=c2pa.Context(c2pa.Settings.from_dict(trust))) as reader:
                manifest = json.loads(reader.json())
    except c2pa.C2paError as error:
        reason = str(error).splitlines()[0][:200]
        raise CredentialsError(f"The clip's content credentials cannot be read: {reason}. They were damaged.") from None
    return _claimed(_state(manifest), manifest.get("manifests", {}).get(manifest.get("active_manifest"), {}))


def _has(clip: Path) -> bool:
    with clip.open("rb") as file:
        for box in mp4.top_level(file):
            if box.kind == b"uuid":
                file.seek(box.body)
                if file.read(len(MANIFEST_UUID)) == MANIFEST_UUID:
                    return True
    return False


def _trust(anchors: Path | None) -> dict[str, Any]:
    """Return c2pa's settings: it asks nobody on the net, whatever address a stranger's clip names."""
    if anchors is None:
        # whoever says when it was signed is believed as much as who signed it
        verify = {"verify_trust": False, "verify_timestamp_trust": False, "remote_manifest_fetch": False}
        return {"verify": verify}
    try:
        roots = anchors.read_text("ascii")
        _check_roots(roots.encode())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no certificates"
        raise CredentialsError(
            f"UNSTILL_CREDENTIALS__ANCHORS={anchors} cannot be read: {why}. Set a PEM file of roots."
        ) from None
    verify = {"verify_trust": True, "remote_manifest_fetch": False}
    return {"verify": verify, "trust": {"trust_anchors": roots}}


def _check_roots(pem: bytes) -> None:
    """Raise ValueError where they are no certificates."""
    from cryptography import x509

    x509.load_pem_x509_certificates(pem)


def _state(manifest: dict[str, Any]) -> State:
    """Return what c2pa found of the whole; of a file that it faults, whether that is for its certificate alone."""
    known: dict[str, State] = {"Trusted": "trusted", "Valid": "valid"}
    if (found := known.get(str(manifest.get("validation_state")))) is not None:
        return found
    codes = {str(status.get("code")) for status in manifest.get("validation_status") or ()}
    return "unfit" if codes and all(code.startswith(UNFIT) for code in codes) else "invalid"


def _claimed(state: State, manifest: dict[str, Any]) -> ClipCredentials:
    signed = manifest.get("signature_info", {})
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    agent = actions[0].get("softwareAgent", "") if actions else ""
    return ClipCredentials(
        state,
        signed_by=_line(signed.get("common_name") or signed.get("issuer")),
        made_with=_line(agent.get("name") if isinstance(agent, dict) else agent),
        source=_line(actions[0].get("digitalSourceType")) if actions else "",
    )


def _line(value: object) -> str:
    """A stranger's text, printable and of one line."""
    return "".join(character for character in str(value or "") if character.isprintable())[:200]
