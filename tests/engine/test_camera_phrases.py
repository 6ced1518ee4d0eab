"""What people write to a camera in other languages: phrases of public sources, refusals, numbers, false friends."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.vocabulary import MOVES
from unstill_engine.renderers.camera.words import direct

FILES = sorted((Path(__file__).parent / "camera_phrases").glob("*.toml"))
PHRASES: dict[str, dict[str, Any]] = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in FILES}
CITED_LEAST = 40

CITED = [
    (language, words, meant)
    for language, data in PHRASES.items()
    for phrases in data["phrases"].values()
    for words, meant in phrases
]
DIRECTIONS = [
    (language, words, meant)
    for language, data in PHRASES.items()
    for directions in data["directions"].values()
    for words, meant in directions
]
SAID = CITED + [(language, words, meant) for language, data in PHRASES.items() for words, meant in data["ours"]["said"]]
MOVING = [(words, meant) for _, words, meant in SAID if meant != "still"]


def ours(name: str) -> list[tuple[str, ...]]:
    """Return the rows of one kind in all languages, the language first."""
    rows = ((language, row) for language, data in PHRASES.items() for row in data["ours"][name])
    return [(language, row) if isinstance(row, str) else (language, *row) for language, row in rows]


def named(moves: str) -> list[tuple[Axis, int]]:
    return (
        [(MOVES[name].axis, MOVES[name].direction) for name in moves.split(", ")] if moves not in ("", "still") else []
    )


def spoken(moves: tuple[Move, ...]) -> list[tuple[Axis, int]]:
    return [(move.axis, move.direction) for move in moves]


def without_accents(words: str) -> str:
    bare = [sign for sign in unicodedata.normalize("NFD", words) if not ("̀" <= sign <= "ͯ")]
    return "".join(bare)


@pytest.mark.parametrize("language", PHRASES)
def test_phrases_come_from_public_sources_that_are_named(language: str) -> None:
    data = PHRASES[language]

    assert {*data["phrases"], *data["directions"]} == set(data["sources"])
    assert all(source.strip() for source in data["sources"].values())
    assert sum(map(len, data["phrases"].values())) >= CITED_LEAST
    assert {move for _, _, meant in CITED for move in named(meant)}, "and each names moves that the camera has"


@pytest.mark.parametrize(("language", "words", "meant"), SAID)
def test_a_phrase_is_understood_alone_in_a_prompt_and_among_camera_words(language: str, words: str, meant: str) -> None:
    for moves in (
        direct(words, ""),
        direct(words.upper(), ""),
        direct(f"a castle by the sea, {words}", ""),
        direct("a castle by the sea", words),
    ):
        assert spoken(moves) == named(meant)


@pytest.mark.parametrize(("language", "words", "meant"), DIRECTIONS)
def test_a_direction_alone_is_enough_among_camera_words(language: str, words: str, meant: str) -> None:
    assert spoken(direct("a castle by the sea", words)) == named(meant)
    assert direct(f"a castle by the sea, {words}", "") == GENTLE


@pytest.mark.parametrize(("language", "words", "meant"), [row for row in SAID if row[0] not in ("ja", "ru")])
def test_accents_need_not_be_typed(language: str, words: str, meant: str) -> None:
    assert direct(without_accents(words), "") == direct(words, "")


@given(one=st.sampled_from(MOVING), other=st.sampled_from(MOVING))
def test_languages_may_be_mixed_in_a_caption(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert spoken(direct(f"{one[0]}. {other[0]}", "")) == named(one[1]) + named(other[1])


@pytest.mark.parametrize(("language", "words", "axes", "meant"), ours("refused"))
def test_a_refusal_is_never_done(language: str, words: str, axes: str, meant: str) -> None:
    for moves in (direct(words, ""), direct(f"a castle by the sea, {words}", ""), direct("a castle by the sea", words)):
        assert not {move.axis for move in moves} & {Axis(name) for name in axes.split()}
        if meant:
            assert spoken(moves) == named(meant)


@pytest.mark.parametrize(("language", "slower", "faster"), ours("paces"))
def test_a_pace_belongs_to_its_move(language: str, slower: str, faster: str) -> None:
    slow, fast = direct(slower, ""), direct(faster, "")

    assert spoken(slow) == spoken(fast)
    assert slow[0].strength < fast[0].strength


@pytest.mark.parametrize(("language", "words", "meant"), ours("numbers"))
def test_a_number_never_parts_a_verb_from_its_direction(language: str, words: str, meant: str) -> None:
    assert spoken(direct(words, "")) == named(meant)


@pytest.mark.parametrize(("language", "words"), ours("strangers"))
def test_ordinary_words_do_not_move_the_camera(language: str, words: str) -> None:
    assert direct(words, "") == GENTLE
