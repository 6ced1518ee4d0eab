"""The alert rules and the dashboard: they ask for metrics that are told, and the rules fire when they should."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.core import Metric
from tests.bots.test_queue_metrics import ask, many_things_happened, served
from tests.system.processes import wait_for
from tests.waiting import PATIENCE, until

from unstill_bots.host import queue_metrics
from unstill_config.exporter import PrometheusMetrics
from unstill_config.settings import Queue, Settings, Storage
from unstill_engine.metrics_server import Room
from unstill_queue.contract.codes import FAILURES, SAID, UNKNOWN
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "metrics"
TESTS = ROOT / "tests" / "alerts" / "alerts_fire.yml"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
RECORDS = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
    if "record" in rule
]
OUR_FAULTS = {
    *("engine_lost", "expired", "intake_failed", "render_failed", "deadline", "model_unavailable", "out_of_memory"),
    *("device_busy", "picture_unreadable", "picture_unavailable", "picture_unrated", "clip_unrated", "too_big"),
    *("encode_failed", "encode_timeout", "bad_frames", "bad_clip", "no_ffmpeg", "write_failed", "refused", UNKNOWN),
    *("disk_full", "disk_refused", "disk_missing", "disk_away"),
    *("storage_full", "storage_refused", "storage_missing", "storage_away"),
}
"""Codes of failures by no fault of who sent the request. A new code is one of them, or stands in the rule as none."""
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana" / "unstill.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
NAME = re.compile(r"\b(?:unstill|process)_[a-z_]+\b")
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("prometheus") is None,
    reason="the alerts are not tested: no promtool here; Debian's package is prometheus",
)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)


def samples_of(family: Metric) -> set[str]:
    """The names under which a metric's values are stored."""
    match family.type:
        case "counter":
            return {f"{family.name}_total"}
        case "histogram":
            return {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
        case _:
            return {family.name}


@pytest.fixture
async def told(valkey: EmbeddedValkey, tmp_path: Path) -> set[str]:
    """The names of all that front ends and engines tell."""
    redis = connect(valkey.url)
    families = await queue_metrics.read(Ledger(redis, Queue()), Storage(url=f"file://{tmp_path}"))
    await redis.aclose()
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 1, 2\n")
    (tmp_path / "nvidia-smi").chmod(0o700)
    room = Room(Settings.load({"UNSTILL_ENGINE__DEVICE": "cuda"}, tmp_path), {"PATH": str(tmp_path)})
    families += [*PrometheusMetrics().registry.collect(), *room.collect()]
    return {name for family in families for name in samples_of(family)}


async def test_what_is_asked_for_is_told_and_all_that_is_told_is_shown(told: set[str]) -> None:
    asked_by_rules = {name for rule in (*RULES, *RECORDS) for name in NAME.findall(rule["expr"])}
    shown = {name for expression in EXPRESSIONS for name in NAME.findall(expression)}

    assert len(told) > 40
    assert asked_by_rules - told == set()
    assert shown - told == set()
    # a histogram is shown by its buckets
    ours = {name for name in told if name.startswith("unstill_") and not name.endswith(("_sum", "_count"))}
    assert ours - shown == set()


def test_a_panel_has_a_place_a_source_and_a_name_of_its_own() -> None:
    panels = DASHBOARD["panels"]
    source = yaml.safe_load((FOLDER / "grafana" / "datasource.yml").read_text())["datasources"][0]["uid"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    for panel in panels:
        assert panel["type"] == "row" or (panel["targets"] and panel["datasource"]["uid"] == source)
    assert len({panel["title"] for panel in panels}) == len({panel["id"] for panel in panels}) == len(panels)


def test_a_rule_says_what_happened_and_what_to_do_and_never_adds_up_what_several_tell() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        for text in ("summary", "mend"):
            assert rule["annotations"][text].endswith("."), rule["alert"]
    # what the ledger tells stands in no sum but that of the greatest
    for expression in (*EXPRESSIONS, *(rule["expr"] for rule in (*RULES, *RECORDS))):
        for added in re.findall(r"sum(?: by \([^)]*\))? ?\((?!max by)[^)]*?(unstill_\w+)", expression):
            assert re.sub("_(total|bucket)$", "", added) not in _of_queue(), expression


def _of_queue() -> set[str]:
    from unstill_queue.ledger.counters import COUNTERS, HISTOGRAMS

    gauges = {"jobs", "oldest_job_seconds", "engines", "queue_engines", "parked_jobs"}
    return {f"unstill_{name}" for name in (*COUNTERS, *HISTOGRAMS, *gauges)}


@promtool
def test_the_rules_and_the_settings_of_prometheus_are_valid() -> None:
    checked = run("check", "config", FOLDER / "prometheus.yml")

    assert checked.returncode == 0, checked.stderr
    assert f"{len(RULES) + len(RECORDS)} rules found" in checked.stdout


def test_a_failure_counts_where_nobody_who_asked_is_to_blame() -> None:
    (record,) = RECORDS
    no_fault = re.search(r'code!~"([^"]+)"', record["expr"])
    assert no_fault is not None

    assert {code for code in (*FAILURES, SAID) if not re.fullmatch(no_fault[1], code)} == OUR_FAULTS


@promtool
async def test_prometheus_reads_what_is_told_without_a_complaint(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    async with served(valkey.url, tmp_path) as (server, ledger):
        await many_things_happened(ledger)
        text = (await ask(server)).text

    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="There is no Prometheus here: install it (Debian: same)."
)
async def test_a_prometheus_reads_our_metrics_and_evaluates_our_rules(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    async with served(valkey.url, tmp_path) as (first, ledger), served(valkey.url, tmp_path) as (second, _):
        await many_things_happened(ledger)
        await ask(first)
        await ask(second)
        # Given our settings, but for names that only compose knows, and a clock for which nobody has to wait
        settings = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (job,) = settings["scrape_configs"]
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{one.port}" for one in (first, second)]}]
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
        shutil.copy(FOLDER / "alerts.yml", tmp_path)
        with prometheus(tmp_path) as url:
            async with httpx.AsyncClient(base_url=url, timeout=60) as http:
                # When it has read two front ends
                async def value(query: str) -> float:
                    answer = (await http.get("/api/v1/query", params={"query": query})).json()
                    return float(answer["data"]["result"][0]["value"][1]) if answer["data"]["result"] else -1.0

                async def has_read() -> bool:
                    up = await value('sum(up{job="unstill"})')
                    return up == 2 and await value("unstill:failures:increase15m") >= 0

                await until(has_read)
                # Then what both tell is counted once, and no rule failed
                assert await value("count(unstill_answers_total)") == 2 * 3
                assert await value("sum(max by (platform, result, code, state) (unstill_answers_total))") == 3
                groups = (await http.get("/api/v1/rules")).json()["data"]["groups"]
                rules = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
                assert rules.keys() == {rule.get("alert") or rule["record"] for rule in (*RULES, *RECORDS)}
                assert "err" not in rules.values()
                # and each panel of the dashboard is answered
                for expression in EXPRESSIONS:
                    query = expression.replace("$__rate_interval", "5m")
                    assert (await http.get("/api/v1/query", params={"query": query})).json()["status"] == "success"


@contextlib.contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """A Prometheus on the loopback, by the settings in that folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "prometheus.log").open("w") as log:
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        process = subprocess.Popen(
            [*command, f"--web.listen-address={address}"], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: _ready(address), what="Prometheus")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


@promtool
def test_what_the_dashboard_asks_is_valid(tmp_path: Path) -> None:
    records = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))

    checked = run("check", "rules", tmp_path / "panels.yml")
    assert checked.returncode == 0, checked.stderr
    assert f"{len(EXPRESSIONS)} rules found" in checked.stdout


@promtool
def test_each_alert_fires_when_it_should_and_not_else() -> None:
    tested = run("test", "rules", TESTS)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@promtool
@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("vector(1) > 2", id="never"),
        # Prometheus takes long to tell of so many
        pytest.param("vector(1)", id="always", marks=pytest.mark.storm),
    ],
)
def test_the_tests_find_an_alert_that_never_fires_or_always(expression: str, tmp_path: Path) -> None:
    # Given rules that are all broken
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        if "alert" in rule:
            rule["expr"] = expression
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))
    (tmp_path / "tests.yml").write_text(TESTS.read_text().replace("../../metrics/alerts.yml", "alerts.yml"))
    # When they are tested
    tested = run("test", "rules", tmp_path / "tests.yml")
    said = tested.stdout + tested.stderr
    # Then each is told of, and of a house that is well that all of them fire
    assert tested.returncode != 0
    assert [rule["alert"] for rule in RULES if rule["alert"] not in said] == []
    assert (f"got: {{}} {len(RULES) / 10}E+01" in said) == (expression == "vector(1)"), said
