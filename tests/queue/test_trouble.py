"""A real server that refuses for reasons of its own: it is waited for, and the true mend is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from structlog.testing import capture_logs
from tests.queue.values import DONE, a_job, a_request
from tests.waiting import PATIENCE

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.trouble import TROUBLES, is_away, told, trouble

Act = Callable[[Any], Awaitable[object]]
USER, PASSWORD = "unstill", "first"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """One of the test's own, as it is spoilt."""
    with EmbeddedValkey(tmp_path / "v", options={"appendfsync": "no", "busy-reply-threshold": "1"}) as server:
        yield server


@pytest.fixture
async def admin(server: EmbeddedValkey) -> AsyncIterator[Any]:
    """The operator's own line to it, with a user that stays as it is."""
    plain = Redis.from_url(server.url)
    await plain.acl_setuser(
        USER, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], channels=["*"], commands=["+@all"]
    )
    yield plain
    await plain.aclose()


def url_of(server: EmbeddedValkey, password: str = PASSWORD) -> str:
    return f"unix://{USER}:{password}@{server.url.removeprefix('unix://')}"


async def fill(admin: Any) -> None:
    await admin.config_set("maxmemory", 1)


async def unfill(admin: Any) -> None:
    await admin.config_set("maxmemory", 0)


async def replicate(admin: Any) -> None:
    await admin.execute_command("REPLICAOF", "127.0.0.1", "1")


async def promote(admin: Any) -> None:
    await admin.execute_command("REPLICAOF", "NO", "ONE")


async def hold_up(admin: Any) -> None:
    busy: Any = Redis(connection_pool=admin.connection_pool)
    admin.holding = asyncio.ensure_future(busy.eval("while true do end", 0))
    while True:
        try:
            await admin.ping()
        except ResponseError as error:
            assert trouble(error) == "BUSY"
            return


async def let_go(admin: Any) -> None:
    await admin.script_kill()
    with pytest.raises(ResponseError):
        await admin.holding


async def change_password(admin: Any) -> None:
    await admin.acl_setuser(USER, enabled=True, reset_passwords=True, passwords=["+second"])
    await admin.execute_command("CLIENT", "KILL", "USER", USER)


async def change_it_back(admin: Any) -> None:
    await admin.acl_setuser(USER, enabled=True, reset_passwords=True, passwords=[f"+{PASSWORD}"])


async def forbid(admin: Any) -> None:
    await admin.acl_setuser(USER, enabled=True, commands=["-evalsha", "-eval", "-set"])


async def allow(admin: Any) -> None:
    await admin.acl_setuser(USER, enabled=True, commands=["+@all"])


async def fail_to_write(admin: Any) -> None:
    await admin.config_set("min-replicas-to-write", 1)


async def write_again(admin: Any) -> None:
    await admin.config_set("min-replicas-to-write", 0)


SPOILT: dict[str, tuple[Act, Act]] = {
    "OOM": (fill, unfill),
    "READONLY": (replicate, promote),
    "BUSY": (hold_up, let_go),
    "WRONGPASS": (change_password, change_it_back),
    "NOPERM": (forbid, allow),
    "NOREPLICAS": (fail_to_write, write_again),
}


@pytest.mark.parametrize("word", SPOILT)
async def test_a_command_waits_until_it_is_mended(server: EmbeddedValkey, admin: Any, word: str) -> None:
    spoil, mend = SPOILT[word]
    redis = connect(url_of(server))
    ledger = Ledger(redis, Queue())
    # Given a client that has worked
    assert await ledger.accept(a_request(1))
    # When the server refuses
    await spoil(admin)
    asking = asyncio.create_task(ledger.accept(a_request(2)))
    hasty = connect(url_of(server), patience=0)
    with pytest.raises(Exception, match=r".") as caught:
        await hasty.set("x", 1)
    await asyncio.sleep(0.5)
    # Then it is known for what it is, with its mend, and the command waits
    assert trouble(caught.value) == word and is_away(caught.value)
    assert told(caught.value) == "{}. {}".format(*TROUBLES[word])
    assert not asking.done()
    # When it is mended
    await mend(admin)
    # Then the command is done, once
    assert await asking
    assert not await ledger.accept(a_request(2))
    await hasty.aclose()
    await redis.aclose()


@pytest.mark.parametrize("word", SPOILT)
async def test_the_reaper_names_the_mend_and_goes_on_afterwards(server: EmbeddedValkey, admin: Any, word: str) -> None:
    # Given a queued job, and a reaper
    spoil, mend = SPOILT[word]
    settings = Queue(lease=0.3, beat=0.1, reap=0.02)
    patient, hasty = connect(url_of(server)), connect(url_of(server), patience=0)
    ledger = Ledger(patient, settings)
    await ledger.accept(a_request(1))
    job = a_job(a_request(1))
    await ledger.queue(job, cost=1.0, quota=Quota())
    with capture_logs() as logs:
        reaping = asyncio.create_task(Reaper(Ledger(hasty, settings)).run())
        claim = await ledger.claim("camera", "owner", "engine")
        assert claim
        await spoil(admin)
        async with asyncio.timeout(PATIENCE):
            while not any(TROUBLES[word][0] in str(entry) for entry in logs):
                await asyncio.sleep(0.01)
        # When it is mended, with the job's lease long over
        await asyncio.sleep(settings.lease)
        await mend(admin)
        # Then the engine's outcome still counts, and the reaper looks at what is due again
        assert await ledger.finish(claim, DONE)
        assert (await ledger.read(job.id)).state is State.DONE
        await ledger.accept(a_request(2))
        await admin.zadd("unstill:due", {a_request(2).id: 0})
        async with asyncio.timeout(PATIENCE):
            while (await admin.hget(f"unstill:job:{a_request(2).id}", "intakes")) == b"0":
                await asyncio.sleep(0.01)
    reaping.cancel()
    await asyncio.gather(reaping, return_exceptions=True)
    # and the log said it once, with the mend
    warnings = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert warnings.count(" ".join([f"{TROUBLES[word][0]}.", TROUBLES[word][1]])) == 1
    for redis in (patient, hasty):
        await redis.aclose()


async def test_at_the_start_what_is_refused_is_refused_at_once(server: EmbeddedValkey, admin: Any) -> None:
    wrong = connect(url_of(server, "guess"))
    with pytest.raises(AuthenticationError):
        async with asyncio.timeout(PATIENCE):
            await wrong.ping()
    await wrong.aclose()
    await forbid(admin)
    forbidden = connect(url_of(server))
    with pytest.raises(NoPermissionError):
        async with asyncio.timeout(PATIENCE):
            await Ledger(forbidden, Queue()).accept(a_request(1))
    await forbidden.aclose()


async def test_what_a_hosted_server_forbids_and_is_not_needed_is_not_waited_for(
    server: EmbeddedValkey, admin: Any
) -> None:
    await admin.acl_setuser(USER, enabled=True, commands=["-config", "-bgrewriteaof"])
    redis = connect(url_of(server))
    assert await redis.ping()
    raw: Any = redis
    for forbidden in (raw.config_get("appendfsync"), raw.bgrewriteaof()):
        with pytest.raises(NoPermissionError):
            async with asyncio.timeout(PATIENCE):
                await forbidden
    await redis.aclose()


async def test_a_mistake_of_ours_is_not_blamed_on_the_server(server: EmbeddedValkey, admin: Any) -> None:
    redis: Any = connect(url_of(server))
    with pytest.raises(ResponseError) as caught:
        async with asyncio.timeout(PATIENCE):
            await redis.eval("return nil + 1", 0)
    assert not is_away(caught.value)
    assert "does not answer" not in told(caught.value)
    await redis.aclose()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (
            "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.",
            "MISCONF",
        ),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN"),
        # Redis 6.2, of a script
        ("Error running script (call to f_12): @user_script:38: -OOM command not allowed when used memory >", "OOM"),
        ("ERR Error running script (call to f_12): @user_script:38: -READONLY You can't write against a", "READONLY"),
        ("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", "READONLY"),
        ("BUSYGROUP Consumer Group name already exists", None),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", None),
    ],
)
def test_the_word_is_found_wherever_a_server_says_it(said: str, word: str | None) -> None:
    assert trouble(ResponseError(said)) == word
