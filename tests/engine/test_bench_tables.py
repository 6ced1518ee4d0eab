"""Where a bench puts what it measured in engine/BENCHMARKS.md."""

from __future__ import annotations

from tests.bench.gpu_diffusers import BENCHMARKS, placed


def test_what_was_measured_takes_the_place_of_what_was_before() -> None:
    # Given a page without the model
    page = "# Benchmarks\n\n## Other\n\nwords\n"
    # When it is measured, and once more
    first = placed(page, "toy", "| 1 |")
    second = placed(first.replace("## Other", "## Others"), "toy", "| 2 |")
    # Then the page has the last table once, and all else
    assert first.startswith(page.rstrip()) and "| 1 |" in first
    assert second.count("measured: toy") == 1
    assert "| 2 |" in second and "| 1 |" not in second and "## Others" in second


def test_the_page_has_a_place_for_the_models_that_were_measured() -> None:
    text = BENCHMARKS.read_text("utf-8")
    for model in ("wan-ti2v-5b", "wan-i2v-a14b-fast"):
        assert text.count(f"<!-- measured: {model} -->") == text.count(f"<!-- end of {model} -->") == 1
