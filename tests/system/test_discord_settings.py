"""`/settings` on Discord: a person's own anywhere, a server's for those who may manage it, and what they do."""

from __future__ import annotations

from typing import Any

import pytest
from tests.system.discord_house import DiscordHouse, has_clips, ours, picture
from tests.system.processes import wait_for
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.interactions import Interaction
from wire_doubles.discord.messages import Shown
from wire_doubles.discord.people import Person
from wire_doubles.discord.permissions import Can

MINE = "Your own defaults. What you write with a picture wins."
SERVERS = "How this server uses the bot. Only members who may manage it can change this."
LOOKS = "Early look: standard"
CHANNELS = "Channels: all. Choose those that may be used."
ROLES = "Roles: everybody. Choose those that may ask for clips."


def seen(asked: Interaction) -> Shown:
    """The message that the person has before them: the answer, or the one that was changed."""
    wait_for(lambda: asked.seen().kind in ("message", "updated"), what="an answer")
    shown = asked.seen().message
    assert shown is not None
    assert shown.ephemeral
    return shown


def servers_menu(person: Person, channel: Channel) -> Shown:
    return seen(person.press(seen(person.slash(channel, "settings")), "This server …"))


def guild_of(channel: Channel) -> Guild:
    assert channel.guild is not None
    return channel.guild


def selected(menu: Shown) -> list[Any]:
    """What is chosen in each of its menus."""
    chosen: list[Any] = []
    for row in menu.components:
        for part in row["components"]:
            if "options" in part:
                chosen.append([option["value"] for option in part["options"] if option.get("default")])
            elif part["type"] != 2:
                chosen.append([int(value["id"]) for value in part.get("default_values", ())])
    return chosen


@pytest.fixture
def place(discord: DiscordHouse, request: pytest.FixtureRequest) -> tuple[Channel, Person, Person]:
    """A channel, its server's owner, and a member."""
    general, (ann, bo) = discord.server(request.node.name[:20], 2)
    return general, ann, bo


def test_ones_own_defaults_hold_everywhere_and_what_is_said_wins(
    discord: DiscordHouse, place: tuple[Channel, Person, Person]
) -> None:
    general, _, bo = place

    # When a member sets a preset, without any right in the server
    menu = seen(bo.slash(general, "settings"))
    assert (menu.text, menu.buttons) == (
        MINE,
        (
            *(("Preset: not set",), ("Shape: not set",), ("Size: not set",), ("Language: automatic",)),
            ("Nobody else animates my pictures: no", LOOKS),
        ),
    )  # fmt: skip
    menu = seen(bo.choose(menu, "Preset: not set", "Preset: Time-lapse"))
    assert menu.buttons[0] == ("Preset: Time-lapse",)

    # Then they need no words, here and elsewhere
    direct = discord.api.dm(bo)
    bo.slash(general, "animate", image=picture())
    bo.slash(direct, "animate", image=picture())
    for channel in (general, direct):
        wait_for(lambda at=channel: has_clips()(at.history()), what="the clip")

    # and it is shown the next time, as chosen
    assert selected(seen(bo.slash(general, "settings")))[0] == ["=timelapse"]


def test_ones_own_language_wins_over_the_servers_and_the_apps(place: tuple[Channel, Person, Person]) -> None:
    general, ann, bo = place

    # Given a server that is set to Chinese
    menu = servers_menu(ann, general)
    assert menu.text == SERVERS
    assert seen(ann.choose(menu, "Language: automatic", "=zh_CN")).text != SERVERS

    # Then whoever has set nothing reads Chinese, and whoever has set English reads English
    menu = seen(bo.slash(general, "settings"))
    assert menu.text == "你自己的默认值。写在图片旁的选项优先。"
    seen(bo.choose(menu, "语言: 自动", "=en"))
    assert seen(bo.slash(general, "queue")).text.startswith("You have no clips in the making.")


def test_a_servers_settings_are_for_who_may_manage_it(
    discord: DiscordHouse, place: tuple[Channel, Person, Person]
) -> None:
    general, ann, bo = place
    keeper = discord.api.person("Keeper")
    guild_of(general).join(keeper)
    role = guild_of(general).role("keepers", Can.MANAGE_GUILD)
    guild_of(general).give(keeper, role)

    # The owner and whoever may manage the server are offered it, another member is not
    assert "This server …" in str(seen(ann.slash(general, "settings")).buttons)
    assert "This server …" not in str(seen(bo.slash(general, "settings")).buttons)
    menu = servers_menu(keeper, general)

    # and who lost that right changes nothing with a menu that still stands there
    guild_of(general).take(keeper, role)
    refused = seen(keeper.press(menu, "Quiet: no"))
    assert refused.text == "Only members who may manage this server can change its settings."
    assert servers_menu(ann, general).buttons[-1] == (
        *("Quiet: no", "Clips as spoilers: no", "Only one's own pictures: no", LOOKS, "My own …"),
    )


def test_all_of_a_servers_settings_are_kept_and_shown(
    discord: DiscordHouse, place: tuple[Channel, Person, Person]
) -> None:
    general, ann, _ = place
    role = guild_of(general).role("artists")

    menu = servers_menu(ann, general)
    menu = seen(ann.press(menu, "Quiet: no"))
    menu = seen(ann.press(menu, "Clips as spoilers: no"))
    menu = seen(ann.choose(menu, "Clips at a time: standard", "Clips at a time: 2"))
    menu = seen(ann.choose(menu, CHANNELS, str(general.id)))
    menu = seen(ann.choose(menu, ROLES, str(role.id)))

    assert menu.buttons[-1] == (
        *("Quiet: yes", "Clips as spoilers: yes", "Only one's own pictures: no", LOOKS, "My own …"),
    )
    assert selected(menu) == selected(servers_menu(ann, general)) == [[general.id], [role.id], ["=2"], ["="]]
    assert seen(ann.press(menu, "My own …")).text == MINE

    # and nothing chosen is everything again
    menu = servers_menu(ann, general)
    menu = seen(ann.choose(menu, CHANNELS))
    assert selected(menu)[0] == []


def test_channels_that_are_not_allowed_are_refused_to_the_person_alone(
    place: tuple[Channel, Person, Person],
) -> None:
    general, ann, bo = place
    clips = guild_of(general).text_channel("clips")
    seen(ann.choose(servers_menu(ann, general), CHANNELS, str(clips.id)))
    told = f"This server makes clips only in <#{clips.id}>. Ask there."

    # Elsewhere neither the command nor the menu of a message makes any
    assert seen(bo.slash(general, "animate", image=picture(), prompt="waves")).text == told
    assert seen(bo.use_on_message("Animate", bo.say(general, files=[picture()]))).text == told
    assert ours(general.history()) == []

    # There, and in its threads, they do
    thread = clips.thread("more", bo)
    bo.slash(clips, "animate", image=picture(), prompt="waves")
    bo.slash(thread, "animate", image=picture(), prompt="waves")
    for channel in (clips, thread):
        wait_for(lambda at=channel: has_clips()(at.history()), what="the clip")


def test_roles_that_are_not_allowed_are_refused_also_for_one_more(place: tuple[Channel, Person, Person]) -> None:
    general, ann, bo = place
    artists = guild_of(general).role("artists")
    bo.slash(general, "animate", image=picture(), prompt="waves")
    wait_for(lambda: has_clips()(general.history()), what="the clip")
    (shown,) = ours(general.history())
    told = "This server lets only some roles ask for clips. Ask one of its admins."

    seen(ann.choose(servers_menu(ann, general), ROLES, str(artists.id)))

    assert seen(bo.slash(general, "animate", image=picture(), prompt="waves")).text == told
    assert seen(bo.press(shown, "Again")).text == told
    guild_of(general).give(bo, artists)
    bo.press(shown, "Again")
    wait_for(lambda: has_clips(2)(general.history()), what="one more clip")


def test_a_servers_quota_is_refused_to_the_person_alone(place: tuple[Channel, Person, Person]) -> None:
    general, ann, bo = place
    seen(ann.choose(servers_menu(ann, general), "Clips at a time: standard", "=1"))

    # Given as many as there may be
    bo.slash(general, "animate", image=picture(), prompt="slow waves")
    wait_for(lambda: "Rendering" in str(ours(general.history())), what="the first to run")

    # Then one more is refused, and the first can still be cancelled
    refused = seen(ann.slash(general, "animate", image=picture(), prompt="waves"))
    assert refused.text == "This server allows 1 clip in the making at a time. Wait for it to end."
    assert len(ours(general.history())) == 1
    seen(bo.press(ours(general.history())[0], "Cancel"))
    wait_for(lambda: ours(general.history())[0].words == "Cancelled.", what="the answer")


def test_clips_are_spoilers_where_a_server_wants_them_so(place: tuple[Channel, Person, Person]) -> None:
    general, ann, _ = place
    seen(ann.press(servers_menu(ann, general), "Clips as spoilers: no"))

    ann.slash(general, "animate", image=picture(), prompt="waves")

    wait_for(lambda: has_clips()(general.history()), what="the clip")
    assert ours(general.history())[0].clips[0].name.startswith("SPOILER_")


def test_forgetme_forgets_ones_own_settings_and_not_the_servers(place: tuple[Channel, Person, Person]) -> None:
    general, ann, _ = place
    seen(ann.choose(seen(ann.slash(general, "settings")), "Preset: not set", "=preview"))
    seen(ann.press(servers_menu(ann, general), "Quiet: no"))

    seen(ann.slash(general, "forgetme"))

    assert selected(seen(ann.slash(general, "settings")))[0] == ["="]
    assert "Quiet: yes" in servers_menu(ann, general).buttons[-1]
