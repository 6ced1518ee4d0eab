"""What the queue holds and who serves it; and taking jobs out of it. Nothing is started for that."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec
from redis.exceptions import RedisError

from unstill_bots.host.local import EngineFailed, Local, engines_alive, models_of
from unstill_bots.intake.served import FIRST, Serving
from unstill_bots.terminal.display import share
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.wording import Wording
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.errors import UnknownJob, UnreadableRecord
from unstill_queue.contract.jobs import EngineInfo, State
from unstill_queue.ledger.client import Client, Update
from unstill_queue.ledger.ledger import Place, Record
from unstill_queue.redis.connection import connect, where
from unstill_queue.redis.trouble import told, trouble

PATIENCE = 2.0
SEVERAL = "several"

Answer = Literal["cancelled", "cancelling", "late", "none", "several"]


class Row(msgspec.Struct, frozen=True):
    """One job in the queue, and where it stands."""

    record: Record
    place: Place

    @property
    def prompt(self) -> str:
        return self.record.job.words if self.record.job else self.record.request.words

    @property
    def share(self) -> float:
        return share(Update(self.record.state, progress=self.record.progress, outcome=self.record.outcome))

    def as_json(self) -> dict[str, Any]:
        """The same keys always. Seconds, and seconds since the epoch."""
        record, progress = self.record, self.record.progress
        return {
            "id": record.id,
            "state": str(record.state),
            "position": self.place.position,
            "eta_seconds": self.place.eta if record.state is State.QUEUED else None,
            "words": self.prompt,
            "person": record.request.requester.person,
            "model": record.job.parameters.model if record.job else None,
            "attempt": record.attempt,
            "parked": self.place.parked,
            "accepted_at": record.accepted_at,
            "progress": None if progress is None else msgspec.to_builtins(progress),
        }


class Lane(msgspec.Struct, frozen=True):
    """One model's engines and jobs. `rate`: what a second of estimate takes in truth; None: not measured yet.

    `parked`: those of the queued that no engine can make that has asked.
    """

    model: str
    engines: list[EngineInfo]
    queued: int
    running: int
    rate: float | None
    parked: int = 0


class Status(msgspec.Struct, frozen=True):
    server: str
    version: str
    states: dict[str, int]
    lanes: list[Lane]

    def as_json(self) -> dict[str, Any]:
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


@contextlib.asynccontextmanager
async def opened(settings: Settings, wording: Wording) -> AsyncIterator[Client]:
    """A connection to the server that is configured, or to the one that runs here.

    Raises:
        Stop: none answers.
    """
    embedded = settings.redis.url is None
    url = Local(settings).url
    redis = connect(url, patience=0 if embedded else PATIENCE)
    client = Client(redis, settings)
    try:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            sentence = wording.nothing_runs() if embedded else wording.no_server(where(url))
            if trouble(error) is not None:
                sentence = told(error)
            raise Stop(Code.UNAVAILABLE, sentence) from error
        yield client
    finally:
        await client.close()


async def usual_model(settings: Settings, catalog: Catalog) -> str:
    """Return the model for words that name none: the host's, the best that engines announce, or the one started here.

    Raises:
        Stop: the engine that would be started here can serve none.
    """
    if settings.engine.usual is not None:
        return settings.engine.usual
    if settings.redis.url is None:
        try:
            return (await models_of(settings))[0]
        except EngineFailed as error:
            raise Stop(Code(error.code), str(error)) from error
    client = Client(connect(settings.redis.url.get_secret_value(), patience=PATIENCE), settings)
    try:
        return (await Serving(client.ledger, catalog, None).now()).default
    except (RedisError, OSError):
        return FIRST  # whoever asks that server for a clip next is told what is wrong with it
    finally:
        await client.close()


async def queue(client: Client, person: str | None) -> tuple[list[Row], dict[str, str]]:
    """What is not answered yet, next first, and ids that cannot be read, with what is wrong: a person's, or all."""
    aside = await client.ledger.unreadable()
    ids = await client.ledger.open_ids() if person is None else await client.ledger.ids_of(person)
    rows = []
    unreadable = {id: wrong for id, wrong in aside.items() if person is None or id in ids}
    for id in ids:
        try:
            record = await client.ledger.read(id)
            if not record.state.final:
                rows.append(Row(record, await client.ledger.place(id)))
        except UnreadableRecord as error:
            unreadable[id] = error.wrong
        except UnknownJob:
            pass
    return sorted(rows, key=lambda row: (row.place.position, row.record.accepted_at)), unreadable


async def cancel(client: Client, ids: Sequence[str], person: str) -> dict[str, Answer]:
    """What became of each. A part of an id will do where only one job in the queue has it."""
    answers: dict[str, Answer] = {}
    for id in ids:
        answer: Answer = await client.cancel(id, person)
        if answer == "none":
            match = [known for known in await client.ledger.open_ids() if id and id in known]
            if len(match) == 1:
                id, answer = match[0], await client.cancel(match[0], person)
            elif match:
                answer = "several"
        answers[id] = answer
    return answers


async def status(client: Client, url: str) -> Status:
    """What `url`, the server's, is doing."""
    ledger = client.ledger
    info = await client.redis.info("server")
    counts, rates = await ledger.counts(), await ledger.rates()
    parked = Counter(lane for lane, _ in (await ledger.parked()).values())
    models = sorted({lane for _, lane in counts if lane} | set(await ledger.engines()))
    lanes = [
        Lane(
            model,
            await engines_alive(ledger, model),
            counts.get((State.QUEUED, model), 0),
            counts.get((State.RUNNING, model), 0),
            rates.get(model),
            parked[model],
        )
        for model in models
    ]
    states: Counter[str] = Counter()
    for (state, _), count in counts.items():
        states[state] += count
    version = str(info.get("valkey_version") or info.get("redis_version"))
    return Status(where(url), version, dict(states), lanes)
