"""A program that knows the API by its generated client alone: the whole life of a clip."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import unstill_api
from unstill_api import types
from unstill_api.api.default import (
    create_clip,
    delete_clip,
    get_clip,
    get_health,
    get_poster,
    get_recipe,
    get_status,
    get_video,
    list_clips,
    list_models,
    list_options,
    list_presets,
)
from unstill_api.models import ClipForm, ClipOptions, ClipRequest, Problem


def main(url: str, token: str, photo: Path) -> None:
    client = unstill_api.AuthenticatedClient(base_url=url, token=token, timeout=60)

    def over(id: str) -> Any:
        while True:
            clip = get_clip.sync(id, client=client)
            if clip.state in ("done", "failed", "cancelled"):
                return clip
            time.sleep(0.05)

    # what there is
    assert get_health.sync(client=client).status == "ok"
    assert get_status.sync(client=client).engines == 1
    assert [model.name for model in list_models.sync(client=client).models if model.served] == ["journal"]
    assert "seed" in [option.name for option in list_options.sync(client=client).options]
    assert list_presets.sync(client=client).presets
    # a form, with its file
    with photo.open("rb") as file:
        form = ClipForm(picture=[types.File(payload=file, file_name="photo.png")], prompt="waves", seed=7)
        asked = create_clip.sync(client=client, body=form, idempotency_key="the form")
    clip = over(asked.id)
    assert clip.state == "done" and clip.clip.name == "unstill-waves.mp4" and clip.code is None, clip
    assert get_recipe.sync(clip.id, client=client).seed == 7
    assert len(get_video.sync(clip.id, client=client).payload.read()) == clip.clip.size
    assert get_poster.sync(clip.id, client=client).payload.read().startswith(b"\xff\xd8\xff")
    # JSON, and what is wrong with it
    wrong = create_clip.sync(client=client, body=ClipRequest(images=["aGk="], prompt="waves"))
    assert isinstance(wrong, Problem) and wrong.code == "picture_unknown", wrong
    wrong = create_clip.sync(client=client, body=ClipRequest(images=["aGk="], options=ClipOptions(fps=900)))
    assert isinstance(wrong, Problem) and (wrong.code, wrong.fields) == ("wrong_option", ["fps"]), wrong
    assert [one.id for one in list_clips.sync(client=client).clips] == [clip.id]
    # and the end of it
    assert delete_clip.sync_detailed(clip.id, client=client).status_code == 204
    gone = get_clip.sync(clip.id, client=client)
    assert isinstance(gone, Problem) and gone.status == 404


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
