"""Jobs that wait in a real queue, for engines to work off."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from unstill_queue.contract.jobs import Finish, Job, Parameters, ReplyAddress, Request, Requester
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


async def submit(
    client: Client,
    storage: Storage,
    n: int,
    *,
    photo: tuple[int, int] = (640, 480),
    limit: int = 1_000_000,
    **values: Any,
) -> str:
    """Queue 'job n', for the journal where `values` name no other model; the job's id."""
    who = Requester("bench", f"u{n % 7}", f"c{n % 3}")
    to = ReplyAddress("bench", who.chat, str(n))
    request = Request(f"bench:{who.chat}:{n}", who, to, "photo", f"job {n}", limit)
    await client.accept(request)
    key = await storage.put(picture(*photo), kind="pictures", suffix=".jpg")
    given = {"model": "journal", "prompt": f"job {n}", "seed": n, "num_frames": 8, "fps": 8, "resolution": 64, **values}
    await client.submit(Job(request.id, who, to, key, Parameters(**given), Finish(), limit), cost=0.3)
    return request.id
