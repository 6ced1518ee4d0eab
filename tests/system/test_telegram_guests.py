"""Telegram's guest mode: the bot is named in a chat that it is not in."""

from __future__ import annotations

from tests.system.telegram_house import TelegramHouse, has_clips, ours, photo, says


async def test_a_photo_in_a_chat_without_the_bot_comes_back_moving_there_and_in_ones_own(
    telegram: TelegramHouse,
) -> None:
    ann, bob, name = telegram.api.person("Ann"), telegram.api.person("Bob"), telegram.api.bot.username
    group, chat = telegram.api.group("Friends", [ann, bob], bot=False), telegram.api.private(ann)
    picture = bob.send_photo(group, photo())
    # Given Ann, who has not begun with the bot yet
    query = ann.summon(group, f"@{name} zoom in", reply_to=picture)
    # Then she is told how, and nothing is made
    history = await group.until(says(f"Open @{name} and press Start once"))
    assert query.message and ours(history)[0].reply_to == query.message.id
    # and so is Cyd, whose chat the platform does not even find
    cyd = telegram.api.person("Cyd")
    group.members.append(cyd)
    telegram.api.trouble.refuse("sendChatAction", "chat not found")
    cyd.summon(group, f"@{name} zoom in", reply_to=picture)
    await group.until(lambda history: sum("press Start once" in one.text for one in ours(history)) == 2)
    # When she has, and asks again
    ann.send_text(chat, "/start")
    await chat.until(says("get it back moving"))
    ann.summon(group, f"@{name} zoom in", reply_to=picture)
    # Then the same clip stands in her own chat, with its buttons, and there
    own = await chat.until(has_clips())
    assert "Again" in str(ours(own)[-1].buttons)
    there = await group.until(has_clips())
    shown, mine = ours(there)[-1], ours(own)[-1]
    assert shown.media and mine.media and shown.media.file == mine.media.file
    assert "“zoom in”" in shown.text
    # and Again makes one more in her own chat alone
    ann.press("Again", mine)
    await chat.until(has_clips(2))
    assert ours(group.history())[-1].media == shown.media and len(ours(group.history())) == 3
    # and /forgetme takes what was kept of that message
    ledger = telegram.ledger()
    try:
        kept = f"unstill:telegram:guest:telegram:{ann.id}:*"
        assert len([key async for key in ledger.redis.scan_iter(kept)]) == 1
        ann.send_text(chat, "/forgetme")
        await chat.until(says("are deleted"))
        assert [key async for key in ledger.redis.scan_iter(kept)] == []
    finally:
        await ledger.redis.aclose()


async def test_what_cannot_be_made_is_said_there_and_thanks_are_not_answered(telegram: TelegramHouse) -> None:
    ann, bob, name = telegram.api.person("Ann"), telegram.api.person("Bob"), telegram.api.bot.username
    group, chat = telegram.api.group("Friends", [ann, bob], bot=False), telegram.api.private(ann)
    ann.send_text(chat, "/start")
    await chat.until(says("get it back moving"))
    picture, covered = ann.send_photo(group, photo()), bob.send_photo(group, photo(), spoiler=True)
    # When she names the bot for a picture that Bob has covered
    ann.summon(group, f"@{name} zoom in", reply_to=covered)
    # Then it stays his
    await group.until(says("only its sender may use it"))
    # When she names the bot without a picture, with a wrong option, and to thank it
    ann.summon(group, f"@{name} waves")
    ann.summon(group, f"@{name} waves --sead 7", reply_to=picture)
    thanks = ann.summon(group, f"@{name} thanks!", reply_to=picture)
    # Then the first two are told why not
    await group.until(lambda history: says("Did you mean --seed?")(history) and says("Reply to a photo with")(history))
    assert not thanks.answered
