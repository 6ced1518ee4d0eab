"""What a server has set, as it is refused to a person."""

from __future__ import annotations

import pytest

from unstill_bots.actions.preferences import Preferences
from unstill_bots.discord.media import Picture
from unstill_bots.discord.pending import DiscordRequest


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (Preferences(), None),
        (Preferences(channels=("1",), roles=("7",)), None),
        (Preferences(channels=("3", "2")), None),
        (Preferences(channels=("3", "4")), "This server makes clips only in <#3> <#4>. Ask there."),
        (Preferences(roles=("9",)), "This server lets only some roles ask for clips. Ask one of its admins."),
    ],
)
def test_channels_their_threads_and_roles(rules: Preferences, told: str | None) -> None:
    # Given somebody with roles 7 and 8 in thread 1 of channel 2
    pending = DiscordRequest(
        id="discord:1:5", user="4", channel="1", guild="3", language="en", sent_at=0.0, picture=Picture(""),
        channels=("1", "2"), roles=("7", "8"),
    )  # fmt: skip
    assert pending.forbidden(rules) == told
