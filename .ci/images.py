"""Builds the images of docker-compose.yml, pushes them, and writes down by which digests compose pulls them.

No digest stands in the repository: those of the images that ours stand on are asked for at each release, ours are what
the registry has got.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES = {"terminal": "BOTS_IMAGE", "engine": "ENGINE_IMAGE", "engine-gpu": "ENGINE_GPU_IMAGE"}
"""A service that each image is built for, and compose's variable that names the image."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HEAD = "# The images of Unstill {tag}: docker compose --env-file .env --env-file images.env up --detach\n"


def main() -> int:
    """Return the exit code; nothing is written where anything fails."""
    parser = argparse.ArgumentParser(description="Builds and pushes the images, and writes their digests.")
    parser.add_argument("--to", required=True, help="registry and folder, such as ghcr.io/somebody/unstill")
    parser.add_argument("--tag", required=True, help="the version")
    parser.add_argument("--out", type=Path, required=True, help="the file for compose's variables")
    arguments = parser.parse_args()
    names = {service: f"{arguments.to}/{service.replace('terminal', 'bots')}" for service in SERVICES}
    python = _written(ROOT / "bots" / "Dockerfile", r"^ARG PYTHON=(\S+)$")
    pinned = {variable: f"{image}@{base_digest(image)}" for variable, image in of_others().items()}
    base = f"{python}@{base_digest(f'python:{python}')}"
    for service, digest in build(names, arguments.tag, base).items():
        pinned[SERVICES[service]] = f"{names[service]}:{arguments.tag}@{digest}"
    lines = [f"{variable}={image}\n" for variable, image in sorted(pinned.items())]
    arguments.out.write_text(HEAD.format(tag=arguments.tag) + "PULL_POLICY=missing\n" + "".join(lines))
    print(arguments.out.read_text(), end="")
    return 0


def of_others() -> dict[str, str]:
    """Return the images that compose pulls as others made them, by the variables that name them."""
    found = re.findall(r"^ +image: \$\{(\w+):-(\S+)\}$", COMPOSE.read_text("utf-8"), re.MULTILINE)
    return {variable: image for variable, image in found if variable not in SERVICES.values()}


def base_digest(image: str) -> str:
    """Return the digest that an image of somebody else's has now."""
    said = _docker("buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}").strip()
    return _digest(said, image)


def build(names: dict[str, str], tag: str, base: str) -> dict[str, str]:
    """Build and push each image, on that Python, with the list of its parts. Return the digests by service."""
    # compose's file is read as compose does; what it wants of a host's .env is nothing of an image
    environ = {**os.environ, "VALKEY_PASSWORD": "none", "BOTS_EXTRAS": "[safety]"}
    environ |= {SERVICES[service]: f"{name}:{tag}" for service, name in names.items()}
    with tempfile.TemporaryDirectory(prefix="unstill-images-") as folder:
        file = Path(folder, "metadata.json")
        _docker(
            "buildx", "bake", "--file", str(COMPOSE), "--push", "--sbom=true", "--provenance=mode=max",
            "--set", f"*.args.PYTHON={base}", "--metadata-file", str(file), *names,
            environ=environ,
        )  # fmt: skip
        said = json.loads(file.read_text())
    return {service: _digest(str(said.get(service, {}).get("containerimage.digest")), service) for service in names}


def _digest(said: str, what: str) -> str:
    if not DIGEST.fullmatch(said):
        raise SystemExit(f"Of {what} docker says no digest, but {said[:80]!r}.")
    return said


def _written(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{file.name} has no line like {pattern}.")
    return found[1]


def _docker(*words: str, environ: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(["docker", *words], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    except FileNotFoundError:
        raise SystemExit("There is no docker here. Install it with its buildx.") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"docker {' '.join(words[:3])} ended with {error.returncode}.") from None
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
