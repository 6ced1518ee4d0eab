from __future__ import annotations

import re
from pathlib import Path

from unstill_config.settings import PREFIX, Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINES = dict(re.findall(rf"^#({PREFIX}\w+)=(.*)$", EXAMPLE.read_text("utf-8"), re.MULTILINE))


def test_every_line_is_a_setting_with_its_default() -> None:
    # Given the example with every line switched on, when it is read
    settings = Settings.load(LINES, Path("/nowhere"))

    # Then it changes nothing
    assert len(LINES) > 30
    assert settings == Settings()


def test_nothing_is_switched_on_and_only_the_ledgers_clocks_are_left_out() -> None:
    text = EXAMPLE.read_text("utf-8")
    everything = {f"{PREFIX}{group}__{name}".upper() for group, name in Settings.known()}

    assert not re.search(r"^[^#\n]", text, re.MULTILINE)
    assert everything - LINES.keys() == {f"{PREFIX}QUEUE__{name}" for name in ("LEASE", "BEAT", "REAP", "AUDIT")}
