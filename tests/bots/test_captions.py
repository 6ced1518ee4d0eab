"""Captions: what people type, and what must never happen whatever they type."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.bots.able_models import with_abilities

from unstill_bots.intake.captions import TEXT_MAX, Caption, parse
from unstill_bots.intake.lengths import lengths
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import OPTIONS, PROMPT_MAX, SEED_MAX, find
from unstill_queue.contract.resolving import faults

CATALOG = Catalog.load()
NAMES = [name for option in OPTIONS for name in (option.name, *option.aliases)]


def read(text: str) -> Caption:
    return parse(text, CATALOG)


def test_the_caption_of_the_guide() -> None:
    caption = read('Waves rolling in, slow motion --seconds 3 --seed 7 --no "people" --preset timelapse')

    assert caption.prompt == "Waves rolling in, slow motion"
    assert caption.given == {"seconds": 3.0, "seed": 7, "negative_prompt": "people", "preset": "timelapse"}


@pytest.mark.parametrize(
    ("typed", "prompt", "given_values"),
    [
        ("waves -gs 9 -seed 7 -fps 12", "waves", {"guidance_scale": 9.0, "seed": 7, "fps": 12}),
        ("waves -neg blurry faces -motion 3", "waves", {"negative_prompt": "blurry faces", "motion": "high"}),
        ("-ar 9:16 -camera zoom in", "", {"shape": "reels", "camera": "zoom in"}),
        ("waves --seed=7", "waves", {"seed": 7}),
        ("waves --seed: 7", "waves", {"seed": 7}),
        ("waves --seed = 7", "waves", {"seed": 7}),
        ("waves seed=7 rolling", "waves rolling", {"seed": 7}),
        ("waves no=people rolling", "waves rolling", {"negative_prompt": "people"}),
        ("--NO people", "", {"negative_prompt": "people"}),
        ("--negative-prompt people", "", {"negative_prompt": "people"}),
        ("--num-frames 16 waves", "waves", {"num_frames": 16}),
        ("--seed 7, waves roll", "waves roll", {"seed": 7}),
        ("--preset timelapse.", "", {"preset": "timelapse"}),
        ("one\n--seed 7\ntwo\t three", "one two three", {"seed": 7}),
    ],
)
def test_options_are_found(typed: str, prompt: str, given_values: dict[str, Value]) -> None:
    assert read(typed) == Caption(prompt, given_values)


@pytest.mark.parametrize(
    ("typed", "prompt", "given_values"),
    [
        ("waves —seed 7", "waves", {"seed": 7}),
        ("waves –seed 7", "waves", {"seed": 7}),
        ("waves −seed 7", "waves", {"seed": 7}),
        ("--no “people, cars” waves", "waves", {"negative_prompt": "people, cars"}),
        ("--no „people“", "", {"negative_prompt": "people"}),
        ("--no «people»", "", {"negative_prompt": "people"}),
        ("--no 「人」 waves", "waves", {"negative_prompt": "人"}),
        ("--no 'don’t walk' waves", "waves", {"negative_prompt": "don’t walk"}),
        ("－－seed＝７ waves", "waves", {"seed": 7}),
        ("ｓｅｅｄ＝７", "", {"seed": 7}),
        ("--ar：9：16", "", {"shape": "reels"}),
        ("海浪翻滚--seed 7，慢动作", "海浪翻滚 慢动作", {"seed": 7}),
        ("海浪，——时长", "海浪，——时长", {}),
        ("海浪 --no人物 --seconds 3秒", "海浪", {"negative_prompt": "人物", "seconds": 3.0}),
        ("--loop 开 海浪", "海浪", {"loop": True}),
    ],
)
def test_what_phones_and_chinese_keyboards_make_of_it(typed: str, prompt: str, given_values: dict[str, Value]) -> None:
    assert read(typed) == Caption(prompt, given_values)


@pytest.mark.parametrize(
    "words",
    [
        "waves — calm",
        "waves – calm",
        "waves—calm, well-known - a lone dash",
        "from -5 to +5 degrees",
        "E=mc2 and f=ma",
        "a --> b :-D ^_-",
        "--",
        "it is 9:16 and style: watercolour",
        "https://example.org/?seed-7",
        "海浪——慢动作 ——慢",
        '"quoted" words',
        "don't",
    ],
)
def test_text_that_stays_text(words: str) -> None:
    assert read(words) == Caption(words)


@pytest.mark.parametrize(
    ("typed", "values", "prompt"),
    [
        ("waves --loop", {"loop": True}, "waves"),
        ("--loop waves", {"loop": True}, "waves"),
        ("--loop, waves", {"loop": True}, "waves"),
        ("--loop no waves", {"loop": False}, "waves"),
        ("--loop=off waves", {"loop": False}, "waves"),
        ('--loop "no" waves', {"loop": False}, "waves"),
        ('--loop "two waves"', {"loop": True}, '"two waves"'),
        ("--loop --fade yes --audio 0", {"loop": True, "fade": True, "audio": False}, ""),
    ],
)
def test_flags_need_no_value(typed: str, values: dict[str, Value], prompt: str) -> None:
    assert read(typed) == Caption(prompt, values)


@pytest.mark.parametrize(
    ("typed", "option", "nearest", "unknown"),
    [
        ("--sead 7", "sead", "seed", True),
        ("waves -sed 7", "sed", "seed", True),
        ("waves —secnds 7", "secnds", "seconds", True),
        ("--速度 3", "速度", None, True),
        ("--qqqq 3", "qqqq", None, True),
        ("--preset timelaps", "preset", "timelapse", False),
        ("--seconds 99", "seconds", "20", False),
        ("--seconds -3", "seconds", "0.2", False),
        ("--seconds 2,x", "seconds", None, False),
        ("--seed", "seed", None, False),
        ("--seed --loop", "seed", None, False),
        ("--seed waves", "seed", None, False),
        ("--no", "negative_prompt", None, False),
        ("--loop=perhaps", "loop", None, False),
        ("a " * TEXT_MAX, "prompt", None, False),
        ("--no " + "a" * (PROMPT_MAX + 1), "negative_prompt", None, False),
    ],
)
def test_what_is_refused_says_what_is_near(typed: str, option: str, nearest: str | None, unknown: bool) -> None:
    with pytest.raises(OptionError) as refusal:
        read(typed)

    assert (refusal.value.option, refusal.value.nearest, refusal.value.unknown) == (option, nearest, unknown)
    assert len(str(refusal.value)) < 300


def test_all_that_is_wrong_is_said_at_once_by_the_words_that_were_typed() -> None:
    # Given a caption with five faults, of four kinds, among what is right
    caption = "waves --sead 7 --out-fps 500 rolling --preset x --loop —cfg —seconds 99 --seed 7 fps=99 -s 3"
    with pytest.raises(OptionError) as refusal:
        parse(caption, CATALOG, "camera")
    # Then each has its sentence, in the order in which they stand, and by the name that the person used
    assert Replies().option_error(refusal.value).splitlines() == [
        "There is no option --sead. Did you mean --seed?",
        "There is no option --out-fps. Did you mean --output_fps?",
        "--preset cannot be x: it takes preview, standard, quality, timelapse, product, unipc, cache2, cache3, before.",
        "--cfg needs a value: it takes a number from 1 to 20.",
        "--seconds cannot be 99: it takes 0.334 to 20 seconds at 24 fps. Did you mean 20?",
        "1 more is wrong.",
    ]


def test_what_only_the_model_cannot_do_is_said_with_the_rest() -> None:
    with pytest.raises(OptionError) as refusal:
        parse("waves --steps 5 -m i2vgen-xl --frames 40 --sead 1 -f 4", CATALOG, "camera")

    assert [fault.typed for fault in refusal.value.faults] == ["--sead", "-f", "--steps", "--frames"]
    assert "--steps cannot be 5: it takes 10 to 100 with I2VGen-XL." in Replies().option_error(refusal.value)


def test_a_prompt_of_the_greatest_length_is_taken() -> None:
    assert read("a" * PROMPT_MAX + " --seed 7").prompt == "a" * PROMPT_MAX


def test_control_and_direction_characters_are_dropped_and_emoji_kept_whole() -> None:
    caption = read("wa\x00ves\u202e \ufeff👩\u200d🚀 \x1b[31m, --se\u200bed 7")

    assert caption == Caption("waves 👩\u200d🚀 [31m,", {"seed": 7})


# A text made of the pieces that the grammar is about finds more than arbitrary text does.
PIECES = st.one_of(
    st.sampled_from(
        ["--", "-", "—", "–", "－－", "=", "＝", ":", "：", " ", "\n", '"', "“", "”", "'", "«", "「", "」", "\\"]
    ),
    st.sampled_from(
        [
            *NAMES,
            "seed 7",
            "yes",
            "no",
            "３",
            "timelapse",
            "9:16",
            "海浪",
            "，",
            "don't",
            ".",
            "-5",
            "E=mc2",
            "::2",
            "::-1",
            "(",
            ")",
            "[",
            "]",
            ":1.2",
        ]
    ),
    st.text(max_size=3),
)
CAPTIONS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


@settings(max_examples=800, deadline=None)
@given(CAPTIONS)
@example("\ud800 --seed \udfff")
@example("--no " * 3000)
@example("--seed " + "9" * 5000)
@example("-" * TEXT_MAX)
@example("::0::")
@example("]::-1:[")
@example("-NO-0--0")
@example("1SECOND-R0")
@example("a::1" * 8000)
@example('--no "' * 2700)
@example("「--no «" * 2300)
@example("x=" * 8000)
@example("，--seed" * 2000)
def test_any_text_is_a_caption_or_an_option_error_and_reads_back_as_itself(text: str) -> None:
    started = time.process_time()
    try:
        caption = read(text)
    except OptionError:
        caption = Caption("")

    # what was said of how it was typed is not said of how it reads back, but for what is as it was
    again = read(str(caption))
    assert replace(again, notes=()) == replace(caption, notes=())
    assert not again.notes
    assert len(caption.prompt) <= PROMPT_MAX
    assert all(find(name).name == name for name in caption.given)
    assert time.process_time() - started < 2


WORDS = st.text(st.characters(categories=["L", "N", "So"]), min_size=1).filter(lambda word: read_quietly(word) == word)
VALUES = {
    "preset": st.sampled_from(sorted(CATALOG.presets)),
    "model": st.sampled_from(sorted(CATALOG.models)),
    "seconds": st.floats(0.2, 20),
    "guidance_scale": st.floats(1, 20),
    "seed": st.integers(0, SEED_MAX),
    "fps": st.integers(4, 60),
    "shape": st.sampled_from(sorted(CATALOG.finishes)),
    "motion": st.sampled_from(["low", "medium", "high"]),
    "loop": st.booleans(),
    "negative_prompt": st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
    .map(" ".join)
    .filter(lambda words: not set("()[]<>") & set(words)),
}


def read_quietly(text: str) -> str | None:
    try:
        return read(text).prompt
    except OptionError:
        return None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(WORDS, max_size=12).map(" ".join).filter(lambda prompt: not lengths(prompt)),
    st.fixed_dictionaries({}, optional=VALUES),
)
def test_what_was_given_comes_back(prompt: str, values: Mapping[str, Value]) -> None:
    caption = Caption(prompt, values)
    # what the model of the caption cannot do is refused
    assume("model" not in values or not list(faults(values, CATALOG, str(values["model"]))))

    assert replace(read(format(caption)), notes=()) == caption


def test_a_sound_track_of_a_model_that_makes_no_sound_is_said_to_be_silent() -> None:
    heard = with_abilities(CATALOG, "i2vgen-xl", "sound")

    assert parse("waves --sound", CATALOG, "camera").notes == ("sound_silent:model=Camera",)
    assert parse("waves --sound", heard, "i2vgen-xl").notes == ()
    assert parse("waves --sound no", CATALOG, "camera").notes == parse("waves", CATALOG, "camera").notes == ()
