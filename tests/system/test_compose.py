"""What docker-compose.yml and the images promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.system.compose_file import COMPOSE, OURS, PASSWORD, ROOT, SERVICES, environ, seconds

from unstill_config.settings import Settings

HAND_BACK = 20
"""Seconds that an engine may need after its drain: to hand jobs back, end its child and take leave."""
NOT_IN_COMPOSE = {
    "REDIS__DATA",
    *(f"STORAGE__S3_{name}" for name in ("ENDPOINT", "REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")),
}
"""There is a server, and a folder."""

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


def test_nothing_is_published_and_nothing_reaches_out() -> None:
    assert COMPOSE["networks"] == {"queue": {"internal": True}}
    for service in SERVICES.values():
        assert service["networks"] == ["queue"]
        assert not {"ports", "expose"} & service.keys()


def test_what_is_to_last_is_started_again_and_watched() -> None:
    lasting = {name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"}

    assert lasting == {"valkey", "engine"}
    for name in lasting:
        check = SERVICES[name]["healthcheck"]
        assert seconds(check["timeout"]) <= seconds(check["interval"])
        assert check["retries"] == 3
    assert "valkey-cli set" in SERVICES["valkey"]["healthcheck"]["test"][1]
    assert SERVICES["engine"]["healthcheck"]["test"] == ["CMD", "unstill-engine", "--alive"]
    for service in OURS.values():
        assert service["depends_on"] == {"valkey": {"condition": "service_healthy"}}
        assert service["init"] is True


def test_an_engine_is_given_the_time_to_drain() -> None:
    engine = SERVICES["engine"]
    drain = Settings.load(environ(engine, VALKEY_PASSWORD=PASSWORD), Path("/nowhere")).engine.drain

    assert drain == Settings().engine.drain
    assert seconds(engine["stop_grace_period"]) >= drain + HAND_BACK
    # nor can .env make the drain longer than that
    assert environ(engine, VALKEY_PASSWORD=PASSWORD, UNSTILL_ENGINE__DRAIN="900")["UNSTILL_ENGINE__DRAIN"] == "120"


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


# -- settings


def test_without_a_password_nothing_starts() -> None:
    for service in SERVICES.values():
        with pytest.raises(LookupError, match=r"VALKEY_PASSWORD=.* into \.env"):
            environ(service)


@pytest.mark.parametrize(
    ("name", "groups", "not_theirs"),
    [
        ("engine", {"redis", "storage", "catalog", "engine", "queue", "log"}, {"ENGINE__SCRATCH", "ENGINE__FFMPEG"}),
        ("terminal", {"redis", "storage", "catalog", "queue", "quota", "bots"}, {"STORAGE__KEEP_HOURS"}),
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
    assert {variable.removeprefix("UNSTILL_") for variable in missing} == not_theirs | NOT_IN_COMPOSE


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


@pytest.mark.parametrize(("name", "folders"), [("engine", "config queue engine"), ("terminal", "config queue bots")])
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
    assert installed[1].split() == [f"./{folder}" for folder in folders.split()]
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
