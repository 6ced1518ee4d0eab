from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from unstill_bots.host.frontend import TokenRejected, load_front_end
from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.platforms import PLATFORMS, BotSettings
from unstill_config.settings import Settings
from unstill_queue.ledger.pseudonyms import Pseudonyms

ROOT = Path(__file__).parents[2]
BOTS = ROOT / "bots" / "unstill_bots"
BOTS_TOKENS = {name: kind for name, kind in PLATFORMS.items() if issubclass(kind, BotSettings)}
NAMES = re.compile("|".join(BOTS_TOKENS), re.IGNORECASE)
PAGE = "unstill_bots.web"
TABLES = tuple(f"bots/unstill_bots/actions/{name}.py:" for name in ("presses", "settings_form"))
REGISTRY = ROOT / "config" / "unstill_config" / "platforms.py"


def test_the_registry_names_what_there_is() -> None:
    # Given the folders of bots that hold a front end
    folders = {file.parent.name for file in BOTS.glob("*/program.py")}

    # Then the registry has the same, each with its limits and its settings
    assert set(PLATFORMS) == folders
    assert set(PLATFORMS) <= set(Catalog.load().platforms)
    assert list(PLATFORMS) == list(Settings().platforms())
    assert {group for group, name in Settings.known() if name == "token"} == {*BOTS_TOKENS, "server"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_front_end_is_loaded_by_its_entry(platform: str) -> None:
    settings = Settings.model_validate({platform: {"token": "a-token"} if platform in BOTS_TOKENS else {"port": 0}})

    assert load_front_end(platform, settings).platform == platform


@pytest.mark.parametrize("platform", BOTS_TOKENS)
def test_a_token_that_is_missing_or_not_taken_is_named_with_who_gives_one(platform: str) -> None:
    variable, giver = f"UNSTILL_{platform.upper()}__TOKEN", BOTS_TOKENS[platform].token_from

    with pytest.raises(ConfigError, match=f"^{variable} is not set. Get a token from {giver} and put it into .env.$"):
        load_front_end(platform, Settings())
    assert str(TokenRejected(platform)) == (f"{variable} is not a token that is taken. Get a valid one from {giver}.")


@pytest.mark.parametrize("platform", BOTS_TOKENS)
def test_each_platform_has_names_that_only_its_own_token_can_tell(platform: str) -> None:
    # Given this platform's token alone
    with_token = Pseudonyms.of(Settings.model_validate({platform: {"token": SecretStr("a-token")}}))
    without = Pseudonyms.of(Settings())

    # Then its names need that token, and no other platform's do
    for other in PLATFORMS:
        same = with_token.name("account", f"{other}:1") == without.name("account", f"{other}:1")
        assert same == (other != platform)


def test_the_service_serves_those_of_the_registry() -> None:
    done = subprocess.run([sys.executable, "-m", "unstill_bots.service", "--help"], capture_output=True, text=True)

    assert "{" + ",".join(PLATFORMS) + "}" in done.stdout


def test_shared_code_names_no_platform() -> None:
    # Given all that is not a platform's own folder, and not the registry
    own = {BOTS / platform for platform in PLATFORMS}
    files = [
        file
        for folder in ("config", "queue", "engine", "bots")
        for file in (ROOT / folder).rglob("*.py")
        if file != REGISTRY and not own & set(file.parents)
    ]

    # When its names and its texts are read, without comments and docstrings
    found = {f"{file.relative_to(ROOT)}:{line}" for file in files for line in _named(file)}

    # Then none is a platform's, but in the tables of what people may do and set, where each is a column
    assert len(files) > 150
    assert {place for place in found if not place.startswith(TABLES)} == set()
    # and nowhere is one asked for, there neither
    assert [place for file in files for place in _asked(file)] == []


def _asked(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Compare | ast.match_case) and NAMES.search(ast.unparse(node)):
            yield f"{file}: {ast.unparse(node)}"


def _named(file: Path) -> Iterator[int]:
    tree = ast.parse(file.read_text("utf-8"))
    documents = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documents:
                pass
            case ast.Name(id=text) | ast.Attribute(attr=text) | ast.alias(name=text) | ast.arg(arg=text):
                pass
            case ast.ImportFrom(module=str(text)):
                # what settings are called is handed on
                text = "" if text == "unstill_config.platforms" else text
            case _:
                continue
        if NAMES.search(text):
            yield getattr(node, "lineno", 0)
