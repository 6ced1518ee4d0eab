"""The process that owns the device: loads one renderer, keeps it, renders what its worker asks for.

Started by the worker as `python -m unstill_engine.device.child WORKER_PID`; ends when the worker does.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from unstill_config.catalog import Model
from unstill_engine.device.device_lock import DeviceBusy, DeviceLock
from unstill_engine.device.early_context import begin_context
from unstill_engine.device.frames_file import Spool, WrongFrames
from unstill_engine.device.ipc import Channel
from unstill_engine.device.looks import Looks
from unstill_engine.device.messages import (
    STACKS_SIGNAL,
    Failed,
    Finished,
    Interrupted,
    Load,
    Loaded,
    Locked,
    Looked,
    NotLoaded,
    Planned,
    Poisoned,
    Render,
    Report,
    Stepped,
    beside,
)
from unstill_engine.device.sound_file import SoundFile
from unstill_engine.renderers.base import (
    DevicePoisoned,
    Plan,
    RenderCancelled,
    Renderer,
    RenderError,
    Revised,
    Sound,
)
from unstill_engine.renderers.filling import filling
from unstill_queue.contract import jobs

EXIT_NOT_LOADED = 69
EXIT_POISONED = 70

STEP_SECONDS = 0.02
"""Steps that follow each other faster are not all reported; the first and the last one always are."""

LONGEST_TEXT, LONGEST_PARAMETER = 1_000, 200
"""Characters that the parent is told of an error, and of each parameter of an answer."""

T = TypeVar("T")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> int:
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        sys.stderr.write("This is the engine's inner process. Start unstill-engine instead.\n")
        return 2
    end_with(int(sys.argv[1]))
    prepare_process()
    channel = Channel.over_stdio()
    load = channel.receive()
    if not isinstance(load, Load):
        return 0
    lock = DeviceLock(Path(load.state), load.device, load.queue)
    loaded = _load(load, lock, channel)
    if loaded is None:
        return EXIT_NOT_LOADED
    while isinstance(command := channel.receive(), Render):
        _keep(lock)
        report = _render(command, *loaded, channel)
        channel.send(report)
        if isinstance(report, Poisoned):
            sys.stderr.flush()
            os._exit(EXIT_POISONED)  # tidying up would touch the device
        if not isinstance(report, Finished):
            gc.collect()  # what failed may stand in a cycle with its frames
    return 0


def end_with(parent: int) -> None:
    """Have the kernel kill this process when its worker is killed, also in the middle of C code.

    Elsewhere than on Linux the channel's thread does it, when it reads the end of the pipe.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(0)


def prepare_process() -> None:
    """Signals meant for the whole service are the worker's to answer: it drains, and then ends this process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    faulthandler.enable(file=2, all_threads=True)
    faulthandler.register(STACKS_SIGNAL, file=2, all_threads=True)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with suppress(OSError):  # short of memory, Linux shall take this process, not the worker
        Path("/proc/self/oom_score_adj").write_text("500")


def _keep(lock: DeviceLock) -> None:
    """Hold on to the device where its lock was removed; a job is rendered in any case."""
    try:
        lock.keep()
    except (DeviceBusy, OSError) as error:
        sys.stderr.write(f"The lock of the device was removed and is not ours any more: {error}\n")


def _load(load: Load, lock: DeviceLock, channel: Channel) -> tuple[Renderer, Model] | None:
    """None, and the worker was told why, where there is no renderer. The device stays locked until the end."""
    started = time.monotonic()
    try:
        lock.acquire(load.name, timeout=load.lock_timeout)
        channel.send(Locked())
        started = time.monotonic()
        # kernels that were compiled once are there after a restart; where the host says otherwise, there
        os.environ.setdefault("TRITON_CACHE_DIR", str(Path(load.state) / "triton"))
        # torch's own way against memory that is free but in pieces
        os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
        model = Model.model_validate_json(load.model)
        if model.memory is not None:
            begin_context(load.device)
        module, _, name = model.renderer.partition(":")
        renderer: Renderer = getattr(importlib.import_module(module), name)(load.name, model)
        renderer.load(load.device)
    except DeviceBusy as error:
        channel.send(NotLoaded("device_busy", _text(error)))
    except RenderError as error:
        channel.send(NotLoaded(error.code, _text(error)))
    except (ImportError, AttributeError, ValueError) as error:
        traceback.print_exc()
        advice = "Install what it needs, or choose another model."
        channel.send(
            NotLoaded("model_unavailable", f"The model {load.name} cannot be loaded: {_text(error)}. {advice}")
        )
    except MemoryError:
        traceback.print_exc()
        channel.send(
            NotLoaded("out_of_memory", f"There is too little memory for the model {load.name}. Choose a smaller one.")
        )
    except BaseException as error:
        traceback.print_exc()
        what = f"The model {load.name} could not be loaded on {load.device}: {type(error).__name__}: {_text(error)}."
        channel.send(NotLoaded("model_unavailable", f"{what} See the engine's log."))
    else:
        channel.send(Loaded(time.monotonic() - started))
        return renderer, model
    return None


def _render(command: Render, renderer: Renderer, model: Model, channel: Channel) -> Report:
    """What became of it. A renderer may raise anything, even SystemExit: that costs this job and no other."""
    run = command.run
    try:
        return _render_to_spool(command, renderer, model, channel)
    except RenderCancelled:
        return Interrupted(run)
    except RenderError as error:
        return Failed(run, _sendable(error.failed), _text(error))
    except DevicePoisoned as error:
        traceback.print_exc()
        return Poisoned(run, _text(error), error.code)
    except MemoryError:
        traceback.print_exc()
        return Failed(run, jobs.Failed("out_of_memory"), "the engine has less memory than this clip needs")
    except BaseException as error:
        traceback.print_exc()
        return Failed(run, jobs.Failed("render_failed"), f"{type(error).__name__}: {_text(error)}")


def _render_to_spool(command: Render, renderer: Renderer, model: Model, channel: Channel) -> Report:
    run, photos, parameters = command.run, command.photos, command.parameters

    def cancelled() -> bool:
        return channel.cancelled(run)

    if cancelled():
        raise RenderCancelled
    if command.frame and photos.first:
        parameters = filling(parameters, photos.first, command.frame, model.aspect_most)
    plan = renderer.plan(parameters, photos)
    _check_plan(plan)
    channel.send(Planned(run, plan))
    started = time.monotonic()
    sound, looks = SoundFile(beside(Path(command.spool))), Looks(renderer, wanted=command.look)
    with (
        Spool(Path(command.spool), plan) as spool,
        _closing(renderer.render(plan, photos, _step_reporter(run, channel, looks), cancelled)) as frames,
    ):
        for chunk in frames:
            if cancelled():
                raise RenderCancelled
            if isinstance(chunk, Revised):
                plan = _revise(run, chunk, spool, sound, channel)
            elif isinstance(chunk, Sound):
                sound.write(chunk, plan)
            else:
                spool.write(chunk)
        spool.check_complete()
    return Finished(run, time.monotonic() - started, sound.written)


def _revise(run: int, revised: Revised, spool: Spool, sound: SoundFile, channel: Channel) -> Plan:
    _check_plan(revised.plan)
    if revised.anew:
        spool.restart(revised.plan)
        sound.restart()
    channel.send(Planned(run, revised.plan))
    return revised.plan


def _check_plan(plan: Plan) -> None:
    if min(plan.width, plan.height, plan.num_frames, plan.fps) < 1:
        raise WrongFrames(f"planned were {plan.num_frames} frames of {plan.width}x{plan.height} at {plan.fps} fps")
    if not math.isfinite(plan.seconds) or plan.seconds < 0:
        raise WrongFrames(f"planned were {plan.seconds} seconds of work")


def _step_reporter(run: int, channel: Channel, looks: Looks) -> Callable[[int, int], None]:
    last = -math.inf

    def on_step(step: int, steps: int) -> None:
        nonlocal last
        now = time.monotonic()
        if step >= steps or now - last >= STEP_SECONDS:
            last = now
            channel.send(Stepped(run, step, steps))
        if (look := looks.after(step, steps)) is not None:
            channel.send(Looked(run, look))

    return on_step


@contextmanager
def _closing(frames: Iterator[T]) -> Iterator[Iterator[T]]:
    """A generator that is left in the middle gives up what it holds at once, not when it is collected."""
    try:
        yield frames
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


def _text(error: BaseException) -> str:
    return _utf8(str(error))[:LONGEST_TEXT]


def _sendable(failed: jobs.Failed) -> jobs.Failed:
    """Return the answer as text of a bounded length, as a renderer may have put anything into its parameters."""
    details = {_utf8(name): _utf8(value)[:LONGEST_PARAMETER] for name, value in failed.details.items()}
    return jobs.Failed(_utf8(failed.code), details=details)


def _utf8(text: object) -> str:
    return str(text).encode("utf-8", "replace").decode()


if __name__ == "__main__":
    sys.exit(main())
