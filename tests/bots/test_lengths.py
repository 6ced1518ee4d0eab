"""Lengths of clips in plain words: heard as the length, or said not to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.bots.test_discord_components import DONE, a_record

from unstill_bots.delivery import presentation
from unstill_bots.intake.captions import Caption, completed, parse
from unstill_config.catalog import Catalog
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()


def read(words: str, model: str = "camera") -> Caption:
    return parse(words, CATALOG, model)


@pytest.mark.parametrize(
    ("words", "prompt", "seconds"),
    [
        ("make it 5s long", "", 5.0),
        ("zoom in 10 seconds", "zoom in", 10.0),
        ("zoom in for 10 seconds, slowly", "zoom in, slowly", 10.0),
        ("a 5 second clip of waves", "waves", 5.0),
        ("a 3-second video of clouds drifting", "clouds drifting", 3.0),
        ("waves rolling, 5 sec", "waves rolling", 5.0),
        ("2.5 secs, waves", "waves", 2.5),
        ("please make it twelve seconds long, waves", "waves", 12.0),
        ("mach es 5 s lang", "", 5.0),
        ("heranzoomen, 10 Sekunden lang", "heranzoomen", 10.0),
        ("ein 5-sekündiges Video von Wellen", "Wellen", 5.0),
        ("Wellen, zwölf Sekunden", "Wellen", 12.0),
        ("haz que dure 5 segundos", "", 5.0),
        ("olas, de 10 segundos", "olas", 10.0),
        ("un vídeo de 5 segundos de olas", "olas", 5.0),
        ("une vidéo de 5 secondes de vagues", "vagues", 5.0),
        ("vagues, pendant 10 secondes", "vagues", 10.0),
        ("vagues, durée 5 secondes", "vagues", 5.0),
        ("海浪翻滚5秒", "海浪翻滚", 5.0),
        ("做成10秒的视频，海浪", "海浪", 10.0),
        ("海浪，时长十秒", "海浪", 10.0),
    ],
)
def test_a_length_in_plain_words_is_heard_as_the_length(words: str, prompt: str, seconds: float) -> None:
    caption = read(words)

    assert caption == Caption(prompt, {"seconds": seconds})
    parameters, _ = resolve(caption.prompt, caption.given, CATALOG, default_model="camera")
    assert parameters.num_frames == seconds * parameters.fps


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("10 seconds later a bird comes", "10 seconds"),
        ("a 30-second exposure of stars", "30-second"),
        ("it blinks every 2 seconds", "2 seconds"),
        ("zoom in 90 seconds", "90 seconds"),
        ("waves for 1 minute", "1 minute"),
        ("zoom in 3 seconds, then pan left 2 seconds", "3 seconds"),
        ("zoom in 10 seconds --seconds 3", "10 seconds"),
        ("nach 10 Sekunden kommt ein Vogel", "10 Sekunden"),
        ("in 5 Sekunden dreht er sich um", "5 Sekunden"),
        ("10 Sekunden später kommt ein Vogel", "10 Sekunden"),
        ("después de 10 segundos llega un pájaro", "10 segundos"),
        ("après 10 secondes un oiseau arrive", "10 secondes"),
        ("第3秒有鸟", "3秒"),
        ("wait for two seconds, then jump", "two seconds"),
        ("zwei Sekunden warten, dann springen", "zwei Sekunden"),
        ("espera tres segundos y salta", "tres segundos"),
        ("attends 2 secondes puis saute", "2 secondes"),
        ("等两秒再跳", "两秒"),
    ],
)
def test_what_is_not_taken_as_the_length_stays_in_the_words_and_is_said(words: str, said: str) -> None:
    caption = read(words)
    # Then the words stand as they were, and the length is what it would be without them
    assert caption.prompt == words.partition(" --")[0]
    assert caption.given == ({"seconds": 3.0} if "--" in words else {})
    # and a note under the clip says so, with what to do or what can be
    record = a_record(DONE)
    record = replace(record, request=replace(record.request, words=words))
    shown = presentation.clip(record, DONE, Path("clip.mp4"), CATALOG)
    (note, *_) = [note for note in shown.text.notes if said in note]
    assert "was not taken as the length of the clip" in note
    assert "0.334 to 20 seconds" in note if said in ("90 seconds", "1 minute", "30-second") else "--seconds" in note


@pytest.mark.parametrize("words", ["80s disco", "a 1980s car", "at 1:30 s", "iso-5s", "5 people", "seconds", "x5s"])
def test_what_is_no_length_is_not_spoken_of(words: str) -> None:
    assert read(words) == Caption(words)


def test_what_one_model_can_do_another_cannot() -> None:
    assert read("waves, 10 seconds", "camera").given == {"seconds": 10.0}
    assert read("waves, 10 seconds", "i2vgen-xl").given == {}
    assert read("waves, 10 seconds", "i2vgen-xl").unheard[0].allowed is not None
    # nor at another frame rate
    assert read("waves, 10 seconds --fps 60", "camera").unheard[0].allowed is not None


@pytest.mark.parametrize(
    ("words", "older", "together"),
    [
        ("make it 5s long", "waves --frames 24 --seed 7", "waves --seed 7 --seconds 5"),
        ("--seed 8", "waves --seed 7 --loop", "waves --loop yes --seed 8"),
        ("--seed random", "waves --seed 7 --loop", "waves --loop yes --seed random"),
        ("--motion 5", "waves --motion low", "waves --motion 5"),
        ("slower", "waves --seed 7", "slower"),
        ("slower, 5 seconds", "waves", "slower, 5 seconds"),
        ("5 seconds", "waves --sead 7", "5 seconds"),
        ("--sead 7", "waves", "--sead 7"),
        ("", "waves", ""),
    ],
)
def test_words_that_only_set_options_go_with_those_of_an_older_caption(words: str, older: str, together: str) -> None:
    assert completed(words, older, CATALOG, "camera") == together
