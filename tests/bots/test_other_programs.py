"""What people type who come from other programs: understood, brought to the nearest with a note, or truly answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unstill_bots.actions.option_offers import words
from unstill_bots.intake import other_syntax
from unstill_bots.intake.captions import TEXT_MAX, Caption, completed, followed_by, parse, quoted
from unstill_bots.intake.foreign import foreign
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.codes import note, read_note
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import OPTIONS, PROMPT_MAX, find
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()
NAMES = {name for option in OPTIONS for name in (option.name, *option.aliases)}
NOTHING_LIKE = "There is nothing like this here, so it was left out: {}."
WEIGHTS = "Weights and brackets around words are not read: all words count the same."


def read(text: str, model: str = "camera") -> Caption:
    return parse(text, CATALOG, model)


def told(caption: Caption) -> list[str]:
    return [Replies().note(each) for each in caption.notes]


def overruled(asked: str, chosen: str) -> str:
    return f"“{asked}” was not used: “{chosen}” says otherwise."


def nearest(asked: str, chosen: str) -> str:
    return f"“{asked}” cannot be done here; the nearest was used: {chosen}."


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("--duration 5 seconds", {"seconds": 5.0}),
        ("--duration 5 sec --fps 24 fps --frames 120 frames", {"seconds": 5.0, "fps": 24, "num_frames": 120}),
        ("--时长=5", None),
        ("--seconds 2,5", {"seconds": 2.5}),
        ("--seconds 3秒", {"seconds": 3.0}),
        ("--aspect_ratio 16:9", {"shape": "landscape"}),
        ("--aspect_ratio 4:3", {"shape": "classic"}),
        ("--ar 4:5", {"shape": "feed"}),
        ("--size 1440x1080", {"shape": "classic", "resolution": 1080}),
        ("--aspect-ratio 9x16", {"shape": "reels"}),
        ("--ar 16/9", {"shape": "landscape"}),
        ("--ar16:9", {"shape": "landscape"}),
        ("--ar portrait", {"shape": "reels"}),
        ("--ar 1.78", {"shape": "landscape"}),
        ("--size portrait --res auto", {"shape": "reels"}),
        ("--resolution 1080p", {"resolution": 1080}),
        ("--resolution 720 pixels", {"resolution": 720}),
        ("--resolution 1920x1080", {"resolution": 1080, "shape": "landscape"}),
        ("--ar 1080x1920", {"resolution": 1080, "shape": "reels"}),
        ("--size 512*512", {"resolution": 512, "shape": "square"}),
        ("--video-size 1080p", {"resolution": 1080}),
        ("--res 720p --ar 1:1", {"resolution": 720, "shape": "square"}),
        ("--w 512 --h 512", {"resolution": 512, "shape": "square"}),
        ("--width=1080 --height=1920", {"resolution": 1080, "shape": "reels"}),
        ("--rs 720p --rt 9:16 --dur 5", {"resolution": 720, "shape": "reels", "seconds": 5.0}),
        ("--frame_num 81 --base_seed 42", {"num_frames": 81, "seed": 42}),
        ("--seed -1", {}),
        ("--seed random", {}),
        ("--seed=-1", {}),
        ("--sd 随机", {}),
        ("--seed 7 --seed random", {}),
        ("--seconds auto --fps default", {}),
        ("-camera zoom in -motion 4", {"camera": "zoom in", "motion": "high"}),
        ("--motion strong", {"motion": "high"}),
        ("--camera zoom in --camera slowly", {"camera": "zoom in, slowly"}),
        ("--zoom in", {"camera": "in"}),
        ("--pan left --tilt up", {"camera": "left, up"}),
        ("--prompt --seed 7", {"seed": 7}),
        ("--no-audio --no-loop", {"audio": False, "loop": False}),
    ],
)
def test_what_is_meant_is_understood_without_a_word(typed: str, values: dict[str, Any] | None) -> None:
    if values is None:
        with pytest.raises(OptionError):
            read(f"waves {typed}")
        return
    caption = read(f"waves {typed}")

    assert (caption.prompt, dict(caption.given), told(caption)) == ("waves", values, [])
    # and it reads back as the same
    assert read(str(caption)) == caption


@pytest.mark.parametrize(
    ("typed", "values", "said"),
    [
        ("--motion 5", {"motion": "high"}, [nearest("--motion 5", "high")]),
        ("--motion 127", {"motion": "high"}, [nearest("--motion 127", "high")]),
        ("--ar 2.39:1", {"shape": "landscape"}, [nearest("--ar 2.39:1", "16:9")]),
        ("--size 1366x768", {"resolution": 768, "shape": "landscape"}, []),
        ("--resolution 4k", {"resolution": 1080}, [nearest("--resolution 4k", "1080 px")]),
        ("--resolution 600", {"resolution": 512}, [nearest("--resolution 600", "512 px")]),
        ("--hd", {"resolution": 720}, ["“--hd” was read as “--resolution 720”."]),
        ("--1080p", {"resolution": 1080}, ["“--1080p” was read as “--resolution 1080”."]),
        ("--4K", {"resolution": 1080}, [nearest("--4K", "1080 px"), "“--4K” was read as “--resolution 2160”."]),
        ("--zoom-in", {"camera": "zoom in"}, ["“--zoom-in” was read as “--camera zoom in”."]),
        ("--portrait", {"shape": "reels"}, ["“--portrait” was read as “--shape portrait”."]),
        ("--cf true", {"camera": "static shot"}, ["“--cf true” was read as “--camera static shot”."]),
        ("--camerafixed false --wm=no", {}, [NOTHING_LIKE.format("--wm=no")]),
        ("--random", {}, ["“--random” was read as “--seed random”."]),
        ("--v 6 --style raw --q .5", {}, [NOTHING_LIKE.format("--v 6, --style raw, --q .5")]),
        ("--v6 —s 250 -c 20", {}, [NOTHING_LIKE.format("--v6, —s 250, -c 20")]),
        ("--sref https://a.example/b 123 --fast", {}, [NOTHING_LIKE.format("--sref https://a.example/b 123, --fast")]),
        ("--format mp4 --p", {}, [NOTHING_LIKE.format("--format mp4, --p")]),
        ("--width 512", {}, [NOTHING_LIKE.format("--width 512")]),
        ("-gs 12", {"guidance_scale": 12.0}, ["Camera does not read -gs, so it changes nothing."]),
        ("-gs 99 --steps 999", {}, ["Camera does not read -gs, --steps, so it changes nothing."]),
        (
            "--no cats --no dogs",
            {"negative_prompt": "cats, dogs"},
            ["Camera does not read --no, so it changes nothing."],
        ),
        (
            "--seconds 3 --num_frames 200",
            {"seconds": 3.0, "num_frames": 200},
            [overruled("--seconds 3", "--num_frames 200")],
        ),
        ("--seconds 3 --num_frames 72", {"seconds": 3.0, "num_frames": 72}, []),
        ("--shape square --ar 16:9", {"shape": "landscape"}, [overruled("--shape square", "--ar 16:9")]),
        ("--shape landscape --ar 16:9", {"shape": "landscape"}, []),
        ("--seed 1 --seed 2", {"seed": 2}, [overruled("--seed 1", "--seed 2")]),
        (
            "--ar 9:16 --size 1920x1080",
            {"shape": "reels", "resolution": 1080},
            [overruled("--size 1920x1080", "--ar 9:16")],
        ),
        ("--loop --no-loop", {"loop": False}, [overruled("--loop", "--no-loop")]),
    ],
)  # fmt: skip
def test_what_is_done_otherwise_than_typed_is_told(typed: str, values: dict[str, Any], said: list[str]) -> None:
    caption = read(f"waves {typed}")

    assert (caption.prompt, dict(caption.given)) == ("waves", values)
    assert told(caption) == said
    # what a clip is made of reads back as the same, and the models takes it
    again = read(str(caption))
    assert (again.prompt, again.given) == (caption.prompt, caption.given)
    resolve(caption.prompt, caption.given, CATALOG, default_model="camera")


@pytest.mark.parametrize(
    ("typed", "model", "said"),
    [
        ("-gs 24", "i2vgen-xl", [nearest("-gs 24", "20")]),
        ("--res 256 --motion 3", "i2vgen-xl", [nearest("--res 256", "512 px"),
                                              "I2VGen-XL does not read --motion, so it changes nothing."]),
        ("--steps 30 --no fog -gs 7", "i2vgen-xl", []),
        # only another shape has something to fill
        ("--fit blur", "camera",
         ["The clip has the photo's own shape, in which --fit has nothing to fill: add a --shape."]),
        ("--ar 9:16 --fit cover", "camera", []),
        # what a recipe of the camera says is its own
        ("--num_inference_steps 1 --guidance_scale 1", "camera", []),
    ],
)  # fmt: skip
def test_what_a_model_does_not_read_is_told_and_what_it_reads_is_not(typed: str, model: str, said: list[str]) -> None:
    assert told(read(f"waves {typed}", model)) == said


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("--hb", "There is no option --hb. The help lists them all."),
        ("--sdx 3", "There is no option --sdx. The help lists them all."),
        ("--qd 3", "There is no option --qd. The help lists them all."),
        ("--sead 7", "There is no option --sead. Did you mean --seed?"),
        ("--s 30", "--s cannot be 30: it takes 0.334 to 20 seconds at 24 fps. Did you mean 20?"),
        ("--ar odd", "--ar cannot be odd: it takes original, reels, square, landscape, classic, upright, feed."),
        ("--model gen3", f"--model cannot be gen3: it takes {', '.join(CATALOG.models)}."),
    ],
)
def test_what_cannot_be_meant_is_answered_with_a_true_nearest_or_none(typed: str, sentence: str) -> None:
    with pytest.raises(OptionError) as refusal:
        read(f"waves {typed}")
    assert Replies().option_error(refusal.value) == sentence


@pytest.mark.parametrize(
    ("typed", "prompt", "said"),
    [
        ("(waves:1.3) at dawn", "waves at dawn", [WEIGHTS]),
        ("((waves)) and (((rain))) at [dawn]", "waves and rain at dawn", [WEIGHTS]),
        ("(slow (waves:1.2):0.8)", "slow waves", [WEIGHTS]),
        ("[calm:stormy:0.5] sea", "calm stormy sea", [WEIGHTS]),
        ("waves::2 birds::1", "waves birds", [WEIGHTS]),
        ("waves:: birds", "waves birds", [WEIGHTS]),
        ("waves <lora:ocean:0.8> rolling", "waves rolling", [NOTHING_LIKE.format("<lora:ocean:0.8>")]),
        # what is a person's own stays
        ("waves (softly) at 16:9 (scale 1:2), std::vector", "waves (softly) at 16:9 (scale 1:2), std::vector", []),
        ("a sign (John 3:16) [1] :) :( (see: 2)", "a sign (John 3:16) [1] :) :( (see: 2)", []),
        ("1 < 2 and a <b> c", "1 < 2 and a <b> c", []),
    ],
)
def test_weights_are_taken_off_and_the_words_stay(typed: str, prompt: str, said: list[str]) -> None:
    caption = read(typed)

    assert (caption.prompt, told(caption)) == (prompt, said)
    assert read(str(caption)) == Caption(prompt)


def test_a_negative_weight_is_what_should_not_appear() -> None:
    caption = read("a field::2 fog::-0.5 --no people", "i2vgen-xl")

    assert caption.prompt == "a field"
    assert caption.given == {"negative_prompt": "people, fog"}


def test_what_is_copied_from_below_a_picture_is_read() -> None:
    caption = read(
        "a harbour at dawn\nNegative prompt: blurry, (text:1.4)\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, Model: foo",
        "i2vgen-xl",
    )

    assert caption.prompt == "a harbour at dawn"
    assert caption.given == {
        "negative_prompt": "blurry, text", "num_inference_steps": 20, "guidance_scale": 7.0, "seed": 42,
        "resolution": 512, "shape": "square",
    }  # fmt: skip
    assert told(caption) == [NOTHING_LIKE.format("Sampler: Euler a, Model: foo"), WEIGHTS]


def test_a_prompt_is_taken_up_to_the_longest_text_of_a_platform_and_then_shortened_with_a_note() -> None:
    some = "waves rolling in " * 60
    assert read(f"{some} --seed 7") == Caption(" ".join(some.split()), {"seed": 7})
    # the longest that a platform sends
    assert read("a" * PROMPT_MAX) == Caption("a" * PROMPT_MAX)
    # When it is longer, Then it ends between two words, which are told
    long = read("waves " * 2000 + "--seed 7")
    assert PROMPT_MAX - 6 <= len(long.prompt) <= PROMPT_MAX and long.prompt.endswith("s") and long.given == {"seed": 7}
    assert told(long) == ["The words were longer than the model reads: it was cut after “waves waves waves waves”."]
    assert read(str(long)) == Caption(long.prompt, {"seed": 7})
    assert len(read("长" * (PROMPT_MAX + 50)).prompt) == PROMPT_MAX
    assert read("--no " + "fog " * 1000, "i2vgen-xl").given["negative_prompt"] == " ".join(["fog"] * 1000)


def test_what_is_told_of_one_caption_stays_short() -> None:
    many = " ".join(f"--v {each} --seed {each} --motion {each + 5} {each} seconds" for each in range(1, 300))
    caption = read(f"waves {many}")

    assert len(caption.notes) <= 8 and len(caption.unheard) <= 12
    assert all(len(sentence) < 400 for sentence in told(caption))


def test_options_alone_go_with_the_words_of_before() -> None:
    assert completed("--v 6", "waves --seed 7", CATALOG, "camera") == "--v 6"
    anew = completed("--motion 5 --seed -1", "waves --seed 7 --ar 1:1", CATALOG, "camera")

    assert (read(anew).prompt, read(anew).given) == ("waves", {"shape": "square", "motion": "high"})
    assert told(read(anew)) == [nearest("--motion 5", "high")]


def test_the_first_word_of_a_prompt_is_not_the_unit_of_a_value_that_was_chosen() -> None:
    for prompt in ("seconds of rain", "秒 waves", "s", "px"):
        assert read(words(prompt, {"seconds": 5.0})) == Caption(prompt, {"seconds": 5.0})


def test_no_name_of_another_program_is_one_of_ours_or_stands_twice() -> None:
    known = foreign()
    apart = [
        *known.words,
        *known.same,
        *known.reads_as,
        *known.sides,
        *known.switches,
        *(name for names in known.left_out.values() for name in names),
    ]

    assert len(apart) == len(set(apart))
    assert not NAMES & set(apart)
    assert set(known.elsewhere) <= NAMES
    assert {find(name).name for name in known.same.values()} <= NAMES
    for name, text in (*known.reads_as.values(), *known.switches.values()):
        # each says what an option of ours takes
        assert read(f"waves --{name} {text}").prompt == "waves"


@given(st.text(), st.dictionaries(st.sampled_from(["asked", "chosen"]), st.text()))
def test_a_note_bears_what_a_person_typed(value: str, named: dict[str, str]) -> None:
    assert read_note(note("x", value=value))[1]["value"] == value
    if named:
        assert read_note(note("x", **named))[1].items() >= named.items()


BRACKETED = st.lists(
    st.sampled_from([*"()[]<>:, ", "::", ":1.3", "waves", "a", "海", "1", "<lora:a:1>", "--seed 7", "::-1", "\\"]),
    max_size=30,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(BRACKETED)
@example("(" * 9000 + "a" + ")" * 9000)
@example("([" * 5000 + "a:1.2")
@example("a:" * 12000 + ")")
@example("<lora:" * 5000)
@example("(a:1." * 6000)
@example("( [ a:1.2) ]")
def test_plain_words_are_plain_already(text: str) -> None:
    once = other_syntax.plain(" ".join(text.split())[:TEXT_MAX])

    assert other_syntax.plain(" ".join(once.text.split())).text == " ".join(once.text.split())
    assert sum(map(str.isalnum, once.text)) <= sum(map(str.isalnum, text))


@given(st.text(max_size=40), st.text(max_size=20), st.integers(0, 9))
@example('--camera "zoom in', "fog", 7)
@example("--camera «zoom in", "fog» and", 7)
def test_options_after_a_caption_are_read_whatever_it_is(text: str, value: str, seed: int) -> None:
    try:
        alone = read(text, "i2vgen-xl")
    except OptionError:
        return
    caption = followed_by(text, f"--seed {seed} --no {quoted(' '.join(value.split()) or 'x')}", CATALOG)

    assert read(caption, "i2vgen-xl").given["seed"] == seed
    assert read(caption, "i2vgen-xl").prompt == alone.prompt
