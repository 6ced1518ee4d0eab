"""Conversations that are the same on every platform. A new platform is right when it passes them (`LAWS`).

A `Talk` is one person in a private chat with the bot, on a house with the real bot, engine and queue.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tests.bots.colour_references import png
from tests.bots.hostile.heif import grid
from tests.bots.hostile.sources import encoded
from tests.bots.hostile.sources import photo as sound_photo
from tests.system.processes import House, wait_for

from unstill_queue.contract.recipe import Recipe, read_recipe

FIRST_FRAME = "The picture moves already; its first frame was used."
CUT_OFF = "The picture's file ends too early; what is missing at its edge was left out."
COLOURS_IGNORED = "What the picture says of its colours could not be used; they may differ a little."
NOT_SHOWN = "of the picture is not shown: it does not fit into the clip's shape."
CLIP_BUTTONS = ("Again", "Better", "9:16", "Loop", "Extend", "Delete")


@dataclass(frozen=True)
class Seen:
    """A message of the bot's as it stands now; `clip` is the file that it shows, and `buttons` are labels."""

    id: str
    text: str
    buttons: tuple[str, ...]
    clip: bytes | None


class Talk(Protocol):
    """The conversation of one person with the bot. `house` has the person's files in its folder, and no process of it
    runs yet but the server.
    """

    house: House
    own_buttons: tuple[str, ...]
    """The labels that stand under a clip on this platform only."""

    def start_bot(self) -> None:
        """Start the bot and wait until it listens."""

    def kill_bot(self) -> None: ...

    def stop_bot(self) -> int:
        """Tell the bot to stop, and return its exit code."""

    def photo(self, words: str) -> None:
        """Send a photo of 320x240 with words."""

    def file(self, data: bytes, name: str, words: str) -> None:
        """Send a picture as a file with words."""

    def words(self, text: str) -> None:
        """Write words without a picture."""

    def command(self, name: str) -> None: ...

    def press(self, message: str, label: str) -> None:
        """Press a button under the message of that id."""

    def seen(self) -> list[Seen]:
        """Return all of the bot's messages, in their order."""


async def seen(talk: Talk, holds: Callable[[list[Seen]], bool], what: str) -> list[Seen]:
    """Return what the person sees once `holds` holds for it."""
    await asyncio.to_thread(wait_for, lambda: holds(talk.seen()), what=what)
    return talk.seen()


def recipe_of(shown: Seen) -> Recipe:
    """Return how the clip that a message shows was made, as its file says."""
    assert shown.clip is not None
    return recipe_in(shown.clip)


def recipe_in(clip: bytes) -> Recipe:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(clip)
        file.flush()
        return read_recipe(Path(file.name))


def moving_picture() -> bytes:
    """Make a WEBP of two frames."""
    out = io.BytesIO()
    one, other = (Image.new("RGB", (320, 240), colour) for colour in ("teal", "red"))
    one.save(out, "WEBP", save_all=True, append_images=[other], duration=50)
    return out.getvalue()


def panorama() -> bytes:
    """Make a PNG of 8:1."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((1600, 200)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def lettered() -> bytes:
    """Make a PNG of 3:2 with large words at its left and right edges, on plain ground."""
    out = io.BytesIO()
    image = Image.new("RGB", (480, 320), (120, 150, 170))
    for text, place, anchor in (("LEFT", (8, 160), "lm"), ("RIGHT", (472, 160), "rm")):
        ImageDraw.Draw(image).text(
            place, text, "white", ImageFont.load_default(48), anchor, stroke_width=4, stroke_fill="black"
        )
    image.save(out, "PNG")
    return out.getvalue()


def white_words(*chunks: tuple[bytes, bytes]) -> bytes:
    """Make a PNG of white words on nothing, with these chunks before its pixels."""
    image = Image.new("RGBA", (320, 240), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((20, 90), "HELLO", "white", ImageFont.load_default(80))
    return png(np.asarray(image), *chunks)


def first_frame(clip: bytes) -> Any:
    """Return the first frame that a player shows, grey, (H, W) uint8."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(clip)
        file.flush()
        video = cv2.VideoCapture(file.name)
        there, frame = video.read()
        video.release()
    assert there
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def clips(messages: list[Seen]) -> list[Seen]:
    return [one for one in messages if one.clip is not None]


def waiting(messages: list[Seen]) -> list[Seen]:
    return [one for one in messages if "Cancel" in one.buttons]


async def a_photo_with_words_comes_back_moving(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    # When somebody sends a photo with words
    talk.photo("waves rolling in --seed 7")
    # Then one message of the bot's has become the clip, with its words, its seed and its buttons
    (shown,) = await seen(talk, lambda messages: bool(clips(messages)), "the clip")
    assert "waves rolling in" in shown.text
    assert "seed 7" in shown.text
    assert sorted(shown.buttons) == sorted((*CLIP_BUTTONS, *talk.own_buttons))
    assert shown.clip is not None
    assert shown.clip[4:8] == b"ftyp"
    assert talk.stop_bot() == 0


async def what_is_wrong_with_the_words_is_said(talk: Talk) -> None:
    talk.start_bot()
    talk.photo("waves --speed 3")

    (shown,) = await seen(
        talk, lambda messages: any("There is no option" in one.text for one in messages), "the answer"
    )
    # and other words may be given
    assert shown.buttons == ("Edit",)
    assert shown.clip is None


async def a_variation_is_another_clip_of_the_same_picture(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    talk.photo("waves --seed 7")
    (first,) = await seen(talk, lambda messages: bool(clips(messages)), "the clip")
    # When a button is pressed, and pressed once more
    talk.press(first.id, "Loop")
    talk.press(first.id, "Loop")
    # Then there is one more clip, which that button would not change any more
    await seen(talk, lambda messages: len(clips(messages)) == 2 and not waiting(messages), "the second clip")
    second = clips(talk.seen())[1]
    labels = (*CLIP_BUTTONS, *talk.own_buttons)
    assert sorted(second.buttons) == sorted(label for label in labels if label != "Loop")
    assert second.clip != first.clip


async def again_makes_another_clip_each_time(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    talk.photo("waves --seed 7")
    (first,) = await seen(talk, lambda messages: bool(clips(messages)), "the clip")
    # When Again is pressed under it three times, each time when the one before is there
    for count in (2, 3, 4):
        talk.press(first.id, "Again")
        await seen(talk, lambda now, count=count: len(clips(now)) == count and not waiting(now), f"clip {count}")  # type: ignore[misc]
    # Then each is of the same words, and of a seed of its own
    shown = clips(talk.seen())
    assert all("waves" in one.text for one in shown)
    assert len({recipe_of(one).parameters.seed for one in shown}) == 4


async def where_a_seed_changes_nothing_again_is_another_move(talk: Talk) -> None:
    # Given a camera, which would give the same frames with another seed
    talk.house.settings["UNSTILL_ENGINE__MODEL"] = "camera"
    talk.house.start_engine()
    talk.start_bot()
    talk.photo("zoom in --frames 8 --res 256")
    (first,) = await seen(talk, lambda messages: bool(clips(messages)), "the clip")
    assert "Another move" in first.buttons and "Again" not in first.buttons
    # When another move is asked for under it, and one more under that
    talk.press(first.id, "Another move")
    await seen(talk, lambda now: len(clips(now)) == 2 and not waiting(now), "another move")
    talk.press(clips(talk.seen())[1].id, "Another move")
    await seen(talk, lambda now: len(clips(now)) == 3 and not waiting(now), "one more")
    talk.press(first.id, "Another move")
    await seen(talk, lambda now: len(clips(now)) == 4 and not waiting(now), "and one more")
    # Then no two of them move alike, and the rest is as it was asked for
    made = [recipe_of(one).parameters for one in clips(talk.seen())]
    assert made[0].camera == "" and len({one.camera for one in made}) == 4
    assert {(one.prompt, one.seed, one.num_frames, one.resolution) for one in made} == {
        ("zoom in", made[0].seed, 8, 256)
    }


async def a_model_that_nobody_serves_is_said_and_another_made(talk: Talk) -> None:
    talk.start_bot()
    # Given no engine at all, which is said to who asks, and not that a picture of theirs waits
    talk.command("status")
    await seen(talk, lambda now: any("What is sent now waits in the queue." in one.text for one in now), "the status")
    # When a clip is asked for
    talk.photo("waves --model camera --seed 7 --camera left")
    # Then that is said, and only cancelling is offered
    (shown,) = waiting(
        await seen(talk, lambda now: any("No engine is running" in one.text for one in waiting(now)), "that none runs")
    )
    assert shown.buttons == ("Cancel",)
    # When an engine comes with another model, Then that one is offered instead
    talk.house.start_engine()
    (shown,) = waiting(
        await seen(talk, lambda now: any("Journal instead" in one.buttons for one in now), "the other model")
    )
    assert "Camera is not running" in shown.text
    # When that is pressed, Then the same message becomes a clip of the same words by that model
    talk.press(shown.id, "Journal instead")
    (clip,) = clips(await seen(talk, lambda now: bool(clips(now)), "the clip"))
    assert clip.id == shown.id
    parameters = recipe_of(clip).parameters
    assert (parameters.model, parameters.prompt, parameters.seed) == ("journal", "waves", 7)


async def what_was_noted_of_the_picture_is_told_under_each_of_its_clips(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    # Given a picture that moves already, and words that nobody can make
    talk.file(moving_picture(), "moving.webp", "waves --frames 8 --loop --sead 7")
    (refused,) = await seen(talk, lambda now: any("There is no option" in one.text for one in now), "the refusal")
    assert FIRST_FRAME not in refused.text
    # When it is sent with words that can be made, Then its clip says which of its frames moves
    talk.file(moving_picture(), "moving.webp", "waves --frames 8 --seed 7")
    (first,) = clips(await seen(talk, lambda now: bool(clips(now)), "the clip"))
    assert first.text.count(FIRST_FRAME) == 1
    assert recipe_of(first).notes == ("picture_first_frame",)
    # When another clip is made of what is stored of it, Then that one says so too
    talk.press(first.id, "Loop")
    await seen(talk, lambda now: len(clips(now)) == 2 and not waiting(now), "the second clip")
    second = clips(talk.seen())[1]
    assert second.text.count(FIRST_FRAME) == 1
    assert recipe_of(second).notes == ("picture_first_frame",)


async def a_file_is_judged_by_its_bytes_and_never_by_its_name(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    # Given a phone's photo, one that lacks its end in a file without a suffix, and one under another format's suffix
    whole = encoded(sound_photo(size=(320, 240)), "JPEG", subsampling=0)
    files = {
        "IMG_0001.HEIC": grid(sound_photo(size=(320, 240)), tile=128, turns=1),
        "photo": whole[: len(whole) * 9 // 10],
        "photo.jfif": encoded(sound_photo(size=(320, 240)), "AVIF", speed=10),
    }
    for count, (name, data) in enumerate(files.items(), 1):
        talk.file(data, name, "waves --frames 8 --seed 7")
        await seen(talk, lambda now, count=count: len(clips(now)) == count, name)  # type: ignore[misc]
    # Then each moves, and what was missing is said
    assert [CUT_OFF in one.text for one in clips(talk.seen())].count(True) == 1
    # When what is no picture is sent as one, Then its bytes tell too
    talk.file(b"minutes of the meeting", "photo", "waves")
    talk.file(b"%PDF-1.7 minutes of the meeting", "photo.heic", "waves")
    await seen(talk, lambda now: any("not a picture that can be read" in one.text for one in now), "the first refusal")
    await seen(talk, lambda now: any("PDF files cannot be animated" in one.text for one in now), "the second refusal")
    assert len(clips(talk.seen())) == len(files)


async def what_lies_on_nothing_can_be_seen(talk: Talk) -> None:
    talk.house.settings["UNSTILL_ENGINE__MODEL"] = "camera"
    talk.house.start_engine()
    talk.start_bot()
    # Given white words on a transparent ground, of colours by codes that nobody knows
    talk.file(white_words((b"cICP", bytes((200, 13, 0, 1)))), "words.png", "the camera does not move --frames 8")
    # Then the clip shows them, and what could not be used is said
    (clip,) = clips(await seen(talk, lambda now: bool(clips(now)), "the clip"))
    assert clip.clip is not None
    frame = first_frame(clip.clip)
    assert frame.max() > 200 and frame.min() < 50
    assert COLOURS_IGNORED in clip.text
    # When nothing at all can be seen in a picture, Then that is said
    talk.file(png(np.zeros((240, 320, 4), np.uint8)), "empty.png", "waves")
    await seen(talk, lambda now: any("all of it is transparent" in one.text for one in now), "the refusal")
    assert len(clips(talk.seen())) == 1


async def a_panorama_is_travelled_over_and_what_is_not_shown_is_said(talk: Talk) -> None:
    talk.house.settings["UNSTILL_ENGINE__MODEL"] = "camera"
    talk.house.start_engine()
    talk.start_bot()
    # Given a photo that is twice as long as a clip can be, When nobody says a move
    talk.file(panorama(), "panorama.png", "the lake --frames 8 --res 256")
    (first,) = clips(await seen(talk, lambda now: bool(clips(now)), "the clip"))
    # Then all of it is shown, and nothing is said
    assert NOT_SHOWN not in first.text
    # When the camera is to stand still, Then half of it is not, which is said
    talk.file(panorama(), "panorama.png", "the camera does not move --frames 8 --res 256")
    await seen(talk, lambda now: len(clips(now)) == 2, "the second clip")
    second = clips(talk.seen())[1]
    assert f"50 % {NOT_SHOWN}" in second.text
    assert recipe_of(second).notes == ("cropped:percent=50",)


async def what_other_programs_have_is_understood_or_left_out_and_told(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    # Given words as one types them elsewhere, longer than a model reads
    words = "(waves:1.3) rolling in, " + "slowly and softly, " * 40
    talk.photo(f"{words} --v 6 -gs 12 --ar 2:1 --seconds 1 --frames 16 --seed random --hd")
    # When the clip is there
    (shown,) = clips(await seen(talk, lambda now: bool(clips(now)), "the clip"))
    # Then each thing that is not as it was typed is told, and the clip is of all that could be done
    for told in (
        "There is nothing like this here, so it was left out: --v 6.",
        "Journal does not read -gs, so it changes nothing.",
        "“--ar 2:1” cannot be done here; the nearest was used: 16:9.",
        "“--seconds 1” was not used: “--frames 16” says otherwise.",
        "“--hd” cannot be done here; the nearest was used: 64 px.",
        "Weights and brackets around words are not read: all words count the same.",
    ):
        assert shown.text.count(told) == 1, told
    parameters = recipe_of(shown).parameters
    assert parameters.prompt == " ".join(words.replace("(waves:1.3)", "waves").split())
    assert (parameters.num_frames, parameters.resolution, recipe_of(shown).finish.shape) == (16, 64, "landscape")
    # When another is made of it, Then what was said of how it was typed is not said again
    talk.press(shown.id, "Loop")
    await seen(talk, lambda now: len(clips(now)) == 2 and not waiting(now), "the second clip")
    assert "left out" not in clips(talk.seen())[1].text


async def a_photo_fills_another_shape_whole_where_a_crop_would_cut_its_words(talk: Talk) -> None:
    talk.house.settings["UNSTILL_ENGINE__MODEL"] = "camera"
    talk.house.start_engine()
    talk.start_bot()
    # Given a picture with words at both its ends, When it is asked for as 9:16
    talk.file(lettered(), "words.png", "the camera does not move --frames 8 --fade")
    (first,) = clips(await seen(talk, lambda now: bool(clips(now)), "the clip"))
    talk.press(first.id, "9:16")
    await seen(talk, lambda now: len(clips(now)) == 2, "the second clip")
    second = clips(talk.seen())[1]
    # Then all of it is there at its own size, before a backing that is not black, in the first frame already
    assert second.clip is not None
    made = recipe_of(second)
    assert (made.finish.shape, made.finish.fill, made.parameters.height, made.parameters.width) == (
        "reels",
        "",
        320,
        None,
    )
    shown = first_frame(second.clip)
    assert shown.shape == (1920, 1080)
    assert shown[:100].mean() > 50 and shown[-100:].mean() > 50
    assert NOT_SHOWN not in second.text
    # When bars are asked for, or a crop, Then that is made
    talk.file(lettered(), "words.png", "the camera does not move --frames 8 --shape reels --fill bars")
    await seen(talk, lambda now: len(clips(now)) == 3, "the third clip")
    third = clips(talk.seen())[2]
    assert third.clip is not None and first_frame(third.clip)[:100].max() < 10
    talk.file(lettered(), "words.png", "the camera does not move --frames 8 --shape reels --fill crop")
    await seen(talk, lambda now: len(clips(now)) == 4, "the fourth clip")
    fourth = clips(talk.seen())[3]
    assert NOT_SHOWN in fourth.text
    made = recipe_of(fourth)
    assert (made.finish.fill, made.parameters.width, made.parameters.height) == ("crop", 180, 320)


async def who_waits_sees_their_place_move(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    with talk.house.gate() as gate:
        # Given one clip that is rendered, and two that wait
        talk.photo(f"{gate} first")
        await asyncio.to_thread(wait_for, gate.reached, what="the first render")
        talk.photo("second")
        await seen(talk, lambda now: len(now) == 2 and "You are next." in now[1].text, "the second's place")
        talk.photo("third")
        shown = await seen(talk, lambda now: len(now) == 3 and "1 other is ahead" in now[2].text, "the third's place")
        # When the one before is cancelled, Then who waits behind it sees that, though nothing else happened to them
        talk.press(shown[1].id, "Cancel")
        await seen(talk, lambda now: "You are next." in now[2].text, "the third's new place")
    await seen(talk, lambda now: len(clips(now)) == 2, "the clips")


async def what_is_cancelled_is_not_made(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    # Given a render that is held
    with talk.house.gate() as gate:
        talk.photo(f"{gate} waves")
        await asyncio.to_thread(wait_for, gate.reached, what="the render")
        (one,) = await seen(talk, lambda messages: bool(waiting(messages)), "the Cancel button")
        # When its Cancel is pressed
        talk.press(one.id, "Cancel")
        # Then the same message says so, and there is no clip
        messages = await seen(talk, lambda messages: any(m.id == one.id and not m.buttons for m in messages), "the end")
    (shown,) = [message for message in messages if message.id == one.id]
    assert "ancelled" in shown.text
    assert clips(talk.seen()) == []


async def what_is_deleted_is_gone(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    talk.photo("waves")
    (shown,) = await seen(talk, lambda messages: bool(clips(messages)), "the clip")

    talk.press(shown.id, "Delete")

    await seen(talk, lambda messages: not any(one.id == shown.id for one in messages), "the message's end")
    storage = talk.house.folder / "storage"
    await asyncio.to_thread(wait_for, lambda: not list(storage.rglob("*.mp4")), what="the clip's end in storage")


async def words_alone_are_a_clip_where_the_model_can_do_that(talk: Talk) -> None:
    # Given an engine whose model makes clips of words alone
    talk.house.settings["UNSTILL_ENGINE__MODEL"] = "able"
    talk.house.start_engine()
    await asyncio.to_thread(talk.house.wait_until_served, "able")
    talk.start_bot()
    # When somebody writes words, and sends no picture
    talk.words("a storm at sea --seed 7")
    # Then they are a clip, of a wide frame
    (first,) = await seen(talk, lambda now: bool(clips(now)), "the clip")
    made = recipe_of(first)
    assert (made.model, made.parameters.prompt, made.parameters.seed) == ("able", "a storm at sea", 7)
    assert (made.parameters.width, made.parameters.height) == (114, 64)
    assert sorted(first.buttons) == sorted((*CLIP_BUTTONS, *talk.own_buttons))
    # and another one of the same words can be had by its buttons
    talk.press(first.id, "Again")
    await seen(talk, lambda now: len(clips(now)) == 2 and not waiting(now), "the second clip")
    assert recipe_of(clips(talk.seen())[1]).parameters.prompt == "a storm at sea"
    # and nothing is stored of them but the clips
    assert not list((talk.house.folder / "storage" / "pictures").rglob("*.*"))


async def commands_are_answered(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    for name, says in (
        ("help", "/options"),
        ("options", "--num_frames"),
        ("tips", "How to write it"),
        ("presets", "timelapse"),
        ("privacy", "/forgetme"),
        ("queue", "You have no clips in the making"),
        ("forgetme", "are deleted"),
    ):
        talk.command(name)
        await seen(talk, lambda messages, says=says: any(says in one.text for one in messages), f"the answer to {name}")  # type: ignore[misc]


async def a_bot_that_was_killed_gives_its_one_answer(talk: Talk) -> None:
    talk.house.start_engine()
    talk.start_bot()
    with talk.house.gate() as gate:
        talk.photo(f"{gate} waves")
        await asyncio.to_thread(wait_for, gate.reached, what="the render")
        await seen(talk, lambda messages: bool(waiting(messages)), "the status message")
        # When the bot dies while the engine renders, and another one starts
        talk.kill_bot()
        talk.start_bot()
    # Then the same message becomes the clip
    await seen(talk, lambda messages: bool(clips(messages)), "the clip")
    assert len(talk.seen()) == 1


LAWS: tuple[Callable[[Talk], Awaitable[None]], ...] = (
    a_photo_with_words_comes_back_moving,
    what_is_wrong_with_the_words_is_said,
    a_variation_is_another_clip_of_the_same_picture,
    again_makes_another_clip_each_time,
    where_a_seed_changes_nothing_again_is_another_move,
    a_model_that_nobody_serves_is_said_and_another_made,
    who_waits_sees_their_place_move,
    what_was_noted_of_the_picture_is_told_under_each_of_its_clips,
    a_file_is_judged_by_its_bytes_and_never_by_its_name,
    what_lies_on_nothing_can_be_seen,
    a_panorama_is_travelled_over_and_what_is_not_shown_is_said,
    a_photo_fills_another_shape_whole_where_a_crop_would_cut_its_words,
    what_other_programs_have_is_understood_or_left_out_and_told,
    what_is_cancelled_is_not_made,
    what_is_deleted_is_gone,
    words_alone_are_a_clip_where_the_model_can_do_that,
    commands_are_answered,
    a_bot_that_was_killed_gives_its_one_answer,
)
