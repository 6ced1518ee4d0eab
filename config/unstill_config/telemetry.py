"""The settings of what programs tell of themselves: metrics for Prometheus, and reports of errors for Sentry."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from unstill_config.kinds import Group, Text
from unstill_config.platforms import PLATFORMS

ENGINES_FROM = 10
"""The first engine's port is so much higher than the setting; that leaves room for as many front ends."""


class Metrics(Group):
    """Says where the programs of this machine serve their metrics. `port` 0: nowhere.

    Each program has a port of its own from `port` on: the front ends in the order of the registry, and from
    `port` + ENGINES_FROM on the engines, by the number of their card.
    """

    host: Text = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65000)

    def port_of_front_end(self, platform: str) -> int:
        """Return the port of a platform's front end; 0: it serves no metrics."""
        return self.port and self.port + list(PLATFORMS).index(platform)

    def port_of_engine(self, device: str) -> int:
        """Return the port of the engine on that device, such as "cpu" or "cuda:1"; 0: it serves no metrics."""
        number = device.partition(":")[2]
        return self.port and self.port + ENGINES_FROM + (int(number) if number.isdecimal() else 0)


class Sentry(Group):
    """Says where reports of errors go, and the `environment` that they name. `dsn` None: nowhere."""

    dsn: SecretStr | None = None
    environment: Text = "production"

    @field_validator("dsn")
    @classmethod
    def _set(cls, dsn: SecretStr | None) -> SecretStr | None:
        return dsn if dsn and dsn.get_secret_value().strip() else None
