"""Who may do what: the judge over all there is, and that what platforms offer is what the judge knows of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.bots.permission_table import (
    ADMIN,
    ANONYMOUS,
    CHANNEL,
    DIRECT,
    ELSEWHERE,
    HOSTS_TABLE,
    INSTALL,
    OWNER,
    PRIVATE,
    TABLE,
    Cell,
    every_cell,
)

from unstill_bots.actions.commands import COMMANDS, offered
from unstill_bots.actions.host_commands import HOST_COMMANDS, may_host
from unstill_bots.actions.job_actions import Attempt, Done
from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.presses import (
    ACTIONS,
    CANCEL,
    CHATS,
    DELETE,
    DISCORD,
    EVERYWHERE,
    LAST_PICTURE,
    TELEGRAM,
    WORDS_ALONE,
    May,
    Thing,
    Verdict,
    commands_of,
    judge,
    refusal,
)
from unstill_bots.actions.settings_form import SettingsForm
from unstill_bots.actions.variations import AGAIN
from unstill_bots.delivery import presentation
from unstill_bots.delivery.message import EarlyLook, Message
from unstill_bots.discord import buttons as discord_buttons
from unstill_bots.discord.settings_pages import Change, SettingsPages
from unstill_bots.intake.older_picture import WORDS_REFUSED
from unstill_bots.intake.served import Served
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram import menu
from unstill_bots.telegram.buttons import Press
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.jobs import (
    Failed,
    Finish,
    Job,
    Parameters,
    Progress,
    ReplyAddress,
    Request,
    Requester,
    State,
    Succeeded,
)
from unstill_queue.ledger.ledger import Place, Record

HERE, THERE, NOTE = "here", "there", "here:7"


class Somebody:
    """An actor as a test describes it. `speaks`: of which users they are, or may speak for; None: nobody can tell."""

    def __init__(self, chat: str, message: str, speaks: dict[str, bool | None], *, admin: bool = False) -> None:
        self.chat = chat
        self.message = message
        self._speaks = speaks
        self._admin = admin

    async def owns(self, user: str) -> bool | None:
        return self._speaks.get(user, False)

    async def moderates(self) -> bool:
        return self._admin

    async def manages(self) -> bool:
        return self._admin


class Presser(Somebody):
    """Somebody who acts at the message `at`, which shows a job."""

    user, person, press = "asker", "telegram:asker", "p"

    def __init__(self, at: str) -> None:
        super().__init__(HERE, at, {"asker": True})

    async def thing_of(self, record: Record) -> Thing:
        return Thing(record.request.requester.user, HERE, record.note or "")

    async def shown(self) -> Thing | None:
        return None

    async def remove(self) -> bool:
        return True


def actor_of(cell: Cell) -> Somebody:
    """As the platforms have them; whoever acts from elsewhere sends the same callback data from there."""
    if ACTIONS[cell.action].may is May.ADMINS:
        # a chat's settings are changed there alone, by whatever was sent from wherever
        return Somebody(HERE, NOTE, {}, admin=cell.who in (ADMIN, ANONYMOUS) and cell.place != INSTALL)
    if cell.who == ELSEWHERE or (cell.who != OWNER and cell.place in (PRIVATE, DIRECT)):
        return Somebody(THERE, "there:7", {}, admin=cell.who == ELSEWHERE)
    asked = cell.who in (OWNER, ANONYMOUS, CHANNEL)
    admin = cell.who in (ADMIN, ANONYMOUS) and cell.place != INSTALL
    return Somebody(HERE, NOTE, {"asker": asked}, admin=admin)


@pytest.mark.parametrize("cell", every_cell(), ids=str)
async def test_who_may_do_what_is_as_it_is_written_down(cell: Cell) -> None:
    verdict = await judge(ACTIONS[cell.action], actor_of(cell), Thing("asker", HERE, NOTE))
    assert (verdict is Verdict.ALLOWED) is cell.expected


def test_each_action_has_its_row() -> None:
    assert set(TABLE) == set(ACTIONS)
    hosts = {action.name for action in ACTIONS.values() if action.may is May.HOSTS}
    assert {name for name, row in HOSTS_TABLE.items() if any(row)} == hosts == set(HOST_COMMANDS)
    # what a host may do is offered to nobody else
    assert not any(commands_of(platform) & hosts for platform in CHATS)


@pytest.mark.parametrize("platform", CHATS)
@pytest.mark.parametrize("name", HOSTS_TABLE)
def test_who_may_host_is_as_it_is_written_down(platform: str, name: str) -> None:
    hosts, other = (f"{platform}:1", "elsewhere:2"), f"{platform}:3"
    tried = [(hosts[0], True), (hosts[0], False), (other, True), (f"{platform}:2", True)]
    found = tuple(may_host(name, person, hosts, private=private) for person, private in tried)
    assert found == HOSTS_TABLE[name]
    assert not may_host(name, hosts[0], (), private=True)


@pytest.mark.parametrize("name", [action.name for action in ACTIONS.values() if action.may is not May.EVERYBODY])
async def test_what_nobody_can_tell_is_refused_with_what_to_do(name: str) -> None:
    action = ACTIONS[name]
    if action.may in (May.ADMINS, May.HOSTS):
        return
    # Given what was asked for in a channel's name, and a press by somebody who may be its owner, or not
    unsure = Somebody(HERE, NOTE, {"channel": None})
    verdict = await judge(action, unsure, Thing("channel", HERE, NOTE))
    # Then it is refused, in a sentence that says how to prove it
    assert verdict is Verdict.UNPROVEN
    for language in ("en", "zh_CN"):
        said = refusal(verdict, action, ChatReplies(language))
        assert ("/cancel" if name == "cancel" else "/delete" if name == "delete" else "/animate") in said
        # what fits under a button
        assert len(said) <= 200


@pytest.mark.parametrize(
    ("action", "at", "shown", "done", "expected"),
    [
        (CANCEL, "here:8", NOTE, Done("over"), True),
        (DELETE, "here:8", NOTE, Done("over"), True),
        # the answer itself, an answer that is not there yet, what was ended just now, and what somebody may not end
        (CANCEL, NOTE, NOTE, Done("over"), False),
        (CANCEL, "here:8", "", Done("over"), False),
        (CANCEL, "here:8", NOTE, Done("cancelled", done=True), False),
        (CANCEL, "here:8", NOTE, Done("not yours", refused=True), False),
        (AGAIN, "here:8", NOTE, Done("over"), False),
    ],
)
def test_what_a_kill_left_behind_may_be_removed(action: str, at: str, shown: str, done: Done, expected: bool) -> None:
    request = Request(
        "telegram:1", Requester("telegram", "asker", HERE), ReplyAddress("telegram", HERE, "1"), "", "", 1
    )
    waits = Record(request.id, State.QUEUED, request, 0.0)
    attempt = Attempt(ACTIONS[action], Presser(at), waits, Thing("asker", HERE, shown))
    assert attempt.is_left_behind(done) is expected


@pytest.mark.parametrize(
    ("message", "known", "expected"),
    [
        (NOTE, {"delete", "cancel", "again"}, "the answer itself"),
        ("here:8", {"cancel"}, "another message of the chat"),
    ],
)
async def test_only_what_ends_a_job_may_be_done_from_another_message(
    message: str, known: set[str], expected: str
) -> None:
    asker = Somebody(HERE, message, {"asker": True}, admin=True)
    for name in ("delete", "cancel", "again"):
        verdict = await judge(ACTIONS[name], asker, Thing("asker", HERE, NOTE))
        assert verdict is (Verdict.ALLOWED if name in known else Verdict.UNKNOWN), (expected, name)


async def test_what_nobody_is_known_to_have_asked_for_is_an_admins_to_delete() -> None:
    nobodys = Thing("", HERE, NOTE)
    assert await judge(ACTIONS["delete"], Somebody(HERE, NOTE, {"": True}), nobodys) is Verdict.UNKNOWN
    assert await judge(ACTIONS["delete"], Somebody(HERE, NOTE, {}, admin=True), nobodys) is Verdict.ALLOWED


async def test_what_is_not_there_is_nobodys() -> None:
    for action in ACTIONS.values():
        if action.may in (May.OWNER, May.OWNER_OR_ADMINS):
            assert await judge(action, Somebody(HERE, NOTE, {"asker": True}, admin=True)) is Verdict.UNKNOWN


# -- what platforms offer


@pytest.mark.parametrize("platform", CHATS)
def test_each_command_that_a_platform_has_is_described_once_for_all(platform: str) -> None:
    names = {action.name for action in ACTIONS.values() if platform in action.commands}
    assert {command.name for command in offered(platform)} == names == commands_of(platform)
    # and each of them is somebody's
    assert set(COMMANDS) == {action.name for action in ACTIONS.values() if action.commands}


def test_telegrams_menus_offer_the_commands_that_there_are() -> None:
    offered = {command.command for _, _, menu_ in menu.menus() for command in menu_}
    assert offered == {action.name for action in ACTIONS.values() if TELEGRAM in action.commands}


def test_telegrams_buttons_are_the_actions_that_there_are() -> None:
    replies, catalog = ChatReplies("en"), Catalog.load()
    markups = [
        keyboards.presets(replies, catalog),
        *filter(None, map(keyboards.under, job_messages(catalog, TELEGRAM))),
    ]
    under = [button for markup in markups for row in markup.inline_keyboard for button in row]
    shown = {Press.of(button.callback_data).action for button in under if isinstance(button.callback_data, str)}
    # what leads to another chat tells the bot nothing by itself
    leading = [button.switch_inline_query for button in under if button.switch_inline_query]
    assert leading == ["#5:7"]
    buttons = {action.name for action in ACTIONS.values() if TELEGRAM in action.buttons} - {"share"}
    # a chat's settings are sent as a person's are: which of them is meant, the chat decides
    assert shown | {"settings"} == set(keyboards.SENT) == buttons - {"chat_settings"}
    # and what is sent is read back, and nothing else is anything
    assert all(Press.of(Press(name, "x").data) == Press(name, "x") for name in keyboards.SENT)
    assert Press.of("delete 5:7").action == ""


@pytest.mark.parametrize("replies", [ChatReplies("en"), ServerReplies("zh_CN")])
def test_each_refusal_is_a_sentence(replies: ChatReplies) -> None:
    for action in ACTIONS.values():
        for verdict in Verdict:
            assert refusal(verdict, action, replies)


def test_actions_name_platforms_that_there_are() -> None:
    for action in ACTIONS.values():
        named = {*action.buttons, *action.commands, *action.menus, *action.forms, *action.hosts}
        assert named and named <= set(EVERYWHERE) and action.does
        assert DISCORD in named or TELEGRAM in named


def test_discords_buttons_are_the_actions_that_there_are() -> None:
    catalog, replies = Catalog.load(), ServerReplies("en")
    pages = SettingsPages(SettingsForm(DISCORD, catalog, lambda: "camera"))
    settings = [pages.mine(Preferences(), replies, manager=True), pages.server(Preferences(), replies)]
    views = [
        discord_buttons.presets(replies, catalog),
        *filter(None, map(discord_buttons.under, job_messages(catalog, DISCORD))),
    ]
    custom_ids = {str(getattr(item, "custom_id", "")) for view in views for item in view.children}
    changes = {Change.of(str(getattr(item, "custom_id", ""))) for view in settings for item in view.children}
    shown = {discord_buttons.Press.of(custom_id).action for custom_id in custom_ids}
    pages_shown = {{"me": "settings", "server": "chat_settings"}[change.page] for change in changes}
    assert shown | pages_shown == {action.name for action in ACTIONS.values() if DISCORD in action.buttons}
    # what is no button of ours is not handed to us
    assert all(re.fullmatch(discord_buttons.TEMPLATE, custom_id) for custom_id in custom_ids)
    assert not re.fullmatch(discord_buttons.TEMPLATE, "erase 5:7")


def job_messages(catalog: Catalog, platform: str) -> list[Message]:
    """What stands in a chat while a job is under way, and its clip."""
    job = a_job(platform)
    request = Request(job.id, job.requester, job.reply_to, "", "waves", 1_000_000)
    done = Succeeded("clips/x", 10, 64, 64, 1.0, 8.0, job.parameters, False, 1.0, frame="clips/y", reel="clips/x")
    record = Record(job.id, State.DONE, request, 0.0, job=job, outcome=done)
    refused = Failed(SAID, "There is no option --sead.", WORDS_REFUSED)
    record_of_words = Record(job.id, State.FAILED, request, 0.0, outcome=refused)
    waits = presentation.waiting(
        request, Place(State.QUEUED, 1, "i2vgen-xl", engines=0), Served.of(catalog, {"camera"}, "camera")
    )
    return [
        presentation.without_picture(job.id, "", ChatReplies("en"), offered=(LAST_PICTURE, WORDS_ALONE)),
        presentation.failed(record_of_words, refused, catalog),
        presentation.received(request),
        waits,
        presentation.rendering(record, Progress("rendering", 3, 8), look=EarlyLook(b"", reseeds=True)),
        presentation.clip(record, done, Path("clip.mp4"), catalog),
    ]


def a_job(platform: str) -> Job:
    parameters = Parameters("camera", "waves", seed=7, num_frames=8, fps=8, resolution=64)
    who, to = Requester(platform, "9", "5"), ReplyAddress(platform, "5", "7")
    return Job(f"{platform}:5:7", who, to, "pictures/x", parameters, Finish(), 1_000_000)
