"""`unstill animate`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import click

from unstill_bots.intake import captions
from unstill_bots.intake.inputs import asks_for_last
from unstill_bots.terminal import looking, results
from unstill_bots.terminal.animate import Animation, Run, run
from unstill_bots.terminal.chat import PLATFORM
from unstill_bots.terminal.common import prepare, print_json, shared
from unstill_bots.terminal.display import Bars, Display, Lines
from unstill_bots.terminal.ending import EXIT_CODES, Code, Stop
from unstill_bots.terminal.inputs import STDIN, find_last, find_photos, find_target, parse_size, split_words
from unstill_bots.terminal.options import flags, given_by, parameters, read
from unstill_bots.terminal.order import Order
from unstill_bots.terminal.remote import RemoteAnimation
from unstill_bots.terminal.server import Server
from unstill_bots.terminal.wording import Wording
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.options import EXTEND, TEXT_TO_VIDEO


@click.command(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("words", nargs=-1, metavar="PHOTO... [PROMPT]")
@parameters
@click.option("--last-image", metavar="FILE", help="a picture with which the clip ends, where the model can do that")
@click.option("--out", metavar="FILE|FOLDER", help="where the clip goes; by default a new file here")
@click.option("--force", is_flag=True, help="replace the FILE of --out")
@click.option("--server", metavar="URL", help="let the page at that address make the clips, by its API")
@click.option("--limit", metavar="SIZE", help="the most a clip may weigh: 10MB, 8MiB, 500kB")
@shared
def animate(
    words: tuple[str, ...],
    last_image: str | None,
    out: str | None,
    force: bool,
    server: str | None,
    limit: str | None,
    as_json: bool,
    language: str | None,
    **given: str | Sequence[str] | None,
) -> Code:
    """Make photos move.

    PHOTO is a file, a folder of pictures, or - for standard input; several make a batch. PROMPT says what moves
    and how; options may stand in it as in a chat's caption: "Waves rolling in -seed 7". Where the model makes clips
    of words alone, PROMPT is enough. With --extend it goes on from the end of your newest clip.

    Without UNSTILL_REDIS__URL, a queue and an engine are started and ended again. With --server, another machine's
    page does it all, as whom the token in UNSTILL_SERVER__TOKEN names. Ctrl-C cancels, a second one leaves at once.
    """
    settings, wording = prepare(language)
    catalog = settings.load_catalog()
    try:
        photo_words, prompt = split_words(words, wording, enough=bool(given["given_extend"]))
        "".join(words).encode()
    except UnicodeEncodeError:
        raise Stop(Code.USAGE, wording.not_utf8()) from None
    if server is not None and limit is not None:
        raise Stop(Code.USAGE, wording.no_limit_there())
    typed = given_by(given)
    # what a server elsewhere can do, it says itself
    caption, model = (
        read(prompt, typed, catalog, asyncio.run(looking.usual_model(settings, catalog)))
        if server is None
        else (captions.followed_by(prompt, flags(typed), catalog), "")
    )
    goes_on = captions.asks(caption, EXTEND, catalog)
    if not (photo_words or goes_on) and server is None and not _can_do_without(model, settings, catalog):
        raise Stop(Code.USAGE, wording.no_photo())
    found = find_photos(photo_words, wording)
    photos, last = found.photos, find_last(last_image, found.photos, wording)
    if len(photos) == 2 and not last and asks_for_last(caption, catalog):
        photos, last = photos[:1], photos[1]
    order = Order(
        photos=tuple(photos),
        words=caption,
        model=model,
        limit=catalog.platforms[PLATFORM].upload_limit if limit is None else parse_size(limit, wording),
        target=find_target(out, len(photos), force=force, wording=wording),
        language=wording.language,
        stdin=sys.stdin.buffer.read(catalog.platforms[PLATFORM].download_limit + 1)
        if STDIN in (*photos, last)
        else b"",
        last=last,
    )
    display = Bars(max(1, len(photos))) if sys.stderr.isatty() else Lines()
    with display:
        for sentence in found.passed_over:
            display.say(sentence)
        done, code = run(lambda: _run_of(server, settings, catalog, order, display, wording))
    if as_json:
        print_json({"cancelled": code is Code.CANCELLED, "clips": [result.as_json() for result in done]})
    else:
        results.show(done, wording)
    return code


def _can_do_without(model: str, settings: Settings, catalog: Catalog) -> bool:
    """Return whether a model may be there that makes clips of words alone: the caption's own, or any of a queue's."""
    models = catalog.models.values() if settings.redis.url else [catalog.models[model]]
    return any(TEXT_TO_VIDEO in one.abilities for one in models)


def _run_of(
    server: str | None, settings: Settings, catalog: Catalog, order: Order, display: Display, wording: Wording
) -> Run:
    if server is None:
        return Animation(settings, catalog, order, display, wording)
    most = catalog.platforms[PLATFORM].download_limit
    return RemoteAnimation(Server(server, wording, settings.server.token), order, most, display, wording)
