from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from unstill_bots.terminal.commands import cli
from unstill_bots.terminal.ending import EXIT_CODES, Code
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES
from unstill_config.settings import PREFIX, Settings
from unstill_engine.renderers.camera.words import direct
from unstill_queue.contract.options import OPTIONS

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "UPGRADING.md")
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
CATALOG = Catalog.load()

FOLDERS = ("config", "queue", "engine", "bots")
PICTURES_MOST = 470_000


def rows(name: str) -> list[list[str]]:
    """The cells of the README's table of that name, without its head."""
    found = re.search(rf"<!-- {name} -->\n((?:\|.*\n)+)", README)
    assert found is not None, f"the README has no table of {name}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()[2:]]


def code(text: str) -> str:
    """What stands in code blocks and between backticks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", rest)])


def test_the_options_are_those_of_the_one_schema() -> None:
    replies = Replies()

    made = [
        [
            f"`--{option.name}`",
            " ".join(f"`--{alias}`" for alias in option.aliases),
            option.help,
            replies.allowed(option.allowed(CATALOG)),
        ]
        for option in OPTIONS
    ]

    assert rows("options") == made


def test_the_presets_are_those_of_the_catalogue() -> None:
    assert rows("presets") == [[f"`{name}`", preset.help] for name, preset in CATALOG.presets.items()]


def test_the_camera_takes_what_the_readme_says_it_takes() -> None:
    camera = CATALOG.models["camera"]

    assert camera.resolutions == (256, 512, 720, 768, 1024, 1080)
    assert camera.ranges["num_inference_steps"] == camera.ranges["guidance_scale"] == (1, 1)
    assert not {"negative_prompt", "guidance_scale"} & set(camera.abilities)


@pytest.mark.parametrize("words", [word for row in rows("camera words") for word in row[0].split(", ")])
def test_the_camera_understands_its_words(words: str) -> None:
    unmoved = direct("a lake at dusk", "")

    assert direct(f"a lake at dusk, {words}", "") != unmoved
    assert direct(words, "") != unmoved


def test_the_camera_understands_the_languages_that_the_readme_shows() -> None:
    files = list((ROOT / "engine/unstill_engine/renderers/camera/languages").glob("*.toml"))
    examples = rows("camera languages")
    # English and Chinese have a table of their own
    assert len(examples) == len(files) - 2

    for language, nearer, left, still in examples:
        (zoom,), (pan,) = direct(nearer, ""), direct(f"a lake at dusk, {left}", "")
        assert (zoom.axis, zoom.direction) == ("zoom", 1), language
        assert (pan.axis, pan.direction) == ("pan", -1), language
        assert direct(still, "") == (), language


def test_the_languages_are_those_that_there_are() -> None:
    assert {tag.strip("`"): title for tag, title in rows("languages")} == {
        tag: language.title for tag, language in LANGUAGES.items()
    }


def test_a_pace_makes_a_move_smaller_or_larger() -> None:
    (plain,) = direct("zoom in", "")
    (line,) = [line for line in README.splitlines() if "make a move smaller or larger" in line]

    for pace in re.findall("`([^`]+)`", line):
        (paced,) = direct(f"{pace} zoom in" if pace.isascii() else f"{pace}放大", "")
        assert paced != plain, f"{pace} changes nothing"


def test_the_commands_are_those_that_there_are() -> None:
    assert isinstance(cli, click.Group)
    assert {row[0].strip("`") for row in rows("commands")} == {f"unstill {name}" for name in cli.commands}


@pytest.mark.parametrize("page", PAGES)
def test_a_command_that_is_named_exists(page: str) -> None:
    named = re.findall(r"(?<![\w/-])(?:\.venv/bin/)?unstill ([a-z]+)", code((ROOT / page).read_text("utf-8")))

    assert set(named) <= set(cli.commands)


def test_flags_are_shown_as_the_commands_take_them() -> None:
    # Given every flag of every command
    known = {
        spelling for command in cli.commands.values() for parameter in command.params for spelling in parameter.opts
    }
    lines = [line for line in code(README).splitlines() if re.match(r"(\S*/)?unstill ", line)]

    # Then no line shows another
    shown = {flag for line in lines for flag in re.findall(r"(?<= )--[a-z][\w-]*", line)}
    assert len(lines) > 8
    assert shown
    assert shown <= known


def test_the_exit_codes_are_those_that_there_are() -> None:
    told = {int(number): meaning for number, meaning in rows("exit codes")}

    assert set(told) == set(Code)
    assert f"Exit codes: {', '.join(f'{number} {meaning}' for number, meaning in told.items())}." == EXIT_CODES


@pytest.mark.parametrize("page", PAGES)
def test_a_setting_that_is_named_exists(page: str) -> None:
    known = {f"{PREFIX}{group}__{name}".upper() for group, name in Settings.known()}
    known |= {f"{name}_FILE" for name in known if re.search("TOKEN|PASSWORD|SECRET|KEY", name)}

    # what a recipe adds is not there yet
    told = re.sub(r"^```diff\n.*?^```", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"UNSTILL_[A-Z0-9_]+", told)) <= known


def test_a_default_that_is_told_is_the_default() -> None:
    told = dict(re.findall(r"`(UNSTILL_\w+)` \((\d+)\)", README))
    defaults = {
        f"{PREFIX}{group}__{name}".upper(): getattr(getattr(Settings(), group), name)
        for group, name in Settings.known()
    }

    assert len(told) == 2
    assert {name: float(value) for name, value in told.items()} == {name: defaults[name] for name in told}


@pytest.mark.parametrize("page", PAGES)
def test_a_make_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"^make ((?:[a-z][a-z-]*\b ?)+)", code((ROOT / page).read_text("utf-8")), re.MULTILINE)

    assert {target for words in named for target in words.split()} <= targets


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text("utf-8"))
    near = [link for link in links if not link.startswith("https://")]

    assert [link for link in near if not (ROOT / link.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_map_shows_every_file_and_no_other(folder: str) -> None:
    block = re.search(rf"^{folder}/unstill_{folder}\n((?:  .*\n)+)", ARCHITECTURE, re.MULTILINE)
    assert block is not None
    lefts = [re.split(r" {3,}", line.strip())[0] for line in block[1].splitlines()]
    shown = [name for left in lefts for name in left.split()]
    package = ROOT / folder / f"unstill_{folder}"

    assert sorted(set(shown)) == sorted(shown)
    assert [name for name in shown if not (package / name).exists()] == []
    assert kept_in(package) - set(shown) == set()


def kept_in(package: Path) -> set[str]:
    """What the repository keeps there, folders with a slash; without git, what lies there."""
    listed = subprocess.run(["git", "ls-files"], cwd=package, capture_output=True, text=True, check=False)
    paths = listed.stdout.splitlines() or [str(path.relative_to(package)) for path in package.rglob("*.*")]
    names = {first + slash for first, slash, _ in (path.partition("/") for path in paths)}
    return names - {"__init__.py", "__pycache__/", "py.typed"}


def test_the_pictures_are_small_and_stand_alone() -> None:
    pictures = [ROOT / name for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)]

    # three drawings, and the page as a browser shows it
    assert [picture.suffix for picture in pictures].count(".svg") == len(pictures) - 1 == 3
    assert sum(picture.stat().st_size for picture in pictures) < PICTURES_MOST
    for picture in pictures:
        if picture.suffix == ".webp":
            continue
        text = picture.read_text("utf-8")
        assert text.startswith("<svg ")
        # a page shows an SVG without letting it fetch anything
        assert re.findall(r'(?:href|src)="(?!data:image/)[^"]*"|url\((?!#)|<script', text) == []
