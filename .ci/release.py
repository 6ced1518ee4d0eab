"""Builds what hosts install, twice, and tries it where nothing else is installed: `make release`.

With --from-here nothing is fetched: what others made is taken from the environment that runs this.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECTS = ("./config", "./queue", "./engine", "./bots", ".")
LOCK = ROOT / "constraints.txt"
SAMPLE = ROOT / "bots/unstill_bots/terminal/samples/lake.jpg"
WITHIN = 300
"""Seconds for a sample to be animated."""


def main() -> int:
    """Leave wheels, a list of their parts, the lock and checksums in the folder --out; return the exit code."""
    parser = argparse.ArgumentParser(description="Builds the wheels, twice, and tries them by themselves.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for what is released")
    parser.add_argument("--tag", help="what is released, such as v1.2.3: it has to be the version here")
    parser.add_argument("--from-here", action="store_true", help="fetch nothing: take what is needed from here")
    arguments = parser.parse_args()
    out: Path = arguments.out
    if arguments.tag not in (None, f"v{(here := written_version())}"):
        return _fail(f"The tag is {arguments.tag}, and the version here is {here}. Move the tag, or the version.")
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="unstill-release-") as folder:
        again = Path(folder, "again")
        for wheels in (out, again):
            build(wheels, from_here=arguments.from_here)
        if differing := sorted(name for name, sum in sums(out).items() if sums(again).get(name) != sum):
            return _fail(f"{', '.join(differing)}: built twice, the bytes differ.")
        python = clean_environment(Path(folder, "clean"), out, from_here=arguments.from_here)
        version = json.loads(_run([str(python), "-c", _VERSIONS]))["unstill"]
        print(f"trying unstill {version} by itself", flush=True)
        try_out(python.parent, Path(folder, "home"), version)
        bill_of_materials(python, out / f"unstill-{version}.cdx.json")
    # by it hosts have the versions that were tried
    shutil.copy(LOCK, out)
    (out / "SHA256SUMS").write_text("".join(f"{sum}  {name}\n" for name, sum in sorted(sums(out).items())))
    print(f"released into {out}: {', '.join(sorted(path.name for path in out.iterdir()))}")
    return 0


def build(into: Path, *, from_here: bool) -> None:
    """Build a wheel of each project. All files in it bear the time of the commit."""
    shared = ["--no-build-isolation"] if from_here else ["--build-constraint", str(LOCK)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or committed_at()}
    _pip(sys.executable, "wheel", "--no-deps", *shared, "--wheel-dir", str(into), *PROJECTS, environ=environ)


def written_version() -> str:
    """Return the version that all distributions have."""
    return str(runpy.run_path(str(ROOT / "config" / "unstill_config" / "version.py"))["VERSION"])


def committed_at() -> str:
    """Return the seconds since 1970 of the commit; of 2020 where there is no history."""
    found = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "1577836800"


def clean_environment(folder: Path, wheels: Path, *, from_here: bool) -> Path:
    """Make an environment with `unstill`, by the wheels alone, and what it asks for. Return its Python."""
    venv.create(folder, with_pip=not from_here)
    python = folder / "bin" / "python"
    if not from_here:
        _pip(str(python), "install", "--find-links", str(wheels), "--constraint", str(LOCK), "unstill")
        return python
    _pip(sys.executable, "--python", str(python), "install", "--no-index", "--no-deps", *map(str, wheels.glob("*.whl")))
    site = Path(_run([str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]).strip())
    _link(_needed(site), site)
    return python


def _needed(site: Path) -> set[str]:
    """Return the names of all distributions that those in `site` ask for."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    here = {canonicalize_name(one.name): one for one in metadata.distributions(path=[str(site)])}
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    asked = [("unstill", "")]
    while asked:
        name, extra = asked.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        if name not in here:
            found.add(name)
        distribution = here.get(canonicalize_name(name)) or metadata.distribution(name)
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                asked += [(canonicalize_name(requirement.name), one) for one in ("", *requirement.extras)]
    return found


def _link(names: Iterable[str], site: Path) -> None:
    for name in names:
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            source = Path(str(distribution.locate_file(top))).resolve()
            if not (site / top).exists():
                (site / top).symlink_to(source)


def try_out(programs: Path, home: Path, version: str) -> None:
    """Animate a sample as somebody who has just installed it. Raises SystemExit where that fails."""
    home.mkdir()
    environ = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    shutil.copy(SAMPLE, home / "lake.jpg")
    if version not in _run(["unstill", "--version"], environ=environ, cwd=home):
        raise SystemExit(f"unstill --version does not say {version}.")
    for program in ("unstill-bot", "unstill-engine"):
        _run([program, "--help"], environ=environ, cwd=home)
    words = ["unstill", "animate", "lake.jpg", "zoom in --seconds 1 --resolution 256", "--out", "clip.mp4"]
    _run(words, environ=environ, cwd=home)
    if (home / "clip.mp4").read_bytes()[4:8] != b"ftyp":
        raise SystemExit("unstill animate has made no clip.")


def bill_of_materials(python: Path, file: Path) -> None:
    """Write what is installed beside `python` as CycloneDX, and check that all of it is named there."""
    if importlib.util.find_spec("cyclonedx_py") is None:
        print("no bill of materials: cyclonedx-bom is not installed here", flush=True)
        return
    _run([sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "-o", str(file), str(python)])
    told = {(one["name"], one["version"]) for one in json.loads(file.read_text())["components"]}
    installed = set(json.loads(_run([str(python), "-c", _VERSIONS])).items())
    if missing := installed - told:
        raise SystemExit(f"{file.name} lacks {missing}.")


def sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


_VERSIONS = "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions()}))"


def _pip(python: str, *words: str, environ: Mapping[str, str] | None = None) -> None:
    _run([python, "-m", "pip", "--disable-pip-version-check", "--quiet", *words], environ=environ)


def _run(command: list[str], *, environ: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    """Return what a command prints. Raises SystemExit with its last words where it fails."""
    path = (environ or os.environ).get("PATH", "")
    program = shutil.which(command[0], path=path) or command[0]
    done = subprocess.run(
        [program, *command[1:]], cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=WITHIN
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
