"""The parts that every front end has, put together: the way in and the way out of one chat."""

from __future__ import annotations

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.chat import Chat
from unstill_bots.delivery.courier import Courier
from unstill_bots.delivery.looks import EarlyLooks
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.host.frontend import Services
from unstill_bots.intake.declining import Tell
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.rules import Rules
from unstill_bots.intake.served import Serving


def ways_of(chat: Chat, tell: Tell, services: Services, rules: Rules) -> tuple[Pipeline, Courier]:
    """Return the way in and the way out of `chat`, which know of the same status messages; `tell` and `rules` as in
    `Pipeline`.
    """
    client, storage = services.client, services.storage
    serving = Serving.of(client.ledger, services.catalog, services.settings)
    platform = services.catalog.platforms[chat.platform]
    pause = platform.edit_seconds / 2
    preferences, host = PreferenceStore(client.redis), services.settings.bots.looks
    looks = EarlyLooks(host, preferences, services.safety, services.catalog, chat)
    status = StatusMessages(client.ledger, chat, pause, serving, looks, counts_down=platform.counts_down)
    pipeline = Pipeline(
        client,
        storage,
        services.catalog,
        services.settings,
        chat,
        status,
        rules=rules,
        tell=tell,
        pictures=services.pictures,
        serving=serving,
        safety=services.safety,
        rewriter=services.rewriter,
    )
    return pipeline, Courier(client, storage, chat, pipeline, status)
