"""The body of a request for clips in JSON."""

from __future__ import annotations

import msgspec

from unstill_bots.web.uploads import FIELDS_MOST, FILES_MOST, OF, Refused, Upload, picture_in


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request in JSON. `images` and `last_image` are base64 or data URLs; `options` are those of the
    schema by name, and `of` is the id of an older clip.
    """

    images: list[str] = []
    last_image: str = ""
    prompt: str = ""
    of: str = ""
    options: dict[str, str | int | float | bool] = {}


def upload_of(data: bytes) -> Upload:
    """Read a body of JSON. Raises Refused."""
    try:
        body = msgspec.json.decode(data, type=Body)
    except msgspec.ValidationError as error:
        field = _field_in(str(error))
        raise (Refused(422, "wrong_field", field) if field else Refused(400, "wrong_body")) from None
    except msgspec.DecodeError:
        raise Refused(400, "wrong_body") from None
    if len(body.images) > FILES_MOST or len(body.options) > FIELDS_MOST:
        raise Refused(413, "too_many")
    fields = {name: _typed(value) for name, value in body.options.items()}
    if named := next((name for name in ("prompt", OF) if name in fields), None):
        raise Refused(422, "wrong_field", f"options.{named}")
    last = picture_in(body.last_image) if body.last_image else b""
    older = {OF: body.of} if body.of else {}
    return Upload({**fields, **older, "prompt": body.prompt}, tuple(map(picture_in, body.images)), last)


def _field_in(error: str) -> str:
    """Return the field that msgspec's error is about; none where it is the whole."""
    if "field `" not in error and " - at `" not in error:
        return ""
    _, _, field = error.rpartition("`")[0].rpartition("`")
    return field.removeprefix("$.")


def _typed(value: str | float | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
