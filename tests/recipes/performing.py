"""The recipes of CONTRIBUTING.md, read from it and performed in a copy of the tree.

A recipe is a section `### Add ...`. Its steps are its code blocks, in order: a `diff` changes the file that is named in
the line above it, and a block without a language is commands for a shell that stands in the root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FOLDERS = ("config", "queue", "engine", "bots")
_SECTION = re.compile(r"^### (Add [^\n]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^`([^`\n]+)`:\n\n```diff\n(.*?)^```|^```\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Change:
    """Hunks of a file: each is the lines that have to stand there, and those that stand there afterwards."""

    file: str
    hunks: tuple[tuple[list[str], list[str]], ...]


@dataclass(frozen=True)
class Commands:
    lines: tuple[str, ...]


Step = Change | Commands


def recipes() -> dict[str, tuple[Step, ...]]:
    """Return all recipes of the page by their headings."""
    return {title: tuple(map(_step, _BLOCK.finditer(text))) for title, text in _SECTION.findall(PAGE)}


def _step(block: re.Match[str]) -> Step:
    file, diff, commands = block.groups()
    if file is None:
        return Commands(tuple(line for line in commands.splitlines() if line))
    hunks = [hunk.splitlines() for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE)]
    for line in (line for hunk in hunks for line in hunk):
        assert line[:1] in {" ", "+", "-"}, f"{file}: a line of a diff begins with a blank, + or -: {line!r}"
    return Change(
        file,
        tuple(
            ([line[1:] for line in hunk if line[0] in " -"], [line[1:] for line in hunk if line[0] in " +"])
            for hunk in hunks
        ),
    )


def _copy_compiled(source: Path, target: Path) -> None:
    """Take along what was compiled of a module, by Python or by pytest: it holds as long as its source has its time."""
    for compiled in (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc"):
        folder = target.parent / "__pycache__"
        folder.mkdir(exist_ok=True)
        shutil.copy2(compiled, folder / compiled.name)


def changed(lines: list[str], change: Change) -> list[str]:
    """Return a file's lines after a change. Raises AssertionError where what is to change is not there, or twice."""
    lines = list(lines)
    for before, after in change.hunks:
        starts = [at for at in range(len(lines) - len(before) + 1) if lines[at : at + len(before)] == before]
        if not before:
            starts = [len(lines)]
        assert len(starts) == 1, f"{change.file}: {len(starts)} places have\n" + "\n".join(before)
        lines[starts[0] : starts[0] + len(before)] = after
    return lines


class Copy:
    """The tree as a contributor has it, with the environment that is installed here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "unstill"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
                _copy_compiled(ROOT / name, target)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        packages = [str(self.folder / name) for name in FOLDERS]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UNSTILL_")}
        # what is installed leads to the tree that we stand in; the copy's packages come first
        self.environ = kept | {"PYTHONPATH": os.pathsep.join(packages), "HOME": str(folder)}

    def perform(self, recipe: tuple[Step, ...]) -> None:
        for step in recipe:
            if isinstance(step, Change):
                self._change(step)
            else:
                for line in step.lines:
                    self.run(line)

    def run(self, line: str, **environ: str) -> str:
        """Run a shell command and return its output. Raises AssertionError with all that it said where it fails."""
        done = subprocess.run(
            ["sh", "-ec", line], cwd=self.folder, env={**self.environ, **environ}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout[-6000:]}"
        return done.stdout

    def _change(self, change: Change) -> None:
        path = self.folder / change.file
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = changed(path.read_text("utf-8").splitlines() if path.exists() else [], change)
        path.write_text("\n".join(lines) + "\n", "utf-8")
