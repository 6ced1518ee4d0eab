"""Traditional Chinese is made from Simplified Chinese by OpenCC, and read in either script."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from opencc import OpenCC

import unstill_engine
from unstill_bots.text.advice import advice
from unstill_bots.text.extraction import CONVERTED, converted, folder
from unstill_bots.text.language import Sentences
from unstill_config.catalog import Catalog
from unstill_engine.renderers.camera.words import direct

CATALOG = Catalog.load()
CAMERA = Path(unstill_engine.__file__).parent / "renderers" / "camera" / "languages" / "zh.toml"
PHRASES = Path(__file__).parents[1] / "engine" / "camera_phrases" / "zh.toml"


@pytest.mark.parametrize("language", CONVERTED)
def test_the_files_are_those_that_the_conversion_makes(language: str) -> None:
    made = dict(converted(language, CATALOG))
    for file, data in made.items():
        assert file.read_bytes() == data, f"{file.name}: run python -m unstill_bots.text.extraction"
    # and there are no others
    assert {file for file in folder(language).rglob("*") if file.is_file()} == set(made)


def test_it_is_said_in_the_words_of_taiwan() -> None:
    assert Sentences("zh-Hant").gettext("Your clip is ready.") == "你的影片已完成。"
    assert Sentences("zh-HK").language == "zh_TW"
    assert Sentences("zh").gettext("Your clip is ready.") == "你的视频已完成。"


@pytest.mark.parametrize("configuration", ["s2t", "s2tw", "s2hk"])
def test_camera_words_are_read_in_traditional_characters(configuration: str) -> None:
    # Given what people tell a camera in Chinese, and their words in the file of the camera's
    convert = OpenCC(configuration).convert
    data = tomllib.loads(PHRASES.read_text("utf-8"))
    said = [words for rows in (*data["phrases"].values(), data["ours"]["said"]) for words, _ in rows]
    assert len(said) > 40
    # When it is written in traditional characters, Then the camera does the same
    for words in said:
        assert direct(convert(words), "") == direct(words, ""), words
    # and each character of the camera's words is known
    text = CAMERA.read_text("utf-8")
    fold = tomllib.loads(text)["fold"]
    known = dict(zip(fold["from"], fold["to"], strict=True))
    for run in set(re.findall("[\u3400-\u9fff]+", text.partition("[fold]")[0])):
        for simplified, traditional in zip(run, convert(run), strict=True):
            assert traditional == simplified or known.get(traditional) == simplified, (run, traditional)


def test_a_verb_is_suggested_in_the_script_of_the_words_else_in_the_persons() -> None:
    # Given words that are the same in both, or in one of them
    for prompt, language, verb in (
        ("大海和海浪", "zh_TW", "翻滾"),
        ("大海和海浪", "zh_CN", "翻滚"),
        ("大海和海浪", "en", "翻滚"),
        ("藍色的大海和沙灘", "en", "翻滾"),
        ("蓝色的大海和沙滩", "zh_TW", "翻滚"),
    ):
        found = advice(prompt, language=language)
        # Then the verb is one that can be added to them
        assert found is not None and found.details == {"verb": verb}, (prompt, language)
