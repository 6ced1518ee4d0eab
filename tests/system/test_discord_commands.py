"""Slash commands, the menus of messages and people, and buttons on Discord, as people see them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest
from tests.system.conversations import recipe_in
from tests.system.discord_house import DiscordHouse, Said, has_clips, ours, picture, read, says
from tests.system.processes import wait_for
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE
from wire_doubles.discord.attachments import File
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.interactions import Interaction, Seen
from wire_doubles.discord.messages import Shown
from wire_doubles.discord.people import Person
from wire_doubles.discord.permissions import Can

NOT_YOURS = "Only the person who asked for it can do that."
UNREACHABLE = "The bot cannot reach its queue at the moment. Try again in a minute."
NOT_TAKEN = "The bot could not write this down in time. If nothing shows up here within a minute, try again."


def answer(asked: Interaction) -> Seen:
    """What the person sees, once it is more than waiting."""
    wait_for(lambda: asked.seen().kind not in ("nothing yet", "thinking"), what="an answer")
    return asked.seen()


def alone(asked: Interaction) -> str:
    """What only that person is told."""
    seen = answer(asked)
    assert seen.kind == "message", seen.kind
    assert seen.message is not None
    assert seen.message.ephemeral
    return read(seen.text)


def until(channel: Channel, said: Said, within: float = PATIENCE) -> list[Shown]:
    """The bot's messages, once it is so."""
    try:
        wait_for(lambda: said(channel.history()), within=within, what="what was waited for")
    except AssertionError as error:
        raise AssertionError(channel.transcript()) from error
    return ours(channel.history())


def clip(discord: DiscordHouse, channel: Channel, person: Person, prompt: str = "waves") -> Shown:
    person.slash(channel, "animate", image=picture(), prompt=prompt, seed=7)
    return until(channel, has_clips())[-1]


def status_with(channel: Channel, button: str) -> Shown:
    wait_for(lambda: any(button in str(one.buttons) for one in ours(channel.history())), what=f"a button {button}")
    return next(one for one in ours(channel.history()) if button in str(one.buttons))


# -- /animate


def test_animate_with_options_is_one_message_that_becomes_the_clip(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Slash")

    # When somebody asks with words and options
    asked = ann.slash(general, "animate", image=picture(), prompt="waves rolling in", seed=7, num_frames=16, loop="yes")
    (shown,) = until(general, has_clips())

    # Then the one message is the clip, made with them, and has all buttons but the one that would change nothing
    assert shown.words.startswith("“waves rolling in”\n3.8 s, 64 × 64, seed 7.")
    assert shown.buttons == (("Again", "Better", "9:16", "Extend", "Delete"),)
    assert shown.id == getattr(answer(asked).message, "id", None)
    assert not shown.ephemeral


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prompt": "waves --seed x"}, "--seed cannot be x: it takes a whole number from 0 to 4294967295."),
        ({"prompt": "waves --num-frames 4000"}, "--num-frames cannot be 4000: it takes a whole number from 8 to 16 "
         "frames. Did you mean 16?"),
        ({"prompt": "waves", "preset": "qualty"}, "--preset cannot be qualty: it takes preview, standard, quality, "
         "timelapse, product, unipc, cache2, cache3, before. Did you mean quality?"),
        ({"prompt": "waves", "num_frames": 400}, "--num\\_frames cannot be 400: it takes 8 to 16 with Journal. "
         "Did you mean 16?"),
        ({"image": File(b"\x00" * 64, "clip.mp4"), "prompt": "waves"},
         "This is a video. Send a still picture, such as a screenshot of one moment."),
    ],
    ids=["no number", "never with this model", "no preset", "not with this model", "a video"],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_to_the_person_alone(
    discord: DiscordHouse, options: dict[str, object], told: str
) -> None:
    general, (ann,) = discord.server("Refused")

    asked = ann.slash(general, "animate", **{"image": picture(), **options})

    assert alone(asked).replace("\\", "") == told.replace("\\", "")
    assert ours(general.history()) == []


def test_a_preset_alone_says_enough(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Preset")

    ann.slash(general, "animate", image=picture(), preset="preview")

    (shown,) = until(general, has_clips())
    assert "seed" in shown.words


def test_a_command_takes_the_longest_text_and_values_that_nobody_was_offered(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Long")
    prompt = ("waves rolling in, " * 334)[:6000].strip()

    # When the client sends a prompt of the greatest length, and a shape that was typed and not chosen
    ann.slash(general, "animate", image=picture(), prompt=prompt, shape="2:1", num_frames=8)

    # Then the clip is of all these words, and the message says what was done
    (shown,) = until(general, has_clips())
    assert recipe_in(shown.clips[0].data).parameters.prompt == prompt
    assert "“--shape 2:1” cannot be done here; the nearest was used: 16:9." in read(shown.words)


def test_words_that_are_written_as_a_spoiler_make_a_covered_clip(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Spoiler")

    ann.slash(general, "animate", image=picture(), prompt="||who did it||")

    (shown,) = until(general, has_clips())
    assert shown.words.startswith("||“who did it”||")
    assert all(clip.spoiler for clip in shown.clips)


def test_choices_are_offered_while_one_types_in_ones_own_language(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Typing")
    bo = discord.api.person("Bo", locale="zh-CN")
    assert general.guild
    general.guild.join(bo)

    shapes = answer(ann.autocomplete(general, "animate", "shape", "1"))
    presets = answer(bo.autocomplete(general, "animate", "preset", "延时"))
    sizes = answer(ann.autocomplete(general, "animate", "resolution", "", model="camera"))

    assert [(one["name"], one["value"]) for one in shapes.choices] == [
        *(("1:1", "square"), ("16:9", "landscape"), ("9:16", "reels")),
    ]
    assert [one["value"] for one in presets.choices] == ["timelapse"]
    assert [one["value"] for one in sizes.choices] == [256, 512, 720, 768, 1024, 1080]


def test_the_same_interaction_told_twice_is_one_clip(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Twice")

    asked = ann.slash(general, "animate", image=picture(), prompt="waves")
    asked.deliver()

    # Then what comes after it is the second of all
    until(general, has_clips())
    ann.slash(general, "animate", image=picture(), prompt="more waves")
    shown = until(general, has_clips(2))
    assert [one.words.partition("\n")[0] for one in shown] == ["“waves”", "“more waves”"]


def test_animate_without_a_picture_opens_a_form_that_asks_for_it(discord: DiscordHouse) -> None:
    general, (ann, bo) = discord.server("Form", 2)

    # When somebody asks with words and choices, and no picture
    opened = ann.slash(general, "animate", prompt="waves", seed=7, preset="preview")
    seen = answer(opened)

    # Then a form has them, and asks for the rest
    assert seen.modal is not None
    assert [part["label"] for part in seen.modal["components"]] == [
        *("Picture", "How should the camera move?", "Preset", "Shape", "Length"),
    ]
    with pytest.raises(AssertionError, match="needs a file"):
        ann.submit(opened)
    files = [picture("red", "a.png"), picture("blue", "b.png")]
    # and nobody else's client can send it
    theirs = bo.slash(general, "animate")
    answer(theirs)
    assert alone(bo.forge_form(theirs, seen.modal["custom_id"], picture=files)) == (
        "This was open for too long. Choose Animate again."
    )
    ann.submit(opened, picture=files, shape="square", seconds="2")
    shown = until(general, has_clips(2))
    assert all(one.words.startswith("“waves”\n2 s, 1080 × 1080, seed 7.") for one in shown)

    # and a file that is none is refused to her alone
    film = ann.slash(general, "animate")
    answer(film)
    video = File(b"\x00" * 64, "clip.mp4")
    assert "This is a video." in alone(ann.submit(film, picture=video, words="waves"))
    # and beside a picture, which is made, it is refused too
    beside = ann.slash(general, "animate")
    answer(beside)
    ann.submit(beside, picture=[picture("gold", "c.png"), video], words="a third")
    until(general, has_clips(3))
    wait_for(lambda: "This is a video." in general.history(ann)[-1].words, within=20, what="the refusal of the video")


# -- Animate on a message, and on a person


def test_animate_on_a_message_asks_for_words_and_makes_a_clip_of_each_picture(discord: DiscordHouse) -> None:
    general, (ann, bo) = discord.server("Menu", 2)
    message = bo.say(general, "look", files=[picture("red", "a.png"), picture("blue", "b.png")])

    # When another member points at it, and fills in the form
    opened = ann.use_on_message("Animate", message)
    seen = answer(opened)
    assert (seen.kind, seen.text) == ("modal", "Animate")
    ann.submit(opened, words="gentle waves --seed 7", preset="quality")

    # Then there are two clips, both Ann's
    shown = until(general, has_clips(2))
    assert [one.words.partition("\n")[0] for one in shown] == ["“gentle waves”"] * 2
    assert alone(bo.press(shown[0], "Again")) == NOT_YOURS


def test_animate_on_a_link_with_a_picture_and_on_a_sticker(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Kinds")
    proxy = discord.api.cdn.wire(discord.api.world.keep(File(photo("green"), "linked.png"), general.id))["url"]
    linked = ann.say(general, "https://example.com/a.png", embeds=[
        {"type": "image", "url": "https://example.com/a.png",
         "thumbnail": {"url": "https://example.com/a.png", "proxy_url": proxy, "width": 320, "height": 240}},
    ])  # fmt: skip
    sticker = ann.say(general, stickers=[discord.api.sticker(photo("pink"))])

    for count, message in enumerate((linked, sticker), 1):
        opened = ann.use_on_message("Animate", message)
        answer(opened)
        ann.submit(opened, words="waves")
        until(general, has_clips(count))


def test_what_cannot_be_animated_opens_no_form(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Unfit")
    words = ann.say(general, "no picture here")
    moving = ann.say(general, stickers=[discord.api.sticker(b"{}", format=3)])

    assert alone(ann.use_on_message("Animate", words)) == (
        "There is no picture here. Send one with a few words, or reply to one."
    )
    assert alone(ann.use_on_message("Animate", moving)) == (
        "Animated stickers and archives cannot be animated. Send a still picture."
    )


def test_animate_avatar(discord: DiscordHouse) -> None:
    general, (ann, bo) = discord.server("Avatar", 2)
    bo.set_avatar(photo("orange", (256, 256)))

    opened = ann.use_on_user("Animate avatar", bo, general)
    answer(opened)
    ann.submit(opened, words="a gentle nod")

    (shown,) = until(general, has_clips())
    assert shown.words.startswith("“a gentle nod”")


def test_a_picture_without_words_opens_the_form_which_may_be_sent_off_as_it_is(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Empty")
    opened = ann.slash(general, "animate", image=picture())
    assert answer(opened).kind == "modal"

    ann.submit(opened)
    (shown,) = until(general, has_clips())
    assert shown.words.startswith("1 s, 64 × 64")

    # and once it was taken, the same form is not taken again
    assert alone(ann.submit(opened, words="waves")) == "That was asked for already."
    assert len(ours(general.history())) == 1


# -- buttons


def test_a_press_that_is_told_twice_is_one_and_what_changes_nothing_is_refused(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Rerolls")
    first = clip(discord, general, ann)

    pressed = ann.press(first, "Again")
    # and told twice is not pressed twice
    pressed.deliver()
    until(general, has_clips(2))
    assert general.history(ann) == general.history()
    ann.press(first, "Loop")
    shown = until(general, has_clips(3))
    second = alone(ann.press(first, "Loop"))

    assert second == "That was asked for already."
    assert [one.words.partition("\n")[0] for one in shown] == ["“waves”"] * 3
    # the seed is another's for Again, the same for the others
    assert ["seed 7." in one.words for one in shown] == [True, False, True]
    assert shown[2].buttons == (("Again", "Better", "9:16", "Extend", "Delete"),)


def test_delete_is_for_the_owner_and_for_who_may_delete_messages(discord: DiscordHouse) -> None:
    general, (_, bo, mod, eve) = discord.server("Delete", 4)
    assert general.guild
    general.guild.give(mod, general.guild.role("mods", Can.MANAGE_MESSAGES))
    bos = clip(discord, general, bo)

    assert alone(eve.press(bos, "Delete")) == NOT_YOURS

    bo.press(bos, "Delete")
    wait_for(lambda: ours(general.history()) == [], what="the clip to go")
    again = clip(discord, general, bo)
    mod.press(again, "Delete")
    wait_for(lambda: ours(general.history()) == [], what="the clip to go")


def test_cancel_is_for_the_owner_and_for_who_may_delete_messages(discord: DiscordHouse) -> None:
    general, (ann, bo, eve) = discord.server("Cancel", 3)

    bo.slash(general, "animate", image=picture(), prompt="slow waves")
    waiting = status_with(general, "Cancel")
    assert alone(eve.press(waiting, "Cancel")) == "Only the person who asked for it can cancel it."
    assert alone(bo.press(waiting, "Cancel")) in ("Cancelled.", "Cancelling …")
    wait_for(lambda: ours(general.history())[0].words == "Cancelled.", what="the answer")

    # and the owner of the server, for somebody else's
    bo.slash(general, "animate", image=picture(), prompt="slow waves again")
    waiting = status_with(general, "Cancel")
    assert alone(ann.press(waiting, "Cancel")) in ("Cancelled.", "Cancelling …")
    wait_for(lambda: "An admin ended this here" in ours(general.history())[1].words, what="the answer")
    assert [one.buttons for one in ours(general.history())] == [(), ()]


def test_buttons_and_forms_work_after_a_restart_and_commands_are_not_told_again(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Restart")
    first = clip(discord, general, ann)
    opened = ann.use_on_message("Animate", ann.say(general, files=[picture()]))
    answer(opened)
    told = discord.api.commands.replaced

    # When the bot ends, and is started anew
    discord.stop_bot()
    discord.start_bot()
    discord.wait_for_bot()

    # Then what was there before still does what it did
    ann.press(first, "Again")
    until(general, has_clips(2))
    ann.submit(opened, words="waves after all")
    shown = until(general, has_clips(3))
    assert shown[-1].words.startswith("“waves after all”")
    assert discord.api.commands.replaced == told


# -- what people type besides


def test_commands_are_answered_to_the_person_alone_and_in_their_language(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Talk")
    bo = discord.api.person("Bo", locale="zh-CN")
    assert general.guild
    general.guild.join(bo)

    assert alone(ann.slash(general, "queue")) == "You have no clips in the making. Use /animate with a picture."
    assert alone(ann.slash(general, "cancel")) == "You have nothing that could be cancelled."
    assert alone(ann.slash(general, "status")).startswith("1 engine is running. ")
    assert "--preset quality" in alone(ann.slash(general, "presets"))
    assert "deleted after 24 hours" in alone(ann.slash(general, "privacy"))
    assert alone(bo.slash(general, "queue")) == "你没有正在制作的视频。请用 /animate 附上图片。"
    assert ours(general.history()) == []


def test_the_commands_that_the_help_names_can_be_pressed(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Help")
    ids = {each["name"]: each["id"] for each in discord.api.commands.listed() if each["type"] == 1}

    def help() -> str:
        return answer(ann.slash(general, "help")).text

    # it says so once it has read how the platform numbers its commands
    wait_for(lambda: "</queue:" in help(), what="links")
    said = help()

    assert said.startswith(f"Use </animate:{ids['animate']}> with a picture and words")
    assert all(f"</{name}:{id}>" in said for name, id in ids.items() if name != "help")
    assert "**Your clips**" in said and len(said) < 2000
    assert "`--num_frames`" in alone(ann.slash(general, "options"))


def test_queue_shows_ones_own_clips_and_cancel_all_ends_them(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Own")
    for number in (1, 2):
        ann.slash(general, "animate", image=picture(), prompt=f"slow *waves* {number}")
        wait_for(lambda n=number: len(ours(general.history())) == n, what="a status message")
    wait_for(lambda: alone(ann.slash(general, "queue")).count("\n") == 1, what="two lines")

    listed = alone(ann.slash(general, "queue"))
    told = alone(ann.slash(general, "cancel", which="all"))

    assert "“slow \\*waves\\* 1”" in listed
    assert told == "2 clips are being cancelled."
    wait_for(lambda: [one.words for one in ours(general.history())] == ["Cancelled."] * 2, what="both answers")


def test_forgetme_cancels_what_is_in_the_making_and_deletes_the_rest(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Forget")
    first = clip(discord, general, ann)
    ann.slash(general, "animate", image=picture(), prompt="slow waves")
    status_with(general, "Cancel")

    assert "clips and settings are deleted, and your id." in alone(ann.slash(general, "forgetme"))

    wait_for(lambda: ours(general.history())[1].words == "Cancelled.", what="the second's answer")
    assert alone(ann.slash(general, "queue")) == "You have no clips in the making. Use /animate with a picture."
    assert alone(ann.press(first, "Again")) == "There is no such clip. It may have been too long ago."


def test_forgetme_forgets_pictures_that_wait_for_words_in_whatever_channel(discord: DiscordHouse) -> None:
    general, (ann,) = discord.server("Waiting")
    assert general.guild
    ann.say(general, discord.api.bot.mention, files=[picture()])
    until(general, says("How should the camera move?"))

    # When she has it all forgotten, in another channel
    assert "deleted" in alone(ann.slash(general.guild.text_channel("other"), "forgetme"))

    # Then there is no picture for her words any more
    ann.say(general, f"{discord.api.bot.mention} waves")
    until(general, says("There is no picture here"))


# -- where the bot is not


def test_whoever_installed_it_uses_it_in_direct_messages_and_where_the_bot_is_not(discord: DiscordHouse) -> None:
    owner = discord.api.person("Owner")
    zoe = discord.api.person("Zoe", installed=True)
    elsewhere = discord.api.guild("Elsewhere", owner, [zoe], bot=False).text_channel("general")
    message = owner.say(elsewhere, files=[picture()])

    opened = zoe.use_on_message("Animate", message)
    answer(opened)
    zoe.submit(opened, words="waves")
    shown = until(elsewhere, has_clips())[-1]
    zoe.press(shown, "Again")
    until(elsewhere, has_clips(2))

    direct = discord.api.dm(zoe)
    zoe.slash(direct, "animate", image=picture(), prompt="waves")
    until(direct, has_clips())


# -- without the queue's server


@contextlib.contextmanager
def away(discord: DiscordHouse, how: str) -> Iterator[None]:
    """The queue's server is killed, or takes connections and answers nothing."""
    valkey = discord.house.valkey
    if how == "killed":
        valkey.kill()
        try:
            yield
        finally:
            valkey.start()
        return
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


@pytest.mark.parametrize("how", ["killed", "stuck"])
def test_every_interaction_is_answered_in_plain_words_while_the_server_is_away(discord: DiscordHouse, how: str) -> None:
    general, (ann,) = discord.server("Away")
    first = clip(discord, general, ann)
    message = ann.say(general, files=[picture()])
    opened = ann.use_on_message("Animate", message)
    answer(opened)
    menu = answer(ann.slash(general, "settings")).message
    assert menu is not None

    # When people go on while it is away
    with away(discord, how):
        asked = {
            "animate": ann.slash(general, "animate", image=picture(), prompt="waves"),
            "form": ann.submit(opened, words="waves"),
            "again": ann.press(first, "Again"),
            "delete": ann.press(first, "Delete"),
            "status": ann.slash(general, "status"),
            "settings": ann.slash(general, "settings"),
            "a setting": ann.choose(menu, "Preset: not set", "=preview"),
            "a message": ann.use_on_message("Animate", message),
        }
        told = {name: alone(interaction) for name, interaction in asked.items()}

    # Then nobody is left without an answer, and the bot recovers
    assert told == {
        **dict.fromkeys(("animate", "form", "again"), NOT_TAKEN),
        **dict.fromkeys(("delete", "status", "settings", "a setting", "a message"), UNREACHABLE),
    }
    wait_for(lambda: alone(ann.slash(general, "queue")) != UNREACHABLE, what="the server's return")
    after = general.guild.text_channel("after") if general.guild else general
    clip(discord, after, ann)
