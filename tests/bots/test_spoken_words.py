"""What people type in a language is read as in English: lengths, thanks, what they want again, camera words, pairs.

A file of `spoken` is a language: phrases, and how each is read. What replies show as examples is read in all languages.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from unstill_bots.actions.user_jobs import all_words
from unstill_bots.intake.captions import Caption, parse
from unstill_bots.text.advice import Advice, advice
from unstill_bots.text.chatter import is_again, is_chatter
from unstill_bots.text.language import Sentences
from unstill_bots.text.pairs import asks_for_both
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES, SOURCE
from unstill_engine.renderers.camera.words import direct
from unstill_queue.contract.jobs import Parameters

CATALOG = Catalog.load()
FILES = sorted((Path(__file__).parent / "spoken").glob("*.toml"))
PARAMETERS = Parameters(model="m", prompt="", seed=1, num_frames=16, fps=8, resolution=512)
EXAMPLES = ("Zoom in slowly, then pan left --seconds 3", "Zoom in slowly", "zoom in, pan left, tilt up, rotate")


class Asked(NamedTuple):
    words: str
    prompt: str
    seconds: float


class Advised(NamedTuple):
    prompt: str
    code: str
    verb: str


class Still(NamedTuple):
    prompt: str
    wish: str


class Spoken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `spoken`: phrases that are something, and such that only look so."""

    lengths: list[Asked]
    no_lengths: list[str]
    chatter: list[str]
    wishes: list[str]
    again: list[str]
    pairs: list[str]
    no_pairs: list[str]
    advised: list[Advised]
    enough: list[str]
    still: list[Still]


each_language = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def spoken(file: Path) -> Spoken:
    return msgspec.toml.decode(file.read_bytes(), type=Spoken)


@each_language
def test_lengths_are_heard(file: Path) -> None:
    for words, prompt, seconds in spoken(file).lengths:
        assert parse(words, CATALOG, "camera") == Caption(prompt, {"seconds": seconds}), words
    for words in spoken(file).no_lengths:
        caption = parse(words, CATALOG, "camera")
        assert (caption.prompt, caption.given) == (words, {}), words


@each_language
def test_thanks_ask_for_nothing_and_once_more_for_the_same(file: Path) -> None:
    said = spoken(file)
    assert [words for words in said.chatter if not is_chatter(words)] == []
    assert [words for words in said.again if is_chatter(words) or not is_again(words)] == []
    assert [words for words in said.wishes if is_chatter(words) or is_again(words)] == []


@each_language
def test_a_clip_from_one_picture_to_another_is_asked_for(file: Path) -> None:
    assert [words for words in spoken(file).pairs if not asks_for_both(words)] == []
    assert [words for words in spoken(file).no_pairs if asks_for_both(words)] == []


@each_language
def test_what_is_missing_in_words_is_named_with_a_verb_of_their_language(file: Path) -> None:
    for prompt, code, verb in spoken(file).advised:
        assert advice(prompt, PARAMETERS, language=file.stem) == Advice(code, {"verb": verb} if verb else {}), prompt
    for prompt in spoken(file).enough:
        assert advice(prompt, PARAMETERS) is None, prompt
    for prompt, wish in spoken(file).still:
        assert advice(prompt, PARAMETERS, draws=False) == Advice("still", {"verb": wish}), prompt


# -- what replies show can be typed


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != SOURCE])
def test_the_examples_of_replies_are_read_as_in_english(language: str) -> None:
    # Given the words of a camera that replies show
    said = Sentences(language)
    shown = {move: said.gettext(move) for model in CATALOG.models.values() for move in model.moves}
    shown |= {example: said.gettext(example) for example in EXAMPLES[:2]}
    listed = said.gettext("camera words: zoom in, pan left, tilt up, rotate")
    shown[EXAMPLES[2]] = listed.replace("：", ":").partition(":")[2]
    for english, own in shown.items():
        # When they are typed, Then the camera moves as by the English ones, and no other words are advised
        asked, meant = parse(own, CATALOG, "camera"), parse(english, CATALOG, "camera")
        assert direct(asked.prompt, "") == direct(meant.prompt, "") != (), own
        assert asked.given == meant.given
        assert advice(asked.prompt, PARAMETERS, draws=False) is None, own
    # and so is the example for a model that makes things move
    waves = parse(said.gettext("Waves rolling in, slow motion --seconds 3"), CATALOG, "camera")
    assert waves.given == {"seconds": 3.0}
    assert advice(waves.prompt, PARAMETERS) is None, waves.prompt


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_them_can_be_cancelled_in_each_language(language: str) -> None:
    assert Sentences(language).gettext("all").lower() in all_words()
