"""The guide: one line for a prompt that says too little, none for one that says enough, never a refusal."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unstill_bots
from unstill_bots.text.advice import Advice, Words, advice
from unstill_bots.text.sentences import ADVICE
from unstill_queue.contract.jobs import Parameters

FILES = sorted((Path(str(unstill_bots.__file__)).parent / "text" / "locale").glob("*/advice.toml"))
PHRASES = Path(__file__).parents[1] / "engine" / "camera_phrases"
PARAMETERS = Parameters(model="camera", prompt="", seed=1, num_frames=16, fps=8, resolution=512)


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("", "subject"),
        ("cat", "subject"),
        ("猫", "subject"),
        ("a red old boat at the pier", "action"),
        ("一只坐在窗边的橘猫", "action"),
        ("the king of the morning ring", "action"),
        ("a woman smiling", "speed"),
        ("她在微笑", "speed"),
        ("Hund", "subject"),
        ("ein rotes altes Boot am Steg", "action"),
        ("eine Frau lächelt", "speed"),
        ("chien", "subject"),
        ("un vieux bateau rouge au quai", "action"),
        ("une femme sourit", "speed"),
        ("perro", "subject"),
        ("un viejo barco rojo en el muelle", "action"),
        ("una mujer sonríe", "speed"),
        ("Leute gehen langsam über den belebten Markt", "background"),
        ("the poster glows slowly in the rain", "text"),
        ("people walking slowly through a crowded market", "background"),
        ("hair blowing gently", "surroundings"),
    ],
)
def test_what_is_missing_is_named(prompt: str, code: str) -> None:
    found = advice(prompt)

    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    "prompt",
    [
        "Waves rolling in, slow motion",
        "Clouds drifting left over the mountains",
        "海浪缓缓翻滚涌向沙滩，夕阳的光",
        "Wellen rollen langsam an den Strand, Zeitlupe",
        "Les vagues déferlent lentement sur la plage",
        "Las olas llegan lentamente a la playa",
        "A woman turns her head slowly and smiles, soft evening light",
    ],
)
def test_a_prompt_that_says_enough_gets_none(prompt: str) -> None:
    assert advice(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "verb"),
    [
        ("the wide blue ocean", "rolling in"),
        ("a portrait of an old man", "smiling and turning"),
        ("some object over there", "moving gently"),
        ("蓝色的大海和沙滩", "翻滚"),
        ("das weite blaue Meer", "heranrollend"),
        ("le visage d'un vieil homme", "souriant et se retournant"),
        ("el retrato de un hombre viejo", "sonriendo y girándose"),
        ("ein alter Hund", "den Kopf drehend"),
        ("桌上的一个红苹果", "轻轻摆动"),
    ],
)
def test_the_verb_suits_the_subject(prompt: str, verb: str) -> None:
    assert advice(prompt) == Advice("action", {"verb": verb})


def test_strong_motion_is_told_to_go_smoothly() -> None:
    strong = Parameters(model="m", prompt="", seed=1, num_frames=16, fps=8, resolution=512, motion=1.75)
    prompt = "A woman turns her head to the left in the park"

    assert advice(prompt, strong) == Advice("smooth")
    assert advice(f"{prompt}, smoothly", strong) is None
    assert advice(prompt, PARAMETERS) is None


def test_for_a_camera_that_moves_camera_words_count() -> None:
    assert advice("the sea", PARAMETERS, draws=False) == Advice("camera")
    assert advice("zoom in on the sea", PARAMETERS, draws=False) is None
    assert advice("镜头拉近", PARAMETERS, draws=False) is None


@pytest.mark.parametrize("file", sorted(PHRASES.glob("*.toml")), ids=lambda file: file.stem)
def test_who_told_the_camera_something_in_another_language_is_not_advised_to_use_camera_words(file: Path) -> None:
    data = tomllib.loads(file.read_text("utf-8"))
    said = [words for rows in (*data["phrases"].values(), data["ours"]["said"]) for words, _ in rows]

    advised = [words for words in said if advice(words, PARAMETERS, draws=False) == Advice("camera")]

    assert said and advised == []


@pytest.mark.parametrize("prompt", ["ein Hund am See", "un gato en el sofá", "le lac", "o mar", "кот на диване", "猫"])
def test_who_told_it_nothing_is_advised(prompt: str) -> None:
    assert advice(prompt, PARAMETERS, draws=False) == Advice("camera")


@pytest.mark.parametrize(
    ("prompt", "wish"),
    [
        ("zoom in while it is raining", "raining"),
        ("she smiles", "smiles"),
        ("waves rolling in, pan left", "waves rolling"),
        ("镜头拉近，下雨", "下雨"),
        ("heranzoomen, während es regnet", "regnet"),
        ("zoom avant, il pleut", "pleut"),
        ("acercar mientras llueve", "llueve"),
        ("crash zoom", None),
        ("the waves, zoom in, then move left and turn", None),
    ],
)
def test_a_wish_that_a_camera_cannot_fulfil_is_said_to_be_one(prompt: str, wish: str | None) -> None:
    found = advice(prompt, PARAMETERS, draws=False)

    assert found == (wish and Advice("still", {"verb": wish}))


@settings(max_examples=500, deadline=None)
@given(st.text(), st.booleans())
def test_any_words_have_advice_that_can_be_said_or_none(prompt: str, draws: bool) -> None:
    found = advice(prompt, PARAMETERS, draws=draws)

    assert found is None or ADVICE[found.code].format_map(found.details)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_the_words_of_each_language_are_complete(file: Path) -> None:
    words, first = (msgspec.toml.decode(one.read_bytes(), type=Words) for one in (file, FILES[0]))

    kinds = ("actions", "directions", "speeds", "smooth", "places", "lettering", "busy", "camera", "alive")
    assert all(getattr(words, kind) for kind in kinds)
    assert list(words.suggestions) == list(first.suggestions)
    assert all(suggestion.subject and suggestion.verb for suggestion in words.suggestions.values())
