"""The page, as a browser without a script has it: asking, waiting, what is made, and whose it is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.system.conversations import recipe_in
from tests.system.processes import wait_for
from tests.system.telegram_house import photo
from tests.system.web_house import WebHouse, has_clips, web_house

CLIP_BUTTONS = {"Again", "Better", "9:16", "Loop", "Extend", "Delete", "Report"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("page")) as web:
        yield web


def test_a_photo_with_words_becomes_a_card_with_its_clip(house: WebHouse) -> None:
    # Given somebody who opens the page for the first time
    ann = house.visitor()
    assert ann.cards() == []
    # When they send a photo with words
    assert ann.ask("waves rolling in", seed="7").status_code == 200
    # Then one card becomes the clip, with its words, its facts and its buttons
    (card,) = ann.until(has_clips(), "the clip")
    assert "waves rolling in" in card.text and "seed 7" in card.text
    assert set(card.buttons) == CLIP_BUTTONS
    assert set(card.links) == {"Download", "Recipe", "Other words"}
    recipe = recipe_in(ann.clip(card))
    assert (recipe.parameters.prompt, recipe.parameters.seed) == ("waves rolling in", 7)
    # and its file has a telling name
    saved = ann.http.get(card.links["Download"])
    assert "unstill-waves-rolling-in.mp4" in saved.headers["Content-Disposition"]
    assert "waves rolling in" in ann.open(card.links["Recipe"]).text


def test_what_is_wrong_is_said_above_the_form_which_stays_filled(house: WebHouse) -> None:
    ann = house.visitor()
    # When words have an option that there is not
    answer = ann.ask("waves --speed 3", fps="8")
    # Then that is said, nothing is queued, and what was typed stands there
    assert answer.status_code == 422
    assert "There is no option --speed" in answer.text
    assert "waves --speed 3" in answer.text and 'value="8"' in answer.text
    assert ann.cards() == []


def test_what_is_too_long_or_too_large_is_called_what_it_is(house: WebHouse) -> None:
    ann = house.visitor()
    assert ann.ask("waves " * 200_000).status_code == 413
    assert "The field prompt is longer than it may be." in ann.page
    assert ann.ask("waves", pictures=[bytes(42_000_000)]).status_code == 413
    assert "A picture is larger than is taken here." in ann.page
    assert ann.cards() == []


def test_several_photos_are_several_cards(house: WebHouse) -> None:
    ann = house.visitor()
    ann.ask("waves", pictures=[photo("teal"), b"no picture", photo("navy")])
    # Then what is none is said, and the others are made
    assert "is not a picture" in ann.page or "not a picture" in ann.page
    ann.until(has_clips(2), "both clips")


def test_buttons_make_other_clips_and_delete_them(house: WebHouse) -> None:
    ann = house.visitor()
    ann.ask("waves", seed="7")
    (first,) = ann.until(has_clips(), "the clip")
    # When it is asked for as a loop
    ann.press(first, "Loop")
    first, second = ann.until(has_clips(2), "the loop")
    assert set(second.buttons) == CLIP_BUTTONS - {"Loop"}
    assert ann.clip(first) != ann.clip(second)
    # When the first is deleted, Then its card and its file are gone
    where = first.clip
    ann.press(first, "Delete")
    assert [card.id for card in ann.cards()] == [second.id]
    assert where is not None and ann.http.get(where).status_code == 404


def test_other_words_for_a_photo_need_no_photo(house: WebHouse) -> None:
    ann = house.visitor()
    ann.ask("waves", pictures=[photo("teal")])
    (first,) = ann.until(has_clips(), "the clip")
    # When the form is opened for other words, Then the old ones stand in it
    form = ann.open(first.links["Other words"]).text
    assert ">waves</textarea>" in form
    # and sent twice, as by two presses, it is one request
    for _ in range(2):
        ann.ask("clouds", pictures=[], of=first.id, once="pressed")
    _, second = ann.until(has_clips(2), "the second clip")
    assert "clouds" in second.text


def test_what_waits_says_where_it_stands_and_can_be_cancelled(house: WebHouse) -> None:
    ann, ben = house.visitor(), house.visitor()
    with house.house.gate() as gate:
        # Given a render that is held
        ann.ask(f"{gate} waves")
        (one,) = ann.until(lambda cards: cards and cards[0].state == "rendering", "the render")
        ben.ask("clouds")
        (other,) = ben.until(lambda cards: cards and "You are next." in cards[0].text, "the place")
        # When both are cancelled
        ann.press(one, "Cancel")
        ben.press(other, "Cancel")
        for person in (ann, ben):
            (card,) = person.until(lambda cards: cards and cards[0].state == "cancelled", "the end")
            assert "Cancelled." in card.text and card.clip is None
    # and such a card can be put away
    ben.press(card, "Remove")
    assert ben.cards() == []


def test_everything_is_said_in_chinese_too(house: WebHouse) -> None:
    ann = house.visitor("zh-CN,zh;q=0.9,en;q=0.5")
    assert "让照片动起来" in ann.open().text
    ann.ask("waves")
    (card,) = ann.until(lambda cards: cards and cards[0].clip, "the clip")
    assert "删除" in card.buttons
    # and by a press the page is English
    ann.post("/language", language="en")
    assert "A photo, moving" in ann.open().text


def test_everything_of_somebody_is_deleted(house: WebHouse) -> None:
    ann, ben = house.visitor(), house.visitor()
    for person in (ann, ben):
        person.ask("waves")
        person.until(has_clips(), "the clip")
    (card,) = ann.cards()
    ann.post("/tokens", name="mine")
    # When they have it all deleted
    assert "are deleted" in ann.post("/forget").text
    # Then nothing of theirs is there, and nobody else's is gone
    assert ann.cards() == [] and ann.http.get(f"/clips/{card.id}/clip.mp4").status_code == 404
    assert len(ben.cards()) == 1


def test_after_a_stop_and_a_start_it_all_stands_there(tmp_path: Path) -> None:
    with web_house(tmp_path) as web:
        ann = web.visitor()
        ann.ask("waves")
        (before,) = ann.until(has_clips(), "the clip")
        assert web.stop_bot() == 0
        web.start_bot()
        web.wait_for_bot()
        (after,) = ann.cards()
        assert after == before
        assert ann.clip(after)


def test_an_early_look_stands_in_the_card_until_the_clip_does(tmp_path: Path) -> None:
    with web_house(tmp_path, UNSTILL_ENGINE__MODEL="able") as house, house.house.gate(late=True) as gate:
        ann, bob = house.visitor(), house.visitor()
        # When a renderer says what it sees of a clip
        ann.ask(f"{gate} seen waves", pictures=[photo("rgb(208, 16, 16)")])
        (card,) = ann.until(lambda cards: any("early look" in one.text for one in cards), "the look")
        # Then the card shows that in place of the photo, as a small still that no browser keeps, and nobody else has it
        assert "This is an early look, drawn by AI." in card.text and {"New seed", "Stop"} <= set(card.buttons)
        still = ann.http.get(f"/clips/{card.id}/poster.jpg")
        assert still.headers["Cache-Control"] == "private, no-store" and len(still.content) < 50_000
        with Image.open(io.BytesIO(still.content)) as image:
            red, green, blue = image.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
            assert image.size == (320, 240) and red > 190 > 40 > max(green, blue)
        bob.open()
        assert bob.http.get(f"/clips/{card.id}/poster.jpg").status_code == 404
        wait_for(gate.reached, what="the step at which the render is held")
        # When she wants another seed, Then its look stands in the same card
        ann.press(card, "New seed")
        wait_for(lambda: gate.reached(2), what="the other seed")
        (again,) = ann.until(lambda cards: any("early look" in one.text for one in cards), "its look")
        assert again.id == card.id
        gate.open()
        # and the clip takes its place
        (made,) = ann.until(has_clips(), "the clip")
        assert made.id == card.id and "early look" not in made.text
        assert ann.http.get(f"/clips/{card.id}/poster.jpg").content != still.content
