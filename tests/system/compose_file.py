"""docker-compose.yml, as compose reads it."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
WATCHING = ("prometheus", "grafana")
"""Those that look at figures, and have no part in the work."""
PASSWORD = "0123456789abcdefABCDEF"  # noqa: S105  # of a server of the test's own


def filled(text: str, variables: dict[str, str]) -> str:
    """What compose makes of ${NAME:-default}, ${NAME:+instead}, ${NAME:?message} and $$."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        given = variables.get(match["name"], "")
        if not given and match["how"] == ":?":
            raise LookupError(match["rest"])
        if match["how"] == ":+":
            return match["rest"] if given else ""
        return given or match["rest"]

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?P<how>:[-+?])(?P<rest>[^}]*)\}", value, text)


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """What compose makes of a whole file, or a part of one, before it looks at its form."""
    match value:
        case str():
            return filled(value, variables)
        case dict():
            return {key: interpolated(one, variables) for key, one in value.items()}
        case list():
            return [interpolated(one, variables) for one in value]
        case _:
            return value


def specification() -> dict[str, Any]:
    """The JSON schema of the compose specification (github.com/compose-spec/compose-spec, schema/compose-spec.json).

    check-jsonschema carries it, with the checksum of what it took from there.
    """
    return _schema("compose-spec")


def workflow_form() -> dict[str, Any]:
    """The JSON schema of the forge's workflows (json.schemastore.org, github-workflow.json), from the same package."""
    return _schema("github-workflows")


def _schema(name: str) -> dict[str, Any]:
    vendor = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    data = (vendor / f"{name}.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == (vendor / "sha256" / f"{name}.sha256").read_text().strip()
    schema: dict[str, Any] = json.loads(data)
    return schema


def environ(service: dict[str, Any], **variables: str) -> dict[str, str]:
    """The variables in a service's container: its own, and those handed on where they are set."""
    written = service["environment"].items()
    passed = {name: variables[name] for name, text in written if text is None and name in variables}
    return passed | {name: filled(text, variables) for name, text in written if text is not None}


def seconds(duration: str) -> int:
    minutes, rest = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration).groups()  # type: ignore[union-attr]
    return int(minutes or 0) * 60 + int(rest or 0)
