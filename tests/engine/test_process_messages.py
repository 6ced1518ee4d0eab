"""The messages: what is sent arrives, however the bytes are cut; anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_engine.device.messages import (
    HEADER,
    LARGEST,
    Cancel,
    Command,
    Failed,
    Finished,
    Interrupted,
    Load,
    Loaded,
    Locked,
    MessageError,
    NotLoaded,
    Planned,
    Poisoned,
    Render,
    Report,
    ReportStream,
    Stepped,
    Stop,
    body_length,
    pack,
    unpack_command,
    unpack_report,
)
from unstill_engine.renderers.base import Photos, Plan
from unstill_queue.contract import jobs
from unstill_queue.contract.jobs import Parameters

text = st.text(max_size=50)
number = st.integers(0, 2**40)
seconds = st.floats(0, 1e6)
parameters = st.builds(
    Parameters, text, text, number, number, number, number, width=st.none() | number, guidance_scale=seconds
)
plans = st.builds(Plan, number, number, number, number, seconds, number, parameters, st.tuples(text, text))
reports: st.SearchStrategy[Report] = st.one_of(
    st.just(Locked()),
    st.builds(Loaded, seconds),
    st.builds(NotLoaded, text, text),
    st.builds(Planned, number, plans),
    st.builds(Stepped, number, number, number),
    st.builds(Finished, number, seconds, st.booleans()),
    st.builds(Failed, number, st.builds(jobs.Failed, text, details=st.dictionaries(text, text, max_size=2)), text),
    st.builds(Interrupted, number),
    st.builds(Poisoned, number, text),
)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Load, text, text, text, text, seconds),
    st.builds(Render, number, parameters, text, text),
    st.builds(Cancel, number),
    st.just(Stop()),
)


@given(st.lists(reports, max_size=6), st.lists(st.integers(1, 40), min_size=1))
def test_reports_arrive_whole_and_in_order_whatever_the_cuts(sent: list[Report], cuts: list[int]) -> None:
    data = b"".join(map(pack, sent))
    stream = ReportStream()
    arrived: list[Report] = []
    turn = 0
    while data:
        size = cuts[turn % len(cuts)]
        arrived += stream.feed(data[:size])
        data = data[size:]
        turn += 1

    assert arrived == sent


@given(commands)
def test_commands_arrive(command: Command) -> None:
    data = pack(command)

    assert body_length(data[: HEADER.size]) == len(data) - HEADER.size
    assert unpack_command(data[HEADER.size :]) == command


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_message_error(data: bytes) -> None:
    for read in (ReportStream().feed, unpack_command, unpack_report):
        try:
            read(data)
        except MessageError:
            continue


@given(reports, st.data())
def test_a_damaged_report_is_refused_or_is_another_report(report: Report, data: st.DataObject) -> None:
    sent = bytearray(pack(report))
    place = data.draw(st.integers(0, len(sent) - 1))
    sent[place] ^= data.draw(st.integers(1, 255))

    try:
        arrived = ReportStream().feed(bytes(sent))
    except MessageError:
        return
    assert all(isinstance(each, Report) for each in arrived)


def test_a_message_that_is_too_large_is_neither_sent_nor_waited_for() -> None:
    with pytest.raises(MessageError):
        pack(Failed(0, jobs.Failed("x"), "y" * LARGEST))
    with pytest.raises(MessageError):
        ReportStream().feed(HEADER.pack(LARGEST + 1))
    assert ReportStream().feed(HEADER.pack(LARGEST)) == []


def test_a_report_is_no_command() -> None:
    with pytest.raises(MessageError):
        unpack_command(pack(Locked())[HEADER.size :])


@pytest.mark.parametrize(
    "photos", [Photos(), Photos(Path("/work/first")), Photos(last=Path("/work/last")), Photos(Path("a"), Path("b"))]
)
def test_the_photos_of_a_render_arrive_where_they_belong(photos: Photos) -> None:
    sent = Render.of(7, Parameters("test", "", 1, 8, 8, 12), photos, Path("/work/spool"), (16, 12))
    came = unpack_command(pack(sent)[HEADER.size :])
    assert isinstance(came, Render)
    assert (came.photos, came.frame, came.spool) == (photos, (16, 12), "/work/spool")
