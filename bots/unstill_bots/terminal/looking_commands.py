"""`unstill queue`, `cancel`, `status`, `doctor`, `recipe`, `presets` and `options`."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unstill_bots.host import doctor
from unstill_bots.host.findings import Finding
from unstill_bots.host.local import Local
from unstill_bots.terminal import looking
from unstill_bots.terminal.common import prepare, print_json, shared
from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.order import requester
from unstill_bots.terminal.recipe_caption import caption_of, printable, unsaid
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import QueueError
from unstill_queue.contract.options import OPTIONS
from unstill_queue.contract.recipe import read_recipe
from unstill_queue.storage.credentials import read_credentials

WORDS_SHOWN = 48
WIDE = 200
"""Columns where the output is no terminal, so that a pipe gets whole ids."""


def _print(table: Table) -> None:
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDE).print(table)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    return table


@click.command()
@click.option("--all", "everybody", is_flag=True, help="everybody's jobs, not only yours")
@click.option("--forget-unreadable", is_flag=True, help="delete the records that cannot be read")
@shared
def queue(everybody: bool, forget_unreadable: bool, as_json: bool, language: str | None) -> Code:
    """Show the jobs that wait or run."""
    settings, wording = prepare(language)

    async def look() -> tuple[list[looking.Row], dict[str, str], list[str]]:
        async with looking.opened(settings, wording) as client:
            dropped = await client.ledger.drop_unreadable() if forget_unreadable else []
            person = None if everybody else requester(wording.language).person
            return *await looking.queue(client, person), dropped

    rows, unreadable, dropped = asyncio.run(look())
    if as_json:
        print_json(
            {
                "jobs": [row.as_json() for row in rows],
                "unreadable": [{"id": id, "wrong": wrong} for id, wrong in unreadable.items()],
                "forgotten": dropped,
            }
        )
        return Code.OK
    for id in dropped:
        print(f"{printable(id)}: {wording.unreadable_dropped()}")
    if not rows and not unreadable:
        print(wording.queue_empty())
    else:
        table = _table(*wording.queue_head())
        for row in rows:
            eta = row.place.eta if row.place.position else None
            words = printable(row.prompt)
            words = words if len(words) <= WORDS_SHOWN else words[: WORDS_SHOWN - 1] + "…"
            cells = [
                row.record.id,
                wording.parked() if row.place.parked else wording.state(row.record.state),
                str(row.place.position or ""),
                "" if eta is None else wording.duration(eta),
                words,
                f"{row.share:.0%}" if row.share else "",
            ]
            table.add_row(*map(Text, cells))
        for id, wrong in unreadable.items():
            table.add_row(*map(Text, (printable(id), wording.unreadable(), "", "", printable(wrong), "")))
        _print(table)
    return Code.OK


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all-mine", is_flag=True, help="everything of yours that has not ended")
@shared
def cancel(ids: tuple[str, ...], all_mine: bool, as_json: bool, language: str | None) -> Code:
    """Take jobs out of the queue, or stop them. A part of an ID will do where it fits one job."""
    settings, wording = prepare(language)
    if not ids and not all_mine:
        raise Stop(Code.USAGE, wording.which_cancel())
    person = requester(wording.language).person

    async def go() -> dict[str, looking.Answer]:
        async with looking.opened(settings, wording) as client:
            mine, _ = await looking.queue(client, person) if all_mine else ([], {})
            wanted = [*ids, *(row.record.id for row in mine if row.record.outcome is None)]
            return await looking.cancel(client, wanted, person)

    answers = asyncio.run(go())
    if as_json:
        print_json({"jobs": [{"id": id, "answer": answer} for id, answer in answers.items()]})
    elif not answers:
        print(wording.queue_empty())
    for id, answer in answers.items() if not as_json else ():
        sentence = wording.several_match(id) if answer == looking.SEVERAL else wording.cancel_answer(answer)
        print(f"{id}: {sentence}")
    return Code.OK if all(answer in ("cancelled", "cancelling") for answer in answers.values()) else Code.FAILED


@click.command()
@shared
def status(as_json: bool, language: str | None) -> Code:
    """Show the server, the engines that are alive, and how much there is to do."""
    settings, wording = prepare(language)

    async def look() -> looking.Status:
        async with looking.opened(settings, wording) as client:
            return await looking.status(client, Local(settings).url)

    found = asyncio.run(look())
    if as_json:
        print_json(found.as_json())
        return Code.OK
    print(wording.server_line(found.server, found.version))
    for lane in found.lanes:
        print(wording.lane_line(lane.model, lane.queued, lane.running, lane.rate, lane.parked))
    # one of several models stands on the lane of each
    engines = {engine.name: engine for lane in found.lanes for engine in lane.engines}.values()
    if not engines:
        print(wording.no_engines())
        return Code.OK
    table = _table(*wording.engine_head())
    for engine in engines:
        # the one that is loaded comes first
        models = ", ".join(dict.fromkeys((engine.model, *engine.models)))
        cells = engine.name, models, engine.device, str(engine.done), engine.job or wording.idle()
        table.add_row(*map(Text, cells))
    _print(table)
    return Code.OK


@click.command(name="doctor")
@shared
def doctor_command(as_json: bool, language: str | None) -> Code:
    """Check what this machine has of what is needed; a line each, with the mend."""
    settings, wording = prepare(language)

    async def check() -> list[Finding]:
        found = []
        async for finding in doctor.findings(settings, wording):
            found.append(finding)
            if not as_json:
                mark = "✓" if finding.ok else "✗"
                print(" ".join(filter(None, [mark, f"{finding.name}:", finding.text, finding.mend])), flush=True)
        return found

    found = asyncio.run(check())
    wrong = sum(not finding.ok for finding in found)
    if as_json:
        print_json({"ok": not wrong, "checks": [msgspec.to_builtins(finding) for finding in found]})
    else:
        print(wording.not_well(wrong) if wrong else wording.well())
    return Code.FAILED if wrong else Code.OK


@click.command()
@click.argument("clip", type=click.Path(path_type=Path))
@shared
def recipe(clip: Path, as_json: bool, language: str | None) -> Code:
    """Show how a clip was made, as it says itself, and check its content credentials."""
    settings, wording = prepare(language)
    try:
        found = read_recipe(clip)
        credentials = read_credentials(clip, settings.credentials.anchors)
    except FileNotFoundError:
        raise Stop(Code.USAGE, wording.no_file(str(clip))) from None
    except OSError:
        raise Stop(Code.USAGE, wording.cannot_read(str(clip))) from None
    except QueueError as error:
        raise Stop(Code.FAILED, str(error)) from None
    catalog = Catalog.load(settings.catalog.file)
    asks = caption_of(found, catalog)
    caption, left = str(asks), unsaid(found, asks, catalog)
    code = Code.FAILED if credentials and credentials.state in ("unfit", "invalid") else Code.OK
    if as_json:
        signed = msgspec.to_builtins(credentials)
        print_json(msgspec.to_builtins(found) | {"caption": caption, "unsaid": left, "credentials": signed})
        return code
    print(found.comment())
    if credentials is not None:
        print(wording.credentials(credentials.state, credentials.signed_by))
    print(wording.again(shlex.quote(caption), left))
    return code


@click.command()
@shared
def presets(as_json: bool, language: str | None) -> Code:
    """List the presets."""
    settings, wording = prepare(language)
    catalog = settings.load_catalog()
    if as_json:
        print_json({"presets": [{"name": n, **p.model_dump()} for n, p in catalog.presets.items()]})
    else:
        print("\n".join(wording.presets(catalog)))
    return Code.OK


@click.command()
@shared
def options(as_json: bool, language: str | None) -> Code:
    """List the options that a prompt, and `unstill animate`, can have."""
    settings, wording = prepare(language)
    catalog = settings.load_catalog()
    if not as_json:
        print("\n".join(wording.option_help(option, catalog) for option in OPTIONS))
        return Code.OK
    listed = [
        {
            "name": option.name,
            "aliases": list(option.aliases),
            "type": option.type,
            "help": wording.gettext(option.help),
            "least": option.least,
            "most": option.most,
            "unit": option.unit,
            "choices": list(option.choices_in(catalog)),
        }
        for option in OPTIONS
    ]
    print_json({"options": listed})
    return Code.OK


COMMANDS = (queue, cancel, status, doctor_command, recipe, presets, options)
