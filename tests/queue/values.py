"""Requests and jobs for the tests."""

from __future__ import annotations

from unstill_queue.contract.jobs import Finish, Job, Parameters, ReplyAddress, Request, Requester, Succeeded


def a_request(
    n: int = 1, user: str = "ann", chat: str = "c1", platform: str = "test", *, persona: bool = False
) -> Request:
    who = Requester(platform, user, chat, persona=persona)
    to = ReplyAddress(platform, chat, str(n))
    return Request(f"{platform}:{chat}:{user}:{n}", who, to, "file", "waves", 1_000_000)


def a_job(request: Request, model: str = "camera") -> Job:
    parameters = Parameters(model, "waves", seed=1, num_frames=16, fps=8, resolution=512)
    return Job(request.id, request.requester, request.reply_to, "pictures/x", parameters, Finish(), 1_000_000)


DONE = Succeeded("clips/x", 10, 512, 512, 2.0, 8.0, a_job(a_request()).parameters, False, 1.0)
