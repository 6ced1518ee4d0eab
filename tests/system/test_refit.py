"""A clip that its platform refused for its size arrives smaller, without being rendered again, whatever is killed."""

from __future__ import annotations

import asyncio
import io
import shlex
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image
from tests.system.platform import Message, Platform
from tests.system.processes import PATIENCE, House, kill, until

from unstill_config.settings import Settings
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.client import Client

ROOM = 16_000
"""Bytes: a clip of the journalled renderer's takes 20,000 and more."""

ID = "recorder:small:1"


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 80), "teal").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as house:
        yield house


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    client = Client.open(house.valkey.url, Settings.load(house.settings, house.folder))
    yield client
    await client.close()


class Gate:
    """An ffmpeg that waits, where it reads a clip that was encoded before, for as long as the gate is shut."""

    def __init__(self, house: House) -> None:
        found = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
        self._bar = house.folder / "shut"
        wrapper = house.folder / "ffmpeg"
        wrapper.write_text(
            f'#!/bin/sh\ncase "$*" in *"-f mp4"*"-i pipe:0"*) while [ -e {shlex.quote(str(self._bar))} ]; '
            f'do sleep 0.05; done;; esac\nexec {shlex.quote(found)} "$@"\n'
        )
        wrapper.chmod(0o755)
        house.settings["UNSTILL_ENGINE__FFMPEG"] = str(wrapper)

    def shut(self) -> None:
        self._bar.touch()

    def open(self) -> None:
        self._bar.unlink()


async def running(client: Client) -> None:
    """Wait until an engine has the refit in hand."""
    async with asyncio.timeout(PATIENCE):
        while (await client.ledger.read(ID)).state is not State.RUNNING:
            await asyncio.sleep(0.02)


def answer(platform: Platform, name: str) -> Message | None:
    """The one message that holds the clip."""
    shown = [message for message in platform.of(name) if "clip" in message.shown]
    assert len(shown) <= 1
    return shown[0] if shown else None


def begun(house: House) -> list[str]:
    return [prompt for _, _, _, event, prompt in house.events() if event == "begin"]


async def test_a_refused_clip_arrives_smaller_without_a_second_render(house: House) -> None:
    socket = house.folder / "platform.sock"
    async with Platform(socket, room={"small": ROOM}) as platform:
        # Given a chat that takes less than its platform says
        house.start_engine()
        house.start_bot(socket)
        # When somebody asks there, and somebody where there is room
        platform.post("refused", "refused --seed 1", photo(), chat="small")
        platform.post("taken", "taken --seed 1", photo(), chat="large")
        await until(lambda: answer(platform, "refused") and answer(platform, "taken"))
        # Then the first clip was too large, and came smaller on the one status message
        [message] = platform.of("refused")
        assert [size > ROOM for _, size in platform.too_large["refused"]] == [True] * len(platform.too_large["refused"])
        assert message.shown["size"] <= ROOM and message.shown["head"] == "ftyp"
        assert "This file is too large here. Making it smaller …" in [said["text"] for said in message.contents]
        # and each was rendered once
        assert sorted(begun(house)) == ["refused", "taken"]
        assert "taken" not in platform.too_large


async def test_a_chat_that_takes_no_size_is_told_so_once(house: House) -> None:
    socket = house.folder / "platform.sock"
    async with Platform(socket, room={"tiny": 100}) as platform:
        house.start_engine()
        house.start_bot(socket)
        platform.post("refused", "refused --seed 1", photo(), chat="tiny")
        said = "The clip does not fit into what may be uploaded here"
        await until(lambda: any(said in one.shown["text"] for one in platform.of("refused")))
        # Then nothing else was said, each try was smaller than the one before, and it was rendered once
        [message] = platform.of("refused")
        assert message.shown["text"].startswith(said)
        sizes = [size for _, size in platform.too_large["refused"]]
        assert len(sizes) == 4 and sizes == sorted(set(sizes), reverse=True)
        assert begun(house) == ["refused"]


async def test_it_never_waits_behind_renders_nor_they_behind_it(house: House) -> None:
    socket = house.folder / "platform.sock"
    gate = Gate(house)
    async with Platform(socket, room={"small": ROOM}) as platform:
        # Given an engine that is kept busy by long renders, and a clip that is refused meanwhile
        house.start_engine()
        house.start_bot(socket)
        gate.shut()
        platform.post("refused", "refused --seed 1", photo(), chat="small")
        await until(lambda: "refused" in platform.too_large)
        with house.gate() as device:
            platform.post("first", "first --seed 1", photo(), chat="c1")
            await until(lambda: "first" in begun(house))
            # When its refit hangs for as long as a whole render takes
            platform.post("second", f"{device} second --seed 1", photo(), chat="c2")
            await until(device.reached)
            # Then renders went on, and it is done before them once it can
            assert answer(platform, "refused") is None
            gate.open()
            await until(lambda: answer(platform, "refused"))
        assert begun(house).count("refused") == 1


async def test_an_engine_and_a_bot_that_die_with_it_cost_nothing(house: House, client: Client) -> None:
    socket = house.folder / "platform.sock"
    gate = Gate(house)
    async with Platform(socket, room={"small": ROOM}) as platform:
        # Given an engine in the middle of a refit
        engine, bot = house.start_engine(), house.start_bot(socket)
        gate.shut()
        platform.post("refused", "refused --seed 1", photo(), chat="small")
        await until(lambda: "refused" in platform.too_large)
        await running(client)
        # When it and the bot are killed, and others come
        kill(engine.pid)
        kill(bot.pid)
        gate.open()
        house.start_engine(log="engine2")
        house.start_bot(socket, log="bot2")
        await until(lambda: answer(platform, "refused"))
        # Then the clip came once, and was not rendered again
        message = answer(platform, "refused")
        assert message is not None and message.shown["size"] <= ROOM
        assert [one.shown["text"][:3] for one in platform.of("refused") if one is not message] == []
        assert begun(house) == ["refused"]
        async with asyncio.timeout(PATIENCE):
            while not (record := await client.ledger.read(ID)).state.final:
                await asyncio.sleep(0.02)
        assert (record.state, record.attempt, record.refits >= 1) == (State.SENT, 2, True)


async def test_an_engine_that_drains_hands_it_back(house: House, client: Client) -> None:
    house.settings["UNSTILL_ENGINE__DRAIN"] = "0"
    socket = house.folder / "platform.sock"
    gate = Gate(house)
    async with Platform(socket, room={"small": ROOM}) as platform:
        engine = house.start_engine()
        house.start_bot(socket)
        gate.shut()
        platform.post("refused", "refused --seed 1", photo(), chat="small")
        await until(lambda: "refused" in platform.too_large)
        await running(client)
        engine.terminate()
        await until(lambda: engine.poll() is not None)
        assert engine.returncode == 0
        # When another comes
        gate.open()
        house.start_engine(log="engine2")
        await until(lambda: answer(platform, "refused"))
        assert begun(house) == ["refused"]
        # Then it cost no try
        assert (await client.ledger.read(ID)).attempt == 1
