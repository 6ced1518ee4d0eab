"""A renderer's sound on its way out of the real child: written, checked and bounded, or the job's failure alone."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from tests.engine.engine_processes import Engine, running_engine
from tests.engine.renderers_for_tests import RATE, Samples, picture_frames, warbling

from unstill_engine.device.outcomes import Rendered, RenderFailed
from unstill_queue.contract import jobs

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = 2
FRAMES = 8 * SECONDS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    async with running_engine(tmp_path_factory.mktemp("engine"), "Singing") as engine:
        yield engine


@pytest.fixture
def engine(shared: Engine) -> Engine:
    shared.capture.entries.clear()
    return shared


def written(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return (samples / 32767).astype(np.float32), file.getframerate()


@pytest.mark.parametrize(
    ("prompt", "rate", "channels"), [("before", RATE, 1), ("after", RATE, 1), ("stereo", 48_000, 2)]
)
async def test_it_stands_beside_the_frames(engine: Engine, prompt: str, rate: int, channels: int) -> None:
    outcome = await engine.render(prompt, num_frames=FRAMES)

    assert isinstance(outcome, Rendered) and outcome.sound is not None
    samples, told = written(outcome.sound)
    assert told == rate
    assert np.abs(samples - warbling(SECONDS, rate=rate, channels=channels)).max() <= 1 / 32767
    assert outcome.sound.parent == outcome.spool.parent
    assert outcome.sound.stat().st_mode & 0o777 == 0o600
    assert outcome.spool.read_bytes() == picture_frames(1, FRAMES).tobytes()


async def test_a_render_without_one_is_not_given_that_of_another(engine: Engine) -> None:
    first = await engine.render("before", num_frames=FRAMES)
    outcome = await engine.render("silent", num_frames=FRAMES)

    assert isinstance(first, Rendered) and first.sound is not None
    assert isinstance(outcome, Rendered) and outcome.sound is None
    assert not first.sound.exists()


async def test_what_is_too_loud_is_cut_off_at_full_scale(engine: Engine) -> None:
    outcome = await engine.render("loud", num_frames=FRAMES)

    assert isinstance(outcome, Rendered) and outcome.sound is not None
    samples, _ = written(outcome.sound)
    assert np.abs(samples - np.clip(warbling(SECONDS) * 5, -1, 1)).max() <= 1 / 32767


@pytest.mark.parametrize(("prompt", "seconds"), [("longer", SECONDS), ("shorter", SECONDS - 0.9)])
async def test_no_more_of_it_is_kept_than_the_clip_is_long(engine: Engine, prompt: str, seconds: float) -> None:
    outcome = await engine.render(prompt, num_frames=FRAMES)

    assert isinstance(outcome, Rendered) and outcome.sound is not None
    samples, _ = written(outcome.sound)
    assert len(samples) == pytest.approx(seconds * RATE, abs=1)


async def test_a_plan_that_begins_anew_has_a_sound_of_its_own(engine: Engine) -> None:
    outcome = await engine.render("anew", num_frames=FRAMES)

    assert isinstance(outcome, Rendered) and outcome.sound is not None
    samples, _ = written(outcome.sound)
    assert outcome.num_frames == FRAMES - 4
    assert np.abs(samples + warbling(SECONDS - 0.5)).max() <= 1 / 32767

    outcome = await engine.render("anew_silent", num_frames=FRAMES)
    assert isinstance(outcome, Rendered) and outcome.sound is None


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("twice", "a second sound came"),
        ("much_longer", "the sound is 3.1 s long, and its clip 2 s"),
        ("much_shorter", "the sound is 0.9 s long, and its clip 2 s"),
        ("half_rate", "the sound is 4 s long, and its clip 2 s"),
        ("flat", "samples are of shape (88200,), not (N, 1) or (N, 2)"),
        ("of_five", "samples are of shape (88200, 5), not (N, 1) or (N, 2)"),
        ("empty", "samples are of shape (0, 1), not (N, 1) or (N, 2)"),
        ("doubles", "samples are float64, not float32"),
        ("a_list", "samples are list, not float32"),
        ("nan", "samples are not finite"),
        ("no_rate", "there are 0 samples a second, not 8000 to 96000"),
    ],
)
async def test_a_faulty_one_fails_this_job_alone(engine: Engine, prompt: str, said: str) -> None:
    pid = engine.process.pid

    outcome = await engine.render(prompt, num_frames=FRAMES)

    assert isinstance(outcome, RenderFailed)
    assert outcome.failed == jobs.Failed("render_failed")
    assert said in outcome.reason
    assert isinstance(await engine.render("before", job="next", num_frames=FRAMES), Rendered)
    assert engine.process.pid == pid


async def test_a_full_disk_is_said_and_survived(engine: Engine) -> None:
    outcome = await engine.render("no_room", num_frames=FRAMES)

    assert isinstance(outcome, RenderFailed)
    assert outcome.failed.code == "disk_full"
    assert isinstance(await engine.render("before", job="next", num_frames=FRAMES), Rendered)
