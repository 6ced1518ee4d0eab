"""One engine of several models: it changes over when the queue asks; one that cannot be loaded costs only itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.engine.i2vgen_tiny import CATALOG as TINY
from tests.system.conversations import recipe_in
from tests.system.discord_house import DiscordHouse, discord_settings
from tests.system.processes import House, wait_for
from tests.system.rooms import BLUE, RED, Line, OnDiscord, OnTelegram, clips, says, seen
from tests.system.telegram_house import TelegramHouse, telegram_settings
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.intake.served import Serving
from unstill_config.catalog import Catalog

NO_WEIGHTS = "tests.engine.renderers_for_tests:NoWeights"
SMALL = "--model tiny --steps 1 --seed 7"


@dataclass
class Street:
    """Two platforms, a bot on each, and one engine of theirs."""

    house: House
    telegram: TelegramHouse
    discord: DiscordHouse
    engine: subprocess.Popen[bytes]

    def loaded(self) -> list[str]:
        """The models that the engine loaded, in their order."""
        lines = [json.loads(line) for line in self.house.log("engine").splitlines() if line.startswith("{")]
        return [line["model"] for line in lines if line["event"] == "model loaded"]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, tiny_i2vgen: Path) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    with TelegramApi.threaded() as telegram_api, DiscordApi.threaded() as discord_api, House(folder) as house:
        lost = TINY.replace("models.tiny", "models.lost").replace('"Tiny"', '"Lost"').format(folder=folder / "nowhere")
        lost = lost.replace("unstill_engine.renderers.i2vgen_xl.renderer:I2VGenXL", NO_WEIGHTS)
        with (folder / "catalog.toml").open("a") as catalog:
            catalog.write(TINY.format(folder=tiny_i2vgen) + lost)
        house.settings |= {**telegram_settings(telegram_api), **discord_settings(discord_api)}
        # nobody tells the bots which model to use
        del house.settings["UNSTILL_ENGINE__MODEL"]
        house.settings |= {"UNSTILL_ENGINE__MODELS": "journal,tiny,lost", "OMP_NUM_THREADS": "1"}
        engine = house.start_engine()
        del house.settings["UNSTILL_ENGINE__MODELS"]
        telegram, discord = TelegramHouse(house, telegram_api), DiscordHouse(house, discord_api)
        discord_api.limits.hurry = 20.0
        telegram.start_bot(log="telegram")
        discord.start_bot(log="discord")
        discord.wait_for_bot()
        wait_for(lambda: telegram.polled() > 0, what="the bot's first poll")
        wait_for(lambda: "engine ready" in house.log("engine"), what="the engine")
        try:
            yield Street(house, telegram, discord, engine)
        except BaseException:
            print(*(house.log(name)[-6000:] for name in ("engine", "telegram", "discord")), sep="\n")
            raise


def model_of(line: Line) -> str:
    return recipe_in(line.clip or b"").parameters.model


async def test_two_chats_ask_two_models_in_turn_and_one_that_cannot_be_loaded_costs_only_itself(street: Street) -> None:
    ann_chat, ben_chat = OnTelegram(street.telegram, "Ann"), OnDiscord(street.discord, "Ben")
    [ann], [ben] = ann_chat.people, ben_chat.people
    ledger = street.telegram.ledger()
    try:
        # Given a clip under way by the model that people get who name none: the first that the engine serves
        with street.house.gate() as gate:
            ann_chat.photo(ann, RED, f"{gate} waves")
            wait_for(gate.reached, what="the first render")
            # When somebody on the other platform asks for another model
            ben_chat.photo(ben, BLUE, f"wind {SMALL}")
            # Then it waits for no other engine, and when it is there is told
            [waiting] = await seen(ben_chat, lambda now: any("Ready in" in one.text for one in now), "the place")
            assert "not running" not in waiting.text
        # Then each gets a clip of the model that they asked for
        [first] = await clips(ann_chat, 1)
        [second] = await clips(ben_chat, 1)
        assert (model_of(first), model_of(second)) == ("journal", "tiny")
        assert street.loaded() == ["journal", "tiny"]
        # and it goes back when that is wanted
        ann_chat.photo(ann, BLUE, "leaves")
        assert model_of((await clips(ann_chat, 2))[1]) == "journal"
        assert street.loaded() == ["journal", "tiny", "journal"]
        # and both are offered, where people ask what there is
        ann_chat.command(ann, "options")
        assert "tiny" in (await says(ann_chat, "--model")).text

        # When one is asked for whose weights are nowhere
        ann_chat.photo(ann, RED, "clouds --model lost --seed 5")
        # Then that is said, with what is served instead; it has cost no try, and the log says what to mend
        [*_, offer] = await seen(
            ann_chat, lambda now: any("Journal instead" in one.buttons for one in now), "the other model"
        )
        assert "Lost is not running" in offer.text
        [id] = await ledger.open_ids()
        assert (await ledger.read(id)).attempt == 1
        log = street.house.log("engine")
        assert log.count("a model cannot be loaded and is not served for a while") == 1
        assert "The weights are not there. Run the download first." in log
        # and it is offered no longer, and all others are served on
        serving = Serving(ledger, Catalog.load(street.house.folder / "catalog.toml"), None)
        assert set((await serving.now()).names) == {"journal", "tiny"}
        ben_chat.photo(ben, RED, "rain")
        assert model_of((await clips(ben_chat, 2))[1]) == "journal"
        # When the offer is taken, Then its message is the clip
        ann_chat.press(ann, offer, "Journal instead")
        assert [model_of(one) for one in await clips(ann_chat, 3)] == ["journal"] * 3
    finally:
        await ledger.redis.aclose()


@pytest.mark.storm
async def test_a_cancel_while_a_model_is_loaded_ends_that_and_the_next_one_is_made(street: Street) -> None:
    for chat in (OnTelegram(street.telegram, "Cyd"), OnDiscord(street.discord, "Dan")):
        [who] = chat.people
        # Given the other model than the one that is asked for
        chat.photo(who, RED, "waves")
        await clips(chat, 1)
        before = len(street.loaded())
        # When a clip is cancelled whose model is about to be loaded
        chat.photo(who, BLUE, f"wind {SMALL}")
        [*_, shown] = await seen(chat, lambda now: any("Cancel" in one.buttons for one in now), "the receipt")
        chat.press(who, shown, "Cancel")
        await seen(chat, lambda now: not any("Cancel" in one.buttons for one in now), "the end")
        # Then whoever comes next gets a clip, whichever model is loaded now
        chat.photo(who, BLUE, "leaves")
        await seen(chat, lambda now: any(one.clip and model_of(one) == "journal" for one in now[2:]), "the next clip")
        assert len(street.loaded()) >= before


def test_the_host_is_shown_one_engine_and_its_models(street: Street) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unstill_bots.terminal", "status"],
        env=street.house.environ, cwd=street.house.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.count(" cpu ") == 1, done.stdout
