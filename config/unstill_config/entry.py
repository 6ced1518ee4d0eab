"""The base of every table of the catalogues."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Value = bool | int | float | str


class Entry(BaseModel):
    """A table that is never changed, and that names nothing which it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
