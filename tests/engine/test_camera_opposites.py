"""What is asked in each language is not its opposite: a camera that stands still, a move instead of another, a turn."""

from __future__ import annotations

import pytest

from unstill_engine.renderers.camera.moves import Axis
from unstill_engine.renderers.camera.words import direct

STILL = """\
stop the camera from moving
keep the camera from moving
stop moving the camera
prevent any camera movement
avoid camera movement
no moving camera
leave the camera alone
nothing should move except the clouds
die Kamera darf sich nicht bewegen
die Kamera soll stehen bleiben
Wellen rollen, die Kamera soll sich nicht bewegen
que no se mueva la cámara
que la cámara no se mueva
la cámara no debe moverse
nada de movimiento de cámara
la caméra ne doit pas bouger
la caméra ne bouge jamais
que a câmera não se mova
a câmera não deve se mover
камера не должна двигаться
чтобы камера не двигалась
カメラを動かすな
让镜头停住"""

INSTEAD = {
    "herauszoomen statt hineinzoomen": [(Axis.ZOOM, -1)],
    "schwenk nach links statt zoom": [(Axis.PAN, -1)],
    "schwenken statt zoomen": [(Axis.PAN, 0)],
    "alejar en vez de acercar": [(Axis.ZOOM, -1)],
    "en lugar de zoom, paneo a la derecha": [(Axis.PAN, 1)],
    "au lieu de zoomer, panoramique à droite": [(Axis.PAN, 1)],
    "afastar em vez de aproximar": [(Axis.ZOOM, -1)],
    "отдаление вместо приближения": [(Axis.ZOOM, -1)],
    "панорама вместо зума": [(Axis.PAN, 0)],
    "ズームじゃなくて左にパン": [(Axis.PAN, -1)],
    "ズームの代わりに左にパン": [(Axis.PAN, -1)],
}

NO_ZOOM = """\
用平移代替放大
no acerques
не зумь
zoom? no
ズームはいらない
寄らないで
enough with the zooming"""


TURNS = {
    "turn the picture left": (-1, 0),
    "向左旋转90度": (-1, 90),
    "把图片向右旋转": (1, 0),
    "图片左转90度": (-1, 90),
    "左に90度回転": (-1, 90),
    "90度右に回転": (1, 90),
    "画像を左に回転": (-1, 0),
    "カメラを45度右に傾ける": (1, 45),
    "girar la imagen 90 grados a la izquierda": (-1, 90),
    "tourne la photo vers la gauche": (-1, 0),
    "girar a foto 45 graus para a direita": (1, 45),
    "поверни фото на 90 градусов вправо": (1, 90),
}

FIRST = """\
first pan left, then zoom in on her face
erst nach links schwenken, dann heranzoomen
zunächst nach links schwenken, danach heranzoomen
start by panning left, afterwards zoom in
сперва панорама влево, в конце приближение"""


@pytest.mark.parametrize("words", STILL.splitlines())
def test_a_camera_that_is_not_to_move_stands_still(words: str) -> None:
    assert direct(words, "") == ()


@pytest.mark.parametrize(("words", "meant"), INSTEAD.items())
def test_what_a_move_is_to_stand_in_for_is_not_done(words: str, meant: list[tuple[Axis, int]]) -> None:
    assert [(move.axis, move.direction) for move in direct(words, "")] == meant


@pytest.mark.parametrize("words", ["pan to the camera left", "pan toward the camera left", "move to camera left"])
def test_the_left_of_the_camera_is_left(words: str) -> None:
    assert [(move.axis, move.direction) for move in direct(words, "")] == [(Axis.PAN, -1)]


@pytest.mark.parametrize("words", NO_ZOOM.splitlines())
def test_a_zoom_that_is_refused_does_not_happen_by_itself(words: str) -> None:
    assert Axis.ZOOM not in {move.axis for move in direct(words, "")}


def test_what_stands_still_for_another_reason_stops_no_camera() -> None:
    assert [move.axis for move in direct("nothing moves in the forest, zoom in", "")] == [Axis.ZOOM]
    assert [move.axis for move in direct("the truck stops moving the crates, pan left", "")] == [Axis.PAN]


@pytest.mark.parametrize(("words", "meant"), TURNS.items())
def test_a_picture_that_is_to_turn_to_a_side_turns_to_it_and_does_nothing_else(
    words: str, meant: tuple[int, float]
) -> None:
    assert [(move.axis, move.direction, move.amount) for move in direct(words, "")] == [(Axis.ROLL, *meant)]


@pytest.mark.parametrize("words", FIRST.splitlines())
def test_what_is_to_be_first_is_done_too(words: str) -> None:
    assert [(move.axis, move.direction) for move in direct(words, "")] == [(Axis.PAN, -1), (Axis.ZOOM, 1)]


THINGS = """\
parked next to the truck left of the house
人物向左旋转跳舞
旋转木马向左
she looks at the camera and moves left
smile for the camera, then look left
he walks towards the camera and turns right
a man facing the camera moves up the ladder
er schaut in die Kamera und geht nach rechts
elle sourit à la caméra puis va à droite
она смотрит в камеру и поворачивается влево
她对着镜头微笑并向右走
カメラ目線で左を向く"""


@pytest.mark.parametrize("words", THINGS.splitlines())
def test_what_a_thing_in_the_picture_does_is_no_move(words: str) -> None:
    assert not any(move.asked for move in direct(words, ""))


def test_a_round_in_japanese_is_no_number_in_chinese() -> None:
    moves = direct("被写体の周りを一周. Langsam hineinzoomen", "")
    assert [(move.axis, move.direction) for move in moves] == [(Axis.PAN, 0), (Axis.ZOOM, 1), (Axis.ZOOM, 1)]
