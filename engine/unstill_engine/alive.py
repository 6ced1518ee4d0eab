"""Whether the engine of these settings serves, for the health check of whatever runs it."""

from __future__ import annotations

import socket

from redis.exceptions import RedisError

from unstill_config.errors import ConfigError
from unstill_config.settings import Settings
from unstill_queue.contract.codec import decode
from unstill_queue.contract.errors import CodecError
from unstill_queue.contract.jobs import EngineInfo
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import told

PATIENCE = 2.0


async def why_not_alive(settings: Settings) -> str | None:
    """Return in one sentence why no engine of that name was heard of on this host lately; None: one was.

    Starts nothing.

    Raises:
        ConfigError: the engine has no name to look for.
    """
    engine, url = settings.engine, settings.redis.url
    if engine.name is None:
        raise ConfigError("UNSTILL_ENGINE__NAME is not set, so there is no engine to look for. Set it, here and there.")
    redis = connect(
        EmbeddedValkey(settings.redis.data).url if url is None else url.get_secret_value(),
        patience=PATIENCE,
        answer_within=PATIENCE,
    )
    ledger = Ledger(redis, settings.queue)
    try:
        said = dict(one for engines in (await ledger.engines()).values() for one in engines)
        info: EngineInfo = decode(said[engine.name], EngineInfo)
    except KeyError:
        return f"Nothing was heard of the engine {engine.name} for {ledger.times.engine_alive:g} s. Look at its log."
    except (RedisError, OSError) as error:
        return told(error)
    except CodecError as error:
        return str(error)
    finally:
        await redis.aclose()
    if info.host != socket.gethostname():
        return f"The engine {engine.name} is on {info.host}, not here. Give each engine a name of its own."
    return None
