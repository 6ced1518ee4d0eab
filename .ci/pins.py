"""Computes what the distribution `unstill` depends on: the four others, at its own version, and the embedded server."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

FOLDERS = ("config", "queue", "engine", "bots")
SERVER = "embedded"
"""The extra that everybody has here: without a server of somebody's own there is one."""


class Pins(MetadataHookInterface):
    """Writes requirements and extras into the metadata, as the folders have them."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Do so. Programs of one process are of one version, so that an upgrade takes all of them along."""
        pins: list[str] = []
        extras: dict[str, list[str]] = {}
        for folder in FOLDERS:
            project = tomllib.loads(Path(self.root, folder, "pyproject.toml").read_text("utf-8"))["project"]
            own = project.get("optional-dependencies", {})
            with_server = f"[{SERVER}]" if SERVER in own else ""
            pins.append(f"{project['name']}{with_server}=={metadata['version']}")
            extras |= {name: [f"{project['name']}[{name}]"] for name in own if name != SERVER}
        metadata["dependencies"] = pins
        metadata["optional-dependencies"] = extras
