"""The sentences that only a terminal says."""

from __future__ import annotations

import os
from collections.abc import Sequence

from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import Cancelled, Failed, State, Succeeded
from unstill_queue.ledger.client import Update
from unstill_queue.ledger.ledger import Place

PASSED_OVER_SHOWN = 5


class Wording(Replies):
    """`Replies`, and what a terminal says besides."""

    @classmethod
    def of(cls, language: str | None, fallback: str) -> Wording:
        """In the language asked for, else the terminal's own by LC_ALL, LC_MESSAGES or LANG, else `fallback`."""
        own = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
        spoken = own.split(".")[0].split("@")[0]
        return cls(language or (fallback if spoken in ("", "C", "POSIX") else spoken))

    # -- what was typed

    def no_photo(self) -> str:
        return self.gettext('There is no photo. Write: unstill animate PHOTO "what moves, and how"')

    def no_first_photo(self) -> str:
        return self.gettext("--last-image needs a photo before it. Write: unstill animate PHOTO --last-image FILE")

    def no_file(self, name: str) -> str:
        return self.gettext("There is no file {name}. Check its name and folder.", name=name)

    def cannot_read(self, name: str) -> str:
        return self.gettext("{name} cannot be read. Check its permissions.", name=name)

    def no_pictures_in(self, folder: str) -> str:
        return self.gettext("There are no pictures (JPEG, HEIC, PNG, WEBP, AVIF, GIF) in {folder}.", folder=folder)

    def passed_over(self, folder: str, names: Sequence[str]) -> str:
        shown = ", ".join([*names[:PASSED_OVER_SHOWN], *["…"] * (len(names) > PASSED_OVER_SHOWN)])
        return self.gettext(
            "Passed over in {folder}, as no pictures that can be animated: {names}", folder=folder, names=shown
        )

    def stdin_twice(self) -> str:
        return self.gettext("“-” reads one picture from standard input, so it can stand there only once.")

    def not_a_size(self, text: str) -> str:
        return self.gettext("{text} is not a size. Write it like 10MB, 8MiB or 500kB.", text=text)

    def file_for_many(self, out: str) -> str:
        return self.gettext("{out} is a file, and there are several photos. Name a folder.", out=out)

    def exists(self, out: str) -> str:
        return self.gettext("{out} is there already. Name another file, or add --force to replace it.", out=out)

    def cannot_write(self, place: str, error: OSError | None) -> str:
        reason = error.strerror if error and error.strerror else os.strerror(13)
        return self.gettext(
            "{place} cannot be written ({reason}). Name another place with --out.", place=place, reason=reason
        )

    def not_utf8(self) -> str:
        return self.gettext("What was typed is not valid text. Type it again.")

    # -- on the way

    def update(self, update: Update, *, starting: bool, pictures: int = 1) -> str:
        """Where a job is. `starting`: an engine of ours is on its way up. `pictures` as in `Request`."""
        match update.outcome:
            case Succeeded():
                return self.saving()
            case Failed():
                return self.gettext("Failed.")
            case Cancelled():
                return self.cancelled("")
        if update.progress is not None:
            return self.progress(update.progress)
        if update.state is State.RUNNING:
            return self.gettext("Rendering …")
        if update.place is None:
            return self.received(pictures)
        return self.place(update.place, starting=starting)

    def place(self, place: Place, *, starting: bool = False) -> str:
        if place.engines or place.parked:
            return self.waiting(place)
        return self.gettext("Starting the engine …") if starting else self.engine_offline()

    def cancelling(self) -> str:
        return self.gettext("Cancelling. Press Ctrl-C again to leave at once.")

    def still_cancelling(self, count: int) -> str:
        return self.ngettext("{count} clip is still being stopped.", "{count} clips are still being stopped.", count)

    def saved(self, photo: str, file: str, size: int) -> str:
        return self.gettext("{photo} → {file} ({size})", photo=photo, file=file, size=self.size(size))

    def kept(self, file: str) -> str:
        return self.gettext("A clip from an earlier run that was cut off is in {file}.", file=file)

    def not_saved(self, place: str, reason: str) -> str:
        return self.gettext("The clip could not be written to {place} ({reason}).", place=place, reason=reason)

    def not_fetched(self) -> str:
        return self.gettext("The clip is made, but could not be fetched from the storage. Run unstill doctor.")

    def size(self, size: int) -> str:
        """Bytes, rounded as files are: 1.2 MB."""
        for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if size >= factor:
                return f"{self.number(float(f'{size / factor:.3g}'))} {unit}"
        return f"{size} B"

    # -- a server elsewhere

    def saving(self) -> str:
        return self.gettext("Saving …")

    def not_a_server(self, url: str) -> str:
        return self.gettext("{url} is no address of a page. Write it like https://clips.example.org.", url=url)

    def no_page(self, url: str) -> str:
        return self.gettext(
            "No page of Unstill answers at {url}. Check the address, or start unstill-bot web.", url=url
        )

    def server_away(self, url: str, reason: str) -> str:
        return self.gettext(
            "The server {url} does not answer ({reason}). Check the address, or try again later.",
            url=url,
            reason=reason,
        )

    def needs_token(self, url: str) -> str:
        return self.gettext(
            "{url} wants to know who you are. Make a token on that page, and set UNSTILL_SERVER__TOKEN to it.", url=url
        )

    def no_limit_there(self) -> str:
        return self.gettext("With --server there is no --limit: the server decides. Leave it out.")

    # -- the queue

    def no_server(self, where: str) -> str:
        return self.gettext("No server answers on {where}. Start one, or check UNSTILL_REDIS__URL.", where=where)

    def nothing_runs(self) -> str:
        return self.gettext("Nothing is running here: there is no queue. `unstill animate` starts one.")

    def queue_empty(self) -> str:
        return self.gettext("Nothing is in the queue.")

    def queue_head(self) -> tuple[str, ...]:
        text = self.gettext
        return text("id"), text("state"), text("place"), text("starts in"), text("words"), text("progress")

    def state(self, state: State) -> str:
        text = self.gettext
        return {
            State.ACCEPTED: text("being read"),
            State.QUEUED: text("queued"),
            State.RUNNING: text("running"),
            State.DONE: text("done"),
            State.FAILED: text("failed"),
            State.CANCELLED: text("cancelled"),
            State.SENDING: text("being delivered"),
            State.SENT: text("delivered"),
            State.UNDELIVERABLE: text("undeliverable"),
        }[state]

    def parked(self) -> str:
        return self.gettext("waits for a newer engine")

    def unreadable(self) -> str:
        return self.gettext("unreadable")

    def unreadable_dropped(self) -> str:
        return self.gettext("The record could not be read and is deleted.")

    def which_cancel(self) -> str:
        return self.gettext("Say which: unstill cancel ID, or --all-mine. `unstill queue` shows the ids.")

    def cancel_answer(self, answer: str) -> str:
        if answer == "cancelled":
            return self.cancelled("")
        if answer == "cancelling":
            return self.gettext("The engine is being told to stop.")
        return self.cannot_cancel() if answer == "late" else self.unknown_job()

    def several_match(self, id: str) -> str:
        return self.gettext("Several jobs match {id}. Write more of the id.", id=id)

    # -- the engines

    def no_engine_serves(self, queue: str) -> str:
        return self.gettext("No engine serves the queue {queue}.", queue=queue)

    def no_engines(self) -> str:
        return self.gettext("No engine is alive. Start one with `unstill-engine`.")

    def server_line(self, where: str, version: str) -> str:
        return self.gettext("Server: {where}, version {version}", where=where, version=version)

    def engine_head(self) -> tuple[str, ...]:
        text = self.gettext
        return text("engine"), text("model"), text("device"), text("done"), text("now")

    def idle(self) -> str:
        return self.gettext("idle")

    def lane_line(self, model: str, queued: int, running: int, rate: float | None, parked: int) -> str:
        line = self.gettext("{model}: {queued} queued, {running} running", model=model, queued=queued, running=running)
        if parked:
            line += " " + self.gettext("({count} for a newer engine)", count=parked)
        if rate is None:
            return line
        return self._join(line + ",", self.gettext("{rate} × the estimated time", rate=float(f"{rate:.2g}")))

    # -- catalogues and recipes

    def presets(self, catalog: Catalog) -> list[str]:
        return [self.preset_help(catalog, name) for name in catalog.presets]

    def again(self, caption: str, unsaid: Sequence[str] = ()) -> str:
        """Return what asks for the clip of a recipe again; `unsaid` are parameters of it that this does not ask for."""
        if unsaid:
            return self.gettext(
                "The same cannot be asked for here: no option or preset says {names}. "
                "What comes nearest: unstill animate PHOTO {caption}",
                names=", ".join(unsaid),
                caption=caption,
            )
        return self.gettext("The same again: unstill animate PHOTO {caption}", caption=caption)

    def credentials(self, state: str, signed_by: str) -> str:
        """Return a sentence on a clip's content credentials, by their state."""
        match state:
            case "trusted":
                return self.gettext("Signed by {name}, for whom your roots vouch, and unchanged since.", name=signed_by)
            case "valid":
                return self.gettext(
                    "Signed by {name} and unchanged since. Who that is, nobody vouches for: set "
                    "UNSTILL_CREDENTIALS__ANCHORS to the roots that you trust.",
                    name=signed_by,
                )
            case "unfit":
                return self.gettext(
                    "Unchanged since it was signed, but the certificate of {name} has ended, or is none for content "
                    "credentials.",
                    name=signed_by,
                )
            case "invalid":
                return self.gettext("Its signature does not hold: the file was changed after it was signed.")
            case _:
                return self.gettext(
                    "It has content credentials. To check them, run: pip install 'unstill-engine[c2pa]'."
                )

    # -- the demo

    def demo_order(self, photo: str, words: str) -> str:
        return self.gettext("A photo, {photo}, and the words “{words}”.", photo=photo, words=words)

    def demo_place(self, folder: str) -> str:
        return self.gettext("A queue and an engine of our own, in {folder}:", folder=folder)

    def demo_recipe(self, comment: str) -> str:
        return self.gettext("What the clip says of itself: {comment}", comment=comment)

    # -- the doctor

    def well(self) -> str:
        return self.gettext("All is well.")

    def not_well(self, count: int) -> str:
        return self.ngettext("{count} thing needs mending.", "{count} things need mending.", count)
