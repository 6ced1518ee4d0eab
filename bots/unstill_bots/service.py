"""`unstill-bot PLATFORM`: one front end as a service."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog
from redis.exceptions import RedisError

from unstill_bots.host.frontend import FrontEnd, Services, load_front_end
from unstill_bots.host.health import why_not_alive
from unstill_bots.host.leader import Leader, LeadershipLost
from unstill_bots.host.local import EngineFailed, Local
from unstill_bots.host.metrics_server import MetricsServer
from unstill_bots.host.watch import Watch
from unstill_bots.intake.pictures import Pictures
from unstill_bots.intake.rewriter import PromptRewriter
from unstill_bots.safety.checks import Safety
from unstill_bots.safety.words import WordList
from unstill_config.catalog import Catalog
from unstill_config.error_reports import report_errors
from unstill_config.errors import ConfigError
from unstill_config.exporter import export
from unstill_config.logs import setup_logging
from unstill_config.loop_monitor import watch_loop
from unstill_config.platforms import PLATFORMS
from unstill_config.reloading import Reloading, when_hung_up
from unstill_config.settings import Settings
from unstill_queue.contract.errors import QueueError
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect, server_check
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import told
from unstill_queue.storage.base import Storage
from unstill_queue.storage.trash import Trash

log = structlog.get_logger(__name__)

NOT_ALIVE, SETTINGS_WRONG, UNAVAILABLE = 1, 3, 4
SWEEP_EVERY = 3600.0
SERVER_WITHIN = 10.0
"""Seconds that the queue's server gets to answer at the start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 drained, 1 not alive, 3 the settings are wrong, 4 something needed is not to be had."""
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.load()
        setup_logging(settings.log, secrets=settings.secrets(), service=arguments.platform)
        report_errors(settings.sentry, secrets=settings.secrets(), service=arguments.platform)
        if arguments.alive:
            why_not = asyncio.run(why_not_alive(settings, arguments.platform))
            return _fail(why_not, NOT_ALIVE) if why_not else 0
        if arguments.rotate_key:
            asyncio.run(_rotate(settings, arguments.platform))
            return 0
        front_end = load_front_end(arguments.platform, settings)
        asyncio.run(_serve(front_end, settings, settings.load_catalog()))
    except ConfigError as error:
        return _fail(error, SETTINGS_WRONG)
    except (EngineFailed, QueueError) as error:
        return _fail(error, UNAVAILABLE)
    except (RedisError, OSError) as error:
        return _fail(told(error), UNAVAILABLE)
    return 0


async def _serve(front_end: FrontEnd, settings: Settings, catalog: Catalog) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    storage = Storage.open(settings.storage)
    await storage.check()
    async with Local(settings) as local, Pictures() as pictures, Safety.of(settings) as safety:
        await _check(local.url)
        client = Client.open(local.url, settings)
        hasty = connect(local.url, patience=0)
        services = Services(settings, catalog, client, storage, pictures, safety, PromptRewriter(settings.prompt))
        reloading = Reloading(settings, catalog)

        def take_over(now: Settings) -> None:
            client.quota = now.quota
            local.reload()

        reloading.listen(take_over)
        reloading.read(lambda now: WordList.read(now.safety.words), safety.use)
        when_hung_up(reloading.reload, stopping.set)
        helpers: list[Coroutine[Any, Any, None]] = [
            Reaper(Ledger(hasty, settings.queue)).run(),
            Trash(Ledger(hasty, settings.queue), storage).run(),
            _sweep(storage, settings.storage.keep_hours * 3600),
            watch_loop(),
        ]
        if settings.bots.hosts:
            helpers.append(Watch(services).run())
        if local.embedded:
            helpers.append(local.keep_engine(client.ledger))
        if port := settings.metrics.port_of_front_end(front_end.platform):
            ledger = Ledger(hasty, settings.queue)
            helpers.append(MetricsServer(export(), ledger, settings.storage, settings.metrics.host, port).run())
        try:
            await _among(helpers, _lead(front_end, services, stopping))
        finally:
            await client.close()
            await hasty.aclose()


async def _rotate(settings: Settings, platform: str) -> None:
    """Raises ConfigError where the platform signs nothing, RedisError, OSError."""
    module, _, name = settings.platforms()[platform].rotate.partition(":")
    if not module:
        raise ConfigError(f"{platform} signs nothing by a key of ours. Leave out --rotate-key.")
    url = settings.redis.url
    redis = connect(
        EmbeddedValkey(settings.redis.data).url if url is None else url.get_secret_value(), patience=SERVER_WITHIN
    )
    try:
        await getattr(importlib.import_module(module), name)(redis)
    finally:
        await redis.aclose()


async def _check(url: str) -> None:
    """Raises RedisError, OSError."""
    redis = connect(url, patience=SERVER_WITHIN)
    try:
        for sentence in await server_check(redis):
            log.warning(sentence)
    finally:
        await redis.aclose()


async def _lead(front_end: FrontEnd, services: Services, stopping: asyncio.Event) -> None:
    """Serve while no other process does."""
    leader = Leader(services.client.redis, front_end.platform)
    while not stopping.is_set():
        waiting = asyncio.create_task(leader.wait())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((waiting, stop), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                return
            waiting.result()
        finally:
            for task in (waiting, stop):
                task.cancel()
            await asyncio.gather(waiting, stop, return_exceptions=True)
        try:
            async with leader.lead():
                await _among([leader.keep()], front_end.run(services, stopping))
        except LeadershipLost:
            log.error("another process took over this platform; waiting for it to end")


async def _sweep(storage: Storage, keep: float) -> None:
    while True:
        with contextlib.suppress(QueueError):
            await storage.sweep(keep)
        await asyncio.sleep(SWEEP_EVERY)


async def _among(helpers: Sequence[Coroutine[Any, Any, None]], work: Coroutine[Any, Any, None]) -> None:
    """Do the work beside its helpers; when one of them fails, all end with its error."""
    tasks = [asyncio.create_task(one) for one in (*helpers, work)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unstill-bot",
        description="Serves one chat platform, until SIGTERM. It is set by UNSTILL_ variables, .env and unstill.toml.",
        epilog="Exit codes: 0 drained, 3 the settings are wrong, 4 something needed is not to be had.",
    )
    parser.add_argument("platform", choices=tuple(PLATFORMS))
    parser.add_argument("--alive", action="store_true", help="only say whether one serves, by 0 or 1, and end")
    parser.add_argument("--rotate-key", action="store_true", help="only have a new key sign cookies, and end")
    return parser


def _fail(error: object, code: int) -> int:
    print(f"unstill-bot: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
