"""What a clip is made of, which models can do that, and when two pictures are one clip."""

from __future__ import annotations

import pytest
from tests.bots.able_models import with_abilities
from tests.queue.values import a_request

from unstill_bots.intake.captions import Caption
from unstill_bots.intake.inputs import Inputs, asks_for_last, model_for, takes_words_alone
from unstill_bots.intake.older_picture import each_picture
from unstill_bots.intake.served import Served
from unstill_bots.text.pairs import asks_for_both
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import Request
from unstill_queue.contract.options import LAST_IMAGE
from unstill_queue.contract.resolving import resolve
from unstill_queue.contract.sizing import sized

CATALOG = Catalog.load()
ABLE = with_abilities(CATALOG, "i2vgen-xl", LAST_IMAGE, "text_to_video")
WORDS = Caption("waves")

BOTH = [
    "from this to that",
    "From this picture to that one, slowly",
    "make it go from the first photo to the second",
    "a door opens, from the first to the last --seed 7",
    "The first frame is the closed bud, the last frame the open flower",
    "start with the first picture and end with the second",
    "morph into the second picture",
    "turn this one into the other one",
    "a smooth transition between the two",
    "first ... last",
    "first and last frames",
    "首尾帧",
    "从这张到那张",
    "从第一张图片慢慢变到第二张",
    "第一张照片开始，最后一张照片结束",
    "过渡到第二张",
]
EACH = [
    "",
    "waves rolling in",
    "pan from left to right",
    "pan from this side to that side",
    "zoom from the first tree to the last tree",
    "the first snow of the year",
    "these are my first and second child",
    "one bird lands on the last branch",
    "turn to the left",
    "she turns into a swan",
    "from dawn to dusk",
    "镜头从左到右",
    "从白天到黑夜",
    "从这个角落移到那个角落",
    "第一场雪",
]


@pytest.mark.parametrize("words", BOTH)
def test_words_that_name_both_pictures_ask_for_one_clip_of_them(words: str) -> None:
    assert asks_for_both(words)


@pytest.mark.parametrize("words", EACH)
def test_other_words_are_for_each_picture(words: str) -> None:
    assert not asks_for_both(words)


def test_the_option_says_it_whatever_the_words_are() -> None:
    assert asks_for_last("waves --last_image", CATALOG)
    assert asks_for_last("waves --last-frame yes", CATALOG)
    assert not asks_for_last("from this to that --last_image no", CATALOG)
    # and words that are wrong are still words
    assert asks_for_last("from this to that --sead 7", CATALOG)


@pytest.mark.parametrize(
    ("inputs", "abilities", "caption", "code"),
    [
        (Inputs(), (), WORDS, ""),
        (Inputs(last=True), (), WORDS, "one_picture"),
        (Inputs(last=True), (LAST_IMAGE,), WORDS, ""),
        (Inputs(first=False, last=True), (LAST_IMAGE,), WORDS, "last_picture_missing"),
        (Inputs(), (LAST_IMAGE,), Caption("waves", {LAST_IMAGE: True}), "last_picture_missing"),
        (Inputs(), (LAST_IMAGE,), Caption("waves", {LAST_IMAGE: False}), ""),
        (Inputs(first=False), (), WORDS, "no_picture"),
        (Inputs(first=False), ("text_to_video",), WORDS, ""),
        (Inputs(first=False), ("text_to_video",), Caption(""), "no_words"),
        (Inputs(), ("text_to_video", "no_image"), WORDS, "words_only"),
        (Inputs(first=False), ("text_to_video", "no_image"), WORDS, ""),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_what_a_model_cannot_do_is_one_sentence(
    inputs: Inputs, abilities: tuple[str, ...], caption: Caption, code: str, language: str
) -> None:
    model = with_abilities(CATALOG, "i2vgen-xl", *abilities).models["i2vgen-xl"]

    objection = inputs.objection(model, caption, Replies(language))

    assert (objection.code if objection else "") == code
    if objection is not None:
        assert objection.said
        assert (model.title in objection.said) == (code in ("no_picture", "one_picture", "words_only"))


def test_what_the_usual_model_cannot_do_goes_to_one_that_can_unless_words_name_one() -> None:
    served = Served.of(ABLE, {"camera", "i2vgen-xl"}, "camera")
    asked = {"model": "--model i2vgen-xl"}

    assert model_for(LAST_IMAGE, "waves", served, "camera") == asked
    assert model_for("text_to_video", "waves", served, "camera") == asked
    assert model_for(LAST_IMAGE, "waves --model camera", served, "camera") == {}
    assert model_for(LAST_IMAGE, "waves", served, "i2vgen-xl") == {}
    # and where nobody serves it the usual one says what it cannot do
    assert model_for(LAST_IMAGE, "waves", Served.of(ABLE, {"camera"}, "camera"), "camera") == {}


def test_words_alone_are_taken_where_a_model_that_is_served_makes_a_clip_of_them() -> None:
    served = Served.of(ABLE, {"camera", "i2vgen-xl"}, "camera")

    assert takes_words_alone("a storm", served)
    assert takes_words_alone("a storm --model i2vgen-xl", served)
    assert not takes_words_alone("a storm --model camera", served)
    assert not takes_words_alone("a storm", Served.of(ABLE, {"camera"}, "camera"))
    assert not takes_words_alone("a storm", Served.of(ABLE, set(), "i2vgen-xl"))


def test_a_clip_of_words_alone_has_a_wide_frame_unless_words_say_otherwise() -> None:
    def frame(**given: str) -> tuple[int | None, int | None]:
        parameters, finish = resolve("a storm", given, ABLE, default_model="i2vgen-xl")
        made = sized(parameters, finish, given, ABLE, None)
        return made.width, made.height

    assert frame() == (896, 512)
    assert frame(shape="square") == (512, 512)
    assert frame(shape="reels") == (512, 896)


def test_each_picture_of_a_request_is_stored_and_fetched_as_if_it_were_its_only_one() -> None:
    one = a_request()
    none = Request(**{**{name: getattr(one, name) for name in one.__struct_fields__}, "source": ""})
    two = Request(
        **{
            **{name: getattr(one, name) for name in one.__struct_fields__},
            "last_source": "second",
            "last_stored": "pictures/y",
            "notes": ("picture_truncated",),
        }
    )

    assert each_picture(none) == []
    assert [(each.source, each.stored, each.last_source) for each in each_picture(one)] == [("file", "", "")]
    assert [(each.source, each.stored, each.last_source, each.notes) for each in each_picture(two)] == [
        ("file", "", "", ("picture_truncated",)),
        ("second", "pictures/y", "", ()),
    ]
