"""Words to CLIP's tokens: what is too long is read up to the limit, and the reply says where it was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.i2vgen_tiny import VOCABULARY, noisy_photo, parameters, tiny_renderer
from transformers import CLIPTokenizer

from unstill_bots.text.replies import Replies
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL
from unstill_engine.renderers.i2vgen_xl.tokens import Words

LIMIT = 77
BEGIN, END = VOCABULARY - 2, VOCABULARY - 1
PIECES = st.text(max_size=4) | st.sampled_from(["<|startoftext|>", "<|endoftext|>", " the ", "'s", "THE", "ing"])


@pytest.fixture(scope="module")
def words(tiny_i2vgen: Path) -> Words:
    return Words.load(tiny_i2vgen / "tokenizer")


@pytest.fixture(scope="module")
def stock(tiny_i2vgen: Path) -> Any:
    return CLIPTokenizer.from_pretrained(tiny_i2vgen / "tokenizer")


@pytest.fixture(scope="module")
def renderer(tiny_i2vgen: Path, tmp_path_factory: pytest.TempPathFactory) -> I2VGenXL:
    return tiny_renderer(tiny_i2vgen, tmp_path_factory.mktemp("catalog"))


def test_short_words_are_padded_and_long_ones_cut(words: Words) -> None:
    tokens = words.tokens(["", "the end", "in " * 200])

    assert tokens.shape == (3, LIMIT)
    assert tokens[:, 0].tolist() == [BEGIN] * 3
    assert tokens[0, 1:].tolist() == [END] * (LIMIT - 1)
    assert tokens[2, -1] == END
    assert tokens[2, -2] != END


def test_exactly_what_fits_is_not_cut(words: Words) -> None:
    # "the" is one token, and begin and end take two places
    assert words.last_read("the " * (LIMIT - 2)) is None
    assert words.last_read("the " * (LIMIT - 1)) is not None


def test_the_cut_is_where_the_model_stops_reading(words: Words) -> None:
    # Given 75 words of one token each, the last of them another, and more behind them
    text = " ".join(["the"] * (LIMIT - 3) + ["and", "er", "the"])

    read = words.last_read(text)

    assert read is not None
    assert read.endswith("the and")
    assert len(read) <= 41
    assert read.startswith("…the ")


def test_a_letter_of_several_tokens_is_read_as_a_whole_or_not_at_all(words: Words) -> None:
    # Given letters of four bytes, each of them a token: 18 of them and three quarters of one fit
    assert words.last_read("𐀀" * 18) is None
    assert words.last_read("𐀀" * 19) == "𐀀" * 18


def test_a_long_word_is_shown_by_its_end(words: Words) -> None:
    read = words.last_read("x" * 60 + "y" * 60)
    assert read == "…" + ("x" * 60 + "y" * 15)[-40:]


@settings(deadline=None, max_examples=100)
@given(st.lists(PIECES, max_size=120).map("".join))
def test_the_tokens_are_those_of_transformers(words: Words, stock: Any, text: str) -> None:
    given = stock([text], padding="max_length", max_length=LIMIT, truncation=True).input_ids
    assert words.tokens([text]).tolist() == given


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200), st.text(max_size=20))
def test_what_is_left_out_decides_nothing(words: Words, text: str, more: str) -> None:
    read = words.last_read(text)
    if read is None:
        return
    assert read.removeprefix("…") in text
    assert len(read) <= 41
    assert words.last_read(f"{text} {more}") == read
    assert words.tokens([f"{text} {more}"]).tolist() == words.tokens([text]).tolist()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_reply_says_where_each_was_cut(renderer: I2VGenXL, tmp_path: Path, language: str) -> None:
    picture = noisy_photo(tmp_path, (128, 64))
    long = "in " * 80

    plan = renderer.plan(parameters(prompt=f"{long} a", negative_prompt=f"the, a=b {long}"), Photos(picture))

    said = [Replies(language).note(note) for note in plan.notes]
    assert len(said) == len(set(said)) == 2
    assert all("…in in in" in sentence for sentence in said)
    assert not any("{" in sentence for sentence in said)


def test_words_that_nobody_reads_need_no_cut(renderer: I2VGenXL, tmp_path: Path) -> None:
    # Without guidance there is nothing that is not wanted
    photos = Photos(noisy_photo(tmp_path, (128, 64)))
    plan = renderer.plan(parameters(negative_prompt="in " * 80, guidance_scale=1.0), photos)
    assert plan.notes == ()
