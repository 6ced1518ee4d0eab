"""The line of the doctor's for one thing that was looked at."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `mend` is empty where it is well."""

    name: str
    ok: bool
    text: str
    mend: str = ""
