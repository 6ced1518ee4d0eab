"""The settings of how a clip says what made it: the host's certificate, and a label that is seen."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from unstill_config.kinds import Group, HttpUrl, Location

SOON_DAYS = 30
"""So long before a certificate ends, its host is told."""


class Credentials(Group):
    """Content credentials (C2PA), signed with the host's certificate; without one there are none.

    `certificate` is a PEM file with it and those that vouch for it, `key` one with its private key. `timestamp` is a
    time authority that is asked for each clip, by RFC 3161. `anchors` are PEM roots that `unstill recipe` trusts, also
    those of time authorities.
    """

    certificate: Location | None = None
    key: Location | None = None
    algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = "es256"
    timestamp: HttpUrl | None = None
    anchors: Location | None = None

    @model_validator(mode="after")
    def _are_whole(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("credentials.certificate and credentials.key go together")
        return self


class Label(Group):
    """A mark in a corner of clips that AI made, for their first `seconds`; 0, none."""

    seconds: float = Field(default=0.0, ge=0, le=600)
