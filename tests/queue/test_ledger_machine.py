"""The machine on the real scripts; its longer forms are `make test-storms` and `make test-deep`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis
from tests.queue.ledger_machine import TIMES, machine_for

from unstill_queue.ledger.script import script_text


def drive(url: str, examples: int) -> None:
    with Redis.from_url(url) as redis:
        run_state_machine_as_test(
            machine_for(redis, script_text(TIMES)),
            settings=settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.mark.parametrize("examples", [60, pytest.param(300, marks=pytest.mark.storm)])
def test_no_order_of_calls_breaks_the_ledger(server_url: str, examples: int) -> None:
    drive(server_url, examples)


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_no_order_of_calls_breaks_the_ledger_in_a_long_search(server_url: str) -> None:
    drive(server_url, 20_000)
