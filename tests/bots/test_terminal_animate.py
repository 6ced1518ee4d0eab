"""`unstill animate` on real processes: Valkey, the engine, ffmpeg."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from tests.bots.terminal_cli import Running, Terminal, records
from tests.engine.signing import papers
from tests.waiting import until

from unstill_queue.contract.jobs import Cancelled, State
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.server_process import answers

QUICK = ("--seconds", "0.5", "--fps", "16", "--resolution", "256")
LONG = ("--seconds", "20", "--fps", "24", "--resolution", "1024")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def nothing_runs(terminal: Terminal) -> bool:
    """No server answers, and nobody holds the engine's device."""
    with (terminal.state / "engine" / "cpu.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return not answers(terminal.state / "valkey" / "valkey.sock")


def test_a_photo_becomes_a_clip_that_tells_its_recipe(terminal: Terminal) -> None:
    # Given a photo, and nothing that runs
    photo = terminal.photo()

    # When it is animated
    ended = terminal.run("animate", str(photo), "Zoom in slowly -seed 7", *QUICK, "--out", "made.mp4", "--json")

    # Then the clip is in its file, as JSON says, and nothing runs any more
    assert ended.code == 0, ended.err
    (clip,) = ended.json["clips"]
    assert clip["file"] == str(terminal.folder / "made.mp4")
    assert clip["size"] == (terminal.folder / "made.mp4").stat().st_size
    assert (clip["state"], clip["seed"], clip["seconds"], clip["error"]) == ("sent", 7, 0.5, None)
    assert "AI drew none of it" in clip["text"]
    assert "beach.png: Rend" in ended.err
    assert nothing_runs(terminal)

    # And its recipe asks for the same again; a file in the way is not overwritten
    recipe = terminal.run("recipe", "made.mp4", "--json")
    assert recipe.json["parameters"] == clip["parameters"]
    assert "--seed 7" in recipe.json["caption"]
    again = terminal.run("animate", str(photo), recipe.json["caption"], "--out", "made.mp4")
    assert again.code == 2 and "--force" in again.err


def test_what_was_noted_of_a_photo_is_told(tmp_path: Path) -> None:
    # Given a host who leaves the model to the engine, and a picture of 8:1 that moves already
    terminal = Terminal(tmp_path, UNSTILL_ENGINE__MODEL="auto")
    frames = [Image.new("RGB", (1600, 200), colour) for colour in ("teal", "red")]
    frames[0].save(terminal.folder / "wide.webp", save_all=True, append_images=frames[1:], duration=50)

    # When a clip is made of it in which the camera does not move, and of the words nobody knows one
    ended = terminal.run(
        "animate", "wide.webp", "the camera does not move, zoom ud", *QUICK, "--out", "made.mp4", "--json"
    )

    # Then what the clip does not show is told, to people, to programs and in the file
    assert ended.code == 0, ended.err
    (clip,) = ended.json["clips"]
    assert clip["notes"] == ["picture_first_frame", "cropped:percent=50", "move_unread:zoom ud"]
    assert "its first frame was used" in clip["text"] and "50 % of the picture is not shown" in clip["text"]
    assert "“zoom ud” was left out" in clip["text"]
    assert terminal.run("recipe", "made.mp4", "--json").json["notes"] == clip["notes"]


def test_flags_of_other_programs_are_read_as_in_a_chat(terminal: Terminal) -> None:
    # Given a photo, and words and flags as they are typed elsewhere
    terminal.photo()
    flags = ("--v", "6", "--style", "raw", "-s", "250", "--tile", "--aspect_ratio", "2:3", "-gs", "12", "--seed", "-1")
    twice = ("--camera", "zoom in", "--camera", "slowly", "--seconds", "9", "--no", "people", "--no", "cars")
    frames = ("--num_frames", "8", "--resolution", "256")

    # When it is animated
    ended = terminal.run("animate", "beach.png", "(waves:1.3)", *flags, *twice, *frames, "--out", "made.mp4", "--json")

    # Then what could be done is done, and the rest is told
    assert ended.code == 0, ended.err
    (clip,) = ended.json["clips"]
    asked = clip["parameters"]
    assert (asked["prompt"], asked["camera"], asked["num_frames"]) == ("waves", "zoom in, slowly", 8)
    assert asked["negative_prompt"] == "people, cars"
    assert "“--shape 2:3” cannot be done here; the nearest was used: 3:4." in clip["text"]
    (left_out,) = [line for line in clip["text"].splitlines() if "left out" in line]
    assert all(each in left_out for each in ("--v 6", "--tile", "--s 250", "--style raw"))
    assert "Camera does not read --guidance_scale, --negative_prompt" in clip["text"]
    assert "“--seconds 9” was not used: “--num_frames 8” says otherwise." in clip["text"]
    assert "Weights and brackets around words are not read" in clip["text"]
    # and its recipe makes it again, with nothing left to tell
    caption = terminal.run("recipe", "made.mp4", "--json").json["caption"]
    again = terminal.run("animate", "beach.png", caption, "--out", "again.mp4", "--json")
    assert [note for note in again.json["clips"][0]["notes"] if note.startswith(("option", "weights"))] == [
        "options_not_read:options=--negative_prompt,model=Camera"
    ]


def test_a_folder_and_standard_input_make_a_batch(terminal: Terminal) -> None:
    # Given a folder of two photos, what a Mac puts beside one, and a third one on standard input
    terminal.photo("album/a.png")
    (terminal.folder / "album" / "._a.png").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    terminal.photo("album/b.jpg")
    third = terminal.photo("elsewhere/c.webp").read_bytes()
    taken = terminal.folder / "clips" / "b.mp4"
    taken.parent.mkdir()
    taken.write_text("mine")

    # When they are animated without a word, though a person may have one job at a time
    ended = terminal.run(
        "animate", "album", "-", *QUICK, "--out", "clips", stdin=third, environ={"UNSTILL_QUOTA__PERSON_JOBS": "1"}
    )

    # Then each has a clip of its own in the folder
    assert ended.code == 0, ended.err
    assert len(terminal.clips()) == 3 + 1
    assert all(clip.parent.name == "clips" for clip in terminal.clips())
    # and it is called as its photo, if that has a name, and takes nobody's place
    assert {"a.mp4", "b_2.mp4"} < {clip.name for clip in terminal.clips()}
    assert sum(clip.name.startswith("video_") for clip in terminal.clips()) == 1
    assert taken.read_text() == "mine"
    assert "Passed over in album, as no pictures that can be animated: ._a.png" in ended.err
    assert [name for name in ("a.png →", "b.jpg →", "- →") if name not in ended.out] == []


def test_what_is_typed_wrong_ends_the_command(terminal: Terminal) -> None:
    terminal.photo()

    unknown = terminal.run("animate", "beach.png", "waves", "--stepz", "3", "--json")
    wrong = terminal.run("animate", "beach.png", environ={"UNSTILL_QUEUE__LEASE": "soon"})

    assert (unknown.code, unknown.err) == (2, "There is no option --stepz. Did you mean --steps?\n")
    assert unknown.json == {"error": {"code": 2, "message": unknown.err.strip()}}
    assert (wrong.code, wrong.err.count("\n")) == (3, 1)
    assert "UNSTILL_QUEUE__LEASE" in wrong.err
    assert not terminal.state.exists()


def rendering(terminal: Terminal, *words: str) -> Running:
    running = terminal.start("animate", *words, *LONG)
    running.wait_for("beach.png: Rendering")
    return running


async def test_ctrl_c_cancels_what_renders_and_what_waits(terminal: Terminal) -> None:
    # Given one photo on the device and one in the queue
    terminal.photo()
    terminal.photo("second.png")
    running = rendering(terminal, "beach.png", "second.png")

    # When Ctrl-C comes
    running.send(signal.SIGINT)
    ended = running.end()

    # Then both are cancelled and answered, in the ledger too, and nothing runs or was made
    assert ended.code == 130, ended.err
    assert "beach.png: Cancelled." in ended.err
    assert "second.png: Cancelled." in ended.err
    assert nothing_runs(terminal)
    assert terminal.clips() == []
    with EmbeddedValkey(terminal.state / "valkey") as server:
        found = await records(server.url)
    assert [(record.state, type(record.outcome)) for record in found] == [(State.SENT, Cancelled)] * 2


async def test_what_a_killed_run_left_is_put_away_by_the_next_ones(terminal: Terminal) -> None:
    # Given a run that was killed in the middle of a long render
    terminal.photo()
    running = rendering(terminal, "beach.png")
    running.send(signal.SIGKILL)
    assert running.end().code == -signal.SIGKILL

    # When others animate other photos, as a short one may end before what was left has
    for runs in range(1, 20):
        terminal.photo(f"{runs}.png")
        ended = terminal.run("animate", f"{runs}.png", *QUICK)
        assert ended.code == 0, ended.err
        with EmbeddedValkey(terminal.state / "valkey") as server:
            first, *others = await records(server.url)
        if first.outcome is not None:
            break

    # Then none of them is kept waiting, and of the first nothing is left to do
    assert first.outcome == Cancelled("system")
    assert [record.state for record in others] == [State.SENT] * runs
    assert len(terminal.clips()) == runs


async def test_an_engine_that_cannot_start_says_why_and_nothing_stays_queued(terminal: Terminal) -> None:
    # Given an ffmpeg that is not there
    terminal.photo()

    # When a photo is animated
    ended = terminal.run("animate", "beach.png", *QUICK, environ={"UNSTILL_ENGINE__FFMPEG": "/nowhere/ffmpeg"})

    # Then the engine's own line is the last word
    assert ended.code == 4
    assert "/nowhere/ffmpeg, cannot be used" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err
    with EmbeddedValkey(terminal.state / "valkey") as server:
        (record,) = await records(server.url)
    assert (record.state, record.outcome) == (State.SENT, Cancelled("system"))


async def test_beside_an_engine_of_another_queue_it_is_said_which_queue_nobody_serves(terminal: Terminal) -> None:
    # Given an engine that serves a server's queue, and a photo
    terminal.photo()
    with EmbeddedValkey(terminal.folder / "elsewhere") as server:
        engine = subprocess.Popen(
            [sys.executable, "-m", "unstill_engine", "--until-eof"],
            env=terminal.environ({"UNSTILL_REDIS__URL": server.url}),
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        lock = terminal.state / "engine" / "cpu.lock"
        await until(lambda: lock.exists() and server.url in lock.read_text())

        # When the photo is animated without that server's address
        ended = terminal.run("animate", "beach.png", *QUICK, "--json")

        # Then the last word names the queue that was looked at, the one that is served, and what to do
        ours = f"unix://{terminal.state / 'valkey' / 'valkey.sock'}"
        assert ended.code == 4
        said = ended.err.splitlines()[-1]
        assert said.startswith(f"No engine serves the queue {ours}. The device cpu is in use by process ")
        assert f"which serves the queue {server.url}. Set UNSTILL_REDIS__URL to that queue" in said
        assert ended.json["error"]["message"] == said

        # and there it is made
        assert terminal.run("animate", "beach.png", *QUICK, environ={"UNSTILL_REDIS__URL": server.url}).code == 0
        engine.communicate()
    assert nothing_runs(terminal)


def test_a_limit_that_nothing_fits_and_a_file_that_is_no_picture(terminal: Terminal) -> None:
    terminal.photo()
    (terminal.folder / "note.jpg").write_text("not a picture")

    small = terminal.run("animate", "beach.png", *QUICK, "--limit", "600")
    unreadable = terminal.run("animate", "note.jpg", *QUICK, "--json")

    assert small.code == 1
    assert "beach.png: The clip does not fit" in small.err
    assert unreadable.code == 1
    assert unreadable.json["clips"][0]["error"]["code"] == "refused"
    assert "not a picture" in unreadable.json["clips"][0]["error"]["message"]
    assert terminal.clips() == []


def test_in_a_terminal_there_is_a_bar_for_each_photo(terminal: Terminal) -> None:
    terminal.photo()
    ours, theirs = os.openpty()

    running = terminal.start("animate", "beach.png", *QUICK, environ={"TERM": "xterm"}, stderr=theirs)
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)

    assert running.end().code == 0
    assert "━".encode() in shown
    assert b"beach.png" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux' way to say that the other end is closed
        return b""


def test_a_clip_is_signed_where_the_host_has_a_certificate(tmp_path: Path) -> None:
    # Given a certificate, and the root that vouches for it
    host = papers(tmp_path / "host")
    terminal = Terminal(
        tmp_path,
        UNSTILL_CREDENTIALS__CERTIFICATE=str(host.certificate),
        UNSTILL_CREDENTIALS__KEY=str(host.key),
        UNSTILL_CREDENTIALS__ANCHORS=str(host.root),
    )
    # When a photo is animated
    assert terminal.run("animate", str(terminal.photo()), "zoom in", *QUICK, "--out", "made.mp4").code == 0
    # Then the clip's recipe says who signed it, and that it was not changed
    shown = terminal.run("recipe", "made.mp4")
    assert (shown.code, shown.out.splitlines()[1]) == (
        0, "Signed by A host, for whom your roots vouch, and unchanged since.",
    )  # fmt: skip
    # and once a byte of it is changed, that it does not hold
    clip = terminal.folder / "made.mp4"
    data = bytearray(clip.read_bytes())
    data[-20] ^= 1
    clip.write_bytes(data)
    changed = terminal.run("recipe", "made.mp4", "--json")
    assert (changed.code, changed.json["credentials"]["state"]) == (1, "invalid")
