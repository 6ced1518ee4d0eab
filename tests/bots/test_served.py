"""What is served now is what engines announce: by it help, options and examples are chosen."""

from __future__ import annotations

from pydantic import SecretStr
from tests.waiting import until

from unstill_bots.delivery.places import LOOK_EVERY
from unstill_bots.intake.served import Served, Serving
from unstill_bots.terminal.looking import usual_model
from unstill_config.catalog import Auto, Catalog
from unstill_config.settings import Engine, Redis, Settings
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.times import Times
from unstill_queue.redis.embedded import EmbeddedValkey

CATALOG = Catalog.load()
CAMERA, DRAWS = "camera", "i2vgen-xl"


def names(now: Served) -> set[str]:
    return {option.name for option in now.options}


def test_an_engine_that_comes_and_goes_changes_what_is_offered() -> None:
    # Given a host whose usual model is the one that draws, When the camera alone is served
    now = Served.of(CATALOG, {CAMERA}, DRAWS)

    # Then the camera is what is spoken of, and nothing is offered that it does not read
    assert (now.default, list(now.models), now.draws) == (CAMERA, [CAMERA], False)
    assert {"seed", "camera", "motion", "seconds", "preset"} <= names(now)
    assert (now.instead_of(DRAWS), now.instead_of(CAMERA)) == (CAMERA, None)
    assert not {"negative_prompt", "guidance_scale", "num_inference_steps", "model"} & names(now)

    # When both are served, Then there is a choice, and the host's usual one is spoken of
    now = Served.of(CATALOG, {CAMERA, DRAWS, "a model of a newer catalogue"}, DRAWS)
    assert (now.default, list(now.models), now.draws) == (DRAWS, [CAMERA, DRAWS], True)
    assert {"negative_prompt", "guidance_scale", "camera", "model"} <= names(now)
    assert now.instead_of(DRAWS) is None

    # When nothing is served, Then the usual one is spoken of, as it is to come back, and nothing else
    now = Served.of(CATALOG, set(), DRAWS)
    assert (now.names, now.default, list(now.models), now.draws) == ((), DRAWS, [DRAWS], True)
    assert not {"camera", "motion", "model"} & names(now)
    assert now.instead_of(CAMERA) is None


def test_where_the_host_has_not_said_which_the_best_that_is_served_is_used() -> None:
    # Given a catalogue in which a model that draws is to be taken before the camera
    drawing = CATALOG.models[DRAWS].model_copy(update={"auto": Auto(rank=1)})
    catalog = CATALOG.model_copy(update={"models": {**CATALOG.models, DRAWS: drawing}})

    # Then it is the default wherever it is served, the camera where that alone is, and the last one while none is
    assert Served.of(catalog, {CAMERA, DRAWS}, None).default == DRAWS
    assert Served.of(catalog, {CAMERA}, None).default == CAMERA
    assert Served.of(catalog, set(), None, DRAWS).default == DRAWS
    assert Served.of(catalog, set(), None).default == CAMERA

    # and one that a host has to choose by its name comes after the camera
    assert Served.of(CATALOG, {CAMERA, DRAWS}, None).default == CAMERA
    assert Served.of(CATALOG, {DRAWS}, None).default == DRAWS


async def test_engines_are_asked_of_the_ledger_and_not_for_each_word(valkey: EmbeddedValkey) -> None:
    client = Client.open(valkey.url, Settings())
    try:
        serving = Serving(client.ledger, CATALOG, DRAWS)
        assert (await serving.now()).names == ()

        # When an engine says that it is there
        await client.ledger.engine("one", CAMERA, b"info")

        # Then it is known once the last answer is no longer fresh
        await until(lambda: _is(serving, (CAMERA,)), what="the engine's being known")

        # and when it has ended, that is known too
        await client.ledger.engine_gone("one", CAMERA)
        await until(lambda: _is(serving, ()), what="the engine's end being known")

        # When nobody has said which model is used, Then an engine that is about to come does, before it serves any
        await client.redis.flushdb()
        heard = Serving(client.ledger, CATALOG, None)
        await heard.hear()
        assert (heard.model, serving.model) == (CAMERA, DRAWS)
        await client.ledger.engine_comes([DRAWS, "a model of a newer catalogue"])
        await heard.hear()
        assert heard.model == DRAWS and not (await heard.now()).names
        # and what the last one served holds while it is away
        await client.ledger.engine("one", DRAWS, b"info")
        await heard.hear()
        assert heard.model == DRAWS
        # by the terminal, too, where the host has not said otherwise
        url = Redis(url=SecretStr(valkey.url))
        assert await usual_model(Settings(redis=url), CATALOG) == DRAWS
        assert await usual_model(Settings(redis=url, engine=Engine(model=CAMERA)), CATALOG) == CAMERA
        await client.ledger.engine_gone("one", DRAWS)
        await until(lambda: _is(heard, ()), what="the engine's end being known")
        assert heard.model == DRAWS
    finally:
        await client.close()


async def _is(serving: Serving, expected: tuple[str, ...]) -> bool:
    return (await serving.now()).names == expected


def test_who_waits_hears_of_an_engine_that_died_within_ten_seconds() -> None:
    # its last word counts for a while, and then the waiting are looked at
    assert Times.of(Settings().queue).engine_alive + LOOK_EVERY < 10
