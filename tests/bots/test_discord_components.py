"""Buttons, forms and menus on Discord: within what the platform takes, whatever the catalogue; and what they send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.bots.discord_catalogs import CATALOG, TEXT, catalogs
from wire_doubles.discord import components

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.presses import CANCEL, DELETE, DISCORD
from unstill_bots.actions.settings_form import SettingsForm
from unstill_bots.actions.variations import AGAIN, BETTER, LOOP, REELS, VARIATIONS, derived
from unstill_bots.delivery import presentation
from unstill_bots.delivery.message import Message
from unstill_bots.discord.buttons import Press, under
from unstill_bots.discord.modals import WordsForm, form_of, is_ours, written
from unstill_bots.discord.settings_pages import ME, PAGES, SERVER, Change, SettingsPages, chosen
from unstill_bots.intake.captions import parse
from unstill_bots.intake.served import Served
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.catalog import Catalog, Value
from unstill_config.safety import Safety
from unstill_queue.contract.jobs import (
    Cancelled,
    Failed,
    Finish,
    Job,
    Outcome,
    Parameters,
    ReplyAddress,
    Request,
    Requester,
    State,
    Succeeded,
)
from unstill_queue.ledger.ledger import Record

LANGUAGES = st.sampled_from(["en", "zh_CN"])
LONGEST = f"discord:{2**63 - 1}:{2**63 - 1}.99"


def a_job(id: str = "discord:5:7", finish: Finish = Finish(), language: str = "en") -> Job:  # noqa: B008  # frozen
    parameters = Parameters("camera", "waves", seed=7, num_frames=8, fps=8, resolution=64)
    who, to = Requester("discord", "9", "5", language), ReplyAddress("discord", "5", "")
    return Job(id, who, to, "pictures/x", parameters, finish, 1_000_000)


def a_record(outcome: Outcome | None, job: Job | None = None) -> Record:
    job = job or a_job()
    request = Request(job.id, job.requester, job.reply_to, "{}", "waves", 1_000_000)
    return Record(job.id, State.QUEUED if outcome is None else State.DONE, request, 0.0, job=job, outcome=outcome)


def message_of(outcome: Outcome | None, job: Job | None = None, catalog: Catalog = CATALOG) -> Message:
    """What a job's message shows while it is under way, and as its answer."""
    record = a_record(outcome, job)
    match outcome:
        case None:
            return presentation.received(record.request)
        case Succeeded():
            return presentation.clip(record, outcome, Path("clip.mp4"), catalog)
        case Failed():
            return presentation.failed(record, outcome, catalog)
        case Cancelled(by=by):
            return presentation.cancelled(record, by)


def shown(view: Any) -> list[tuple[str, str]]:
    """Labels and custom ids of a view that the platform takes."""
    rows = components.checked(view.to_components())
    return [(part["label"], part["custom_id"]) for row in rows for part in row["components"] if "label" in part]


DONE = Succeeded("clips/x", 10, 64, 64, 1.0, 8.0, a_job().parameters, False, 1.0)


# -- buttons


@pytest.mark.parametrize("action", [CANCEL, DELETE, *VARIATIONS])
def test_a_button_says_what_to_do_and_to_which_job_in_what_the_platform_gives_it(action: str) -> None:
    job = derived(derived(LONGEST, "again 0"), "better 19")

    press = Press.on(action, job)

    assert (Press.of(press.data), press.job) == (press, job)
    assert len(press.data) <= 100


async def test_buttons_go_with_how_the_job_stands() -> None:
    under_way, done, failed, cancelled = (
        under(message_of(outcome)) for outcome in (None, DONE, Failed("deadline", ""), Cancelled("x"))
    )

    assert shown(under_way) == [("Cancel", "cancel 5:7")]
    assert shown(done) == [
        *(("Another move", "again 5:7"), ("Better", "better 5:7"), ("9:16", "reels 5:7"), ("Loop", "loop 5:7")),
        ("Delete", "delete 5:7"),
    ]
    assert (failed, cancelled) == (None, None)


async def test_what_would_change_nothing_is_left_out_and_labels_are_in_the_persons_language() -> None:
    looped = under(message_of(DONE, a_job(finish=Finish(shape="reels", loop=True), language="zh_CN")))
    plain = under(message_of(DONE, catalog=CATALOG.model_copy(update={"presets": {}, "finishes": {}})))

    assert [label for label, _ in shown(looped)] == ["换个运镜", "更精细", "删除"]
    assert [custom_id.split()[0] for _, custom_id in shown(plain)] == [AGAIN, LOOP, DELETE]
    assert {BETTER, REELS}.isdisjoint(custom_id.split()[0] for _, custom_id in shown(plain))


async def test_again_is_offered_where_a_seed_or_a_move_makes_another_clip() -> None:
    def labels_with(**changes: object) -> list[str]:
        camera = CATALOG.models["camera"].model_copy(update=changes)
        catalog = CATALOG.model_copy(update={"models": {**CATALOG.models, "camera": camera}})
        return [label for label, custom_id in shown(under(message_of(DONE, catalog=catalog))) if "again" in custom_id]

    assert labels_with(moves=()) == ["Again"]
    assert labels_with(abilities=("prompt",)) == ["Another move"]
    assert labels_with(moves=(), abilities=("prompt",)) == []
    assert labels_with(moves=("zoom in",)) == ["Another move"]


async def test_no_view_is_remembered_by_the_library() -> None:
    views = [under(message_of(outcome)) for outcome in (None, DONE)]
    assert all(view is not None and view.is_finished() for view in views)


# -- the form


@settings(max_examples=60, deadline=None)
@given(catalogs(), LANGUAGES, st.booleans())
async def test_for_any_catalogue_the_platform_takes_the_form(catalog: Catalog, language: str, upload: bool) -> None:
    served = Served.of(catalog, set(), next(iter(catalog.models), ""))
    given: dict[str, Value] = {"preset": next(iter(catalog.presets), "x"), "seed": 7, "seconds": 3.0}
    form = WordsForm(2**63 - 1, ServerReplies(language), served, upload=upload, prompt="waves " * 80, given=given)

    taken = components.modal(form.to_dict())

    assert is_ours(taken["custom_id"])
    assert form_of(taken["custom_id"]) == str(2**63 - 1)
    assert form.is_finished()


def filled(words: str | None, preset: list[str] | None, seconds: str = "") -> dict[str, Any]:
    """As the platform sends a form: fields within labels."""
    said = {"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": "words", "value": words}}
    chosen = {"type": 18, "id": 3, "component": {"type": 3, "id": 4, "custom_id": "preset", "values": preset}}
    length = {"type": 3, "id": 6, "custom_id": "seconds", "values": [seconds] if seconds else []}
    return {"custom_id": "form 5", "components": [said, chosen, {"type": 18, "id": 5, "component": length}]}


def test_a_form_that_came_back_is_a_caption() -> None:
    caption = parse(written(filled("waves --seed 7", ["quality"], "3")), CATALOG)

    assert (caption.prompt, dict(caption.given)) == ("waves", {"preset": "quality", "seed": 7, "seconds": 3.0})
    assert written(filled("", [])) == written(filled(None, None)) == written({}) == ""
    assert written(filled("  ", ["preview"])) == '--preset "preview"'


async def test_a_form_is_filled_in_with_what_was_typed_before_and_nothing_of_it_is_lost() -> None:
    typed: dict[str, Value] = {"preset": "quality", "shape": "reels", "seconds": 2.5, "loop": True}

    form = WordsForm(5, ServerReplies("en"), Served.of(CATALOG, set(), "camera"), prompt="waves", given=typed)

    fields = {field["custom_id"]: field for _, field in components.inputs(components.modal(form.to_dict()))}
    picked = {
        name: [one["value"] for one in field["options"] if one.get("default")]
        for name, field in fields.items()
        if "options" in field
    }
    assert picked == {"preset": ["quality"], "shape": ["reels"], "seconds": []}
    assert dict(parse(fields["words"]["value"], CATALOG).given) == {"seconds": 2.5, "loop": True}
    assert parse(fields["words"]["value"], CATALOG).prompt == "waves"


def test_a_form_of_rows_is_read_too() -> None:
    rows = [{"type": 1, "components": [{"type": 4, "custom_id": "words", "value": "waves"}]}]

    assert written({"components": rows}) == "waves"


# -- settings


@settings(max_examples=60, deadline=None)
@given(catalogs(), TEXT, LANGUAGES)
async def test_for_any_catalogue_the_platform_takes_both_pages(catalog: Catalog, model: str, language: str) -> None:
    model = next(iter(catalog.models)) if len(model) % 2 else model
    # all settings that there are
    form = SettingsForm(DISCORD, catalog, lambda: model, Safety(rating=True), rewrites=True)
    pages, replies = SettingsPages(form), ServerReplies(language)
    set_to = Preferences(preset=next(iter(catalog.presets), ""), shape=next(iter(catalog.finishes), ""))
    many = tuple(str(2**62 + number) for number in range(25))

    for now in (Preferences(), set_to, Preferences(channels=many, roles=many, jobs=20)):
        components.checked(pages.mine(now, replies, manager=True).to_components())
        components.checked(pages.server(now, replies).to_components())


@pytest.mark.parametrize(
    ("change", "values", "changed"),
    [
        (Change(ME, "preset"), ["=quality"], {"preset": "quality"}),
        (Change(ME, "shape"), ["=reels"], {"shape": "reels"}),
        (Change(ME, "resolution"), ["=512"], {"resolution": 512}),
        (Change(ME, "language"), ["=zh_CN"], {"language": "zh_CN"}),
        (Change(SERVER, "language"), ["=en"], {"language": "en"}),
        (Change(SERVER, "jobs"), ["=3"], {"jobs": 3}),
        (Change(SERVER, "quiet"), [], {"quiet": True}),
        (Change(SERVER, "spoiler"), [], {"spoiler": True}),
        (Change(SERVER, "channels"), ["1", "2"], {"channels": ("1", "2")}),
        (Change(SERVER, "roles"), [], {"roles": ()}),
        # and what nobody is offered
        (Change(ME, "preset"), ["=nonsense"], {}),
        (Change(ME, "preset"), ["=quality", "=preview"], {}),
        (Change(ME, "preset"), [], {}),
        (Change(ME, "quiet"), [], {}),
        (Change(ME, "jobs"), ["=3"], {}),
        (Change(ME, "open"), [], {}),
        (Change(SERVER, "preset"), ["=quality"], {}),
        (Change(SERVER, "jobs"), ["=1000"], {}),
        (Change(SERVER, "channels"), ["1", "x"], {}),
        (Change(SERVER, "who"), ["=admins"], {}),
    ],
)
def test_a_choice_changes_what_it_says_and_nothing_else(
    change: Change, values: list[str], changed: dict[str, Any]
) -> None:
    before = Preferences(roles=("7",), when="photos")

    sent = Change.of(change.custom_id)
    after = SettingsForm(DISCORD, CATALOG, lambda: "camera").changed(
        PAGES[sent.page], before, sent.name, chosen(values)
    )

    assert after == replace(before, **changed)


async def test_what_is_set_is_what_is_shown_as_chosen() -> None:
    pages, replies = SettingsPages(SettingsForm(DISCORD, CATALOG, lambda: "camera")), ServerReplies("en")
    now = Preferences(preset="timelapse", resolution=1024)

    rows = components.checked(pages.mine(now, replies, manager=False).to_components())

    menus = [row["components"][0] for row in rows if "options" in row["components"][0]]
    chosen = [[option["value"] for option in menu["options"] if option.get("default")] for menu in menus]
    assert chosen == [["=timelapse"], ["="], ["=1024"], ["="]]
    assert [menu["placeholder"] for menu in menus] == [
        *("Preset: Time-lapse", "Shape: not set", "Size: 1024", "Language: automatic"),
    ]


def test_a_servers_page_has_room_for_all_of_its_settings_and_offers_what_the_host_allows() -> None:
    # Given a host that has pictures rated
    form = SettingsForm(DISCORD, CATALOG, lambda: "camera", Safety(rating=True))
    page = components.checked(SettingsPages(form).server(Preferences(), ServerReplies("en")).to_components())
    labels = [part["label"] for row in page for part in row["components"] if part["type"] == 2]
    assert "Pictures for adults: standard" in labels and "Only one's own pictures: no" in labels
    # When its button is pressed again and again, then it goes through what the host allows, and no further
    now, went = Preferences(), []
    for _ in range(3):
        now = form.changed(PAGES["server"], now, "rating", [])
        went.append(now.rating)
    assert went == ["refuse", "spoiler", ""]
    # and where nothing is rated, there is none
    assert all(row.name != "rating" for row in SettingsForm(DISCORD, CATALOG, lambda: "camera").rows(
        PAGES["server"], Preferences(), ServerReplies("en")
    ))  # fmt: skip
