"""A language is added to a copy of the product: one entry of a list, and the folder with its sentences."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po, write_po

import unstill_bots
import unstill_config
from unstill_config.languages import LANGUAGES

REPOSITORY = Path(__file__).parents[2]
SAYS = Path(__file__).with_name("new_language.py")
LAST = '    "zh_CN": Language("简体中文", spaced=False),\n'
ENTRY = '    "it": Language("Italiano"),\n'
COMPLETE = "translated_with_the_same or own_words or no_longer_said"
"""The tests of `test_replies` that hold for every language of the list."""


ASKS = """
import json, sys
from unstill_bots.text.advice import advice
print(json.dumps([(one.code, one.details) for one in map(advice, sys.argv[1:]) if one is not None]))
"""


class Copy:
    """Bots and config, copied; queue and engine stay those of the checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for package in (unstill_bots, unstill_config):
            source = Path(str(package.__file__)).parent
            shutil.copytree(source, root / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        self.list = root / "unstill_config" / "languages.py"
        self.sentences = root / "unstill_bots" / "text" / "locale" / "it" / "LC_MESSAGES" / "unstill.po"

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": f"{self.root}{os.pathsep}{REPOSITORY}", **environ},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def list_it(self) -> None:
        text = self.list.read_text("utf-8")
        assert text.count(LAST) == 1
        self.list.write_text(text.replace(LAST, LAST + ENTRY), "utf-8")

    def extract(self) -> None:
        done = self.run("-m", "unstill_bots.text.extraction")
        assert done.returncode == 0, done.stderr

    def test(self) -> subprocess.CompletedProcess[str]:
        """Run the tests of every language, on the copy."""
        file = str(REPOSITORY / "tests" / "bots" / "test_replies.py")
        options = ("-q", "-p", "no:cacheprovider", "--rootdir", str(REPOSITORY), "-k", COMPLETE)
        return self.run("-W", "error", "-m", "pytest", file, *options)

    def translate(self, *, but: str = "") -> None:
        """Put every sentence between other marks, as a translator would put it into other words."""
        with self.sentences.open("rb") as file:
            known = read_po(file, locale="it", domain="unstill")
        for message in known:
            if message.id and message.id != but:
                if isinstance(message.id, str):
                    message.string = f"ä{message.id}"
                else:
                    message.string = tuple(f"ä{message.id[-1]}" for _ in range(known.num_plurals))
            elif message.id:
                message.string = message.id
        with self.sentences.open("wb") as file:
            write_po(file, known)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_language_is_one_entry_of_a_list_and_its_folder(copy: Copy) -> None:
    # Given a copy, When a language is put on the list, and its sentences are extracted
    before = files(copy.root)
    copy.list_it()
    copy.extract()
    # Then nothing else has changed
    changed = {name for name, data in files(copy.root).items() if before.get(name) != data}
    assert changed == {str(path.relative_to(copy.root)) for path in (copy.list, copy.sentences)}
    # and the tests name what is not translated yet
    assert "not translated" in copy.test().stdout

    # When all is translated, Then the tests pass, and each front end speaks it
    copy.translate()
    complete = copy.test()
    assert complete.returncode == 0, complete.stdout
    assert " passed" in complete.stdout
    said: dict[str, Any] = json.loads(copy.run(str(SAYS), UNSTILL_BOTS__LANGUAGE="it").stdout)
    assert said == {
        "replies": "äThe engine stopped 2 times while it worked on this. Try again later, or with other words.",
        "setting": "Italiano",
        "host": "it",
        "telegram": {"zh": "让你回复的图片动起来", "it": "äanimate the picture that you reply to"},
        "discord": "ämake a picture move",
        "terminal": ["en", "zh_CN", "it", *list(LANGUAGES)[2:]],
    }


GUIDE = """
usual_verb = "che dondola"
actions = "scappa"
[suggestions]
"""


def test_a_language_may_bring_the_words_of_its_advice(copy: Copy) -> None:
    # Given a language without them, whose prompts are taken for ones that name nothing that moves
    copy.list_it()
    copy.sentences.parent.mkdir(parents=True)
    before = json.loads(copy.run("-c", ASKS, "un cane scappa lontano", "sotto lo scoglio").stdout)
    assert before[0] == ["action", {"verb": "moving gently"}]
    # When its folder has them
    english = copy.sentences.parents[1].with_name("en") / "advice.toml"
    subjects = [line for line in english.read_text("utf-8").splitlines() if line.startswith("[suggestions.")]
    italian = [f'{subject}\nsubject = "scoglio"\nverb = "che sciaborda"' for subject in subjects]
    (copy.sentences.parents[1] / "advice.toml").write_text(GUIDE + "\n".join(italian), "utf-8")
    after = json.loads(copy.run("-c", ASKS, "un cane scappa lontano", "sotto lo scoglio").stdout)
    # Then its verbs are known, and one of its own is suggested
    assert after == [["speed", {}], ["action", {"verb": "che sciaborda"}]]


def test_a_sentence_that_was_left_in_english_counts_as_missing(copy: Copy) -> None:
    # Given a language whose translator has left one sentence as it was
    copy.list_it()
    copy.extract()
    left = "The card's memory was short: it was rendered in a slower way."
    copy.translate(but=left)
    # Then the tests fail, and name that one
    tested = copy.test()
    assert tested.returncode == 1
    assert f"not translated: {left}" in tested.stdout
