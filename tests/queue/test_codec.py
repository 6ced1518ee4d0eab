"""Bytes of the queue: what is written is read back, and nothing else gets in."""

from __future__ import annotations

import contextlib
import pickle
import string
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unstill_queue.contract.codec import VERSION, decode, dump_arq, encode, load_arq
from unstill_queue.contract.errors import CodecError, NewerVersion
from unstill_queue.contract.jobs import (
    Cancelled,
    EngineInfo,
    Failed,
    Finish,
    Job,
    Outcome,
    Parameters,
    Progress,
    ReplyAddress,
    Request,
    Requester,
    Succeeded,
)

text = st.text(max_size=20)
words = st.text(string.ascii_letters, min_size=1, max_size=8)
# msgpack's integers have 64 bits
whole = st.integers(-(2**63), 2**64 - 1)
number = st.floats(allow_nan=False)

requesters = st.builds(Requester, text, text, text, text)
addresses = st.builds(ReplyAddress, text, text, text, st.none() | text, st.dictionaries(text, text, max_size=3))
requests = st.builds(Request, text, requesters, addresses, text, text, whole, last_source=text, last_stored=text)
parameters = st.builds(
    Parameters, text, text, whole, whole, whole, whole, text, whole, number, st.none() | whole, st.none() | whole
)
finishes = st.builds(Finish, text, st.none() | whole, st.booleans(), st.booleans(), st.booleans())
jobs = st.builds(
    Job, text, requesters, addresses, text, parameters, finishes, whole, notes=st.lists(text, max_size=3).map(tuple),
    last_picture=text,
)  # fmt: skip
progress = st.builds(Progress, st.sampled_from(["loading", "rendering", "encoding"]), whole, whole, st.none() | number)
succeeded = st.builds(
    Succeeded, text, whole, whole, whole, number, number, parameters, st.booleans(), number,
    st.lists(text, max_size=3).map(tuple),
)  # fmt: skip
failed = st.builds(Failed, text, text, st.dictionaries(text, text, max_size=3))
outcomes = succeeded | failed | st.builds(Cancelled, text)
engines = st.builds(EngineInfo, text, text, text, text, whole, whole, st.none() | text)

TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Request, requests),
    (Job, jobs),
    (Parameters, parameters),
    (Progress, progress),
    (Outcome, outcomes),
    (EngineInfo, engines),
]
values = st.one_of([st.tuples(st.just(as_type), of_type) for as_type, of_type in TYPES])

PLAIN = Parameters("camera", "waves", seed=7, num_frames=8, fps=8, resolution=64)

plain = st.recursive(
    st.none() | st.booleans() | whole | number | text | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=10,
)


def read_or_refuse(data: bytes, as_type: Any) -> object:
    """What it reads as, or None; any error but CodecError is the caller's failure."""
    try:
        return decode(data, as_type)
    except CodecError as error:
        assert str(error).endswith(".")
        return None


@given(values)
def test_what_is_written_is_read_back(case: tuple[Any, Any]) -> None:
    as_type, value = case
    assert decode(encode(value), as_type) == value


@given(outcomes)
def test_an_outcome_comes_back_as_its_own_kind(outcome: Outcome) -> None:
    assert type(decode(encode(outcome), Outcome)) is type(outcome)


@given(values, st.binary(min_size=1, max_size=1).filter(lambda byte: byte != VERSION))
def test_another_version_is_refused_with_its_number(case: tuple[Any, Any], version: bytes) -> None:
    as_type, value = case
    newer = 1 < version[0] < 32
    told = rf"version {version[0]} .*reads 1\. Update this" if newer else f"begins with {version.hex()}"
    with pytest.raises(NewerVersion if newer else CodecError, match=told):
        decode(version + encode(value)[1:], as_type)


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(CodecError, match="begins with nothing"):
        decode(b"", Job)


@given(values, st.data())
@settings(max_examples=200, deadline=None)
def test_changed_bytes_are_another_value_or_refused(case: tuple[Any, Any], data: st.DataObject) -> None:
    # Given a record in which some bytes were changed, added or lost
    as_type, value = case
    record = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(1, len(record)))
        record[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    # When it is read, then nothing but CodecError comes of it, and what is read is sound
    read = read_or_refuse(bytes(record), as_type)
    if read is not None:
        assert decode(encode(read), as_type) == read or b"nan" in repr(read).encode()


@given(st.binary(max_size=200))
@example(b"\x81\xa1a" + b"\x91" * 100_000)  # an array in an array in an array, deeper than Python's stack
@example(b"\x81\xa2\xff\xfe\x01")  # a key that is no UTF-8
@example(b"\x81\xa1a\xdd\xff\xff\xff\xff")  # four thousand million elements are promised, and none follows
@example(b"\x81\xa1a\xd6\xff\xff\xff\xff\xff")  # a time stamp
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    for as_type, _ in TYPES:
        read_or_refuse(VERSION + data, as_type)
        read_or_refuse(data, as_type)
    with contextlib.suppress(CodecError):
        assert isinstance(load_arq(VERSION + data), dict)


@given(st.sampled_from(TYPES), st.dictionaries(words, plain, max_size=4))
def test_a_record_of_another_kind_is_refused(case: tuple[Any, Any], other: dict[str, Any]) -> None:
    with pytest.raises(CodecError, match="cannot be read"):
        decode(encode(other), case[0])


def test_a_field_of_a_newer_program_is_passed_over() -> None:
    older = Cancelled("ann")
    newer = {**msgspec.to_builtins(older), "why": "changed her mind"}
    assert decode(encode(newer), Outcome) == older


@pytest.mark.parametrize(
    ("as_type", "new"), [(Request, {"last_source", "last_stored"}), (Job, {"last_picture"})], ids=["request", "job"]
)
def test_the_former_version_reads_a_clip_of_two_pictures_and_is_read(as_type: Any, new: set[str]) -> None:
    # Given the value as the former version knows it, and one of this version
    fields = [field for field in msgspec.structs.fields(as_type) if field.name not in new]
    former = msgspec.defstruct(
        as_type.__name__,
        [(f.name, f.type) if f.required else (f.name, f.type, f.default) for f in fields],
        frozen=True,
    )
    who, to = Requester("test", "ann", "c"), ReplyAddress("test", "c", "1")
    value = (
        Request("1", who, to, "file", "waves", 1, last_source="second")
        if as_type is Request
        else Job("1", who, to, "pictures/x", PLAIN, Finish(), 1, last_picture="pictures/y")
    )
    # When each reads the other's
    read: Any = decode(encode(value), former)
    back = decode(encode(read), as_type)
    # Then nothing is lost but what the former one does not know
    assert back == msgspec.structs.replace(value, **dict.fromkeys(new, ""))


@given(st.dictionaries(text, plain, max_size=5))
def test_arqs_dictionaries_are_read_back(value: dict[str, Any]) -> None:
    assert load_arq(dump_arq(value)) == value


def test_an_exception_that_arq_files_becomes_its_text() -> None:
    assert load_arq(dump_arq({"r": ValueError("no"), "t": 1})) == {"r": "ValueError('no')", "t": 1}


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("prefix", [b"", VERSION], ids=["bare", "versioned"])
def test_pickle_is_refused_and_does_nothing(tmp_path: Path, protocol: int, prefix: bytes) -> None:
    # Given what somebody who can write to Redis would put there, which does its work when arq reads it
    sprung = tmp_path / "sprung"
    bytes_of_arq = pickle.dumps({"f": "wake", "a": Trap(sprung), "k": {}, "t": 1}, protocol)
    # When we read it
    with pytest.raises(CodecError):
        load_arq(prefix + bytes_of_arq)
    # Then nothing happened
    assert not sprung.exists()
    # though it is a trap that works
    pickle.loads(bytes_of_arq)  # noqa: S301
    assert sprung.exists()


# -- failures, which the former version writes with a sentence and without parameters, and reads only so


class FormerFailed(msgspec.Struct, frozen=True, tag="failed"):
    """`Failed` as the former version has it."""

    code: str
    message: str
    details: dict[str, str] = {}


class FirstFailed(msgspec.Struct, frozen=True, tag="failed"):
    """`Failed` as records had it before there were parameters."""

    code: str
    message: str


@given(failed)
def test_a_failure_is_read_by_the_former_version(failure: Failed) -> None:
    assert decode(encode(failure), FormerFailed) == FormerFailed(failure.code, failure.message, failure.details)
    assert decode(encode(Failed(failure.code)), FormerFailed | Cancelled) == FormerFailed(failure.code, "")
    assert decode(encode(failure), FirstFailed).code == failure.code


@given(text, text)
def test_a_failure_of_the_former_version_is_read(code: str, message: str) -> None:
    for former in (FormerFailed(code, message), FirstFailed(code, message)):
        assert decode(encode(former), Outcome) == Failed(code, message)


def test_what_the_former_version_needs_is_still_written() -> None:
    # Given values of which a field went that the former version requires
    job = Job("1", Requester("t", "u", "c"), ReplyAddress("t", "c", "m"), "p", PLAIN, Finish(), 1)
    engine = EngineInfo("e", "camera", "cpu", "here", 1)

    written: list[dict[str, Any]] = [decode(encode(value), dict[str, Any]) for value in (job, engine)]

    assert (written[0]["submitted_at"], written[1]["started_at"]) == (0.0, 0.0)
    # And what that version writes is read
    for value, name in zip(written, ("submitted_at", "started_at"), strict=True):
        value[name] = 1_700_000_000.5
    assert decode(encode(written[0]), Job).parameters == PLAIN
    assert decode(encode(written[1]), EngineInfo).pid == 1


@given(jobs)
def test_a_job_with_notes_is_read_by_the_former_version_and_one_without_by_this(job: Job) -> None:
    former = msgspec.defstruct(
        "Job", [(field.name, field.type) for field in msgspec.structs.fields(Job) if field.name != "notes"], frozen=True
    )
    read: object = decode(encode(job), former)
    assert decode(encode(read), Job) == msgspec.structs.replace(job, notes=())
