"""Long texts as messages."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from unstill_bots.text.splitting import split


@given(st.text("ab \n", max_size=80), st.integers(1, 12))
@example("aaaa\n", 4)
@example("\n\naaaa", 4)
def test_nothing_but_line_ends_at_the_seams_is_lost_and_no_part_is_too_long_or_empty(text: str, most: int) -> None:
    parts = split(text, most)

    assert all(len(part) <= most for part in parts)
    assert all(parts) or parts == [text]
    rest = text
    for part in parts:
        assert rest.lstrip("\n").startswith(part.lstrip("\n"))
        rest = rest[rest.index(part) + len(part) :]
    assert not rest.strip("\n")


def test_it_is_cut_between_paragraphs_else_between_lines_else_anywhere() -> None:
    assert split("one two\n\nthree\nfour", 16) == ["one two", "three\nfour"]
    assert split("one two\nthree\nfour", 16) == ["one two\nthree", "four"]
    assert split("a" * 20, 16) == ["a" * 16, "a" * 4]
    assert split("short", 16) == ["short"]
