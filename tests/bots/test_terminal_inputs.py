"""What is typed at the terminal, before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.bots.hostile.sources import source

from unstill_bots.intake import captions
from unstill_bots.terminal.chat import save
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.inputs import STDIN, Target, find_photos, find_target, parse_size, split_words
from unstill_bots.terminal.options import given_by, joined, parameters, read, spellings
from unstill_bots.terminal.order import labels
from unstill_bots.terminal.wording import Wording
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import OPTIONS, Option

CATALOG = Catalog.load()
EN = Wording("en")


def _spellings_of_all() -> set[str]:
    command = parameters(click.Command("animate", callback=lambda **_: None))
    return {spelt for option in command.params for spelt in option.opts}


def stopped(action: Callable[[], object]) -> str:
    with pytest.raises(Stop) as caught:
        action()
    assert caught.value.code is Code.USAGE
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "size"),
    [("10MB", 10_000_000), ("10 MiB", 10 * 2**20), ("500kB", 500_000), ("1000", 1000), ("1.5g", 1_500_000_000),
     ("0,5 mb", 500_000), ("8 bytes", 8), ("12B", 12)],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text, EN) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "10 parsec", "1e9", "0", "10MMB", "1 0MB"])
def test_what_is_no_size_is_said_to_be_none(text: str) -> None:
    assert "Write it like 10MB" in stopped(lambda: parse_size(text, EN))


def test_the_last_word_is_the_prompt_unless_it_is_a_photo(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.touch()

    assert split_words([str(photo), "waves"], EN) == ([str(photo)], "waves")
    assert split_words([str(photo), str(photo)], EN) == ([str(photo), str(photo)], "")
    assert split_words([str(photo), ""], EN) == ([str(photo)], "")
    assert split_words([STDIN], EN) == ([STDIN], "")
    assert split_words([str(photo), "waves " * 2000], EN)[1].startswith("waves")
    # a photo that is not there does not turn into a prompt
    assert split_words([str(photo), "missing.jpg"], EN) == ([str(photo), "missing.jpg"], "")
    # and words may be all there is
    assert split_words(["only words"], EN) == ([], "only words")


def test_a_loop_that_closes_is_typed_as_in_a_caption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for typed in ("--loop", "-loop", "--boomerang"):
        words = joined(["animate", "a.png", typed, "Seamless", "--seed", "7"])
        assert words == ["animate", "a.png", "--loop_seamless", "--seed", "7"]
        assert words[2] in _spellings_of_all()
    # what else follows it, and a photo of that name, stays what it is
    (tmp_path / "seamless").touch()
    for kept in (["a.png", "--loop", "waves"], ["--loop", "seamless"], ["waves", "--loop"]):
        assert joined(kept) == kept


def test_photos_are_found_in_order_and_folders_by_name(tmp_path: Path) -> None:
    # Given a folder as a phone and a Mac leave it, and a file whose name says nothing true
    album, heic = tmp_path / "album", source("HEIC", "grid")
    album.mkdir()
    files = {
        "b.jpg": source("JPEG", "baseline"),
        "A.PNG": source("PNG", "rgb"),
        "IMG_1.HEIC": heic,
        "no suffix": source("WEBP", "lossy"),
        "wrong.txt": source("AVIF", "lossy"),
        "x.jfif": source("JPEG", "progressive"),
        "._IMG_1.HEIC": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X",
        ".DS_Store": b"\x00\x00\x00\x01Bud1",
        "film.mov": b"\x00\x00\x00\x14ftypqt  ",
        "scan.tif": source("other", "tiff"),
        "notes.txt": b"notes",
    }
    for name, data in files.items():
        (album / name).write_bytes(data)
    single = tmp_path / "single.gif"
    single.touch()

    found = find_photos([str(single), str(album), STDIN], EN)

    # Then pictures are found by their bytes, and what somebody could take for one is said
    names = [Path(path).name for path in found.photos]
    assert names == ["single.gif", "A.PNG", "IMG_1.HEIC", "b.jpg", "no suffix", "wrong.txt", "x.jfif", STDIN]
    (said,) = found.passed_over
    assert said.endswith(": ._IMG_1.HEIC, film.mov, scan.tif") and str(album) in said


def test_photos_that_cannot_be_had(tmp_path: Path) -> None:
    assert "no file nope.jpg" in stopped(lambda: find_photos(["nope.jpg"], EN))
    assert "no pictures" in stopped(lambda: find_photos([str(tmp_path)], EN))
    assert "only once" in stopped(lambda: find_photos([STDIN, STDIN], EN))


def test_where_clips_go(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"

    assert find_target(str(file), 1, force=False, wording=EN) == Target(tmp_path, "clip.mp4")
    assert find_target(str(tmp_path), 1, force=False, wording=EN) == Target(tmp_path)
    assert find_target(f"{tmp_path}/new/", 1, force=False, wording=EN) == Target(tmp_path / "new")
    assert find_target(str(tmp_path / "many"), 2, force=False, wording=EN) == Target(tmp_path / "many")

    file.write_bytes(b"precious")
    assert "--force" in stopped(lambda: find_target(str(file), 1, force=False, wording=EN))
    assert find_target(str(file), 1, force=True, wording=EN).force
    assert "Name a folder" in stopped(lambda: find_target(str(file), 2, force=True, wording=EN))
    assert "cannot be written" in stopped(lambda: find_target("/proc/no/clip.mp4", 1, force=False, wording=EN))


def test_a_clip_is_saved_whole_and_overwrites_nothing_unasked(tmp_path: Path) -> None:
    # Given a clip, and a file that somebody made at its place meanwhile
    clip = tmp_path / "source"
    clip.write_bytes(b"clip")
    taken = tmp_path / "out" / "clip.mp4"
    taken.parent.mkdir()
    taken.write_bytes(b"precious")

    # When it is saved there, into the folder twice, and with force
    aside = save(clip, Target(taken.parent, "clip.mp4"))
    names = {save(clip, Target(taken.parent)) for _ in range(2)}
    assert taken.read_bytes() == b"precious"
    forced = save(clip, Target(taken.parent, "clip.mp4", force=True))

    # Then each is a file of its own, and no half-made one is left
    assert forced == taken and taken.read_bytes() == b"clip"
    assert {path.name for path in taken.parent.iterdir()} == {path.name for path in {aside, forced, *names}}
    assert len({aside, forced, *names}) == 4
    assert all(path.read_bytes() == b"clip" for path in {aside, *names})


def test_a_clip_that_cannot_be_saved_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "gone", Target(tmp_path / "out", "clip.mp4"))

    assert list((tmp_path / "out").iterdir()) == []


def typed_as_flags(words: list[str]) -> dict[str, list[str]]:
    seen: dict[str, list[str]] = {}

    @click.command()
    @parameters
    def command(**given: str | None) -> None:
        seen.update(given_by(given))

    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    return seen


@pytest.mark.parametrize("option", [one for one in OPTIONS if not one.apart], ids=lambda option: option.name)
def test_every_spelling_of_every_option_is_a_flag_that_says_what_the_caption_says(option: Option) -> None:
    value = {
        "int": f"{option.least or 0:.0f}", "float": "2", "text": "two people",
        "choice": option.choices_in(CATALOG)[0] if option.type == "choice" else "", "flag": "",
    }[option.type]  # fmt: skip
    as_caption = captions.parse(f'--{option.name} "{value}"' if value else f"--{option.name}", CATALOG)

    for spelling in spellings(option):
        typed = typed_as_flags([spelling, value] if value else [spelling])
        words, _ = read("", typed, CATALOG, "camera")
        assert captions.parse(words, CATALOG).given == as_caption.given


@given(st.text(max_size=60), st.integers(0, 2**32 - 1))
def test_the_caption_made_from_prompt_and_flags_says_the_same(prompt: str, seed: int) -> None:
    # Given any words that are a caption
    try:
        said = captions.parse(prompt, CATALOG)
        caption, _ = read(prompt, {"seed": [str(seed)]}, CATALOG, "camera")
    except OptionError:
        return

    # Then what goes through the queue reads back as those words, with the flag over the prompt's own
    again = captions.parse(caption, CATALOG)
    assert again.prompt == said.prompt
    assert dict(again.given) == {**said.given, "seed": seed}


def test_photos_of_one_name_are_told_apart() -> None:
    assert labels(["/a/x.jpg", "/b/x.jpg", "/b/y.jpg", "-"]) == ["1. x.jpg", "2. x.jpg", "y.jpg", "-"]


@pytest.mark.parametrize(
    ("environ", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh_CN"), ({"LANG": "fi_FI.UTF-8"}, "en"), ({"LANG": "C.UTF-8"}, "zh_CN"), ({}, "zh_CN"),
     ({"LC_ALL": "en_GB", "LANG": "zh_CN"}, "en")],
)  # fmt: skip
def test_the_language_is_the_terminals_own(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert Wording.of(None, "zh_CN").language == language
    assert Wording.of("en", "zh_CN").language == "en"
