"""What a clip is called, how its text is folded where it is shown, and who may show it elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bots.test_courier import FrontEnd
from tests.bots.test_presses import Somebody

from unstill_bots.actions.sharing import Sharing
from unstill_bots.delivery.naming import file_name
from unstill_bots.telegram.clip import caption
from unstill_bots.text.parts import Text, cut, units
from unstill_config.settings import Quota, Settings
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Waves rolling in, slow motion", "unstill-waves-rolling-in-slow-motion.mp4"),
        ("", "unstill.mp4"),
        ("../../etc/passwd", "unstill-etc-passwd.mp4"),
        ("CON", "unstill-con.mp4"),
        ("海浪拍岸", "unstill-海浪拍岸.mp4"),
        ("海" * 200, f"unstill-{'海' * 40}.mp4"),
        ("हिन्दी शब्द", "unstill-हिन्दी-शब्द.mp4"),
        ("wave " * 40, "unstill-wave-wave-wave-wave-wave-wave-wave-wave.mp4"),
        ("👩‍🚀🚀", "unstill.mp4"),
    ],
)
def test_a_clips_file_is_named_by_its_words(words: str, name: str) -> None:
    assert file_name(words) == name


@given(st.text(max_size=300))
def test_a_name_is_one_that_any_machine_can_store(words: str) -> None:
    name = file_name(words)
    assert len(name) <= 60 and name.startswith("unstill") and name.endswith(".mp4")
    assert not set(name) & set('/\\:*?"<>| \n\t\0')


def test_the_words_are_shown_and_all_else_is_folded() -> None:
    text = Text("3 s, seed 7.", "waves 🌊", ("AI drew none of it.",), "Tip: zoom in.")

    said, [fold] = caption(text)

    assert said == "“waves 🌊”\n3 s, seed 7.\nAI drew none of it.\nTip: zoom in."
    assert (fold.type, fold.offset) == ("expandable_blockquote", units("“waves 🌊”\n"))
    assert fold.offset + fold.length == units(said)


def test_without_words_the_facts_are_shown() -> None:
    assert Text("3 s.", notes=("AI drew none of it.",)).folded() == ("3 s.", "AI drew none of it.")
    assert caption(Text("3 s.")) == ("3 s.", [])


@given(st.text(), st.lists(st.text(), max_size=3), st.text(), st.integers(0, 200))
def test_what_is_folded_is_never_longer_than_it_may_be(words: str, notes: list[str], tip: str, length: int) -> None:
    text = Text("3 s.", words, tuple(notes), tip)
    shown, folded = text.folded(length)
    assert units(shown) + bool(folded) + units(folded) <= length
    assert units(text.plain(length)) <= length
    assert text.plain().startswith(f"“{words}”" if words else "3 s.")


@given(st.text(), st.integers(0, 20))
def test_a_text_is_cut_between_characters(text: str, most: int) -> None:
    assert text.startswith(cut(text, most))
    assert most - 1 <= units(cut(text, most)) <= most or cut(text, most) == text


@pytest.fixture
async def front(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[FrontEnd]:
    front = FrontEnd(valkey.url, Settings(quota=Quota(person_jobs=3)), storage)
    yield front
    await front.client.close()


async def test_only_ones_own_open_and_kept_clips_are_offered_elsewhere(front: FrontEnd) -> None:
    # Given a person's clip, and one of a picture that was covered
    sharing, clip, covered = Sharing(front.pipeline), await front.finished(), await front.finished(spoiler=True)
    owner, other = (Somebody("", "", {clip.requester.user: owns}) for owns in (True, False))

    # When they ask for what may be shown elsewhere, then it is the open one, by all of its words
    assert [one.id for one, _ in await sharing.of_person(clip.requester.person)] == [clip.id]
    [shown] = await sharing.of_person(clip.requester.person, "WAVES")
    assert await sharing.of_person(clip.requester.person, "waves winter") == []
    assert await sharing.of_person("terminal:nobody") == []
    # and by its button it is its person's alone, in whatever chat they press
    assert await sharing.of_press(clip.id, owner) == [shown]
    assert await sharing.of_press(clip.id, other) == []
    assert await sharing.of_press(covered.id, owner) == []
    # and it is kept until it is deleted
    assert await sharing.is_kept(shown)
    await front.storage.delete(shown[1].clip)
    assert not await sharing.is_kept(shown)
