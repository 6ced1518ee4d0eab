"""The pictures with which Pillow tests itself, from the source distribution of the version that is locked."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
CONSTRAINTS = ROOT / "constraints.txt"


def locked_version() -> str:
    found = re.search(r"^pillow==(\S+)$", CONSTRAINTS.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def source_distribution() -> Path:
    """Where it lies; fetched by pip, once. pip compares its hash, reads its metadata, and compiles nothing."""
    version = locked_version()
    folder = ROOT / "build" / f"pillow-{version}"
    file = folder / f"pillow-{version}.tar.gz"
    if not file.exists():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
        locked = ["--constraint", str(CONSTRAINTS), "--build-constraint", str(CONSTRAINTS)]
        subprocess.run([*pip, *locked, "--no-binary", "pillow", "--dest", str(folder), "pillow"], check=True)
    return file


def pillow_images() -> list[tuple[str, bytes]]:
    """Name and bytes of each, in the order of their names; about 1,000 in 50 formats."""
    images = []
    with tarfile.open(source_distribution()) as archive:
        for member in archive:
            _, found, name = member.name.partition("/Tests/images/")
            if found and member.isfile() and (file := archive.extractfile(member)) is not None:
                images.append((name, file.read()))
    return sorted(images)
