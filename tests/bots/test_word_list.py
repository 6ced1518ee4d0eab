"""A host's list of words that are not taken: whole words, in any case and any form of Unicode."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from unstill_bots.intake.captions import parse
from unstill_bots.safety.words import WordList
from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_queue.contract.errors import BlockedWords, OptionError

LIST = "# our own list\n\nass\nBad Word\nStraße\ncafé\n裸体\nn*de\n"


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> WordList:
    file = tmp_path_factory.mktemp("words") / "words.txt"
    file.write_bytes(b"\xef\xbb\xbf" + LIST.encode())
    return WordList.read(file)


@pytest.mark.parametrize(
    "text",
    [
        "an ass in the field",
        "ASS!",
        "(ass)",
        "big_ass",
        "ａｓｓ",
        "a\u00adss",
        "a\u200bss",
        # marks of direction, a variation selector, a filler, a tag
        "a\u200es\u2066s",
        "a\ufe0fss",
        "a\u3164ss",
        "a\U000e0041ss",
        "bad word",
        "BAD   WORD",
        "bad-word",
        "bad\nword",
        "strasse",
        "STRASSE",
        "CAFÉ",
        unicodedata.normalize("NFD", "café"),
        "一个裸体的人",
        "n*de",
    ],
)
def test_an_entry_is_found(words: WordList, text: str) -> None:
    assert words.holds(text)


@pytest.mark.parametrize(
    "text",
    ["a brass band", "assets", "the bad, and a word", "badword", "cafés", "cafe", "裸 体", "node", "our own list", ""],
)
def test_what_only_looks_like_an_entry_is_none(words: WordList, text: str) -> None:
    assert not words.holds(text)


def test_a_list_without_entries_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n# nothing\n  \n")
    assert not WordList.read(tmp_path / "empty").holds("# nothing at all")
    assert not WordList.read(None).holds("anything")


@pytest.mark.parametrize(
    "caption", ["bad word", "waves --camera 'bad word'", "waves, (bad:1.3) word", "waves <lora:bad word:1>"]
)
def test_the_words_of_a_caption_and_of_its_text_options_are_looked_at(words: WordList, caption: str) -> None:
    with pytest.raises(BlockedWords) as raised:
        words.check(parse(caption, Catalog.load()))
    # and what is said of it repeats none of them
    assert "bad" not in str(raised.value)


@pytest.mark.parametrize("caption", ["waves --seed 'bad word'", "waves --ass 7"])
def test_the_answer_to_a_wrong_option_repeats_no_entry(words: WordList, caption: str) -> None:
    with pytest.raises(OptionError) as wrong:
        parse(caption, Catalog.load())
    with pytest.raises(BlockedWords):
        words.check_refusal(wrong.value)


def test_a_wrong_option_without_an_entry_is_answered_as_it_is(words: WordList) -> None:
    with pytest.raises(OptionError) as wrong:
        parse("waves --seed many", Catalog.load())
    words.check_refusal(wrong.value)


@pytest.mark.parametrize("caption", ["waves --no 'bad word'", "waves --seed 7"])
def test_what_is_not_to_be_seen_may_be_anything(words: WordList, caption: str) -> None:
    words.check(parse(caption, Catalog.load()))


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), (b"caf\xe9\n", "not UTF-8")])
def test_a_list_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "words.txt"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match=rf"{why}.*UNSTILL_SAFETY__WORDS"):
        WordList.read(file)
