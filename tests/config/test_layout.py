from __future__ import annotations

import ast
import queue
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.running_order import LONGEST_FIRST

ROOT = Path(__file__).parents[2]
FOLDERS = ("config", "queue", "engine", "bots")
DOUBLES = ROOT / "tests" / "doubles"
DESIGN = {
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "UPGRADING.md", "LICENSE"),
    *("Makefile", "pyproject.toml", "constraints.txt", "docker-compose.yml"),
    *(".env.example", ".gitignore", ".dockerignore", ".pre-commit-config.yaml", ".git", ".ci", ".github"),
    *FOLDERS,
    "tests",
    "metrics",
}
# what a host or a tool makes, as .gitignore says
MADE = {
    *(".venv", ".env", "unstill.toml", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache"),
    *(".import_linter_cache", ".coverage", "htmlcov", "build", "dist", "clips", ".unstill", "__pycache__"),
}

TORCH = {"torch", "triton", "diffusers", "transformers", "accelerate", "safetensors", "huggingface-hub"}


def test_the_standard_librarys_queue_is_not_hidden() -> None:
    assert queue.__file__ is not None
    assert "site-packages" not in queue.__file__
    assert not Path(queue.__file__).is_relative_to(ROOT)
    assert hasattr(queue, "SimpleQueue")


def test_nor_is_it_where_people_stand_in_the_root() -> None:
    # Given the folder that holds queue/, which Python puts first on its path
    script = "import queue, asyncio, redis; asyncio.run(asyncio.to_thread(int)); queue.SimpleQueue(); print('fine')"

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("fine\n", "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_holds_one_package_and_its_pyproject(folder: str) -> None:
    inside = {entry.name for entry in (ROOT / folder).iterdir() if entry.name not in MADE}

    assert inside - {"Dockerfile", "BENCHMARKS.md"} == {"pyproject.toml", f"unstill_{folder}"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_package_says_that_it_is_typed(folder: str) -> None:
    assert (ROOT / folder / f"unstill_{folder}" / "py.typed").is_file()


def test_the_root_holds_what_the_design_says_and_nothing_else() -> None:
    found = {entry.name for entry in ROOT.iterdir() if not re.match(r"\.coverage|video_.*\.mp4$", entry.name)}

    assert found - DESIGN - MADE == set()


def test_tests_are_no_packages_and_their_names_are_unique() -> None:
    # the doubles are a distribution, so theirs is a package
    tests = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if "__pycache__" not in path.parts and not path.is_relative_to(DOUBLES)
    ]
    # what a failure is called by; the parts of a double may be called alike
    names = [path.name for path in tests if path.name.startswith("test_")]

    assert [path for path in tests if path.name == "__init__.py"] == []
    assert sorted(set(names)) == sorted(names)


def test_the_files_that_begin_first_are_there() -> None:
    for name in LONGEST_FIRST:
        assert len([*(ROOT / "tests").rglob(name)]) == 1


def test_every_requirement_is_locked_and_only_the_engines_diffusion_names_torch() -> None:
    # Given all that the six files ask for
    locked = {
        _normal(name)
        for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    }
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    develops = _names([*groups["dev"], *groups["release"]])
    asked: set[str] = set()
    extras: dict[str, set[str]] = {}
    for folder in (*FOLDERS, "tests/doubles"):
        pyproject = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())
        asked |= _names([*pyproject["project"]["dependencies"], *pyproject["build-system"]["requires"]])
        for extra, requirements in pyproject["project"].get("optional-dependencies", {}).items():
            extras[f"{folder}[{extra}]"] = _names(requirements)
    diffusion, depth = extras.pop("engine[diffusion]", set()), extras.pop("engine[depth]", set())
    asked = asked.union(*extras.values())

    # Then each has its version in the one lock, and what the demo installs asks for no torch
    assert "queue[embedded]" in extras
    assert (asked | develops) - locked == set()
    assert asked & TORCH == set()
    assert diffusion - locked - TORCH == set()
    # weights come from the same hub with torch and without
    assert depth & TORCH == {"huggingface-hub"}
    assert depth - locked == set()
    installed = re.search(r"^\.venv/\.runtime:.*?(?=\n\n)", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert installed is not None
    assert set(re.findall(r"-e '?\./(\S+?)'?(?=\s)", installed[0])) == {
        *("config", "queue[embedded]", "engine", "bots"),
    }


def _names(requirements: list[str]) -> set[str]:
    """Of what is installed from elsewhere."""
    names = {_normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]) for requirement in requirements}
    return {name for name in names if not name.startswith("unstill-")}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_help_is_the_default_and_tells_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None

    told = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [line.split()[1] for line in told.splitlines()] == [
        *(
            "setup",
            "demo",
            "web",
            "test",
            "test-storms",
            "coverage",
            "test-deep",
            "test-mutants",
            "chaos",
            "lint",
            "bench",
            "bench-gpu",
            "release",
            "pictures",
            "clean",
            "help",
        )
    ]
    assert set(phony[1].split()) == {line.split()[1] for line in told.splitlines()}


def test_a_python_that_is_too_old_is_told_in_one_line(tmp_path: Path) -> None:
    # Given a folder to install in, and a Python that says it is old
    for name in ("Makefile", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pyproject.toml").touch()
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = subprocess.run(["make", f"PYTHON={old}", "demo"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert f"{old} is older than Python 3.11: install a newer one" in done.stderr.splitlines()[0]
    assert not (tmp_path / ".venv").exists()


def test_the_doubles_import_nothing_but_what_they_require() -> None:
    # Given all modules of the doubles, and what their pyproject.toml asks for
    pyproject = tomllib.loads((DOUBLES / "pyproject.toml").read_text())
    required = {"pillow": "PIL"}
    allowed = {required.get(name, name) for name in _names(pyproject["project"]["dependencies"])}
    imported: set[str] = set()
    for path in DOUBLES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.module is not None and node.level == 0, path
                imported.add(node.module.partition(".")[0])

    # Then nothing of the product or of the tests is among it
    assert imported - set(sys.stdlib_module_names) == {"wire_doubles", *allowed}


def test_the_doubles_are_installed(tmp_path: Path) -> None:
    script = "import wire_doubles.discord_api, wire_doubles.telegram_api, wire_doubles.hub, wire_doubles.chaos_proxy"

    # When a program somewhere else uses them, with no path of the tests
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_what_make_test_leaves_out_is_run_by_ci_or_named_deep() -> None:
    # Given the marks that keep a test out of make test
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    left_out = options["addopts"][options["addopts"].index("-m") + 1]
    makefile = (ROOT / "Makefile").read_text()

    assert left_out == "not deep and not storm"
    assert {marker.partition(":")[0] for marker in options["markers"]} == {"deep", "storm"}
    # Then each has a target, and CI runs that of storms
    for mark, target in (("storm", "test-storms"), ("deep", "test-deep")):
        recipe = re.search(rf"^{target}:.*\n\t(.*)$", makefile, re.MULTILINE)
        assert recipe is not None and f"-m {mark} " in recipe[1]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make lint test test-storms"
