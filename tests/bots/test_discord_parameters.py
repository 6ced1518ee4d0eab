"""The commands that Discord is told of: made from the one schema, and within what the platform takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from discord import Locale, app_commands
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.bots.discord_catalogs import CATALOG, TEXT, catalogs

from unstill_bots.actions.commands import COMMANDS
from unstill_bots.actions.option_offers import matching, offers, words
from unstill_bots.discord.localized import OWN_NAMES, Localized, is_name
from unstill_bots.discord.parameters import animate_command, shown
from unstill_bots.discord.sync import payload
from unstill_bots.intake.captions import parse
from unstill_bots.intake.lengths import lengths
from unstill_bots.intake.served import Served
from unstill_bots.text.replies import Replies
from unstill_bots.text.translations import translations
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES, SOURCE, closest
from unstill_queue.contract.options import OPTIONS, SEED_MAX, Option, find
from unstill_queue.contract.resolving import faults

# https://discord.com/developers/docs/interactions/application-commands
NAME = re.compile(r"[-_'\w\u0900-\u097f\u0e00-\u0e7f]{1,32}")
TOTAL_MOST = 8000

MADE = settings(max_examples=40, deadline=None)


async def nothing(*_: Any) -> Any:
    """Stands for whoever takes the pictures, and says what is served; no test here gets so far."""


async def animate(catalog: Catalog, *leave_out: str) -> dict[str, Any]:
    client = discord.Client(intents=discord.Intents.none())
    tree = app_commands.CommandTree(client)
    await tree.set_translator(Localized(catalog))
    tree.add_command(animate_command(nothing, catalog, nothing, *leave_out))
    (made,) = await payload(tree)
    return made


def texts(part: dict[str, Any]) -> Iterator[list[str]]:
    """Every name, description and value, each with what it is in other languages."""
    for key in ("name", "description"):
        if key in part:
            yield [part[key], *part.get(f"{key}_localizations", {}).values()]
    if "value" in part:
        yield [str(part["value"])]
    for below in (*part.get("options", ()), *part.get("choices", ())):
        yield from texts(below)


def check(command: dict[str, Any]) -> None:
    """What the platform refuses a command for."""
    assert len(command["options"]) <= 25
    required = [option["required"] for option in command["options"]]
    assert required == sorted(required, reverse=True)
    for part in (command, *command["options"]):
        names = [part["name"], *part.get("name_localizations", {}).values()]
        assert all(NAME.fullmatch(name) and name == name.lower() for name in names), names
        descriptions = [part["description"], *part.get("description_localizations", {}).values()]
        assert all(1 <= len(text) <= 100 for text in descriptions), descriptions
        assert len(part.get("choices", ())) <= 25
        assert not (part.get("choices") and part.get("autocomplete"))
        for choice in part.get("choices", ()):
            assert all(1 <= len(text) <= 100 for group in texts(choice) for text in group)
        if "min_value" in part:
            assert -(2**53) <= part["min_value"] <= part["max_value"] <= 2**53
        if "min_length" in part:
            assert 0 <= part["min_length"] <= part["max_length"] <= 6000
    for language in ("", "zh-CN"):
        called = [option.get("name_localizations", {}).get(language, option["name"]) for option in command["options"]]
        assert len(set(called)) == len(called)
    assert sum(max(map(len, group)) for group in texts(command)) <= TOTAL_MOST


# -- the command


async def test_animate_takes_the_picture_the_words_and_every_option_of_the_schema() -> None:
    made = await animate(CATALOG)

    assert [option["name"] for option in made["options"]] == ["image", "prompt", *(one.name for one in OPTIONS)]
    # where no language model writes prompts, nobody is offered to do without one
    assert "exact" not in {option["name"] for option in (await animate(CATALOG, "exact"))["options"]}
    # a form asks for what is not given
    assert [option["name"] for option in made["options"] if option["required"]] == []
    check(made)


async def test_types_and_ranges_are_those_of_the_schema() -> None:
    made = {option["name"]: option for option in (await animate(CATALOG))["options"]}
    types = {"int": 4, "float": 10, "flag": 5, "text": 3, "choice": 3}

    for option in OPTIONS:
        told = made[option.name]
        # a picture has a parameter of its own instead
        kind = "choice" if option.type == "flag" and option.choices else option.type
        assert told["type"] == (11 if option.apart else types[kind])
        if option.type in ("int", "float"):
            assert (told["min_value"], told["max_value"]) == (option.least, option.most)
    assert made["image"]["type"] == 11
    assert [choice["value"] for choice in made["motion"]["choices"]] == ["low", "medium", "high"]
    completed = {name for name, option in made.items() if option.get("autocomplete")}
    assert completed == {"preset", "model", "resolution", "shape"}


async def test_all_of_it_is_told_in_every_language() -> None:
    made = await animate(CATALOG)

    told = {locale.value for locale in Locale if closest(locale.value) != SOURCE}
    assert told >= {"zh-CN", "zh-TW"}
    for part in (made, *made["options"]):
        # a name that is the English one is not told again
        named = {tag for tag in told if Replies(tag).translated(part["name"]) != part["name"]}
        assert set(part["name_localizations"]) == named >= {"zh-CN", "zh-TW"}, part["name"]
        assert set(part["description_localizations"]) == told, part["name"]
    assert made["name_localizations"]["zh-CN"] == "动起来"
    seconds = next(option for option in made["options"] if option["name"] == "seconds")
    assert seconds["description"] == "length of the clip (a number from 0.2 to 20 seconds)"
    assert seconds["description_localizations"]["zh-CN"] == "视频长度 (0.2 到 20 秒)"


@pytest.mark.parametrize("name", [*COMMANDS, *OWN_NAMES, *(option.name for option in OPTIONS)])
def test_a_name_is_one_that_the_platform_takes_in_every_language(name: str) -> None:
    assert is_name(name)
    assert all(is_name(translations(language).gettext(name).lower()) for language in LANGUAGES)


@pytest.mark.parametrize("name", ["", "Upper", "two words", "a" * 33, "a.b", "表情😀"])
def test_what_is_no_name_is_not_taken_for_one(name: str) -> None:
    assert not is_name(name)


@MADE
@given(catalogs(), TEXT, st.sampled_from(["en", "zh_CN"]))
async def test_for_any_catalogue_command_and_choices_stay_within_the_limits(
    catalog: Catalog, typed: str, language: str
) -> None:
    model = next(iter(catalog.models))
    served = Served.of(catalog, set(catalog.models), model)

    check(await animate(catalog))
    for option in OPTIONS:
        if option.catalogue or option.name == "resolution":
            choices = shown(matching(offers(option, served, Replies(language), model), typed))
            assert len(choices) <= 25
            assert len({choice.name for choice in choices}) == len(choices)
            for choice in choices:
                assert 1 <= len(choice.name) <= 100
                assert not isinstance(choice.value, str) or 1 <= len(choice.value) <= 100


def typed(
    option: Option, text: str, language: str, model: str, lanes: tuple[str, ...] = ("camera",)
) -> list[app_commands.Choice[Any]]:
    served = Served.of(CATALOG, set(lanes), "camera")
    return shown(matching(offers(option, served, Replies(language), model), text))


def test_what_is_offered_is_what_was_begun_to_be_typed() -> None:
    preset, shape, size = find("preset"), find("shape"), find("resolution")

    assert [one.value for one in typed(preset, "  Q", "en", "camera")][:1] == ["quality"]
    assert [one.name for one in typed(preset, "预览", "zh_CN", "camera")] == ["预览: 快速小图"]
    assert [one.name for one in typed(find("shape"), "", "zh_CN", "camera")][:2] == ["原图比例", "9:16"]
    assert [one.value for one in typed(shape, "9", "en", "camera")] == ["reels", "landscape"]
    assert [one.value for one in typed(size, "", "en", "camera")] == [256, 512, 720, 768, 1024, 1080]
    assert typed(size, "", "en", "gone") == []


def test_a_model_that_nobody_serves_is_not_offered_and_a_preset_promises_what_its_model_can_do() -> None:
    model, preset = find("model"), find("preset")

    assert [one.value for one in typed(model, "", "en", "camera")] == ["camera"]
    assert [one.value for one in typed(model, "", "en", "camera", ("i2vgen-xl",))] == ["i2vgen-xl"]
    assert [one.name for one in typed(preset, "clouds", "en", "i2vgen-xl")] == [
        "Time-lapse: clouds, light and crowds, fading out"
    ]
    assert typed(preset, "clouds", "en", "camera") == []


# -- what was chosen, as a caption


def values() -> st.SearchStrategy[dict[str, Any]]:
    kinds: dict[str, st.SearchStrategy[Any]] = {}
    for option in OPTIONS:
        least, most = option.least or 0, option.most or 0
        match option.type:
            case "int":
                kinds[option.name] = st.integers(int(least), int(most))
            case "float":
                kinds[option.name] = st.floats(float(least), float(most))
            case "flag":
                kinds[option.name] = st.booleans()
            case "choice":
                kinds[option.name] = st.sampled_from(option.choices_in(CATALOG))
            case "text":
                kinds[option.name] = st.text("abc \"'“\\-=", min_size=1, max_size=20).filter(
                    lambda t: t == " ".join(t.split()) and t
                )
    return st.fixed_dictionaries({}, optional=kinds)


@settings(max_examples=200, deadline=None)
@given(values(), st.lists(st.sampled_from(["waves", "slow", "motion", "at", "7", "yes", "秒", "3"]), max_size=6))
def test_what_was_chosen_is_read_back_whatever_the_prompt_begins_with(given: dict[str, Any], said: list[str]) -> None:
    prompt = " ".join(said)
    # what a model cannot do is refused, and a length in words is heard
    assume("model" not in given or not list(faults(given, CATALOG, given["model"])))
    assume(not lengths(prompt))

    caption = parse(words(prompt, {**given, "seed": None} if "seed" not in given else given), CATALOG)

    assert caption.prompt == prompt
    assert dict(caption.given) == given


def test_what_is_typed_in_the_prompt_wins_over_nothing_else() -> None:
    caption = parse(words("waves --seed 8 --no people", {"seed": SEED_MAX, "loop": True, "camera": "zoom in"}), CATALOG)

    assert caption.prompt == "waves"
    assert dict(caption.given) == {"seed": 8, "loop": True, "camera": "zoom in", "negative_prompt": "people"}


def test_nothing_chosen_and_nothing_said_is_nothing() -> None:
    assert words("  ", {"preset": None, "seed": None}) == ""
    assert words("", {"preset": ""}) == ""


def test_a_length_is_named_in_the_persons_words() -> None:
    served = Served(CATALOG, tuple(CATALOG.models), "camera")
    named = [offers(find("seconds"), served, Replies(language), "camera")[0][0] for language in ("en", "zh-CN")]
    assert named == ["1 second", "1 秒"]
