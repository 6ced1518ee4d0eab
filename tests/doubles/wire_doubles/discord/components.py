"""Buttons, menus and modals, held to the platform's limits."""

from __future__ import annotations

from typing import Any

from wire_doubles.discord.errors import bad_length, invalid_body, required, too_long

Wire = dict[str, Any]

# component types
ROW, BUTTON, SELECT, TEXT_INPUT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = range(1, 9)
LABEL, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 18, 19, 21, 22, 23
SELECTS = (SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
LINK, PREMIUM = 5, 6
MAX_ROWS, MAX_BUTTONS, MAX_ID, MAX_LABEL, MAX_OPTIONS, MAX_V2 = 5, 5, 100, 80, 25, 40
MAX_TITLE, MAX_INPUT_LABEL, MAX_PLACEHOLDER, MAX_INPUT, MAX_FILES = 45, 45, 100, 4000, 10


def checked(components: Any, *, v2: bool = False) -> list[Wire]:
    """A message's. Raises 50035."""
    if not isinstance(components, list):
        raise invalid_body("components", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
    ids: set[str] = set()
    if v2:
        if _count(components) > MAX_V2:
            raise bad_length("components", 1, MAX_V2)
        for number, component in enumerate(components):
            _check_tree(component, f"components.{number}", ids)
        return components
    if len(components) > MAX_ROWS:
        raise bad_length("components", 1, MAX_ROWS)
    for number, row in enumerate(components):
        at = f"components.{number}"
        if row.get("type") != ROW:
            raise invalid_body(f"{at}.type", "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1,).')
        _check_row(row, at, ids)
    return components


def modal(data: Wire) -> Wire:
    """Raises 50035."""
    for field, most in (("custom_id", MAX_ID), ("title", MAX_TITLE)):
        if not data.get(field):
            raise required(f"data.{field}")
        if len(data[field]) > most:
            raise too_long(f"data.{field}", most)
    parts = data.get("components") or []
    if not 1 <= len(parts) <= MAX_ROWS:
        raise bad_length("data.components", 1, MAX_ROWS)
    ids: set[str] = set()
    for number, part in enumerate(parts):
        at = f"data.components.{number}"
        match part.get("type"):
            case 1:
                inner = part.get("components") or []
                if len(inner) != 1 or inner[0].get("type") != TEXT_INPUT:
                    raise bad_length(f"{at}.components", 1, 1)
                _check_label(inner[0].get("label"), f"{at}.components.0.label", MAX_INPUT_LABEL)
                _check_input(inner[0], f"{at}.components.0", ids)
            case 18:
                _check_label(part.get("label"), f"{at}.label", MAX_INPUT_LABEL)
                if len(part.get("description") or "") > MAX_PLACEHOLDER:
                    raise too_long(f"{at}.description", MAX_PLACEHOLDER)
                _check_input(part.get("component") or {}, f"{at}.component", ids)
            case 10:
                pass
            case _:
                raise invalid_body(f"{at}.type", "UNION_TYPE_CHOICES", "Value must be one of (1, 10, 18).")
    return data


def inputs(data: Wire) -> list[tuple[str, Wire]]:
    """What can be filled in, each with its label."""
    found: list[tuple[str, Wire]] = []
    for part in data["components"]:
        if part["type"] == ROW:
            found += [(each["label"], each) for each in part["components"]]
        elif part["type"] == LABEL:
            found.append((part["label"], part["component"]))
    return found


def _check_tree(component: Wire, at: str, ids: set[str]) -> None:
    type = component.get("type")
    if type == ROW:
        _check_row(component, at, ids)
        return
    if type == BUTTON:
        _check_button(component, at, ids)
    for number, inner in enumerate(component.get("components") or ()):
        _check_tree(inner, f"{at}.components.{number}", ids)
    if component.get("accessory"):
        _check_tree(component["accessory"], f"{at}.accessory", ids)


def _count(components: list[Wire]) -> int:
    return sum(
        1 + _count(each.get("components") or []) + bool(each.get("accessory")) for each in components
    )  # fmt: skip


def _check_row(row: Wire, at: str, ids: set[str]) -> None:
    inner = row.get("components") or []
    if not 1 <= len(inner) <= MAX_BUTTONS:
        raise bad_length(f"{at}.components", 1, MAX_BUTTONS)
    for number, component in enumerate(inner):
        here = f"{at}.components.{number}"
        type = component.get("type")
        if type == BUTTON:
            _check_button(component, here, ids)
        elif type in SELECTS:
            if len(inner) > 1:
                raise invalid_body(at, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The component exceeds the maximum width")
            _check_select(component, here, ids)
        else:
            raise invalid_body(f"{here}.type", "UNION_TYPE_CHOICES", "Value must be one of (2, 3, 5, 6, 7, 8).")


def _check_button(button: Wire, at: str, ids: set[str]) -> None:
    style = button.get("style")
    if style not in range(1, 7):
        raise invalid_body(f"{at}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    if style == LINK:
        if not str(button.get("url", "")).startswith(("http://", "https://", "discord://")):
            raise invalid_body(f"{at}.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').")
    elif style != PREMIUM:
        _check_id(button, at, ids)
    if len(button.get("label") or "") > MAX_LABEL:
        raise too_long(f"{at}.label", MAX_LABEL)
    if not button.get("label") and not button.get("emoji") and style != PREMIUM:
        raise invalid_body(at, "BUTTON_COMPONENT_INVALID_LABEL", "A button must have a label or an emoji.")


def _check_select(select: Wire, at: str, ids: set[str]) -> None:
    _check_id(select, at, ids)
    if len(select.get("placeholder") or "") > 150:
        raise too_long(f"{at}.placeholder", 150)
    if select.get("type") != SELECT:
        return
    options = select.get("options") or []
    if not 1 <= len(options) <= MAX_OPTIONS:
        raise bad_length(f"{at}.options", 1, MAX_OPTIONS)
    for number, option in enumerate(options):
        for field, most in (("label", 100), ("value", 100)):
            if not option.get(field):
                raise required(f"{at}.options.{number}.{field}")
            if len(option[field]) > most:
                raise too_long(f"{at}.options.{number}.{field}", most)
        if len(option.get("description") or "") > 100:
            raise too_long(f"{at}.options.{number}.description", 100)
    if len({option["value"] for option in options}) < len(options):
        raise invalid_body(f"{at}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "Values must differ")


def _check_input(component: Wire, at: str, ids: set[str]) -> None:
    type = component.get("type")
    _check_id(component, at, ids)
    if type in SELECTS:
        ids.discard(component["custom_id"])
        _check_select(component, at, ids)
    elif type == TEXT_INPUT:
        if component.get("style") not in (1, 2):
            raise invalid_body(f"{at}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
        if len(component.get("placeholder") or "") > MAX_PLACEHOLDER:
            raise too_long(f"{at}.placeholder", MAX_PLACEHOLDER)
        least, most = component.get("min_length") or 0, component.get("max_length") or MAX_INPUT
        if not 0 <= least <= most <= MAX_INPUT:
            raise invalid_body(f"{at}.max_length", "NUMBER_TYPE_MAX", "Lengths must be between 0 and 4000.")
        if len(component.get("value") or "") > most:
            raise too_long(f"{at}.value", most)
    elif type == FILE_UPLOAD:
        least, most = (1 if component.get(name) is None else component[name] for name in ("min_values", "max_values"))
        if not 0 <= least <= most <= MAX_FILES or not most:
            raise invalid_body(f"{at}.max_values", "NUMBER_TYPE_MAX", "Numbers of files must be between 0 and 10.")
    elif type not in (RADIO, CHECKBOXES, CHECKBOX):
        raise invalid_body(f"{at}.type", "UNION_TYPE_CHOICES", "This component does not stand in a label.")


def _check_label(label: Any, at: str, most: int) -> None:
    if not label:
        raise required(at)
    if len(label) > most:
        raise too_long(at, most)


def _check_id(component: Wire, at: str, ids: set[str]) -> None:
    custom_id = component.get("custom_id")
    if not custom_id:
        raise required(f"{at}.custom_id")
    if len(custom_id) > MAX_ID:
        raise too_long(f"{at}.custom_id", MAX_ID)
    if custom_id in ids:
        raise invalid_body(f"{at}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Custom ids must differ")
    ids.add(custom_id)
