"""Renderers that misbehave on request, in a child: the prompt says what is to go wrong."""

from __future__ import annotations

import ctypes
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from unstill_config.catalog import Model
from unstill_engine.renderers.base import (
    DevicePoisoned,
    Frames,
    OnStep,
    Photos,
    Plan,
    RenderCancelled,
    RenderError,
    Revised,
    Sound,
)
from unstill_queue.contract.jobs import Parameters

Samples = NDArray[np.float32]
Made: TypeAlias = "Iterator[Frames | Sound | Revised]"
WIDTH, HEIGHT = 16, 12
RATE = 44_100


def picture_frames(seed: int, num_frames: int) -> Frames:
    """What a sound render of that seed is."""
    return np.random.default_rng(seed).integers(0, 256, (num_frames, HEIGHT, WIDTH, 3), np.uint8)


def warbling(seconds: float, *, rate: int = RATE, channels: int = 1) -> Samples:
    """(N, channels) from -1 to 1: tones that change by chance every 20 ms, so that no piece of it is like another."""
    random = np.random.default_rng(11)
    count = round(seconds * rate)
    tones = random.uniform(300, 1500, (channels, int(seconds * 50) + 2)).repeat(rate // 50 + 1, axis=1)[:, :count]
    return (0.4 * np.sin(2 * np.pi * np.cumsum(tones, axis=1) / rate)).T.astype(np.float32)


class Steady:
    def __init__(self, name: str, model: Model) -> None:
        self.name = name
        self.model = model

    def load(self, device: str) -> None:
        print(f"loading {self.name} on {device}")

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        return Plan(WIDTH, HEIGHT, parameters.num_frames, parameters.fps, 0.5, 1000, parameters, ("steady",))

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Made:
        frames = picture_frames(plan.parameters.seed, plan.num_frames)
        for index in range(plan.num_frames):
            if cancelled():
                raise RenderCancelled
            on_step(index + 1, plan.num_frames)
            yield frames[index : index + 1]


class Sighted(Steady):
    """Steady, and says at every third step what it sees: a red frame. 'blind' in the prompt: that it sees fails."""

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Made:
        self._plan, self._asked = plan, 0
        yield from super().render(plan, photos, on_step, cancelled)
        print(f"was asked {self._asked} times")

    def sees(self) -> Frames | None:
        self._asked += 1
        if self._plan.parameters.prompt == "blind":
            raise ValueError("there is nothing to be seen")
        if self._asked < 3:
            return None
        return np.full((1, 8, 12, 3), (200, 10, 10), np.uint8)


class Obliging(Steady):
    """Steady, but for the prompts that name one of the methods below."""

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        plan = super().plan(parameters, photos)
        match parameters.prompt:
            case "plan_refuses":
                raise RenderError("too_big", "that is more than 10 MB", megabytes="10")
            case "plan_empty":
                return msgspec.structs.replace(plan, num_frames=0)
            case "plan_nan":
                return msgspec.structs.replace(plan, seconds=float("nan"))
            case "plan_hangs":
                time.sleep(600)
        return plan

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Made:
        on_step(0, plan.num_frames)
        behave = getattr(self, plan.parameters.prompt, None)
        if behave is not None:
            instead = behave(plan, on_step, cancelled)
            if instead is not None:
                yield instead
                return
        yield from super().render(plan, photos, on_step, cancelled)

    def segfault(self, *_: object) -> None:
        ctypes.string_at(0)

    def aborts(self, *_: object) -> None:
        os.abort()

    def exits_hard(self, *_: object) -> None:
        os._exit(7)

    def killed(self, *_: object) -> None:
        os.kill(os.getpid(), 9)

    def exits(self, *_: object) -> None:
        sys.exit(3)

    def raises(self, *_: object) -> None:
        raise KeyError("the operator shall read this, the person shall not")

    def unspeakable(self, *_: object) -> None:
        raise RenderError("odd", "lone \udc80 surrogate" + "x" * 2_000_000, value="\udc80 " + "x" * 2_000_000)

    def out_of_memory(self, *_: object) -> None:
        np.zeros(1 << 58, np.uint8)

    def poisoned(self, *_: object) -> None:
        raise DevicePoisoned("CUDA error: an illegal memory access was encountered")

    def hangs(self, *_: object) -> None:
        time.sleep(600)

    def hangs_with_gil(self, *_: object) -> None:
        ctypes.PyDLL(None).sleep(600)

    def deaf(self, plan: Plan, on_step: OnStep, cancelled: Callable[[], bool]) -> None:
        """Goes on for long, whether or not it is cancelled."""
        for step in range(100_000):
            on_step(step, 100_000)
            time.sleep(0.005)

    def patient(self, plan: Plan, on_step: OnStep, cancelled: Callable[[], bool]) -> None:
        """Goes on for long, unless it is cancelled."""
        for step in range(100_000):
            if cancelled():
                raise RenderCancelled
            on_step(step, 100_000)
            time.sleep(0.005)

    def prints(self, *_: object) -> None:
        print("hello" * 1000)
        os.write(1, b"\x00\x00\x00\x05straight to the descriptor\n")
        os.system("echo from a program")  # noqa: S605
        assert sys.stdin.read() == ""

    def floods(self, *_: object) -> None:
        for _line in range(20_000):
            os.write(2, b"x" * 500 + b"\n")
        os.write(2, b"y" * 3_000_000)
        os.write(2, b"\nthe last line\n")

    def garbage(self, *_: object) -> None:
        """Writes to whatever pipe it finds, the channel's among them."""
        for number in range(3, 64):
            try:
                if stat.S_ISFIFO(os.fstat(number).st_mode):
                    os.write(number, b"\x00\x00\x00\x04junk")
            except OSError:
                continue

    def endless_message(self, *_: object) -> None:
        for number in range(3, 64):
            try:
                if stat.S_ISFIFO(os.fstat(number).st_mode):
                    os.write(number, b"\xff\xff\xff\xff" + b"z" * 1000)
            except OSError:
                continue

    def starts_program(self, *_: object) -> None:
        """A program that outlives it, and holds its stderr."""
        program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(f"program {program.pid}")
        os._exit(7)

    def floats(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, plan.num_frames).astype(np.float32) * np.nan

    def transposed(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, plan.num_frames).transpose(0, 2, 1, 3)

    def flat(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, plan.num_frames)[0]

    def lists(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, plan.num_frames).tolist()

    def too_few(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, plan.num_frames - 1)

    def too_many(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, plan.num_frames + 1)

    def none_at_all(self, plan: Plan, *_: object) -> object:
        return picture_frames(0, 0)

    def strided(self, plan: Plan, *_: object) -> object:
        """Sound frames, but not contiguous in memory."""
        return picture_frames(plan.parameters.seed, plan.num_frames)[:, :, ::-1][:, :, ::-1]


class Singing(Steady):
    """Makes a sound with its frames, in the way that its prompt names."""

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Made:
        seconds, prompt = plan.num_frames / plan.fps, plan.parameters.prompt
        if prompt != "after":
            yield from self.sounds(prompt, plan, seconds)
        if prompt == "anew":
            plan = msgspec.structs.replace(plan, num_frames=plan.num_frames - 4)
            yield Revised(plan, anew=True)
            yield Sound(-warbling(seconds - 4 / plan.fps), RATE)
        if prompt == "anew_silent":
            yield Revised(plan, anew=True)
        yield from super().render(plan, photos, on_step, cancelled)
        if prompt == "after":
            yield Sound(warbling(seconds), RATE)

    def sounds(self, prompt: str, plan: Plan, seconds: float) -> Iterator[Sound]:
        usual = warbling(seconds)
        made: dict[str, tuple[object, int]] = {
            "stereo": (warbling(seconds, rate=48_000, channels=2), 48_000),
            "loud": (usual * 5, RATE),
            "longer": (warbling(seconds + 0.9), RATE),
            "shorter": (warbling(seconds - 0.9), RATE),
            "much_longer": (warbling(seconds + 1.1), RATE),
            "much_shorter": (warbling(seconds - 1.1), RATE),
            "half_rate": (usual, RATE // 2),
            "flat": (usual[:, 0], RATE),
            "of_five": (usual.repeat(5, axis=1), RATE),
            "doubles": (usual.astype(np.float64), RATE),
            "a_list": (usual.tolist(), RATE),
            "nan": (usual * np.float32("nan"), RATE),
            "no_rate": (usual, 0),
            "empty": (usual[:0], RATE),
        }
        if prompt == "silent":
            return
        if prompt == "no_room":
            yield from self.without_room(usual)
        yield Sound(*made.get(prompt, (usual, RATE)))  # type: ignore[arg-type]
        if prompt == "twice":
            yield Sound(usual, RATE)

    def without_room(self, samples: Samples) -> Iterator[Sound]:
        """The disk takes no file of more than a thousand bytes while the sound is written."""
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, former[1]))
        try:
            yield Sound(samples, RATE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)


class Blind(Steady):
    """Never looks whether it is cancelled."""

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Iterator[Frames]:
        for frame in picture_frames(plan.parameters.seed, plan.num_frames):
            on_step(0, plan.num_frames)
            time.sleep(0.002)
            yield frame[np.newaxis]


class NoWeights(Steady):
    def load(self, device: str) -> None:
        raise RenderError("model_unavailable", "The weights are not there. Run the download first.")


class LoadRaises(Steady):
    def load(self, device: str) -> None:
        raise OSError("the card fell out")


class LoadDies(Steady):
    def load(self, device: str) -> None:
        print("about to die", file=sys.stderr)
        ctypes.string_at(0)


class LoadTells(Steady):
    """Takes as long as the file that stands for its device is missing, and says meanwhile that it goes on."""

    def load(self, device: str) -> None:
        while not Path(device).exists():
            sys.stderr.write("Fetched some more.\n")
            time.sleep(0.05)


class LoadHangs(Steady):
    def load(self, device: str) -> None:
        time.sleep(600)


class LoadsAgainLater(Obliging):
    """Its first load is well; then two fail; then all are well. `device` is a file that counts them."""

    def load(self, device: str) -> None:
        count = Path(device)
        loads = int(count.read_text()) if count.exists() else 0
        count.write_text(str(loads + 1))
        if loads in (1, 2):
            raise RenderError("model_unavailable", f"Load {loads} fails.")
