"""What a forge does with a tag: its workflow has the form that it reads, and images are pulled by digest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML
from tests.system.compose_file import COMPOSE, OURS, PASSWORD, ROOT, SERVICES, interpolated, workflow_form
from tests.system.test_compose_schema import wrong

WORKFLOW: dict[str, Any] = YAML(typ="safe").load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
PYTHON, VALKEY = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"

DOCKER = f'''#!{sys.executable}
"""Stands for docker: it knows what the script may ask, ends with 64 for all else, and writes down what it was asked."""
import json, os, sys
words = sys.argv[1:]
with open(os.environ["ASKED"], "a") as asked:
    names = ("VALKEY_PASSWORD", "BOTS_IMAGE", "ENGINE_IMAGE", "ENGINE_GPU_IMAGE")
    asked.write(json.dumps([words, {{name: os.environ.get(name) for name in names}}]) + "\\n")
if words[:3] == ["buildx", "imagetools", "inspect"] and words[4:] == ["--format", "{{{{.Manifest.Digest}}}}"]:
    print(os.environ.get("SAYS") or ("{PYTHON}" if words[3].startswith("python:") else "{VALKEY}"))
elif words[:2] == ["buildx", "bake"] and "--push" in words:
    if os.environ.get("BREAKS"):
        sys.exit(1)
    targets = words[words.index("--metadata-file") + 2:]
    digests = {{one: {{"containerimage.digest": f"sha256:{{n:064x}}"}} for n, one in enumerate(targets)}}
    open(words[words.index("--metadata-file") + 1], "w").write(json.dumps(digests))
else:
    sys.exit(64)
'''


def images(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a docker of ours."""
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    words = ["--to", "ghcr.io/somebody/unstill", "--tag", "1.2.3", "--out", str(folder / "images.env")]
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "images.py"), *words],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "ASKED": str(folder / "asked"), **environ},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_workflow_has_the_form_that_the_forge_reads_and_runs_what_is_there() -> None:
    form = workflow_form()
    validator = jsonschema.validators.validator_for(form)(form)
    assert sorted(error.json_path for error in validator.iter_errors(WORKFLOW)) == []
    jobs = WORKFLOW["jobs"]
    assert all(job["timeout-minutes"] for job in jobs.values())
    # what may write is the release alone, after all was checked
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "permissions" in job] == ["release"]
    assert (jobs["release"]["needs"], jobs["release"]["if"]) == ("check", "startsWith(github.ref, 'refs/tags/v')")
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    for command in commands:
        for script in re.findall(r"\.ci/\w+(?:\.py)?", command):
            assert (ROOT / script).exists()
    assert {".ci/run", 'make release TAG="$GITHUB_REF_NAME"'} <= set(commands)


def _default(service: str) -> str:
    return str(interpolated(SERVICES[service]["image"], {}))


def test_a_release_writes_down_by_which_digests_compose_pulls(tmp_path: Path) -> None:
    done = images(tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "images.env").read_text()
    pinned = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    to = "ghcr.io/somebody/unstill"
    assert pinned == {
        "PULL_POLICY": "missing",
        "BOTS_IMAGE": f"{to}/bots:1.2.3@sha256:{0:064x}",
        "ENGINE_IMAGE": f"{to}/engine:1.2.3@sha256:{1:064x}",
        "ENGINE_GPU_IMAGE": f"{to}/engine-gpu:1.2.3@sha256:{2:064x}",
        "VALKEY_IMAGE": f"valkey/valkey:9.1@{VALKEY}",
        "PROMETHEUS_IMAGE": f"{_default('prometheus')}@{VALKEY}",
        "GRAFANA_IMAGE": f"{_default('grafana')}@{VALKEY}",
    }
    # and what was built has its base by digest, and the names without one
    *_, (words, environ) = map(json.loads, (tmp_path / "asked").read_text().splitlines())
    assert f"*.args.PYTHON=3.12-slim-bookworm@{PYTHON}" in words
    assert "--sbom=true" in words
    assert environ["ENGINE_IMAGE"] == f"{to}/engine:1.2.3" and environ["VALKEY_PASSWORD"]
    # Then compose has no image but by digest, and does not build
    merged = interpolated(COMPOSE, {"VALKEY_PASSWORD": PASSWORD, **pinned})
    assert wrong(merged) == []
    for name in SERVICES:
        assert re.search(r"@sha256:[0-9a-f]{64}$", merged["services"][name]["image"])
        assert name not in OURS or merged["services"][name]["pull_policy"] == "missing"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SAYS": "latest"}, "Of valkey/valkey:9.1 docker says no digest, but 'latest'."),
        ({"BREAKS": "1"}, "docker buildx bake --file ended with 1."),
    ],
)
def test_where_no_digest_is_to_be_had_none_is_written(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    done = images(tmp_path, **environ)
    assert done.returncode == 1
    assert done.stderr.strip() == said
    assert not (tmp_path / "images.env").exists()


def test_without_a_release_compose_builds_what_is_ours() -> None:
    for name, service in interpolated(OURS, {"VALKEY_PASSWORD": PASSWORD}).items():
        assert service["pull_policy"] == "build", name
    # services of one image are built alike, and other builds have other names
    builds = {name: (service["image"], str(service["build"])) for name, service in OURS.items()}
    assert len(set(builds.values())) == len({image for image, _ in builds.values()})
    assert all("@" not in service["image"] for service in SERVICES.values())
