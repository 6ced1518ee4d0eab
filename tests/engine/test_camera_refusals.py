"""What is refused is never done, and what nobody understood is not made up: in a prompt, and among camera words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.test_camera_words import ONE_MOVE

from unstill_engine.renderers.camera.moves import AMOUNT_MOST, GENTLE, Axis, Move
from unstill_engine.renderers.camera.words import direct, unread

ZOOM, PAN, TILT, ROLL, SHAKE = Axis.ZOOM, Axis.PAN, Axis.TILT, Axis.ROLL, Axis.SHAKE

NOTHING_BY_ITSELF = """\
no pan, no zoom
no pan or zoom
without any zoom or pan
neither zoom nor pan
no zooming, panning or tilting
no zoom, pan, or tilt
no zoom, pan
no zoom, no tilt
no zoom and pan
please do not let the camera zoom or pan
the camera neither zooms nor pans
the camera never zooms or pans
the camera does not move, zoom or pan
don't zoom, pan, tilt or rotate
no zoom/pan
no zoom + pan
no "zoom", no "pan"
disable pan and zoom
不要放大，不要平移
不要放大也不要平移
不要平移和放大
不要放大、平移
不要推拉摇移
镜头不推不拉不摇"""
STILL = """\
the camera remains steady
the camera stays perfectly still
keep the camera steady
steady camera
static shot
locked-off shot
tripod shot
shot on a tripod
the camera holds steady throughout
hold still
no movement of the camera
the camera isn't moving
the camera position is fixed
static medium shot
keep still
no cam movement
don't move anything
hold the frame
画面稳定，不要抖动
畫面穩定，不要抖動
画面稳定
机位不动
没有任何镜头运动
镜头保持稳定
镜头固定不动
稳定镜头
三脚架拍摄
不要移动镜头"""
ONLY = {
    "don't zoom, just pan left": [(PAN, -1)],
    "do not zoom, pan left": [(PAN, -1)],
    "no zoom and pan left": [(PAN, -1)],
    "instead of zooming, pan left": [(PAN, -1)],
    "zoom in instead of panning": [(ZOOM, 1)],
    "not only zoom in but also pan left": [(ZOOM, 1), (PAN, -1)],
    "don't stop zooming in": [(ZOOM, 1)],
    "don't zoom in too fast": [(ZOOM, 1)],
    "zoom in, but not too fast": [(ZOOM, 1)],
    "no quick zoom, just zoom in slowly": [(ZOOM, 1)],
    "pan around, but don't pan left": [(PAN, 1)],
    "the camera pans, but never to the left": [(PAN, 1)],
    "don't zoom in quickly, zoom in slowly": [(ZOOM, 1)],
    "no zoom, pan left or right": [(PAN, -1), (PAN, 1)],
    "orbit left, no zoom": [(PAN, -1)],
    "no crash zoom, zoom in": [(ZOOM, 1)],
    "pan right, not left": [(PAN, 1)],
    "no movement except a slow zoom in": [(ZOOM, 1)],
    "static except for a slow pan left": [(PAN, -1)],
    "zoom 0%, pan left": [(PAN, -1)],
    "don't just zoom in, pan left": [(ZOOM, 1), (PAN, -1)],
    "zoom: none, pan: left": [(PAN, -1)],
    "zoom=out, pan=left": [(ZOOM, -1), (PAN, -1)],
    "不要放大，向左平移": [(PAN, -1)],
    "不要让镜头放大，向左平移": [(PAN, -1)],
    "不是放大，是缩小": [(ZOOM, -1)],
    "只放大，不平移": [(ZOOM, 1)],
    "不要太快地放大": [(ZOOM, 1)],
    "不要快速放大，缓慢放大": [(ZOOM, 1)],
    "放大，不要太快": [(ZOOM, 1)],
    "不要放大太快": [(ZOOM, 1)],
    "不要停止放大": [(ZOOM, 1)],
}
#: A refusal of each kind, with the axis that stays as it is.
REFUSED = {
    ZOOM: """\
I don't want the camera to zoom in
don't you dare zoom
there should be no zoom
no sudden zoom
stop zooming
stop the zoom
turn off the zoom
keep the camera from zooming
zoom off
zoom: none
no-zoom
no "zoom"
do'nt zoom
I hate zooms
don't move closer
don't zoom in on her face
不放大
请不要任何放大
不需要放大
不要一直放大
无缩放""",
    PAN: """\
don't move left
do not move the camera to the left
the camera should not move to the left
don't pan to the left or to the right
don't pan left, right, up or down
no left-right movement
不要向左或向右平移
不要摇镜头""",
    TILT: """\
no up and down movement
don't go up
the camera must not tilt up
镜头不要上移""",
    ROLL: """\
no camera rotation
do not rotate the camera clockwise
without rotating 90 degrees clockwise
镜头不旋转
不要顺时针旋转90度""",
}
NO_DIRECTION = """\
zoom ud
zoom tilbage
zoom uit
zoom uzaklaş
zoom wstecz
zoom takaisin
zoom 뒤로
zoom للخارج
zoom เข้า
zoom yourself"""


def spoken(moves: tuple[Move, ...]) -> list[tuple[Axis, int]]:
    return [(move.axis, move.direction) for move in moves]


@pytest.mark.parametrize("words", NOTHING_BY_ITSELF.splitlines())
def test_who_wants_neither_a_zoom_nor_a_pan_gets_neither(words: str) -> None:
    assert direct(words, "") == ()
    assert direct(f"a lake at dusk, {words}", "") == ()
    assert direct("a lake at dusk", words) == ()


@pytest.mark.parametrize("words", STILL.splitlines())
def test_a_camera_that_is_to_be_steady_does_not_drift(words: str) -> None:
    assert direct(words, "") == ()
    assert direct("a lake at dusk", words) == ()


@pytest.mark.parametrize(("words", "meant"), ONLY.items())
def test_a_refusal_reaches_so_far_and_no_further(words: str, meant: list[tuple[Axis, int]]) -> None:
    assert spoken(direct(words, "")) == meant
    assert spoken(direct(f"a lake at dusk, {words}", "")) == meant


@pytest.mark.parametrize(
    ("axis", "words"), [(axis, words) for axis, lines in REFUSED.items() for words in lines.splitlines()]
)
def test_a_refusal_is_heard_however_it_is_said(axis: Axis, words: str) -> None:
    for moves in (direct(words, ""), direct(f"a lake at dusk. {words}", ""), direct("a lake at dusk", words)):
        assert axis not in {move.axis for move in moves}


def test_no_shaking_leaves_a_calm_zoom() -> None:
    for words in ("no camera shake", "no shaking", "不要抖动"):
        assert spoken(direct(words, "")) == [(ZOOM, 1)], words


def test_what_is_not_to_be_too_fast_is_slower_and_what_is_not_to_be_too_slow_is_not() -> None:
    usual = direct("zoom in", "")[0].strength
    for words in ("zoom in, not too fast", "don't zoom in too quickly", "放大不要太快"):
        assert direct(words, "")[0].strength < usual, words
    for words in ("zoom in, not too slow", "放大不要太慢"):
        assert direct(words, "")[0].strength > usual, words


@pytest.mark.parametrize("words", NO_DIRECTION.splitlines())
def test_an_unknown_word_after_zoom_is_no_direction(words: str) -> None:
    for moves in (direct(words, ""), direct(f"a castle, {words}", ""), direct("a castle", words)):
        assert ZOOM not in {move.axis for move in moves}
    # it is told, and what is said beside it is done
    assert unread(words, "") == unread(f"a castle, {words}", "") == unread("a castle", words) != ()
    assert spoken(direct(f"{words}, pan left", "")) == [(PAN, -1)]


@pytest.mark.parametrize("words", ["zoom (out)", "zoom, out", "zoom/out", "zoom | out", "zoom _out_", "zoom. out"])
def test_a_direction_after_a_mark_still_is_the_zoom_s(words: str) -> None:
    assert spoken(direct(words, "")) == spoken(direct("a castle", words)) == [(ZOOM, -1)]


@pytest.mark.parametrize(
    ("words", "meant"), [("pan ⬅️", (PAN, -1)), ("pan →", (PAN, 1)), ("rotate links", (ROLL, -1)), ("⬆️", (TILT, 1))]
)
def test_arrows_and_words_of_another_language_are_directions(words: str, meant: tuple[Axis, int]) -> None:
    assert spoken(direct("a castle", words)) == [meant]


def test_camera_words_that_nobody_knows_are_told_and_known_ones_are_not() -> None:
    assert unread("a castle", "à gogo") == ("à gogo",)
    assert unread("a castle", "zoom ud, pan tilbage") == ("zoom ud", "pan tilbage")
    for words in ("zoom in", "slowly", "no zoom", "still", "zoom the castle", "no zoom raus"):
        assert unread("a castle", words) == unread(words, "") == (), words
    assert unread("a castle by the sea", "") == ()


@pytest.mark.parametrize("words", ["zoom the castle", "zoom at her eyes", "zoom slowly", "zoom to the door", "zoom"])
def test_a_zoom_at_something_comes_nearer(words: str) -> None:
    (move,) = direct(words, "")
    assert move.axis is ZOOM and move.direction >= 0


AMOUNTS = {
    "rotate 90 degrees clockwise": Move(ROLL, 1, amount=90),
    "rotate 90° clockwise": Move(ROLL, 1, amount=90),
    "rotate clockwise by 90 degrees": Move(ROLL, 1, amount=90),
    "rotate ninety degrees clockwise": Move(ROLL, 1, amount=90),
    "45º counterclockwise": Move(ROLL, -1, amount=45),
    "rotate -30 degrees": Move(ROLL, -1, amount=30),
    "rotate clockwise half a turn": Move(ROLL, 1, amount=180),
    "rotate 1000 degrees clockwise": Move(ROLL, 1, amount=AMOUNT_MOST[ROLL]),
    "tilt the camera 9 degrees up": Move(TILT, 1, amount=0.2),
    "pan 12 degrees to the left": Move(PAN, -1, amount=0.2),
    "pan left 20%": Move(PAN, -1, amount=0.2),
    "zoom in 20%": Move(ZOOM, 1, amount=math.log(1.2)),
    "zoom 20 % in": Move(ZOOM, 1, amount=math.log(1.2)),
    "zoom out by 20 percent": Move(ZOOM, -1, amount=math.log(1.2)),
    "2x zoom": Move(ZOOM, amount=math.log(2)),
    "zoom in 1.5x": Move(ZOOM, 1, amount=math.log(1.5)),
    "zoom in 100x": Move(ZOOM, 1, amount=AMOUNT_MOST[ZOOM]),
    "zoom x2": Move(ZOOM, amount=math.log(2)),
    "zoom from 120% to 100%": Move(ZOOM, -1, amount=math.log(1.2)),
    "zoom from 1x to 1.5x": Move(ZOOM, 1, amount=math.log(1.5)),
    "rotate 10 to 20 degrees clockwise": Move(ROLL, 1, amount=20),
    "rotate the image 90 degrees to the right": Move(ROLL, 1, amount=90),
    "顺时针旋转九十度": Move(ROLL, 1, amount=90),
    "旋转45度 逆时针": Move(ROLL, -1, amount=45),
    "逆时针转一百八十度": Move(ROLL, -1, amount=180),
    "向左平移20%": Move(PAN, -1, amount=0.2),
    "放大两倍": Move(ZOOM, 1, amount=math.log(2)),
    "放大百分之二十": Move(ZOOM, 1, amount=math.log(1.2)),
    # what says nothing of a way over a photo leaves the usual one
    "pan 3 meters left": Move(PAN, -1),
    "pan for 5 seconds to the right": Move(PAN, 1),
    "向右平移3秒": Move(PAN, 1),
}


@pytest.mark.parametrize(("words", "meant"), AMOUNTS.items())
def test_a_number_with_its_unit_says_how_far(words: str, meant: Move) -> None:
    for (move,) in (direct(words, ""), direct(f"a castle, {words}", ""), direct("a castle", words)):
        assert (move.axis, move.direction, move.strength) == (meant.axis, meant.direction, meant.strength)
        assert move.amount == pytest.approx(meant.amount)
        # and the motion that was asked for changes only what nobody measured
        assert (move.way(2.0) == move.way(1.0)) is (meant.amount != 0 or move.direction == 0)


DIRECTED = {
    "zoom in": (ZOOM, 1),
    "zoom out": (ZOOM, -1),
    "zoom the camera out": (ZOOM, -1),
    "pan left": (PAN, -1),
    "pan to the right": (PAN, 1),
    "tilt up": (TILT, 1),
    "tilt the camera down": (TILT, -1),
    "rotate clockwise": (ROLL, 1),
    "rotate counter-clockwise": (ROLL, -1),
    "the camera rotates to the left": (ROLL, -1),
}
QUANTITIES = st.tuples(
    st.one_of(st.integers(1, 999).map(str), st.floats(0.1, 99).map(lambda number: f"{number:.1f}")),
    st.sampled_from(["°", " degrees", "-degree", "%", " percent", "x", " times", " seconds", "s", " cm", " px", ""]),
).map("".join)


@given(words=st.sampled_from(sorted(DIRECTED)), quantity=QUANTITIES, place=st.integers(1, 5))
def test_a_number_and_a_unit_never_part_a_verb_from_its_direction(words: str, quantity: str, place: int) -> None:
    parts = words.split(" ")
    parts.insert(min(place, len(parts)), quantity)
    for moves in (direct(" ".join(parts), ""), direct("a castle", " ".join(parts))):
        assert spoken(moves) == [DIRECTED[words]]


MOVES_BY_NAME = {
    "zoom": ZOOM,
    "zooming": ZOOM,
    "panning": PAN,
    "pan": PAN,
    "tilt": TILT,
    "tilting": TILT,
    "rotation": ROLL,
    "shake": SHAKE,
    "camera shake": SHAKE,
}
NAMES = st.lists(st.sampled_from(sorted(MOVES_BY_NAME)), min_size=1, max_size=4)
REFUSALS = st.sampled_from(["no {}", "without {}", "avoid {}", "no camera {}", "please, no {} at all", "with no {}"])


@given(refusal=REFUSALS, names=NAMES, end=st.sampled_from([" or ", ", or ", " and ", ", ", " nor ", "/", ", no "]))
def test_what_stands_in_a_refused_list_never_happens(refusal: str, names: list[str], end: str) -> None:
    listed = ", ".join(names[:-1]) + (end if names[1:] else "") + names[-1]
    words = refusal.format(listed)
    for moves in (direct(words, ""), direct(f"a castle, {words}", ""), direct("a castle", words)):
        assert not {MOVES_BY_NAME[name] for name in names} & {move.axis for move in moves}, words


def test_words_that_refuse_nothing_of_the_camera_change_nothing() -> None:
    for words in ("a man with no hat", "no people", "not a cloud in the sky", "an empty street without cars", "没有人"):
        assert direct(words, "") == GENTLE, words
    assert spoken(direct("a man with no hat, zoom in", "")) == [(ZOOM, 1)]


IMPERATIVES = [
    (words, axis) for (axis, _), all_words in ONE_MOVE.items() for words in all_words.split("|") if "," not in words
]
ENGLISH = ["don't {}", "never {}", "please do not {}", "I don't want you to {}", "no {}", "avoid {}", "without {}"]
CHINESE = ["不要{}", "请不要{}", "别{}", "不要让{}", "没有{}", "禁止{}"]


@pytest.mark.parametrize(("words", "axis"), IMPERATIVES)
def test_whatever_is_refused_leaves_its_axis_alone(words: str, axis: Axis) -> None:
    for refusal in ENGLISH if words.isascii() else CHINESE:
        refused = refusal.format(words)
        for moves in (direct(refused, ""), direct(f"a lake at dusk. {refused}", ""), direct("a lake", refused)):
            assert axis not in {move.axis for move in moves}, refused
