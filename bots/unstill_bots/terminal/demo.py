"""The demo: `python -m unstill_bots.terminal.demo` animates a sample photo through the real queue and engine.

It uses the embedded defaults in a folder of its own, `.unstill` where it is started, whatever else is configured.
"""

from __future__ import annotations

import sys
import time
from importlib import resources
from pathlib import Path

from unstill_bots.intake.media import PICTURE_SUFFIXES
from unstill_bots.terminal import preview, results
from unstill_bots.terminal.animate import Animation, run
from unstill_bots.terminal.chat import PLATFORM
from unstill_bots.terminal.display import Lines
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.inputs import Target
from unstill_bots.terminal.options import read
from unstill_bots.terminal.order import Order
from unstill_bots.terminal.wording import Wording
from unstill_config.catalog import Catalog
from unstill_config.logs import setup_logging
from unstill_config.settings import Engine, Log, Redis, Settings, Storage
from unstill_queue.contract.errors import QueueError
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.contract.recipe import read_recipe

MODEL = "camera"
PROMPT = "slow zoom in, panning right over the lake --seconds 3"


def settings_in(folder: Path) -> Settings:
    """The defaults, with all that is kept in `folder`."""
    return Settings(
        redis=Redis(data=folder / "valkey"),
        storage=Storage(url=(folder / "storage").as_uri()),
        engine=Engine(state=folder / "engine", model=MODEL, device="cpu"),
        log=Log(level="error"),
    )


def main() -> int:
    """Returns the exit code, as `unstill`'s."""
    folder = Path.cwd() / ".unstill"
    wording = Wording.of(None, "en")
    settings, catalog = settings_in(folder), Catalog.load()
    setup_logging(settings.log, service="demo")
    with resources.as_file(resources.files("unstill_bots") / "terminal" / "samples") as samples:
        photo = min(path for path in samples.iterdir() if path.suffix in PICTURE_SUFFIXES)
        caption, model = read(PROMPT, {}, catalog, MODEL)
        order = Order(
            photos=(str(photo),),
            words=caption,
            model=model,
            limit=catalog.platforms[PLATFORM].upload_limit,
            target=Target(Path.cwd()),
            language=wording.language,
        )
        print(wording.demo_order(photo.name, PROMPT))
        print(wording.demo_place(str(folder)), flush=True)
        begun = time.monotonic()
        display = Lines(prefix=lambda: f"{time.monotonic() - begun:7.2f} s  ", out=sys.stdout)
        try:
            folder.mkdir(exist_ok=True)
            # the engine runs in the folder, where no .env of somebody's stands
            made, code = run(lambda: Animation(settings, catalog, order, display, wording, folder))
        except (Stop, QueueError, OSError) as error:
            print(error, file=sys.stderr)
            return error.code if isinstance(error, Stop) else Code.UNAVAILABLE
    results.show(made, wording)
    for result in made:
        if result.file is not None and isinstance(result.outcome, Succeeded):
            print(wording.demo_recipe(read_recipe(Path(result.file)).comment()))
            preview.show(Path(result.file), (result.outcome.width, result.outcome.height), None)
    return code


if __name__ == "__main__":
    sys.exit(main())
