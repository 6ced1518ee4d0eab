"""Hostile files by the hundred and by the thousand, each through a process of its own as in service."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from itertools import chain

import pytest
import pytest_asyncio
from tests.bots.hostile.corpus import damaged, generated
from tests.bots.hostile.law import GOOD, children, open_files, outcome, outcomes, resident
from tests.bots.hostile.pillow_images import pillow_images
from tests.bots.hostile.sources import NAMES, encoded, photo, source

from unstill_bots.intake.pictures import Limits, Pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT, STORM, DEEP = 100, 500, 20_000
# What Python's allocator may keep of the largest answers; a file that were kept each time would be hundreds of MB.
GROWTH = 64 * 1024**2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as started:
        yield started


async def lawful(pictures: Pictures, files: Iterable[tuple[str, bytes]]) -> Counter[str]:
    """Their outcomes, when the process that asked is afterwards as it was and still takes a good picture."""
    # Given an intake at work, and encoders that hold what they hold
    for number in range(60):
        generated(number)
    assert await outcome(pictures, source("PNG", "rgb")) == GOOD
    processes, handles, memory = children(), open_files(), resident()

    found = await outcomes(pictures, files)

    # Then nothing of it is left, and the next picture is taken
    assert len(children()) <= len(processes)
    assert open_files() <= handles
    assert resident() - memory < GROWTH
    assert await outcome(pictures, source("PNG", "rgb")) == GOOD
    return found


@pytest.mark.parametrize(("kind", "name"), NAMES)
async def test_what_the_corpus_is_made_from_is_sound(pictures: Pictures, kind: str, name: str) -> None:
    assert await outcome(pictures, source(kind, name)) == GOOD


async def test_the_corpus_is_the_same_each_time() -> None:
    files = [generated(number) for number in range(200)]
    # When what it is made from is made anew
    source.cache_clear()

    assert [generated(number) for number in range(200)] == files


async def test_interlaced_rows_come_in_their_places(pictures: Pictures) -> None:
    interlaced = await pictures.make_safe(source("PNG", "interlaced"))
    straight = await pictures.make_safe(encoded(photo("RGBA"), "PNG"))

    assert interlaced == straight


@pytest.mark.parametrize("files", [SHORT, pytest.param(STORM, marks=pytest.mark.storm)])
async def test_hostile_files_cost_a_picture_or_a_sentence_each(pictures: Pictures, files: int) -> None:
    found = await lawful(pictures, map(generated, range(files)))

    assert found.total() == files
    assert found[GOOD] > files // 10 and found["picture_broken"] > files // 10
    assert len(found) >= 8
    assert found["picture_unavailable"] == 0


@pytest.mark.deep
async def test_twenty_thousand_hostile_files(pictures: Pictures, capsys: pytest.CaptureFixture[str]) -> None:
    # Given Pillow's own test images, as they are and damaged, and generated ones
    images = pillow_images()
    assert len(images) > 900
    made = DEEP // 2
    files = chain(
        images,
        (damaged(number, images) for number in range(DEEP - made - len(images))),
        map(generated, range(STORM, STORM + made)),
    )

    found = await lawful(pictures, files)

    with capsys.disabled():
        print(f"\n{found.total()} hostile files, at most {Limits().bytes / 1024**2:g} MB each:")
        for code, count in found.most_common():
            print(f"{count:7} {code}")
    assert found.total() == DEEP
    assert found[GOOD] > 1000 and found["picture_broken"] > 1000
    assert found["picture_unavailable"] == 0
