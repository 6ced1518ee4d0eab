"""Every setting there is. Nothing is read at import: call `Settings.load`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.kinds import (
    Device,
    Group,
    HttpUrl,
    LanguageName,
    Location,
    Names,
    Persons,
    RedisUrl,
    StorageUrl,
    Text,
)
from unstill_config.languages import SOURCE
from unstill_config.marks import Credentials, Label
from unstill_config.platforms import PLATFORMS, Platforms, PlatformSettings
from unstill_config.prompt import Prompt
from unstill_config.safety import Safety
from unstill_config.sources import PREFIX, Known, Sources
from unstill_config.telemetry import Metrics, Sentry

__all__ = [
    "AUTO",
    "PREFIX",
    "Bots",
    "Catalogue",
    "Engine",
    "Log",
    "Metrics",
    "Queue",
    "Quota",
    "Redis",
    "Sentry",
    "Settings",
    "Storage",
]


AUTO = "auto"
"""Stands for the best model that fits the card and whose licence is free."""


class Redis(Group):
    """`url` empty: a Valkey of our own is started in `data`."""

    url: RedisUrl | None = None
    data: Location = Path("~/.unstill/valkey")


class Storage(Group):
    """`url` is file:///folder or s3://bucket/prefix. `keep_hours`: clips and pictures older than that go."""

    url: StorageUrl = "file://~/.unstill/storage"
    keep_hours: float = Field(default=24, gt=0)
    s3_endpoint: HttpUrl | None = None
    s3_region: Text = "us-east-1"
    s3_access_key_id: SecretStr | None = None
    s3_secret_access_key: SecretStr | None = None

    @property
    def folder(self) -> Path | None:
        """The local folder of a file:// url, `~` expanded; None for s3://."""
        if not self.url.startswith("file://"):
            return None
        return Path(unquote(self.url.removeprefix("file://"))).expanduser()


class Catalogue(Group):
    """`file`: a host's own entries, laid over those that ship."""

    file: Location | None = None


class Engine(Group):
    """One engine process. Times in seconds; `ffmpeg` None: the PATH's, else the one that ships with imageio-ffmpeg.

    `model` AUTO: the best that fits the card. `models`, where it is set, replaces it: one of them is loaded at a time.
    `device` "all": one engine on each visible card. `memory` "low" needs less of the card and takes longer.
    `variables`: further environment variables that the model's process is given, which gets no more than it needs.
    `model_turn`: how long a model is kept at least while another's work waits, before the engine changes over.
    `accept_licences`: models whose licence the host has read and accepted, where it has to be.
    """

    model: Text = "camera"
    models: Names = ()
    device: Device = "cpu"
    memory: Literal["auto", "low"] = "auto"
    accept_licences: Names = ()
    name: Text | None = None
    ffmpeg: Location | None = None
    scratch: Location | None = None
    variables: Names = ()
    state: Location = Path("~/.unstill/engine")
    deadline_factor: float = Field(default=5.0, ge=1)
    deadline_least: float = Field(default=60.0, gt=0)
    encode_deadline: float = Field(default=600.0, gt=0)
    drain: float = Field(default=120.0, ge=0)
    model_turn: float = Field(default=60.0, ge=0)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The models to serve as they were written, AUTO among them, each once."""
        return tuple(dict.fromkeys(self.models or (self.model,)))

    @property
    def usual(self) -> str | None:
        """The model that the host has chosen for where people name none; None: what engines announce decides that."""
        named = bool(self.models) or "model" in self.model_fields_set
        return self.wanted[0] if named and self.wanted[0] != AUTO else None


class Queue(Group):
    """Leases and clocks of the ledger, in seconds; the figures are those of the design."""

    lease: float = Field(default=10.0, gt=0)
    beat: float = Field(default=3.0, gt=0)
    reap: float = Field(default=0.5, gt=0)
    audit: float = Field(default=60.0, gt=0)
    attempts: int = Field(default=3, ge=1)
    wait_hours: float = Field(default=24, gt=0)
    keep_hours: float = Field(default=72, gt=0)


class Quota(Group):
    """Queued and running jobs, and GPU-seconds a day (UTC), for one person and one chat. 0: no limit.

    `person_requests`: requests a minute that are taken from one person in chats, whatever becomes of them.
    """

    person_jobs: int = Field(default=5, ge=0)
    chat_jobs: int = Field(default=50, ge=0)
    person_seconds: float = Field(default=1800, ge=0)
    chat_seconds: float = Field(default=7200, ge=0)
    person_requests: int = Field(default=40, ge=0)


Looks = Literal["never", "private", "always"]


class Bots(Group):
    """`hosts`: who hosts the bots, as 'platform:id'. They alone have the host's commands, and are told of troubles.

    `tell_after`: seconds that an engine or a platform has to be away before they are. `looks`: where an early look is
    shown, where nobody has set that: nowhere, in private chats and on the page, or everywhere.
    """

    hosts: Persons = ()
    tell_after: float = Field(default=300.0, gt=0)
    language: LanguageName = SOURCE
    notify_after: float = Field(default=30.0, ge=0)
    withdraw_after: float = Field(default=600.0, ge=0)
    looks: Looks = "private"


class Server(Group):
    """A page elsewhere, for `unstill animate --server`. `token` is one that a person has made there."""

    token: SecretStr | None = None


class Log(Group):
    """`folder`: each process also writes a file there, whose name is what it is and when it began."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
    folder: Location | None = None


class Settings(Platforms, BaseSettings):
    """The settings, from the environment, then `.env`, then `unstill.toml`, then what stands here.

    `Settings(...)` itself reads nothing but its arguments: pydantic-settings' own readers pass over
    unknown environment variables and cannot say where a wrong value was written, so `load` reads.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    redis: Redis = Field(default_factory=Redis)
    storage: Storage = Field(default_factory=Storage)
    catalog: Catalogue = Field(default_factory=Catalogue)
    engine: Engine = Field(default_factory=Engine)
    queue: Queue = Field(default_factory=Queue)
    quota: Quota = Field(default_factory=Quota)
    bots: Bots = Field(default_factory=Bots)
    safety: Safety = Field(default_factory=Safety)
    prompt: Prompt = Field(default_factory=Prompt)
    server: Server = Field(default_factory=Server)
    log: Log = Field(default_factory=Log)
    metrics: Metrics = Field(default_factory=Metrics)
    credentials: Credentials = Field(default_factory=Credentials)
    label: Label = Field(default_factory=Label)
    sentry: Sentry = Field(default_factory=Sentry)

    @field_validator("queue")
    @classmethod
    def _beats_within_a_lease(cls, queue: Queue) -> Queue:
        if queue.beat >= queue.lease:
            raise ValueError(f"queue.beat ({queue.beat:g}) has to be less than queue.lease ({queue.lease:g})")
        return queue

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def known(cls) -> Known:
        """Every setting there is, by group and name."""
        return {
            (group, name): field
            for group, kind in cls.model_fields.items()
            if isinstance(kind.annotation, type) and issubclass(kind.annotation, Group)
            for name, field in kind.annotation.model_fields.items()
        }

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
        """Read the settings: `environ` (os.environ), then .env and unstill.toml in `folder` (where we stand).

        Raises:
            ConfigError: an unknown setting, a wrong value or a file that cannot be read; one line,
                which never holds the value of a secret.
        """
        sources = Sources.read(
            cls.known(), os.environ if environ is None else environ, Path.cwd() if folder is None else folder
        )
        try:
            return cls.model_validate(sources.tables())
        except ValidationError as error:
            # from None: pydantic's own text is many lines and may quote what was written
            raise ConfigError(sources.explain(error)) from None

    def load_catalog(self) -> Catalog:
        """The catalogues, with the host's own file (`catalog.file`) laid over them.

        Raises:
            ConfigError: as `Catalog.load`.
        """
        return Catalog.load(self.catalog.file)

    def platforms(self) -> dict[str, PlatformSettings]:
        """Return the settings of every platform of the registry by its name."""
        return {name: getattr(self, name) for name in PLATFORMS}

    def secrets(self) -> tuple[SecretStr, ...]:
        """Every secret that is set: what `setup_logging` has to keep out of the log."""
        return tuple(value for _, _, value in self._values() if isinstance(value, SecretStr))

    def environ(self) -> dict[str, str]:
        """The variables that give a process of ours the values that were set, secrets included.

        Law: `Settings.load(settings.environ(), an_empty_folder) == settings`.
        """
        return {
            f"{PREFIX}{group}__{name}".upper(): _as_text(value)
            for group, name, value in self._values()
            if name in getattr(self, group).model_fields_set
        }

    def _values(self) -> Iterator[tuple[str, str, object]]:
        for group, name in self.known():
            yield group, name, getattr(getattr(self, group), name)


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(value)
        case _:
            return str(value)
