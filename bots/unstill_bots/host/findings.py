"""The line of the doctor's for one thing that was looked at."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """The result of one check: `ok`, a `text` that says it, and `mend`, what to do; empty where all is well."""

    name: str
    ok: bool
    text: str
    mend: str = ""
