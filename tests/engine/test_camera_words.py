"""What the camera understands, in a prompt and among camera words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.words import direct

ZOOM, PAN, TILT, ROLL, SHAKE = Axis.ZOOM, Axis.PAN, Axis.TILT, Axis.ROLL, Axis.SHAKE

ONE_MOVE = {
    (ZOOM, 1): "zoom in|push in|dolly in|zoom-in|a cat, zoom in on its eyes|the camera moves closer|ken burns"
    "|放大|拉近|推近|镜头推近|推镜头",
    (ZOOM, -1): "zoom out|pull out|pull back|dolly out|zoom the camera out|缩小|拉远|镜头拉远|鏡頭拉遠",
    (PAN, -1): "pan left|pan to the left|truck left|the camera moves left|pan right to left"
    "|向左平移|左移|镜头向左移动|从右到左平移",
    (PAN, 1): "pan right|panning right|truck right|pan from left to right|move the camera right"
    "|向右平移|右移|镜头缓缓向右摇",
    (TILT, 1): "tilt up|pan up|pedestal up|crane up|the camera tilts up|向上平移|上移|镜头向上",
    (TILT, -1): "tilt down|pedestal down|tilt the camera down|下移|镜头向下移动|向下摇",
    (ROLL, 1): "rotate clockwise|roll clockwise|the camera rotates clockwise|rotate to the right|顺时针旋转",
    (ROLL, -1): "rotate counter-clockwise|rotate counterclockwise|roll anticlockwise|逆时针旋转|旋转 逆时针",
    (SHAKE, 1): "camera shake|handheld|hand-held camera|shaky cam|镜头抖动|抖动|手持镜头",
}

NOT_OF_CAMERA = [
    "frying pan on the stove",
    "a frying pan left on the stove",
    "a man plays the pan flute",
    "Peter Pan flies",
    "fast food restaurant",
    "girl with a tilted hat",
    "a day at the zoo",
    "rolling waves at the beach",
    "waves rolling in, slow motion",
    "a red truck left",
    "a truck left the road",
    "statue on a pedestal",
    "a satellite orbiting the earth",
    "milkshake on a table",
    "clouds drift left",
    "a dog shakes off water",
    "the wheel rotates clockwise",
    "birds fly in",
    "she turns left",
    "he tilts his head up",
    "company panel",
    "people push in line",
    "the train pulls out of the station",
    "zoom call with friends",
    "tilt-shift photo of a city",
    "spinning wheel",
    "still life with fruit",
    "still water, birds",
    "a handheld fan",
    "her left hand",
    "a man holding a camera moves left",
    "pancakes and syrup",
    "panorama of the alps",
    "a woman pans for gold",
    "up in the sky",
    "a rocket rising",
    "left and right shoes",
    "鸟向左飞",
    "人向左移动",
    "旋转木马",
    "手持雨伞的女孩",
    "静止的湖面",
    "快餐店",
    "海浪翻滚",
    "放大镜下的蚂蚁",
    "风车顺时针旋转",
    "湖面静止",
    "水面抖动",
    "镜头里的女孩在山上",
]
STILL = [
    "static camera",
    "still",
    "the camera stays still",
    "no camera movement",
    "a lake, don't move the camera",
    "keep the camera still",
    "静止镜头",
    "不要移动镜头",
    "固定机位",
]
ALONE = {"left": (PAN, -1), "out": (ZOOM, -1), "up": (TILT, 1), "orbit": (PAN, 0), "左": (PAN, -1), "旋转": (ROLL, 0)}


def spoken(moves: tuple[Move, ...]) -> list[tuple[Axis, int]]:
    return [(move.axis, move.direction) for move in moves]


@pytest.mark.parametrize(
    ("words", "meant"), [(words, meant) for meant, all_words in ONE_MOVE.items() for words in all_words.split("|")]
)
def test_a_move_is_understood_in_the_prompt_and_among_camera_words(words: str, meant: tuple[Axis, int]) -> None:
    assert spoken(direct(words, ""))[0] == meant
    assert spoken(direct("a castle by the sea", words))[0] == meant


@pytest.mark.parametrize("words", NOT_OF_CAMERA)
def test_ordinary_words_do_not_move_the_camera(words: str) -> None:
    assert direct(words, "") == GENTLE


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("slowly zoom in and pan left", [(ZOOM, 1), (PAN, -1)]),
        ("waves roll in, slow pan left, tilt up", [(PAN, -1), (TILT, 1)]),
        ("zoom in and out", [(ZOOM, 1), (ZOOM, -1)]),
        ("pan left, then right", [(PAN, -1), (PAN, 1)]),
        ("zoom in pan right rotate clockwise", [(ZOOM, 1), (PAN, 1), (ROLL, 1)]),
        ("慢慢放大并向右平移", [(ZOOM, 1), (PAN, 1)]),
        ("推近然后拉远", [(ZOOM, 1), (ZOOM, -1)]),
        ("镜头從右向左緩慢移動", [(PAN, -1)]),
        ("orbit left", [(PAN, -1), (ZOOM, 1)]),
        ("dolly zoom", [(ZOOM, 1)]),
    ],
)
def test_words_combine(words: str, meant: list[tuple[Axis, int]]) -> None:
    assert spoken(direct(words, "")) == meant


@pytest.mark.parametrize("words", STILL)
def test_the_camera_can_stand_still(words: str) -> None:
    assert direct(words, "") == ()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("don't zoom out, zoom in", [(ZOOM, 1)]),
        ("no zoom, pan left", [(PAN, -1)]),
        ("no camera shake, zoom in", [(ZOOM, 1)]),
        ("不要放大,向左平移", [(PAN, -1)]),
        ("不要抖动 放大", [(ZOOM, 1)]),
    ],
)
def test_a_refusal_is_not_a_wish(words: str, meant: list[tuple[Axis, int]]) -> None:
    assert spoken(direct(words, "")) == meant


@pytest.mark.parametrize("words", ["no zoom", "without zooming", "do not zoom in", "不要放大"])
def test_a_refused_zoom_is_left_out_of_what_happens_by_itself(words: str) -> None:
    moves = direct(words, "")
    assert moves
    assert ZOOM not in {move.axis for move in moves}


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ("slowly zoom in", "zoom in"),
        ("zoom in slowly", "zoom in"),
        ("very slowly zoom in", "slowly zoom in"),
        ("zoom in", "zoom in fast"),
        ("zoom in", "quickly zoom in"),
        ("zoom in on the castle slowly", "zoom in on the castle"),
        ("缓慢放大", "放大"),
        ("放大慢一点", "放大"),
        ("放大", "快速放大"),
    ],
)
def test_a_pace_belongs_to_its_move(slower: str, faster: str) -> None:
    assert direct(slower, "")[0].strength < direct(faster, "")[0].strength


@pytest.mark.parametrize("words", ["cars driving fast, zoom in", "zoom in on the fast food stand", "慢动作的海浪,放大"])
def test_a_pace_of_something_else_is_not_the_camera_s(words: str) -> None:
    assert direct(words, "") == direct("zoom in", "")


def test_camera_words_win_over_the_prompt() -> None:
    assert spoken(direct("zoom in", "left")) == [(PAN, -1)]
    assert direct("zoom in", "still") == ()
    assert spoken(direct("zoom in, pan left", "no zoom")) == [(PAN, -1)]
    assert direct("zoom in", "slow") == direct("zoom in slowly", "")


@pytest.mark.parametrize(("word", "meant"), ALONE.items())
def test_a_word_alone_is_enough_among_camera_words(word: str, meant: tuple[Axis, int]) -> None:
    assert spoken(direct("a dog", word))[0] == meant


PIECES = st.sampled_from(
    [words for all_words in ONE_MOVE.values() for words in all_words.split("|")]
    + [
        "no",
        "don't",
        "slow",
        "fast",
        "the",
        "camera",
        "and",
        "then",
        ",",
        ".",
        "\n",
        "镜头",
        "不要",
        "慢",
        "、",
        "𝓏oom",
        "ﷺ",
        "\x00",
    ]
)


@given(prompt=st.text(max_size=1200), camera=st.lists(PIECES, max_size=30).map(" ".join))
def test_any_text_is_read_without_an_error_and_always_alike(prompt: str, camera: str) -> None:
    for one, other in ((prompt, camera), (camera, prompt)):
        direct.cache_clear()
        first = direct(one, other)
        direct.cache_clear()
        assert direct(one, other) == first
        assert all(0 < move.strength < float("inf") for move in first)
