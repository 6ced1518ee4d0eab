"""`unstill animate --server`: a terminal here, and a page as a real process elsewhere."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.bots.terminal_cli import Running, Terminal
from tests.system.web_house import WebHouse, has_clips, web_house
from tests.waiting import wait_for

from unstill_queue.contract.recipe import read_recipe

PASSWORD = "open sesame"  # noqa: S105
TOKEN = "UNSTILL_SERVER__TOKEN"  # noqa: S105


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("page")) as web:
        yield web


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def token_of(house: WebHouse) -> tuple[str, httpx.Client]:
    """Have somebody make a token on the page."""
    ann = house.visitor()
    ann.open()
    return ann.post("/tokens", name="a terminal").text.partition('class="token">')[2].partition("<")[0], ann.http


def test_a_photo_becomes_a_clip_on_the_server_as_it_does_here(house: WebHouse, terminal: Terminal) -> None:
    # Given a person with a token of their page, and a log that leaves nothing out
    photo, (token, ann) = terminal.photo(), token_of(house)
    environ = {TOKEN: token, "UNSTILL_LOG__LEVEL": "debug"}

    # When a photo is animated there
    words = ("waves", "--seed", "7", "--shape", "4:1", "--guidance_scale", "12")
    there = terminal.run(
        "animate", str(photo), *words, "--server", house.url, "--out", "made.mp4", "--json", environ=environ
    )

    # Then the clip is in its file, and all is told of it that is told of one that is made here
    assert there.code == 0, there.err
    (clip,) = there.json["clips"]
    assert clip["file"] == str(terminal.folder / "made.mp4")
    assert clip["size"] == (terminal.folder / "made.mp4").stat().st_size
    recipe = read_recipe(terminal.folder / "made.mp4")
    assert (clip["state"], clip["seed"], clip["model"], clip["synthetic"]) == ("sent", 7, "journal", False)
    assert clip["parameters"]["prompt"] == recipe.parameters.prompt == "waves"
    assert clip["fps"] == recipe.parameters.fps and clip["render_seconds"] > 0
    assert clip["notes"][0].startswith("option_nearest") and "cannot be done here" in clip["text"]
    # and it stands on that person's page, and the token in no log
    assert [one["id"] for one in ann.get("/api/v1/clips").json()["clips"]] == [clip["id"]]
    assert token not in there.err + there.out + house.log
    # and nothing was started here
    assert not terminal.state.exists()

    # When the same is made by an engine here, Then programs read the same keys of it
    here = terminal.run(
        "animate", str(photo), *words, "--json",
        environ={name: house.house.environ[name] for name in house.house.environ if name.startswith("UNSTILL_")},
    )  # fmt: skip
    assert here.json["clips"][0].keys() == clip.keys()
    assert here.json["clips"][0]["notes"] == clip["notes"]


def test_several_photos_are_made_and_what_is_none_is_told(house: WebHouse, terminal: Terminal) -> None:
    # Given two photos in a folder, one on standard input, and a file that only promises to be one; nobody has a token
    for name in ("album/a.png", "album/b.png"):
        terminal.photo(name)
    third = terminal.photo("elsewhere/c.png").read_bytes()
    (terminal.folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")

    # When they are animated there, in Chinese
    ended = terminal.run(
        "animate", "album", "-", "broken.jpg", "waves", "--server", f"{house.url}/", "--out", "clips",
        "--language", "zh_CN", "--json", stdin=third,
    )  # fmt: skip

    # Then each has its clip, and of the last one the code and the sentence say what is wrong with it
    assert ended.code == 1, ended.err
    made = {clip["photo"]: clip for clip in ended.json["clips"]}
    assert {clip.name for clip in terminal.clips()} > {"a.mp4", "b.mp4"} and len(terminal.clips()) == 3
    assert made["broken.jpg"]["error"]["code"] == "picture_broken"
    assert "重新" in made["broken.jpg"]["text"] or "图片" in made["broken.jpg"]["text"]


def test_what_is_wrong_is_one_sentence_and_an_exit_code(house: WebHouse, terminal: Terminal) -> None:
    photo = str(terminal.photo())

    def run(url: str, *words: str, **environ: str) -> tuple[int, str]:
        ended = terminal.run("animate", photo, *words, "--server", url, environ=environ)
        assert ended.out == "" and len(ended.err.splitlines()) == 1, ended.err
        return ended.code, ended.err

    # words that the server cannot do
    code, said = run(house.url, "waves", "--fps", "900")
    assert code == 2 and "fps cannot be 900" in said
    code, said = run(house.url, "waves -sede 7")
    assert code == 2 and "Did you mean -seed?" in said
    # an address that is none, or a limit that is not to be had
    assert run("clips.example.org", "waves") == (
        2, "clips.example.org is no address of a page. Write it like https://clips.example.org.\n",
    )  # fmt: skip
    assert run(house.url, "waves", "--limit", "1MB")[0] == 2
    # a token that is none
    code, said = run(house.url, "waves", **{TOKEN: "unstill_wrong"})
    assert code == 3 and "token is not taken" in said and "unstill_wrong" not in said
    # nobody there, and somebody else
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, said = run(f"http://127.0.0.1:{taken.getsockname()[1]}", "waves")
    assert code == 4 and "does not answer" in said
    code, said = run(f"{house.url}/elsewhere", "waves")
    assert code == 4 and "No page of Unstill answers at" in said
    # as a program reads it
    ended = terminal.run("animate", photo, "--server", f"{house.url}/elsewhere", "--json")
    assert ended.json["error"]["code"] == 4


def started(house: WebHouse, terminal: Terminal, *words: str, environ: dict[str, str] | None = None) -> Running:
    return terminal.start("animate", *words, "--server", house.url, environ=environ)


def test_ctrl_c_cancels_there_what_renders_and_what_waits(house: WebHouse, terminal: Terminal) -> None:
    # Given one photo on the device there and one in the queue
    terminal.photo()
    terminal.photo("second.png")
    token, ann = token_of(house)
    with house.house.gate() as gate:
        running = started(house, terminal, "beach.png", "second.png", f"{gate} waves", environ={TOKEN: token})
        wait_for(gate.reached, what="the render")
        wait_for(lambda: len(ann.get("/api/v1/clips").json()["clips"]) == 2, what="the second one")

        # When Ctrl-C comes
        running.send(signal.SIGINT)
        ended = running.end()

    # Then both are cancelled, here and there
    assert ended.code == 130, ended.err
    assert terminal.clips() == []
    assert {one["state"] for one in ann.get("/api/v1/clips").json()["clips"]} == {"cancelled"}
    assert "beach.png: Cancelled." in ended.err and "second.png: Cancelled." in ended.err


def test_a_page_that_is_killed_meanwhile_costs_nothing(house: WebHouse, terminal: Terminal) -> None:
    # Given a photo that renders there
    terminal.photo()
    token, ann = token_of(house)
    with house.house.gate() as gate:
        running = started(house, terminal, "beach.png", f"{gate} waves", environ={TOKEN: token})
        wait_for(gate.reached, what="the render")
        running.wait_for("beach.png: Rend")
        # When the page is killed, and comes back
        house.kill_bot()
        gate.open()
        house.start_bot()
        house.wait_for_bot()
        ended = running.end()
    # Then the clip is here, once
    assert ended.code == 0, ended.err
    assert len(terminal.clips()) == 1
    assert len(ann.get("/api/v1/clips").json()["clips"]) == 1


def test_a_batch_waits_for_room_where_the_server_allows_few_at_a_time(tmp_path: Path) -> None:
    # Given a server that makes one clip of a person's at a time, behind a password
    terminal = Terminal(tmp_path / "here")
    for name in ("a.png", "b.png", "c.png"):
        terminal.photo(name)
    (tmp_path / "there").mkdir()
    with web_house(tmp_path / "there", UNSTILL_QUOTA__PERSON_JOBS="1", UNSTILL_WEB__PASSWORD=PASSWORD) as web:
        # When somebody without a token asks, Then they are told how to get in
        refused = terminal.run("animate", "a.png", "waves", "--server", web.url)
        assert refused.code == 3 and "UNSTILL_SERVER__TOKEN" in refused.err
        # When three photos come with a token
        ann = web.visitor()
        ann.post("/sign-in", password=PASSWORD)
        token = ann.post("/tokens", name="x").text.partition('class="token">')[2].partition("<")[0]
        ended = terminal.run(
            "animate", "a.png", "b.png", "c.png", "waves", "--server", web.url, "--out", "clips",
            environ={TOKEN: token},
        )  # fmt: skip
        # Then all are made, one after the other
        assert ended.code == 0, ended.err
        assert {clip.name for clip in terminal.clips()} == {"a.mp4", "b.mp4", "c.mp4"}
        ann.until(has_clips(3), "the clips on the page")
