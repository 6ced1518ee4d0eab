"""A camera that is not to move does not drift, and what a move is to stand in for is not done: in each language."""

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
ズームはいらない
寄らないで
enough with the zooming"""


@pytest.mark.parametrize("words", STILL.splitlines())
def test_a_camera_that_is_not_to_move_stands_still(words: str) -> None:
    assert direct(words, "") == ()


@pytest.mark.parametrize(("words", "meant"), INSTEAD.items())
def test_what_a_move_is_to_stand_in_for_is_not_done(words: str, meant: list[tuple[Axis, int]]) -> None:
    assert [(move.axis, move.direction) for move in direct(words, "")] == meant


@pytest.mark.parametrize("words", NO_ZOOM.splitlines())
def test_a_zoom_that_is_refused_does_not_happen_by_itself(words: str) -> None:
    assert Axis.ZOOM not in {move.axis for move in direct(words, "")}


def test_what_stands_still_for_another_reason_stops_no_camera() -> None:
    assert [move.axis for move in direct("nothing moves in the forest, zoom in", "")] == [Axis.ZOOM]
    assert [move.axis for move in direct("the truck stops moving the crates, pan left", "")] == [Axis.PAN]
