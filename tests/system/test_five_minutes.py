"""Bots and page as the README has a host start them: a .env beside them, no server, no engine, a terminal each."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.config.test_host_guide import SHELL
from tests.system import discord_house, telegram_house, web_house
from tests.system.processes import wait_for
from tests.system.web_house import Visitor
from tests.waiting import PATIENCE
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi

from unstill_config.platforms import PLATFORMS

SMALL = "zoom in --resolution 256 --num_frames 8"


async def test_bots_and_page_share_a_queue_and_an_engine_of_their_own(tmp_path: Path) -> None:
    # Given both platforms, and a folder with .env in it
    commands = [line for line in SHELL.splitlines() if line.startswith("unstill-bot ")]
    with TelegramApi.threaded() as telegram, DiscordApi.threaded() as discord:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings = telegram_house.telegram_settings(telegram) | discord_house.discord_settings(discord)
        settings["UNSTILL_WEB__PORT"] = str(port)
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        environ = {name: value for name, value in os.environ.items() if not name.startswith("UNSTILL_")}
        environ |= {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

        # When the bots are started as the README says
        assert len(commands) == len(PLATFORMS) == 3
        bots = []
        for command in commands:
            with (tmp_path / f"{command.split()[1]}.log").open("wb") as out:
                bots.append(
                    subprocess.Popen(
                        command.split(), env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                    )
                )
        try:
            # Then a photo on each comes back moving
            ann, ben = telegram.person("Ann"), discord.person("Ben", installed=True)
            # the commands may be told before the connection stands that brings what people use
            wait_for(lambda: discord.gateway.connected and bool(discord.commands.listed()), what="the bot on Discord")
            ann.send_photo(telegram.private(ann), telegram_house.photo(), SMALL)
            ben.slash(
                discord.dm(ben), "animate", image=discord_house.picture(), prompt="zoom in",
                resolution=256, num_frames=8,
            )  # fmt: skip
            await telegram.private(ann).until(telegram_house.has_clips())
            await discord.dm(ben).until(discord_house.has_clips(), viewer=ben)
            # and so it does on the page
            page = Visitor(f"http://127.0.0.1:{port}")
            page.ask(SMALL)
            page.until(web_house.has_clips(), "the clip on the page")
            page.http.close()
            # and all had one server, in the host's own folder
            assert [path.name for path in (tmp_path / ".unstill").iterdir() if path.name == "valkey"] == ["valkey"]
        except BaseException:
            print(*(path.read_text()[-4000:] for path in tmp_path.glob("*.log")), sep="\n")
            raise
        finally:
            for bot in bots:
                bot.send_signal(signal.SIGTERM)
            ended = [bot.wait(PATIENCE) for bot in bots]
        assert ended == [0, 0, 0]
