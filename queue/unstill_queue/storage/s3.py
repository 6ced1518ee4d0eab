"""An S3 bucket from the settings, with limits on how long it may keep us waiting."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.errors import StorageError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

CLIENT: ClientConfig = {
    "connect_timeout": timedelta(seconds=5),
    # of one read, so that a slow line may take its time and a dead one may not
    "read_timeout": timedelta(seconds=20),
    "timeout": timedelta(minutes=5),
}
RETRY: RetryConfig = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=3), "base": 2},
}
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def open_s3(settings: StorageSettings) -> S3Store:
    """What the settings do not say is taken from AWS' own environment variables, and then from the machine's role.

    Raises:
        StorageError: a setting makes no sense.
    """
    url = urlsplit(settings.url)
    endpoint = settings.s3_endpoint or next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), None)
    config: S3Config = {}
    if endpoint:
        config["endpoint"] = endpoint.rstrip("/")
    if "s3_region" in settings.model_fields_set or not {"AWS_REGION", "AWS_DEFAULT_REGION"} & os.environ.keys():
        config["region"] = settings.s3_region
    if settings.s3_access_key_id:
        config["access_key_id"] = settings.s3_access_key_id.get_secret_value()
    if settings.s3_secret_access_key:
        config["secret_access_key"] = settings.s3_secret_access_key.get_secret_value()
    client: ClientConfig = {**CLIENT, "allow_http": bool(endpoint and endpoint.startswith("http://"))}
    try:
        return S3Store(
            url.netloc, prefix=url.path.strip("/") or None, config=config, client_options=client, retry_config=RETRY
        )
    except (BaseError, ValueError) as error:
        reason = str(error).split("\n", 1)[0][:300]
        raise StorageError(f"{settings.url} cannot be used: {reason}. Check UNSTILL_STORAGE__S3_ENDPOINT.") from error
