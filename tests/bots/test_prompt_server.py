"""Prompts by a real server of language models, `transformers serve`, with models that the test makes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.bots import tiny_chat
from tests.bots.test_courier import FrontEnd
from tests.prompt_endpoint import PROMPT
from tests.waiting import PATIENCE, wait_for
from transformers.cli.serve import Serve

from unstill_bots.intake.rewriter import PromptRewriter
from unstill_bots.intake.rewritten import Unusable
from unstill_bots.intake.wish import Wish
from unstill_config.catalog import Catalog
from unstill_config.prompt import Prompt
from unstill_config.settings import Settings
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

CATALOG = Catalog.load()
MODEL = CATALOG.models["i2vgen-xl"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models lie: `says` says PROMPT, and `babbles` any words, for ever."""
    folder = tmp_path_factory.mktemp("chat")
    tiny_chat.make(folder / "says", PROMPT)
    tiny_chat.make(folder / "babbles", PROMPT, random=True)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Where the server listens, which runs in a thread here: a process of its own would import torch once more."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = Serve(device="cpu", host="127.0.0.1", port=port, non_blocking=True)
    base = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return httpx.get(f"{base}/health", timeout=PATIENCE).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(ready, what="the server of language models")
        for name in ("says", "babbles"):
            # a host's server has its model loaded, too
            asked = {"model": str(folder / name), "messages": [{"role": "user", "content": "waves"}]}
            answer = httpx.post(f"{base}/v1/chat/completions", json=asked, timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
        yield f"{base}/v1"
    finally:
        serve.kill_server()


async def test_a_real_server_writes_a_prompt(valkey: EmbeddedValkey, storage: Storage, url: str, folder: Path) -> None:
    front = FrontEnd(valkey.url, Settings(prompt=Prompt(url=url, model=str(folder / "says"))), storage)
    request = await front.queued("las olas --model i2vgen-xl")
    job = (await front.ledger.read(request.id)).job
    await front.client.close()

    assert job is not None
    assert (job.parameters.prompt, job.own_words) == (PROMPT, "las olas")


async def test_one_that_only_babbles_is_not_used(url: str, folder: Path) -> None:
    rewriter = PromptRewriter(Prompt(url=url, model=str(folder / "babbles")))
    until = asyncio.get_running_loop().time() + PATIENCE
    # it is ended in mid-sentence, as it never ends itself
    with pytest.raises(Unusable, match="cut"):
        await rewriter.ask(Wish("waves", MODEL, 1, until), CATALOG)
    # and the words that are asked for are used as they are, without an error
    assert await rewriter.prompt(Wish("waves", MODEL, 1, until), CATALOG, lambda text: False) is None
    # as where the server has no such model
    missing = PromptRewriter(Prompt(url=url, model=str(folder / "missing")))
    assert await missing.prompt(Wish("waves", MODEL, 1, until), CATALOG, lambda text: False) is None
