"""What hosts install: wheels with the same bytes each time, which work where nothing else is installed."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from unstill_config.version import VERSION

ROOT = Path(__file__).parents[2]
FOLDERS = ("config", "queue", "engine", "bots")


def wheel(project: str, into: Path, **environ: str) -> Path:
    """Build a project by its backend, and return its wheel."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into)],
        cwd=ROOT / project, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **environ}, capture_output=True,
        check=True,
    )  # fmt: skip
    (found,) = into.glob("*.whl")
    return found


def test_the_version_stands_in_one_place() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    for folder in (*FOLDERS, "."):
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))
        assert "version" in project["project"]["dynamic"]
        place = ROOT / folder / project["tool"]["hatch"]["version"]["path"]
        assert place.resolve() == ROOT / "config" / "unstill_config" / "version.py"
        assert "version" not in project["project"]
    # and the changelog tells of it
    assert re.search(rf"^## \[(Unreleased|{VERSION})\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_unstill_asks_for_all_four_of_its_own_version_and_has_their_programs_and_extras(tmp_path: Path) -> None:
    file = wheel(".", tmp_path)
    with zipfile.ZipFile(file) as archive:
        said = Parser().parsestr(archive.read(f"unstill-{VERSION}.dist-info/METADATA").decode())
        programs = archive.read(f"unstill-{VERSION}.dist-info/entry_points.txt").decode()
    asked = said.get_all("Requires-Dist") or []
    assert {one for one in asked if "extra" not in one} == {
        f"unstill-bots=={VERSION}",
        f"unstill-config=={VERSION}",
        f"unstill-engine=={VERSION}",
        f"unstill-queue[embedded]=={VERSION}",
    }
    projects = [tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"] for folder in FOLDERS]
    extras = {extra for project in projects for extra in project.get("optional-dependencies", {})} - {"embedded"}
    assert "diffusion" in extras
    assert set(said.get_all("Provides-Extra") or []) == extras
    for project in projects:
        for name, place in project.get("scripts", {}).items():
            assert f"{name} = {place}\n" in f"{programs}\n"


def test_a_wheel_has_the_same_bytes_each_time_and_all_of_its_package(tmp_path: Path) -> None:
    # Given a build, and another one by somebody with another mask, elsewhere and at another time of the day
    first = wheel("queue", tmp_path / "first")
    before = os.umask(0o077)
    try:
        second = wheel("queue", tmp_path / "second", TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")
    finally:
        os.umask(before)
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()
    # and another commit's time is another file
    assert first.read_bytes() != wheel("queue", tmp_path / "third", SOURCE_DATE_EPOCH="1800000000").read_bytes()
    # Then each file of the package is in it, those that are no Python too
    package = ROOT / "queue" / "unstill_queue"
    kept = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(first) as archive:
        names = set(archive.namelist())
    assert {str(path.relative_to(ROOT / "queue")) for path in kept} <= names
    assert "unstill_queue/backup/snapshot.lua" in names


def test_a_tag_of_another_version_is_not_released(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / ".ci" / "release.py"), "--from-here", "--tag", "v99.0.0"]
    done = subprocess.run([*command, "--out", str(tmp_path / "dist")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"The tag is v99.0.0, and the version here is {VERSION}. Move the tag, or the version.\n",
    )
    assert not (tmp_path / "dist").exists()


@pytest.mark.storm
def test_the_wheels_alone_animate_a_photo_where_nothing_else_is_installed(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / ".ci" / "release.py"),
        "--from-here",
        "--out",
        str(tmp_path / "dist"),
        "--tag",
        f"v{VERSION}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"trying unstill {VERSION} by itself" in done.stdout
    # and the lock is with them, by which a host installs the same
    assert (tmp_path / "dist" / "constraints.txt").read_bytes() == (ROOT / "constraints.txt").read_bytes()
    told = dict(line.split("  ")[::-1] for line in (tmp_path / "dist" / "SHA256SUMS").read_text().splitlines())
    wheels = sorted((tmp_path / "dist").glob("*.whl"))
    assert len(wheels) == 5
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels}.items() <= told.items()
