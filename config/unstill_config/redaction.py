"""Keeps secrets out of text: the known ones letter by letter, however escaped, and what looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from unstill_config.platforms import PLATFORMS

MARK = "***"
SHORTEST = 4
"""Letters of the shortest secret that is looked for; a shorter one would blacken ordinary words."""
_HEAD = 16
_ROUNDS = 8
_ESCAPE = r"\\{1,16}+"

_SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\0": "0"}

_QUOTE = r"""\\{0,16}["']"""
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_WORD = r"password|passwd|secret|token|signature|credential|api[_-]?key|access[_-]?key"
_NAME = rf"[\w-]{{0,40}}(?:{_WORD})[\w-]{{0,40}}"
_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,40}token"
_WORDS = ("authorization", "cookie", "passw", "secret", "token", "signature", "credential", "key")
# What a bare value may hold: up to a blank, a quote, an escape or the next part of a query.
_VALUE = r"""(?!\*\*\*)[^\s&"'<>\\\x1b,;)\]}]+"""

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    *(pattern for platform in PLATFORMS.values() for pattern in platform.secret_patterns),
    # user:password@ in any URL
    (re.compile(r"""(?<=://)(?!\*\*\*@)[^\s/?#"'<>\\]+@"""), f"{MARK}@"),
    # AWS key ids, and the signatures of links
    (re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"), MARK),
    (re.compile(rf"([?&](?:hm|sig|key|hash){_COLOUR}=){_VALUE}", re.IGNORECASE), rf"\g<1>{MARK}"),
)
# Headers, parameters and keys that say by their name what they hold; only looked for where such a word stands.
NAMED_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(rf"""((?:{_HEADER})(?:{_QUOTE}\s*[:,=]\s*b?{_QUOTE}))[^"'\\\r\n]+""", re.IGNORECASE),
        rf"\g<1>{MARK}",
    ),
    (re.compile(rf"""((?:{_HEADER})\s*[:=]\s*)(?!\*\*\*)[^"'\\\r\n]+""", re.IGNORECASE), rf"\g<1>{MARK}"),
    (re.compile(rf"(?<![\w-])({_NAME}{_COLOUR}(?:=|%3D){_COLOUR}{_QUOTE}?){_VALUE}", re.IGNORECASE), rf"\g<1>{MARK}"),
    (
        re.compile(rf"""(?<![\w-])({_NAME}{_QUOTE}\s*[:,]\s*b?{_QUOTE})(?!\*\*\*)[^"'\\\r\n]+""", re.IGNORECASE),
        rf"\g<1>{MARK}",
    ),
)


class Redactor:
    """Blackens `secrets` of four letters or more in a text, and all that looks like a token or a password.

    A secret is found as it is, inside repr() or JSON (also nested), and percent-encoded; of a long
    one the first 16 letters are enough, as libraries cut long values short. Of a URL it is
    the password that is secret as well as the whole.
    """

    def __init__(self, secrets: Iterable[SecretStr | None]) -> None:
        literals = {part for secret in secrets if secret for part in _parts(secret.get_secret_value())}
        literals = {literal for literal in literals if len(literal) >= SHORTEST and literal not in MARK}
        wholes = [_tolerant(literal) for literal in sorted(literals, key=len, reverse=True)]
        heads = [
            _tolerant(literal[:_HEAD]) + r"[\w-]*"
            for literal in sorted(literals)
            if len(literal) >= _HEAD + 8 and "://" not in literal
        ]
        self._literals = re.compile("|".join(wholes + heads)) if literals else None

    def clean(self, text: str) -> str:
        if self._literals:
            # What is left around a mark can spell a secret again, so look until nothing is found.
            for _ in range(_ROUNDS):
                text, found = self._literals.subn(MARK, text)
                if not found:
                    break
            else:
                return MARK
        folded = text.casefold()
        named = NAMED_PATTERNS if any(word in folded for word in _WORDS) else ()
        for pattern, replacement in (*PATTERNS, *named):
            text = pattern.sub(replacement, text)
        return text


def _parts(secret: str) -> set[str]:
    parts = {secret, secret.strip()}
    try:
        password = urlsplit(secret).password
    except ValueError:
        password = None
    if password:
        parts |= {password, unquote(password)}
    return parts


def _tolerant(literal: str) -> str:
    """A pattern for `literal` in any of the ways that repr(), JSON and URLs write its letters."""
    pattern, escape = "", _ESCAPE
    for run in re.findall(r"\\+|[^\\]", literal, re.DOTALL):
        if run.startswith("\\"):
            # takes the backslashes that escape the next letter too
            pattern, escape = pattern + r"(?:\\{1,64}+|(?:%(?:25){0,8}5[Cc])++)", ""
        else:
            pattern, escape = pattern + _letter(run, escape), _ESCAPE
    return pattern


def _letter(letter: str, escape: str) -> str:
    if letter.isascii() and (letter.isalnum() or letter in "_.~-"):
        return re.escape(letter)
    encoded = letter.encode("utf-8", "surrogatepass")
    ways = [
        re.escape(letter),
        "".join(f"%(?:25){{0,8}}(?i:{byte:02x})" for byte in encoded),
        escape + _ESCAPE.join(f"x(?i:{byte:02x})" for byte in encoded),
        *(escape + way for way in _escapes(letter)),
    ]
    if letter in "\"'":
        ways.append(escape + letter)
    if letter == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _escapes(letter: str) -> list[str]:
    code = ord(letter)
    ways = [f"u(?i:{code:04x})", f"U(?i:{code:08x})"]
    if code < 0x100:
        ways.append(f"x(?i:{code:02x})")
    if letter in _SHORT_ESCAPES:
        ways.append(_SHORT_ESCAPES[letter])
    if code > 0xFFFF:
        high, low = divmod(code - 0x10000, 0x400)
        ways.append(f"u(?i:{0xD800 + high:04x}){_ESCAPE}u(?i:{0xDC00 + low:04x})")
    return ways
