"""`unstill queue`, `cancel` and `status` on a shared server, and the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.bots.terminal_cli import Terminal

from unstill_queue.redis.embedded import EmbeddedValkey


def test_a_job_on_a_shared_server_is_seen_and_taken_out(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    # Given a server that is configured, no engine, and a photo that waits
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=valkey.url)
    terminal.photo()
    waiting = terminal.start("animate", "beach.png", "Waves rolling in", "--json")
    waiting.wait_for(f"No engine serves the queue {valkey.url}.")
    waiting.wait_for("No engine is running")

    # When one looks
    queue = terminal.run("queue", "--json")
    table = terminal.run("queue", "--all")
    status = terminal.run("status", "--json")

    # Then there it is, and nobody says when
    (job,) = queue.json["jobs"]
    assert (job["state"], job["position"], job["eta_seconds"], job["words"]) == ("queued", 1, None, "Waves rolling in")
    assert status.json["states"] == {"queued": 1}
    assert [(lane["model"], lane["queued"], lane["engines"]) for lane in status.json["lanes"]] == [("camera", 1, [])]

    assert job["id"] in table.out and "Waves rolling in" in table.out

    # And when it is cancelled by a part of its id, whoever waits hears of it
    cancelled = terminal.run("cancel", job["id"].split(":")[2], "--json")
    assert cancelled.json == {"jobs": [{"id": job["id"], "answer": "cancelled"}]}
    ended = waiting.end()
    assert ended.code == 130
    assert ended.json["clips"][0]["error"] == {"code": "cancelled", "message": "Cancelled."}


def test_without_a_server_one_sentence_says_so(tmp_path: Path) -> None:
    embedded = Terminal(tmp_path)
    configured = Terminal(tmp_path, UNSTILL_REDIS__URL="redis://:hidden@127.0.0.1:1/0")

    here = embedded.run("queue", "--json")
    away = configured.run("status")

    assert (here.code, here.json["error"]["code"]) == (4, 4)
    assert here.err == "Nothing is running here: there is no queue. `unstill animate` starts one.\n"
    assert not embedded.state.exists()
    assert (away.code, away.err.count("\n")) == (4, 1)
    assert "127.0.0.1:1" in away.err
    assert "hidden" not in away.err


def test_the_demo_shows_the_whole_path_whatever_is_configured(tmp_path: Path) -> None:
    # Given settings that lead nowhere, in the environment and in the folder
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL="redis://127.0.0.1:1/0", UNSTILL_ENGINE__FFMPEG="/nowhere")
    (tmp_path / ".env").write_text("UNSTILL_ENGINE__MODEL=none\n")

    # When the demo runs
    done = subprocess.run(
        [sys.executable, "-m", "unstill_bots.terminal.demo"],
        cwd=tmp_path, env=terminal.environ(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    # Then it has made a clip from the sample, and told how
    assert done.returncode == 0, done.stderr
    (clip,) = tmp_path.glob("video_*.mp4")
    assert clip.name in done.stdout
    assert "What the clip says of itself: Made from a photo by a moving camera; AI drew none of it" in done.stdout
    assert "Rendered. Making the file" in done.stdout
    assert " | " in done.stdout.splitlines()[-1]
    recipe = json.loads(terminal.run("recipe", str(clip), "--json").out)
    assert recipe["made_by"] == "camera"
