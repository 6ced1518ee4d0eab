"""`unstill-engine`: serves one model on one device from the queue."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import structlog
from redis.exceptions import RedisError

from unstill_config.catalog import Catalog
from unstill_config.error_reports import report_errors
from unstill_config.errors import ConfigError
from unstill_config.logs import setup_logging
from unstill_config.loop_monitor import watch_loop
from unstill_config.reloading import Reloading, when_hung_up
from unstill_config.settings import AUTO, Settings
from unstill_engine.alive import why_not_alive
from unstill_engine.choice import check_names, chosen
from unstill_engine.clip.binary import find_ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.device.outcomes import EngineError
from unstill_engine.doctor import findings
from unstill_engine.fleet import ALL, Fleet, names_by_device
from unstill_engine.host_memory import host_memory, why_too_little
from unstill_engine.metrics_server import serve_metrics
from unstill_engine.presence import why_not_installed
from unstill_engine.worker.worker import Worker
from unstill_queue.contract.errors import QueueError
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import told
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)

NOT_ALIVE, SETTINGS_WRONG, UNAVAILABLE = 1, 3, 4


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 drained or alive, 1 not alive, 3 wrong settings, 4 something needed is not to be had."""
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.load(_environ(arguments))
        catalog = Catalog.load(settings.catalog.file)
        if arguments.doctor:
            print(json.dumps(asyncio.run(findings(settings, catalog))))
            return 0
        if arguments.models:
            check_names(settings, catalog)
            print(json.dumps(chosen(settings, catalog, os.environ).models))
            return 0
        if arguments.alive:
            why_not = _why_not_alive(settings)
            return _fail(why_not, NOT_ALIVE) if why_not else 0
        check_names(settings, catalog)
        setup_logging(settings.log, secrets=settings.secrets(), service="engine")
        report_errors(settings.sentry, secrets=settings.secrets(), service="engine")
        if settings.engine.device == ALL:
            fleet = Fleet(
                names_by_device(settings, os.environ), _environ(arguments), variables=settings.engine.variables
            )
            return asyncio.run(_lead(fleet, until_eof=arguments.until_eof))
        reloading = Reloading(settings, catalog, lambda: Settings.load(_environ(arguments)))
        asyncio.run(_serve(_settled(settings, catalog, arguments.engines), reloading, until_eof=arguments.until_eof))
    except ConfigError as error:
        return _fail(error, SETTINGS_WRONG)
    except (EngineError, ClipError, QueueError) as error:
        return _fail(error, UNAVAILABLE)
    except RedisError as error:
        return _fail(told(error), UNAVAILABLE)
    return 0


def _settled(settings: Settings, catalog: Catalog, engines: int) -> Settings:
    """The settings with the models that are served, where so many `engines` share the machine's memory.

    Raises:
        ConfigError: AUTO finds nothing that fits.
        EngineError: for none of them there is the memory, or what it needs to be installed.
    """
    choice = chosen(settings, catalog, os.environ, engines)
    if choice.why:
        name = choice.models[settings.engine.wanted.index(AUTO)]
        log.info("model chosen", model=name, licence=catalog.models[name].licence.name, why=choice.why)
    memory = host_memory(engines)
    refused = {name: why for name in choice.models if (why := why_too_little(name, catalog, memory))}
    code = "out_of_memory" if refused else "model_unavailable"
    refused |= {name: why for name in choice.models if (why := why_not_installed(name, catalog))}
    served = tuple(name for name in choice.models if name not in refused)
    if not served:
        raise EngineError(code, " ".join(refused.values()))
    for name, why in refused.items():
        log.error("a model is not served", model=name, reason=why)
    return settings.model_copy(
        update={"engine": settings.engine.model_copy(update={"model": served[0], "models": served})}
    )


async def _serve(settings: Settings, reloading: Reloading, *, until_eof: bool) -> None:
    ffmpeg = await find_ffmpeg(settings.engine.ffmpeg)
    storage = Storage.open(settings.storage)
    async with _server(settings) as url:
        worker = Worker(settings, reloading.catalog, url, ffmpeg, storage)
        _drain_when_told(worker.drain, until_eof=until_eof)
        reloading.listen(lambda _: worker.reload())
        when_hung_up(reloading.reload, worker.drain)
        watching = [asyncio.create_task(one) for one in (serve_metrics(settings), watch_loop())]
        try:
            await worker.run()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


async def _lead(fleet: Fleet, *, until_eof: bool) -> int:
    _drain_when_told(fleet.drain, until_eof=until_eof)
    when_hung_up(fleet.reload, fleet.drain)
    return await fleet.run()


def _drain_when_told(drain: Callable[[], None], *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain)
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), lambda: _read(drain))


def _read(drain: Callable[[], None]) -> None:
    """Whoever started us holds the other end of stdin and writes nothing: its end is our end."""
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        drain()


def _why_not_alive(settings: Settings) -> str | None:
    """Of a fleet, the first of those that do not serve."""
    engine = settings.engine
    names: Iterable[str | None] = [engine.name]
    if engine.device == ALL and engine.name is not None:
        names = names_by_device(settings, os.environ).values()
    for name in names:
        member = settings.model_copy(update={"engine": engine.model_copy(update={"name": name})})
        why_not = asyncio.run(why_not_alive(member))
        if why_not is not None:
            return why_not
    return None


@contextlib.asynccontextmanager
async def _server(settings: Settings) -> AsyncIterator[str]:
    if settings.redis.url is not None:
        yield settings.redis.url.get_secret_value()
        return
    async with EmbeddedValkey(settings.redis.data) as server:
        yield server.url


def _environ(arguments: argparse.Namespace) -> dict[str, str]:
    given = {f"UNSTILL_ENGINE__{name.upper()}": getattr(arguments, name) for name in ("model", "device", "name")}
    if arguments.model is not None:
        # what is said here is said last
        given["UNSTILL_ENGINE__MODELS"] = ""
    return {**os.environ, **{name: value for name, value in given.items() if value is not None}}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unstill-engine",
        description="Renders clips from the queue: a model at a time on one device, or a process on each card. "
        "The rest is set by UNSTILL_ variables.",
        epilog="Exit codes: 0 drained or alive, 1 not alive, 3 wrong settings, 4 something needed is not to be had.",
    )
    parser.add_argument("--model", help="a model of the catalogue, or auto (UNSTILL_ENGINE__MODEL)")
    parser.add_argument(
        "--device", help="cpu, cuda, cuda:1 …, or all: an engine on each visible card (UNSTILL_ENGINE__DEVICE)"
    )
    parser.add_argument("--name", help="how this engine is called in `unstill status` (UNSTILL_ENGINE__NAME)")
    parser.add_argument(
        "--engines",
        type=int,
        default=1,
        metavar="N",
        help="so many engines share this machine's memory, this one among them",
    )
    parser.add_argument("--until-eof", action="store_true", help="drain and end when standard input is closed")
    parser.add_argument("--doctor", action="store_true", help="print what this engine finds of what it needs, as JSON")
    parser.add_argument("--models", action="store_true", help="print which models this engine would serve, as JSON")
    parser.add_argument(
        "--alive", action="store_true", help="say by the exit code whether the engine of that name serves"
    )
    return parser


def _fail(error: Exception | str, code: int) -> int:
    print(f"unstill-engine: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
