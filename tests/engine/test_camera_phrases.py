"""What people write to a camera in other languages: phrases of public sources, refusals, numbers, false friends."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.vocabulary import MOVES
from unstill_engine.renderers.camera.words import direct
from unstill_queue.contract.options import PROMPT_MAX

FILES = sorted((Path(__file__).parent / "camera_phrases").glob("*.toml"))
PHRASES: dict[str, dict[str, Any]] = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in FILES}
EACH = pytest.mark.parametrize("language", PHRASES)
#: Here no letter has a mark over it, or the mark makes another letter of it.
OTHER_LETTERS = ("en", "ja", "ru", "zh")
CITED_LEAST = 40


def cited(language: str, kind: str) -> list[tuple[str, str]]:
    return [(words, meant) for rows in PHRASES[language][kind].values() for words, meant in rows]


def ours(language: str, kind: str) -> list[Any]:
    rows: list[Any] = PHRASES[language]["ours"][kind]
    return rows


def said(language: str) -> list[tuple[str, str]]:
    return [*cited(language, "phrases"), *((words, meant) for words, meant in ours(language, "said"))]


MOVING = [(words, meant) for language in PHRASES for words, meant in said(language) if meant != "still"]
REFUSED = [(words, axes) for language in PHRASES for words, axes, meant in ours(language, "refused") if not meant]
MIXED = [
    ("zoom in und nach links schwenken", "zoom in, left"),
    ("die Kamera pans left", "left"),
    ("la cámara zoom in lentamente", "zoom in"),
    ("camera панорама влево", "left"),
    ("カメラ zoom in slowly", "zoom in"),
    ("slow ズームイン, puis panoramique à gauche", "zoom in, left"),
    ("zoom in 但不要旋转", "zoom in"),
    ("kein zoom, pan left", "left"),
    ("no zoom, nach links schwenken", "left"),
    ("the camera zooms in, dann raus", "zoom in, zoom out"),
]
SMALL = [
    ",",
    ".",
    "nicht",
    "sin",
    "pas",
    "não",
    "не",
    "しない",
    "und",
    "y",
    "et",
    "e",
    "и",
    "も",
    "90°",
    "2x",
    "langsam",
    "の",
]


def meaning(moves: tuple[Move, ...]) -> str:
    """Return moves as the files write them: "zoom in, left"; "gentle" for those that happen by themselves."""
    if moves == GENTLE:
        return "gentle"
    names = {(move.axis, move.direction, move.hertz): name for name, move in MOVES.items()}
    return ", ".join(names[move.axis, move.direction, move.hertz] for move in moves) or "still"


def wrong(read: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return what was not read as it was meant, out of words, what was read, and what was meant."""
    return [f"{words}: {got}, and not {meant}" for words, got, meant in read if got != meant]


def in_each_place(words: str) -> list[tuple[Move, ...]]:
    """Return what is read of words alone, behind a description, and as camera words."""
    return [direct(words, ""), direct(f"a castle by the sea, {words}", ""), direct("a castle by the sea", words)]


def without_accents(words: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", words) if not unicodedata.combining(sign))


@EACH
def test_phrases_come_from_public_sources_that_are_named(language: str) -> None:
    data = PHRASES[language]

    assert {*data["phrases"], *data["directions"]} == set(data["sources"])
    assert all(source.strip() for source in data["sources"].values())
    assert len({words for words, _ in cited(language, "phrases")}) >= CITED_LEAST


@EACH
def test_a_phrase_is_understood_alone_in_a_prompt_and_among_camera_words(language: str) -> None:
    read = [
        (words, meaning(moves), meant)
        for words, meant in said(language)
        for moves in (*in_each_place(words), direct(words.upper(), ""))
    ]

    assert wrong(read) == []


@EACH
def test_a_direction_alone_is_enough_among_camera_words(language: str) -> None:
    directions = cited(language, "directions")

    among = [(words, meaning(direct("a castle by the sea", words)), meant) for words, meant in directions]
    in_a_prompt = [(words, meaning(direct(f"a castle by the sea, {words}", "")), "gentle") for words, _ in directions]

    assert wrong(among + in_a_prompt) == []


@pytest.mark.parametrize("language", [language for language in PHRASES if language not in OTHER_LETTERS])
def test_accents_need_not_be_typed(language: str) -> None:
    bare = [(words, without_accents(words)) for words, _ in said(language)]
    assert any(words != typed for words, typed in bare)

    assert wrong((typed, meaning(direct(typed, "")), meaning(direct(words, ""))) for words, typed in bare) == []


@EACH
def test_what_stands_last_in_the_longest_prompt_is_heard(language: str) -> None:
    words, meant = said(language)[0]
    before = "a castle by the sea, "

    assert meaning(direct(before * ((PROMPT_MAX - len(words)) // len(before)) + words, "")) == meant


@given(one=st.sampled_from(MOVING), other=st.sampled_from(MOVING))
def test_languages_may_be_mixed_in_a_caption(one: tuple[str, str], other: tuple[str, str]) -> None:
    # a zoom, and behind it which way, may be one move
    assume(one[1] != "zoom" or not other[1].startswith("zoom"))
    assert meaning(direct(f"{one[0]}. {other[0]}", "")) == f"{one[1]}, {other[1]}"


def test_languages_may_be_mixed_in_a_clause() -> None:
    assert wrong((words, meaning(direct(words, "")), meant) for words, meant in MIXED) == []


@EACH
def test_a_refusal_is_never_done(language: str) -> None:
    rows = ours(language, "refused")
    done = [
        (words, move.axis)
        for words, axes, _ in rows
        for moves in in_each_place(words)
        for move in moves
        if move.axis in axes.split()
    ]
    instead = [(words, meaning(moves), meant) for words, _, meant in rows if meant for moves in in_each_place(words)]

    assert done == []
    assert wrong(instead) == []


def test_refusals_of_two_languages_hold_both() -> None:
    wished = {words: {move.axis for move in direct(words, "") if move.asked} for words, _ in REFUSED}
    done = [
        (one, other, axis)
        for one, axes in REFUSED
        for other, _ in REFUSED
        for words in (f"{one}. {other}", f"{other}. {one}")
        for axis in {move.axis for move in direct(words, "")} & {Axis(axis) for axis in axes.split()} - wished[other]
    ]
    assert done == []


def test_moves_that_one_word_names_are_refused_though_a_movement_is_asked_for() -> None:
    assert direct("稳定运镜. 不要推拉摇移", "") == ()


@given(st.lists(st.sampled_from([words for words, _ in MOVING + REFUSED] + SMALL), max_size=8).map(" ".join))
def test_any_mixture_is_read_without_an_error(words: str) -> None:
    for moves in in_each_place(words):
        assert all(0 < move.strength < float("inf") for move in moves)


@EACH
def test_a_pace_belongs_to_its_move(language: str) -> None:
    for slower, faster in ours(language, "paces"):
        slow, fast = direct(slower, ""), direct(faster, "")

        assert meaning(slow) == meaning(fast), slower
        assert slow[0].strength < fast[0].strength, slower


@EACH
def test_a_number_never_parts_a_verb_from_its_direction(language: str) -> None:
    assert wrong((words, meaning(direct(words, "")), meant) for words, meant in ours(language, "numbers")) == []


@EACH
def test_ordinary_words_do_not_move_the_camera(language: str) -> None:
    assert wrong((words, meaning(direct(words, "")), "gentle") for words in ours(language, "strangers")) == []
