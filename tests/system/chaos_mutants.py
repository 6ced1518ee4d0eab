# ruff: noqa: E501 (a planted bug is read beside the line it replaces)
"""Plants bugs in a copy of the product and shows that the chaos checker finds each: the second part of `make test-mutants`.

Each breaks a promise in a way that the processes themselves do not notice.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.system.chaos import run
from tests.system.chaos_count import Result
from tests.system.processes import ROOT

FOLDERS = ("config", "queue", "engine", "bots")
REQUESTS, KILLS, SECONDS = 40, 8, 10.0
SEED = 5
LOST = 0.15
"""Of the bot's calls: the share whose answer does not arrive. Enough that some final edit is among them."""


class Mutant(NamedTuple):
    """In `file`, `planted` stands for `sound`; `fault` is the list of the checker's that must not stay empty."""

    file: str
    sound: str
    planted: str
    fault: str


MUTANTS = {
    "an answer whose fate is unknown is said again in a new message": Mutant(
        "bots/unstill_bots/delivery/courier.py",
        "            with contextlib.suppress(MessageGone):\n                return await self._show(record, outcome, record.note, sender)",
        "            with contextlib.suppress(MessageGone, ChatUncertain):\n                return await self._show(record, outcome, record.note, sender)",
        "several",
    ),
    "a clip of the same size is taken for this one": Mutant(
        "bots/unstill_bots/delivery/clip_answers.py",
        "await self._storage.fetch(outcome.clip, file)",
        "await self._storage.fetch(self.__dict__.setdefault(f'_{outcome.size // 1000}', outcome.clip), file)",
        "misdirected",
    ),
    "a job is rendered from the picture of the one before it": Mutant(
        "engine/unstill_engine/worker/render_job.py",
        "services.storage.fetch(key, path)",
        "services.storage.fetch(type(self).__dict__.get('before') or setattr(type(self), 'before', key) or key, path)",
        "misdirected",
    ),
    "some requests are confirmed and not written down": Mutant(
        "bots/unstill_bots/intake/pipeline.py",
        "new = await self.client.ledger.accept(\n",
        "new = int(request.id.rpartition(':')[2]) % 7 == 3 or await self.client.ledger.accept(\n",
        "none",
    ),
    "the record of a job whose engine was killed is deleted": Mutant(
        "queue/unstill_queue/ledger/lua/jobs.lua",
        "    requeue(id)\n    redis.call('HINCRBY', JOB .. id, 'attempt', 1)\n    return true\n",
        "    redis.call('DEL', JOB .. id)\n    redis.call('ZREM', DUE, id)\n",
        "none",
    ),
}  # fmt: skip


def copy_with(mutant: Mutant | None, folder: Path) -> Path:
    """The product's packages, with the bug in them. Raises ValueError where its place is not there, or not alone."""
    packages = folder / "packages"
    for name in FOLDERS:
        shutil.copytree(
            ROOT / name / f"unstill_{name}", packages / f"unstill_{name}", ignore=shutil.ignore_patterns("__pycache__")
        )
    if mutant is not None:
        file = packages / Path(*Path(mutant.file).parts[1:])
        text = file.read_text()
        if text.count(mutant.sound) != 1:
            raise ValueError(f"its place was found {text.count(mutant.sound)} times")
        file.write_text(text.replace(mutant.sound, mutant.planted))
    return packages


def run_with(mutant: Mutant | None) -> Result:
    with tempfile.TemporaryDirectory(prefix="unstill-mutant-") as folder:
        packages = copy_with(mutant, Path(folder))
        house = Path(folder) / "house"
        house.mkdir()
        return asyncio.run(
            run(house, seed=SEED, requests=REQUESTS, kills=KILLS, seconds=SECONDS, lost=LOST, packages=packages)
        )  # fmt: skip


def main() -> int:
    sound = run_with(None)
    print(f"{'sound' if sound.sound else 'NOT SOUND':9} the product as it is, in {sound.seconds} s", flush=True)
    if not sound.sound:
        print(sound)
        return 1
    survivors = []
    for name, mutant in MUTANTS.items():
        try:
            result = run_with(mutant)
        except ValueError as error:
            print(f"STALE     {name}: {error}")
            survivors.append(name)
            continue
        found = getattr(result, mutant.fault)
        print(
            f"{'caught' if found else 'SURVIVED':9} {name}: {len(found)} {mutant.fault}, {result.seconds} s", flush=True
        )
        if not found:
            survivors.append(name)
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} planted bugs were caught by the chaos checker")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
