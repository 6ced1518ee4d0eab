"""docker-compose.yml has the form that the compose specification asks for, and so have the README's pieces of it."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.system.compose_file import COMPOSE, PASSWORD, ROOT, SERVICES, environ, interpolated, specification

from unstill_config.settings import Settings

VALIDATOR = jsonschema.validators.validator_for(specification())(specification())
OVERRIDES = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


def wrong(file: Any) -> list[str]:
    """Where a file does not have the form, as paths."""
    return sorted(error.json_path for error in VALIDATOR.iter_errors(file))


def test_the_file_has_the_form_of_the_specification_whatever_env_says() -> None:
    # Given what stands in .env at least, and all that may
    least = {"VALKEY_PASSWORD": PASSWORD}
    names = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    sizes = {name: "2g" for name in names if name.startswith("ENGINE_")}

    for variables in (least, least | sizes | {"WEB_ADDRESS": "0.0.0.0", "UNSTILL_CATALOG__FILE": "/etc/unstill.toml"}):  # noqa: S104
        assert wrong(interpolated(COMPOSE, variables)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("services", "engine", "stop_grace_periode"), "150s"),
        (("services", "engine", "restart"), ["always"]),
        (("services", "engine", "healthcheck", "retries"), {"most": 3}),
        (("services", "engine", "depends_on", "valkey", "condition"), "service_well"),
        (("services", "engine", "volumes"), "storage:/var/lib/unstill/storage"),
        (("networks", "queue", "internally"), True),
    ],
)
def test_a_slip_in_the_file_is_found(path: tuple[str, ...], value: Any) -> None:
    file = interpolated(copy.deepcopy(COMPOSE), {"VALKEY_PASSWORD": PASSWORD})
    table = file
    for name in path[:-1]:
        table = table[name]
    table[path[-1]] = value

    assert any(found.startswith(f"$.{'.'.join(path[:2])}") for found in wrong(file))


@pytest.mark.parametrize("text", OVERRIDES)
def test_the_readmes_pieces_fit_the_file(text: str, tmp_path: Path) -> None:
    piece = yaml.safe_load(text)

    # Given the piece as compose lays it over the file
    merged = interpolated(copy.deepcopy(COMPOSE), {"VALKEY_PASSWORD": PASSWORD})
    for name, service in piece["services"].items():
        merged["services"][name]["environment"] |= service.get("environment", {})
        merged["services"][name] |= {key: value for key, value in service.items() if key != "environment"}
    for kind in piece.keys() - {"services"}:
        merged[kind] = merged.get(kind, {}) | piece[kind]

    # Then both have the form, it names services that there are, and each of its secrets is one that is there
    assert wrong(piece) == []
    assert wrong(merged) == []
    assert piece["services"].keys() <= SERVICES.keys()
    for name, service in piece["services"].items():
        assert set(service.get("secrets", ())) <= piece["secrets"].keys()
        # and the program in that container reads it from there
        variables = environ(SERVICES[name], VALKEY_PASSWORD=PASSWORD) | service["environment"]
        for variable, path in service["environment"].items():
            file = tmp_path / Path(path).name
            file.write_text("the secret\n")
            assert Path(path).parent == Path("/run/secrets") and Path(path).name in service["secrets"]
            variables[variable] = str(file)
        assert "the secret" in [
            secret.get_secret_value() for secret in Settings.load(variables, Path("/nowhere")).secrets()
        ]
