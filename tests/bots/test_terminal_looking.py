"""`unstill queue`, `cancel`, `status`, `recipe`, `presets`, `options`, `doctor` and the demo, as commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.bots.terminal_cli import Terminal

from unstill_bots.terminal.commands import cli
from unstill_queue.embedded import EmbeddedValkey
from unstill_queue.options import OPTIONS


def test_a_job_on_a_shared_server_is_seen_and_taken_out(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    # Given a server that is configured, no engine, and a photo that waits
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=valkey.url)
    terminal.photo()
    waiting = terminal.start("animate", "beach.png", "Waves rolling in", "--json")
    waiting.wait_for("No engine is running")

    # When one looks
    queue = terminal.run("queue", "--json")
    everybody = terminal.run("queue", "--all")
    status = terminal.run("status", "--json")

    # Then there it is, and nobody says when
    (job,) = queue.json["jobs"]
    assert (job["state"], job["position"], job["eta_seconds"], job["words"]) == ("queued", 1, None, "Waves rolling in")
    assert job["id"] in everybody.out
    assert status.json["states"] == {"queued": 1}
    assert [(lane["model"], lane["queued"], lane["engines"]) for lane in status.json["lanes"]] == [("camera", 1, [])]

    # And when it is cancelled by a part of its id, whoever waits hears of it
    cancelled = terminal.run("cancel", job["id"].split(":")[2], "--json")
    assert cancelled.json == {"jobs": [{"id": job["id"], "answer": "cancelled"}]}
    ended = waiting.end()
    assert ended.code == 130
    assert ended.json["clips"][0]["error"] == {"code": "cancelled", "message": "Cancelled."}
    assert terminal.run("queue").out == "Nothing is in the queue.\n"
    late = terminal.run("cancel", job["id"])
    assert (late.code, "too late" in late.out) == (1, True)


def test_without_a_server_one_sentence_says_so(tmp_path: Path) -> None:
    embedded = Terminal(tmp_path)
    configured = Terminal(tmp_path, UNSTILL_REDIS__URL="redis://:hidden@127.0.0.1:1/0")

    for words in (("queue",), ("status",), ("cancel", "--all-mine")):
        ended = embedded.run(*words, "--json")
        assert (ended.code, ended.json["error"]["code"]) == (4, 4)
        assert ended.err == "Nothing is running here: there is no queue. `unstill animate` starts one.\n"
    away = configured.run("queue")
    assert (away.code, away.err.count("\n")) == (4, 1)
    assert "127.0.0.1:1" in away.err
    assert "hidden" not in away.err
    assert not embedded.state.exists()
    assert embedded.run("cancel").code == 2


def test_files_without_a_recipe(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    photo = terminal.photo()

    assert terminal.run("recipe", "missing.mp4").code == 2
    ended = terminal.run("recipe", str(photo))
    assert ended.code == 1
    assert ended.err.startswith("This is not an MP4 file")
    assert ended.err.count("\n") == 1


def test_options_and_presets_are_those_of_the_declaration(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)

    assert [option["name"] for option in terminal.run("options", "--json").json["options"]] == [o.name for o in OPTIONS]
    assert "--seed, --sd:" in terminal.run("options").out
    assert "timelapse" in [preset["name"] for preset in terminal.run("presets", "--json").json["presets"]]
    assert terminal.run("presets", "--language", "zh_CN").out.isascii() is False


@pytest.mark.parametrize("command", ["animate", "queue", "cancel", "status", "doctor", "recipe", "presets", "options"])
def test_every_command_takes_json_and_a_language(command: str) -> None:
    flags = [spelling for parameter in cli.commands[command].params for spelling in parameter.opts]

    assert {"--json", "--language"} <= set(flags)


def test_the_demo_shows_the_whole_path_whatever_is_configured(tmp_path: Path) -> None:
    # Given settings that lead nowhere, in the environment and in the folder
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL="redis://127.0.0.1:1/0", UNSTILL_ENGINE__FFMPEG="/nowhere")
    (tmp_path / ".env").write_text("UNSTILL_ENGINE__MODEL=none\n")

    # When the demo runs
    done = subprocess.run(
        [sys.executable, "-m", "unstill_bots.demo"],
        cwd=tmp_path, env=terminal.environ(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    # Then it has made a clip from the sample, and told how
    assert done.returncode == 0, done.stderr
    (clip,) = tmp_path.glob("video_*.mp4")
    assert str(clip) in done.stdout
    assert "What the clip says of itself: Made from a photo by a moving camera, without AI" in done.stdout
    assert "Rendered. Making the file" in done.stdout
    assert " | " in done.stdout.splitlines()[-1]
    recipe = json.loads(terminal.run("recipe", str(clip), "--json").out)
    assert recipe["made_by"] == "camera"
