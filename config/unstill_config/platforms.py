"""The registry of front ends: every platform that `unstill-bot` serves, the page among them, and the settings of each.

A platform is a class here, its field in `Platforms`, a table of limits in platforms.toml, and a folder in unstill_bots.
Nothing else names one: the service, the doctor, the log's redaction and the queue's pseudonyms read `PLATFORMS`.
"""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import BaseModel, Field, SecretStr

from unstill_config.kinds import BasePath, Group, Hosts, HttpsUrl, HttpUrl, Networks, Text, WebsocketUrl

Patterns = tuple[tuple[re.Pattern[str], str], ...]


class PlatformSettings(Group):
    """The settings and facts that every platform has.

    `front_end` is 'module:Class' of its front end, as a model names its renderer: it is imported only where it is
    served. `check` is 'module:function' that raises ConfigError where these settings cannot be served, before anything
    starts; `doctor` one that asks the platform about the bot; `rotate` one that has a new key sign from now on. Each is
    empty where there is nothing of the kind.
    `secret_patterns` find in a log line what looks like a secret of this platform, each with what stands there instead.
    """

    front_end: ClassVar[str]
    check: ClassVar[str] = ""
    doctor: ClassVar[str] = ""
    rotate: ClassVar[str] = ""
    secret_patterns: ClassVar[Patterns] = ()


class BotSettings(PlatformSettings):
    """The settings of a platform on which the front end is a bot. `token_from` says who gives its tokens out."""

    token_from: ClassVar[str]

    token: SecretStr | None = None


class Telegram(BotSettings):
    """`local_mode`: `api_url` is a Bot API server of one's own that runs with --local. `webhook_url` None: polling.
    `app_url`: where people reach the page, which the bot's menu button then opens; None: that lists the commands.
    """

    front_end = "unstill_bots.telegram.program:TelegramFrontEnd"
    doctor = "unstill_bots.telegram.doctor:examine"
    token_from = "@BotFather"  # noqa: S105
    # https://core.telegram.org/bots/api#authorizing-your-bot
    secret_patterns = ((re.compile(r"(?<![0-9])[0-9]+(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE), "***"),)

    api_url: HttpUrl = "https://api.telegram.org"
    local_mode: bool = False
    webhook_url: HttpUrl | None = None
    webhook_host: Text = "127.0.0.1"
    webhook_port: int = Field(default=8443, ge=0, le=65535)
    app_url: HttpsUrl | None = None


class Discord(BotSettings):
    """`message_content`: the bot has that privileged intent, and is shown the pictures that people reply to."""

    front_end = "unstill_bots.discord.program:DiscordFrontEnd"
    token_from = "https://discord.com/developers/applications"  # noqa: S105
    # bot tokens are three base64 parts; interaction and webhook tokens stand in paths
    secret_patterns = (
        (re.compile(r"(?<![\w-])(?:mfa\.[\w-]{60,}|[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{27,})"), "***"),
        (re.compile(r"(/(?:webhooks|interactions)/[0-9]+/)[\w-]{20,}"), r"\g<1>***"),
    )

    api_url: HttpUrl = "https://discord.com/api/v10"
    gateway_url: WebsocketUrl = "wss://gateway.discord.gg/"
    cdn_hosts: Hosts = ()
    message_content: bool = False


class Web(PlatformSettings):
    """The page, and the API beside it.

    `host` is an address of this machine. One that others reach needs `password`, or `open` where everybody may come in.
    `base` is the path under which a proxy shows the page. `trusted_proxies` are the addresses from which
    `X-Forwarded-For` is believed. A request's upload is at most `upload_most` bytes, all its pictures together.
    """

    front_end = "unstill_bots.web.program:WebFrontEnd"
    check = "unstill_bots.web.program:check"
    rotate = "unstill_bots.web.visitor:rotate"

    host: Text = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    password: SecretStr | None = None
    open: bool = False
    base: BasePath = ""
    trusted_proxies: Networks = ()
    upload_most: int = Field(default=64 * 1024**2, ge=1024)


class Platforms(BaseModel):
    """The part of `Settings` that belongs to platforms. A field's name is the platform's name everywhere."""

    telegram: Telegram = Field(default_factory=Telegram)
    discord: Discord = Field(default_factory=Discord)
    web: Web = Field(default_factory=Web)


PLATFORMS: dict[str, type[PlatformSettings]] = {
    name: field.annotation
    for name, field in Platforms.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, PlatformSettings)
}
