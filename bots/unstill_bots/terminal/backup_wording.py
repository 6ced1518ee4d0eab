"""The sentences about backups."""

from __future__ import annotations

from datetime import datetime

from unstill_bots.terminal.wording import Wording
from unstill_queue.backup.archive import BackupError
from unstill_queue.backup.transfer import Summary


class BackupWording(Wording):
    """The sentences of `unstill backup` and `unstill restore`."""

    def backed_up(self, file: str, summary: Summary) -> str:
        return self.gettext(
            "{file} has {jobs} requests, {open} of them not answered yet, and {files} pictures and clips. It holds "
            "people's words and keys: keep it where nobody else reads it.",
            file=file,
            jobs=str(summary.jobs),
            open=str(summary.open),
            files=str(summary.files),
        )

    def not_written(self, file: str, error: OSError) -> str:
        return self.gettext(
            "{file} cannot be written ({reason}). Name another place for it.",
            file=file,
            reason=error.strerror or type(error).__name__,
        )

    def restored(self, file: str, summary: Summary) -> str:
        return self.gettext(
            "{file}, taken on {day}, is restored: {jobs} requests, {open} of them not answered yet, and {files} "
            "pictures and clips. Now start engines, then front ends.",
            file=file,
            day=f"{datetime.fromtimestamp(summary.taken_at / 1000):%Y-%m-%d %H:%M}",  # noqa: DTZ006  # the host's own time
            jobs=str(summary.jobs),
            open=str(summary.open),
            files=str(summary.files),
        )

    def files_missing(self, count: int) -> str:
        return self.gettext(
            "{count} files that the queue names are not in the storage. Those who wait for them are told so.",
            count=str(count),
        )

    def other_token(self, platform: str) -> str:
        return self.gettext(
            "The token of {platform} is not the one that the backup was made with: quotas begin anew. Set the former "
            "one if the bot is the same.",
            platform=platform,
        )

    def not_restored(self, error: BackupError) -> str:
        text = self.gettext
        match error.why:
            case "no_backup":
                return text(
                    "{file} is no backup of Unstill. Name a file that unstill backup has made.", file=error.what
                )
            case "damaged":
                return text(
                    "{file} is damaged, and nothing of it was restored. Take another copy of it.", file=error.what
                )
            case "newer":
                return text("{file} was made by a newer version. Install that one first.", file=error.what)
            case "not_empty":
                return text(
                    "The server {server} is not empty. Stop what uses it, and restore onto an empty one.",
                    server=error.what,
                )
