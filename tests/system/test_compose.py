"""What docker-compose.yml and the images promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from tests.system.compose_file import COMPOSE, OURS, PASSWORD, ROOT, SERVICES, WATCHING, environ, filled, seconds

from unstill_bots.host import lifecycle
from unstill_config.platforms import PLATFORMS
from unstill_config.settings import Settings

ENGINES = ("engine", "engine-gpu")
BOTS = tuple(PLATFORMS)
BOT_DRAIN = lifecycle.TASKS_WITHIN + lifecycle.CALLS_WITHIN + lifecycle.FILING
HAND_BACK = 20
"""Seconds that an engine may need after its drain: to hand jobs back, end its child and take leave."""
NOT_IN_COMPOSE = {
    "REDIS__DATA",
    "LOG__FOLDER",
    *(f"STORAGE__S3_{name}" for name in ("ENDPOINT", "REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")),
}
"""There is a server, a folder, and the log of the containers."""
ENGINES_OWN = {"ENGINE__SCRATCH", "ENGINE__FFMPEG", "ENGINE__VARIABLES", "CREDENTIALS__ANCHORS"}
"""What the image itself says, what only a renderer of one's own needs, and what `unstill recipe` alone reads."""
NOT_A_BOTS = {
    f"ENGINE__{field}".upper()
    for group, field in Settings.known()
    if group == "engine" and field not in ("model", "models")
}

TELEMETRY = ("metrics", "sentry")
ENGINES_GROUPS = {"redis", "storage", "catalog", "engine", "queue", "log", "credentials", "label", *TELEMETRY}
BOTS_GROUPS = ("redis", "storage", "catalog", "queue", "quota", "bots", "safety", "prompt", "log", *TELEMETRY, "engine")
WEBHOOK = ("WEBHOOK_URL", "WEBHOOK_HOST", "WEBHOOK_PORT")

# -- what a container may do


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_change_nothing_but_its_volumes(name: str) -> None:
    service = SERVICES[name]
    user, group = map(int, service["user"].split(":"))

    assert user > 0
    assert group > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode"} & service.keys()
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


def test_nothing_is_published_and_nothing_reaches_out_but_the_bots_and_what_fetches_weights() -> None:
    assert COMPOSE["networks"] == {"queue": {"internal": True}, "outside": {}, "watching": {}}
    for name in WATCHING:
        (port,) = SERVICES[name]["ports"]
        assert port.startswith("127.0.0.1:")
    assert SERVICES["prometheus"]["networks"] == ["queue", "watching"]
    assert SERVICES["grafana"]["networks"] == ["watching"]
    for name, service in SERVICES.items():
        if name in WATCHING:
            continue
        assert service["networks"] == (["queue", "outside"] if name in ("engine-gpu", *BOTS) else ["queue"])
        # the page alone is reached, and from this machine alone where nobody says otherwise
        assert service.get("ports", []) == (["${WEB_ADDRESS:-127.0.0.1}:7860:7860"] if name == "web" else [])
        assert "expose" not in service


def test_what_is_to_last_is_started_again_and_watched() -> None:
    lasting = {name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"}

    assert lasting == {"valkey", *ENGINES, *BOTS, *WATCHING}
    for name in lasting:
        check = SERVICES[name]["healthcheck"]
        assert seconds(check["timeout"]) <= seconds(check["interval"])
        assert check["retries"] == 3
    assert "valkey-cli set" in SERVICES["valkey"]["healthcheck"]["test"][1]
    for name in ENGINES:
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "unstill-engine", "--alive"]
    for name in BOTS:
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "unstill-bot", name, "--alive"]
        assert (SERVICES[name]["entrypoint"], SERVICES[name]["command"]) == (["unstill-bot"], [name])
        assert seconds(SERVICES[name]["stop_grace_period"]) >= BOT_DRAIN + HAND_BACK
        assert SERVICES[name]["profiles"] == [name]
    for service in OURS.values():
        assert service["depends_on"] == {"valkey": {"condition": "service_healthy"}}
        assert service["init"] is True


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_given_the_time_to_drain(name: str) -> None:
    engine = SERVICES[name]
    drain = Settings.load(environ(engine, VALKEY_PASSWORD=PASSWORD), Path("/nowhere")).engine.drain

    assert drain == Settings().engine.drain
    assert seconds(engine["stop_grace_period"]) >= drain + HAND_BACK
    # nor can .env make the drain longer than that
    assert environ(engine, VALKEY_PASSWORD=PASSWORD, UNSTILL_ENGINE__DRAIN="900")["UNSTILL_ENGINE__DRAIN"] == "120"


def test_the_gpu_engine_sees_the_cards_and_keeps_what_was_fetched_and_compiled() -> None:
    engine = SERVICES["engine-gpu"]
    (device,) = engine["deploy"]["resources"]["reservations"]["devices"]
    settings = Settings.load(environ(engine, VALKEY_PASSWORD=PASSWORD), Path("/nowhere")).engine
    mounts = dict(volume.split(":") for volume in engine["volumes"] if isinstance(volume, str))
    dockerfile = (ROOT / "engine/Dockerfile").read_text()

    # nvidia-smi, by which cards are counted, is a utility to the driver's container runtime
    assert {"gpu", "compute", "utility"} == set(device["capabilities"])
    assert (settings.wanted, settings.device) == (("auto",), "all")
    # and a host's own choice of models is the engine's and the bots'
    chosen = {
        "VALKEY_PASSWORD": PASSWORD,
        "UNSTILL_ENGINE__MODELS": "i2vgen-xl,camera",
        "UNSTILL_ENGINE__MODEL": "camera",
    }
    for name, usual in (("engine-gpu", "i2vgen-xl"), ("telegram", "i2vgen-xl"), ("engine", "camera")):
        assert Settings.load(environ(SERVICES[name], **chosen), Path("/nowhere")).engine.usual == usual
    # where a host says nothing, bots use what is served
    bot = Settings.load(environ(SERVICES["discord"], VALKEY_PASSWORD=PASSWORD), Path("/nowhere"))
    assert bot.engine.usual is None
    assert mounts["models"] in re.findall(r"HF_HOME=(\S+)", dockerfile)
    assert mounts["engine"] == str(settings.state)
    assert all(f" {folder}" in dockerfile for folder in mounts.values())
    # and both profiles do not run the one engine of the other
    assert [SERVICES[name]["profiles"] for name in ENGINES] == [["cpu"], ["gpu"]]
    # a C compiler is there for Triton, and torch is in no other image
    assert "gcc" in engine["build"]["args"]["PACKAGES"]
    assert [name for name, service in OURS.items() if "diffusion" in str(service["build"])] == ["engine-gpu"]


def test_the_two_images_share_what_is_stored_and_every_volume_is_used() -> None:
    mounts = {
        name: dict(volume.split(":") for volume in service["volumes"] if isinstance(volume, str))
        for name, service in SERVICES.items()
    }

    assert mounts["valkey"] == {"valkey": "/data"}
    for name, service in OURS.items():
        folder = Settings.load(environ(service, VALKEY_PASSWORD=PASSWORD), Path("/nowhere")).storage.folder
        assert mounts[name]["storage"] == str(folder)
    assert set(COMPOSE["volumes"]) == {volume for mount in mounts.values() for volume in mount}
    assert len({service["user"] for service in OURS.values()}) == 1


# -- metrics


def test_what_looks_at_metrics_is_of_one_version_reads_our_files_and_lets_nobody_change_anything() -> None:
    for name in WATCHING:
        service = SERVICES[name]
        assert service["profiles"] == ["metrics"]
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", filled(service["image"], {}))
        binds = [mount for mount in service["volumes"] if not isinstance(mount, str)]
        assert all((ROOT / mount["source"]).is_file() and mount["read_only"] for mount in binds)
        assert len(binds) >= 2
    # Grafana takes no password, so that nobody has to choose one: whoever reaches it may look
    grafana = SERVICES["grafana"]["environment"]
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert (grafana["GF_AUTH_BASIC_ENABLED"], grafana["GF_AUTH_DISABLE_LOGIN_FORM"]) == ("false", "true")
    assert "PASSWORD" not in str(grafana)
    targets = {mount["target"] for mount in SERVICES["grafana"]["volumes"] if not isinstance(mount, str)}
    provider = yaml.safe_load((ROOT / "metrics/grafana/dashboards.yml").read_text())["providers"][0]
    assert grafana["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in targets
    assert Path(grafana["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).parent == Path(provider["options"]["path"])


def test_prometheus_asks_each_program_where_it_tells_its_metrics() -> None:
    # Given the ports that the programs have in their containers
    metrics = Settings.load(environ(SERVICES["web"], VALKEY_PASSWORD=PASSWORD), Path("/nowhere")).metrics
    expected = {(name, metrics.port_of_front_end(name)) for name in BOTS} | {
        ("engine", metrics.port_of_engine("cpu")),
        *(("engine-gpu", metrics.port_of_engine(f"cuda:{card}")) for card in range(8)),
    }

    (job,) = yaml.safe_load((ROOT / "metrics/prometheus.yml").read_text())["scrape_configs"]

    assert {(name, one["port"]) for one in job["dns_sd_configs"] for name in one["names"]} == expected
    assert {name for name, _ in expected} <= SERVICES.keys()
    # and none of those ports is published
    assert not {str(port) for _, port in expected} & {
        port.rpartition(":")[2] for service in SERVICES.values() for port in service.get("ports", ())
    }
    assert all((ROOT / "metrics" / name).is_file() for name in ("alerts.yml", "prometheus.yml"))


# -- settings


def test_without_a_password_nothing_starts() -> None:
    for service in (SERVICES["valkey"], *OURS.values()):
        with pytest.raises(LookupError, match=r"VALKEY_PASSWORD=.* into \.env"):
            environ(service)


@pytest.mark.parametrize(
    ("name", "groups", "not_theirs"),
    [
        (
            "engine",
            ENGINES_GROUPS,
            {*ENGINES_OWN, "ENGINE__MEMORY", "ENGINE__MODELS", "ENGINE__ACCEPT_LICENCES"},
        ),
        (
            "engine-gpu",
            ENGINES_GROUPS,
            ENGINES_OWN,
        ),
        ("terminal", {"redis", "storage", "catalog", "queue", "quota", "bots"}, {"STORAGE__KEEP_HOURS"}),
        (
            "telegram",
            {*BOTS_GROUPS, "telegram"},
            # the files of a local server would have to be seen here too
            {*NOT_A_BOTS, "TELEGRAM__LOCAL_MODE"},
        ),
        (
            "discord",
            {*BOTS_GROUPS, "discord"},
            NOT_A_BOTS,
        ),
        (
            "web",
            {*BOTS_GROUPS, "web", "telegram"},
            {*NOT_A_BOTS, *(f"TELEGRAM__{name}" for name in ("API_URL", "LOCAL_MODE", *WEBHOOK))},
        ),
    ],
)
def test_a_service_gets_every_setting_of_its_own_and_no_other(
    name: str, groups: set[str], not_theirs: set[str]
) -> None:
    # Given all settings there are, by their variables
    known = {f"UNSTILL_{group}__{field}".upper(): group for group, field in Settings.known()}

    given = set(SERVICES[name]["environment"])

    assert {known[variable] for variable in given} == groups
    missing = {variable for variable, group in known.items() if group in groups} - given
    nowhere = {variable for variable in NOT_IN_COMPOSE if known[f"UNSTILL_{variable}"] in groups}
    assert {variable.removeprefix("UNSTILL_") for variable in missing} == not_theirs | nowhere


def test_settings_in_env_come_through_and_compose_s_own_are_no_misspellings(tmp_path: Path) -> None:
    # Given a .env with what compose needs, and a setting
    own = {*re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()), "COMPOSE_PROFILES"}
    variables = {name: PASSWORD for name in own if not name.startswith("UNSTILL_")}
    variables |= {"UNSTILL_QUEUE__ATTEMPTS": "7", "UNSTILL_LOG__FORMAT": "console"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))

    # Then programs outside of containers can read it too, and the engine inside has it
    assert Settings.load({}, tmp_path).queue.attempts == 7
    settings = Settings.load(environ(SERVICES["engine"], **variables), Path("/nowhere"))
    assert (settings.queue.attempts, settings.log.format) == (7, "console")


# -- images


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("engine", "config queue engine"),
        ("engine-gpu", "config queue engine"),
        ("terminal", "config queue bots"),
        ("telegram", "config queue bots"),
        ("discord", "config queue bots"),
        ("web", "config queue bots"),
    ],
)
def test_an_image_is_built_from_its_own_folders_by_the_one_lock(name: str, folders: str) -> None:
    service = OURS[name]
    text = (ROOT / service["build"]["dockerfile"]).read_text()
    copied = re.findall(r"^COPY (\w\S*) ", text, re.MULTILINE)
    installed = re.search(
        r"pip install --constraint constraints\.txt --build-constraint constraints\.txt (.*) \\", text
    )
    allowed = set(re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    assert copied == ["constraints.txt", *folders.split()]
    assert installed is not None
    # what the build may add is an extra of the engine's, or of the front ends'
    plain = re.sub(r'"(\./\w+)\$\{EXTRAS\}"', r"\1", installed[1])
    assert plain.split() == [f"./{folder}" for folder in folders.split()]
    assert set(copied) <= allowed
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == [service["user"]]
    assert re.search(r"^ARG PYTHON=3\.\d+-slim-\w+$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:${PYTHON}"}


def test_no_secret_and_no_history_goes_to_a_build() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        *("!constraints.txt", "!config", "!queue", "!engine", "!bots")
    }
