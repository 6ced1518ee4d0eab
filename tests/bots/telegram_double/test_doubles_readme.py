"""The README of the doubles, performed."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path

import telegram
from telegram.request import HTTPXRequest

README = Path(__file__).parents[2] / "doubles" / "README.md"


@contextlib.asynccontextmanager
async def my_bot(url: str, token: str) -> AsyncIterator[None]:
    """Greets whoever writes to it, by the client library."""

    async def greet() -> None:
        async with telegram.Bot(
            token, base_url=f"{url}/bot", request=HTTPXRequest(), get_updates_request=HTTPXRequest()
        ) as bot:
            offset = 0
            while True:
                for update in await bot.get_updates(offset=offset, timeout=10):
                    offset = update.update_id + 1
                    if update.message and update.message.from_user:
                        await update.message.reply_text(f"Hello, {update.message.from_user.first_name}!")

    greeting = asyncio.create_task(greet())
    yield
    greeting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await greeting


async def test_the_example_works_as_it_is_written() -> None:
    # Given the README's one example, and a bot
    (example,) = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    code = compile(example, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert code.co_flags & inspect.CO_COROUTINE

    # Then it passes, its own assertion among it
    await eval(code, {"my_bot": my_bot})  # noqa: S307  it is ours
