"""Checks a copy with the recipe "Add a language": a host sets it, people are answered in it, the camera obeys it."""

from __future__ import annotations

from pathlib import Path

from tests.bots.terminal_cli import Terminal

from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.settings import Settings
from unstill_engine.renderers.camera.words import direct


def test_a_host_sets_it_and_people_are_answered_in_it(tmp_path: Path) -> None:
    settings = Settings.load({"UNSTILL_BOTS__LANGUAGE": "it"}, tmp_path)

    assert ChatReplies(settings.bots.language).queue_empty().startswith("¡You have no clips")
    # by a person's own tag too
    assert ChatReplies("it-CH").queue_empty() == ChatReplies("it").queue_empty()
    assert "¡" in Terminal(tmp_path).run("presets", "--language", "it").out


def test_the_camera_understands_it() -> None:
    assert direct("muovere a sinistra", "") == direct("pan left", "")
    assert direct("avvicinare lentamente", "") == direct("zoom in slowly", "")
