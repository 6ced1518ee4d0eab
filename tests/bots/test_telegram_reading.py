"""What a Telegram message says to us: whom it is for, which picture, which words; and what buttons carry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Message, User
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError, TimedOut

from unstill_bots.actions.variations import VARIATIONS, derived
from unstill_bots.delivery.chat import (
    ChatFlooded,
    ChatGone,
    ChatRefused,
    ChatUncertain,
    ClipForbidden,
    ClipTooLarge,
    MessageGone,
)
from unstill_bots.intake.media import Unfit
from unstill_bots.telegram.addressing import addressed
from unstill_bots.telegram.buttons import DATA_MOST, Press
from unstill_bots.telegram.errors import ThreadGone, chat_error
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.menu import CODES, menus
from unstill_bots.telegram.message_ref import ClipRef, MessageRef
from unstill_bots.telegram.pending import pending_of
from unstill_bots.telegram.wire import UpdatesRequest
from unstill_bots.text.splitting import split
from unstill_queue.contract.jobs import Requester

ME = User(1, "Unstill", is_bot=True, username="unstill_bot")


def message(chat: str = "supergroup", **fields: Any) -> Message:
    made = Message.de_json(
        {
            "message_id": 5,
            "date": int(datetime.now(UTC).timestamp()),
            "chat": {"id": 7 if chat == "private" else -1007, "type": chat},
            "from": {"id": 9, "is_bot": False, "first_name": "Ann"},
            **fields,
        },
        None,
    )
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("text", "command", "words", "ours"),
    [
        ("/animate waves", "animate", "waves", True),
        ("/animate@unstill_bot waves", "animate", "waves", True),
        ("/Animate@UNSTILL_BOT\nwaves", "animate", "waves", True),
        ("/animate", "animate", "", True),
        ("/帮助", "help", "", True),
        ("/动起来 海浪", "动起来", "海浪", True),
        ("/animate@other_bot waves", "", "", False),
        ("@unstill_bot waves", "", "waves", True),
        ("waves, @Unstill_Bot: please", "", "waves, please", True),
        ("@unstill_bots waves", "", "@unstill_bots waves", False),
        ("me@unstill_bot waves", "", "me@unstill_bot waves", False),
        ("waves", "", "waves", False),
        ("and/or waves", "", "and/or waves", False),
    ],
)
def test_a_group_is_listened_to_only_when_it_speaks_to_us(text: str, command: str, words: str, ours: bool) -> None:
    said = addressed(message(text=text), ME)
    assert (said.command, said.words, said.ours) == (command, words, ours)


def test_who_writes_as_a_channel_or_group_is_a_persona_of_the_chat() -> None:
    def who(**fields: Any) -> Requester:
        return pending_of(message(text="waves", **fields), Picture("p", 1), "en", 1_000_000).who

    channels = [who(sender_chat={"id": id, "type": "channel", "title": "C"}) for id in (-1008, -1009)]
    group = who(sender_chat={"id": -1007, "type": "supergroup", "title": "G"})
    assert [each.person for each in (*channels, group)] == ["telegram:-1008", "telegram:-1009", "telegram:-1007"]
    assert {each.account for each in (*channels, group)} == {"telegram:-1007:personas"}
    assert who().person == who().account == "telegram:9"


def test_a_private_chat_and_a_reply_are_always_for_us() -> None:
    assert addressed(message("private", text="waves"), ME).ours
    ours = {"message_id": 4, "date": 0, "chat": {"id": -1007, "type": "supergroup"}, "from": ME.to_dict()}
    assert addressed(message(text="waves", reply_to_message=ours), ME).ours


def test_the_largest_photo_that_can_be_fetched_is_taken() -> None:
    sizes = [
        {"file_id": name, "file_unique_id": name, "width": side, "height": side, "file_size": size}
        for name, side, size in (("s", 90, 900), ("m", 800, 90_000), ("l", 2560, 30_000_000))
    ]
    assert find(message(photo=sizes), 20_000_000) == Picture("m", 90_000)
    assert find(message(photo=sizes[2:]), 20_000_000) == Picture("l", 30_000_000)
    assert find(message(text="waves"), 1) is None


def test_live_photos_and_what_was_paid_for_are_taken_and_what_bots_are_not_shown_is_said() -> None:
    sizes = [{"file_id": "p", "file_unique_id": "p", "width": 90, "height": 90, "file_size": 900}]
    film = {"file_id": "f", "file_unique_id": "f", "width": 90, "height": 90, "duration": 2, "photo": sizes}
    preview, video = {"type": "preview"}, {"type": "video", "video": film}

    def paid(*media: dict[str, Any]) -> Picture | Unfit | None:
        return find(message(paid_media={"star_count": 1, "paid_media": list(media)}), 1000)

    assert find(message(photo=sizes, live_photo=film), 1000) == Picture("p", 900)
    assert paid(video, {"type": "photo", "photo": sizes}) == Picture("p", 900)
    assert paid({"type": "live_photo", "live_photo": film}) == Picture("p", 900)
    assert paid(preview) == Unfit("picture_unpaid")
    assert paid(video) == Unfit("picture_video")
    assert find(message(story={"chat": {"id": 9, "type": "private"}, "id": 1}), 1000) == Unfit("picture_story")


@pytest.mark.parametrize(
    ("mime", "name", "found"),
    [
        ("image/png", "a.png", Picture("d", 1)),
        ("", "a.HEIC", Picture("d", 1)),
        ("application/octet-stream", "a.jpg", Picture("d", 1)),
        ("video/mp4", "a.mp4", Unfit("picture_video")),
        ("", "photo", Picture("d", 1, named=False)),
        ("application/octet-stream", "IMG_0001.dat", Picture("d", 1, named=False)),
        ("application/octet-stream", "a.JFIF", Picture("d", 1)),
        ("video/quicktime", "a.mov", Unfit("picture_video")),
        ("application/pdf", "a.pdf", Unfit("picture_unknown")),
    ],
)
def test_a_document_is_taken_by_what_it_says_it_is(mime: str, name: str, found: Picture | Unfit) -> None:
    document = {"file_id": "d", "file_unique_id": "d", "mime_type": mime, "file_name": name, "file_size": 1}
    assert find(message(document=document), 1000) == found


@given(st.integers(-(2**52), 2**52), st.integers(1, 2**31), st.lists(st.sampled_from(VARIATIONS), max_size=30))
def test_buttons_of_the_longest_line_of_rerolls_fit(chat: int, number: int, presses: list[str]) -> None:
    id = f"telegram:{chat}:{number}"
    for press in presses:
        assert derived(id, f"{press} 0") == derived(id, f"{press} 0") != derived(id, f"{press} 1")
        id = derived(id, f"{press} 0")
    for action in VARIATIONS:
        data = Press.on(action, id).data
        assert len(data.encode()) <= DATA_MOST
        assert Press.of(data).job == id


def test_notes_and_receipts_read_back() -> None:
    note = MessageRef("-100123", 45)
    receipt = ClipRef(note, "animation", "AgAD_x-1")
    assert MessageRef.of(str(note)) == MessageRef.of(str(receipt)) == note
    assert ClipRef.of(str(receipt)) == receipt
    assert ClipRef.of(str(note)) is None and ClipRef.of(None) is None and ClipRef.of("uncertain") is None
    with pytest.raises(MessageGone):
        note.within("-100124")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Forbidden("Forbidden: bot was blocked by the user"), ChatGone),
        (BadRequest("Bad Request: chat not found"), ChatGone),
        (BadRequest("Bad Request: message to edit not found"), MessageGone),
        (BadRequest("Bad Request: message can't be edited"), MessageGone),
        (BadRequest("Bad Request: message thread not found"), ThreadGone),
        (BadRequest("Bad Request: not enough rights to send videos to the chat"), ClipForbidden),
        (BadRequest("Bad Request: not enough rights to send text messages to the chat"), ChatGone),
        (BadRequest("Bad Request: CHAT_SEND_VIDEOS_FORBIDDEN"), ClipForbidden),
        (BadRequest("Bad Request: CHAT_SEND_PLAIN_FORBIDDEN"), ChatGone),
        (BadRequest("Bad Request: MEDIA_EMPTY"), ChatRefused),
        (BadRequest("Bad Request: something new"), ChatRefused),
        (TelegramError("Request Entity Too Large"), ClipTooLarge),
        (TimedOut(), ChatUncertain),
        (TelegramError("Bad Gateway"), ChatUncertain),
    ],
)
def test_a_refusal_is_told_apart_by_its_text(error: TelegramError, kind: type[Exception]) -> None:
    assert type(chat_error(error)) is kind


def test_a_flood_wait_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    error = chat_error(RetryAfter(17))
    assert isinstance(error, ChatFlooded) and error.retry_after == 17.0


def test_one_unreadable_update_does_not_take_the_others_along() -> None:
    good = '{"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}}'
    bad = '{"update_id": 2, "my_chat_member": {"chat": {}}}'
    read = UpdatesRequest.parse_json_payload(f'{{"ok": true, "result": [{good}, {bad}]}}'.encode())
    assert [update["update_id"] for update in read["result"]] == [1, 2]
    assert "message" in read["result"][0] and "my_chat_member" not in read["result"][1]


@given(st.text(alphabet="ab \n", max_size=300), st.integers(10, 50))
def test_a_long_text_is_split_without_a_letter_lost(text: str, most: int) -> None:
    parts = split(text, most)
    assert all(len(part) <= most for part in parts)
    assert "".join(parts).replace("\n", "") == text.replace("\n", "")


def test_every_scope_has_its_commands_in_every_language() -> None:
    wanted = menus()
    assert len({(scope.type, code) for scope, code, _ in wanted}) == 3 * len(CODES)
    for _, code, commands in wanted:
        assert all(3 <= len(command.description) <= 256 for command in commands)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in commands[0].description) is (code in ("zh", "ja"))
        assert (commands[0].description == menus()[0][2][0].description) is (code == "")
