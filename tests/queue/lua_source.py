"""What the ledger's Lua says of itself: its transitions, and the keys and fields that it names."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

LEDGER = Path(str(resources.files("unstill_queue") / "ledger"))
KEY = re.compile(r"unstill:[a-z]+(?::(?:[a-z]+|$|(?=[^a-z])))*")
NAMES = {
    "JOB": "unstill:job:",
    "DUE": "unstill:due",
    "UNREADABLE": "unstill:unreadable",
    "SHUT": "unstill:shut",
    "BLOCKED": "unstill:blocked",
}


def lua_files() -> dict[str, str]:
    """Return the text of each file by its name without the ending."""
    return {file.stem: file.read_text("utf-8") for file in sorted((LEDGER / "lua").glob("*.lua"))}


def code_of(text: str) -> str:
    """Return a file's text without its comments."""
    return re.sub(r"^\s*--.*$", "", text, flags=re.MULTILINE)


def header_of(text: str) -> str:
    """Return the comment that a file begins with, without its dashes, each entry on one line."""
    lines = [line.removeprefix("--") for line in text.split("\n\n")[0].splitlines()]
    return re.sub(r"\n {3,}", " ", "\n".join(lines))


def keys_in(text: str) -> set[str]:
    """Return families of keys: what stands before the first name in them, as in `unstill:job:`."""
    return set(KEY.findall(text))


def transitions(text: str) -> dict[str, tuple[str, str]]:
    """Return the transitions of a file by name, each with its arguments and its body."""
    found = re.findall(r"^function op\.(\w+)\((.*?)\)\n(.*?)^end$", text, re.MULTILINE | re.DOTALL)
    return {name: (arguments, body) for name, arguments, body in found}


def _arguments(text: str, start: int) -> list[str]:
    """Return what stands between the parenthesis before `start` and its partner, split at commas outside of others."""
    found, depth, begun, quoted = [], 0, start, False
    for at in range(start, len(text)):
        if text[at] == "'":
            quoted = not quoted
        elif not quoted and text[at] in "({":
            depth += 1
        elif not quoted and ((text[at] == "," and depth == 0) or text[at] in ")}"):
            if depth == 0:
                found.append(text[begun:at].strip())
                begun = at + 1
                if text[at] in ")}":
                    return found
            else:
                depth -= 1
    raise AssertionError(f"no end: {text[start : start + 40]}")


def fields_in(text: str) -> set[str]:
    """Return the fields of records that are read, written or deleted."""
    code = code_of(text)
    found: set[str] = set()
    for call in re.finditer(r"\b(get|set|seen|strip)\(", code):
        _, *others = _arguments(code, call.end())
        named = others[::2] if call[1] == "set" else others
        found |= {name for one in named for name in re.findall(r"'(\w+)'", one)}
    for command, rest in re.findall(r"redis\.call\('(H\w+)', JOB \.\. \w+((?:, '\w+')+)", code):
        names = re.findall(r"'(\w+)'", rest)
        found |= set(names[::2] if command == "HSET" else names)
    for table in re.findall(r"local (?:NUMBERS|TEXTS) = \{\n(.*?)\n\}", code, re.DOTALL):
        found |= set(re.findall(r"'(\w+)'", table))
    for listed in re.findall(r"ipairs\(\{ ((?:'\w+', )*'\w+')(?:, unpack\((?:NUMBERS|TEXTS).*?\))? \}\)", code):
        if "get(id, field)" in code:
            found |= set(re.findall(r"'(\w+)'", listed))
    return found
