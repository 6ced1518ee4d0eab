"""Whether a platform is served, for the health check of whatever runs its front end."""

from __future__ import annotations

from redis.exceptions import RedisError

from unstill_bots.host.leader import TERM, leader_key
from unstill_config.settings import Settings
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import told

PATIENCE = 2.0


async def why_not_alive(settings: Settings, platform: str) -> str | None:
    """One sentence, or None: a front end of that platform was heard of within its leader's term. Starts nothing."""
    url = settings.redis.url
    redis = connect(
        EmbeddedValkey(settings.redis.data).url if url is None else url.get_secret_value(),
        patience=PATIENCE,
        answer_within=PATIENCE,
    )
    try:
        if await redis.exists(leader_key(platform)):
            return None
    except (RedisError, OSError) as error:
        return told(error)
    finally:
        await redis.aclose()
    return f"Nothing was heard of {platform}'s front end for {TERM:g} s. Look at its log."
