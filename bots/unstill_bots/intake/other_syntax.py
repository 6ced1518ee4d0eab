"""The syntax of other programs: weights and brackets around words, LoRA tags, and what Stable Diffusion's interface
writes below a picture. Camera and models here read plain words.
"""

from __future__ import annotations

import re

import msgspec

_TAG = re.compile(r"<(?:lora|lyco|locon|hypernet|ti|embedding)(?::[^<>]{0,100})>", re.IGNORECASE)
_BRACKET = re.compile(r"[()\[\]]")
_WEIGHTED = re.compile(r"(.*[^\d\s:(\[])(?::[0-3]|\s?:\s?[0-3]?\.\d+)\s?", re.DOTALL)
_SCHEDULED = re.compile(r"([^:]*):(?:([^:]*):)?\s?\d*\.?\d+")
_LETTER = re.compile(r"[^\W\d_]")
_PARTS = re.compile(r":{2,}(-?\d*\.?\d+)?(?=[\s,.;:，。；]|$)")
OPTION = re.compile(r"(?:^|\s)[-‐‑‒–—―−﹘﹣－⸺]+[^\W\d]")
_CLOSES = {")": "(", "]": "["}
_NEGATIVE_LINE = re.compile(r"^\s*negative prompt:", re.IGNORECASE | re.MULTILINE)
_SETTINGS_LINE = re.compile(r"^\s*(steps: \d+, .*)$", re.IGNORECASE | re.MULTILINE)

_SETTINGS = {"steps": "steps", "cfg scale": "guidance_scale", "seed": "seed", "size": "resolution"}


class Plain(msgspec.Struct, frozen=True):
    """A text in plain words. `left_out` are the tags that were taken out of it; `weighted`: it had weights."""

    text: str
    left_out: tuple[str, ...] = ()
    weighted: bool = False


class _Piece(msgspec.Struct):
    """A part of a text. `inside` is set where it stands in round brackets, or stood in a weight's: a second pair around
    it is a weight, too.
    """

    text: str
    inside: str | None = None


def plain(text: str) -> Plain:
    """Return a text without the weights and tags of other programs: "(waves:1.3)", "((waves))", "[waves]" and
    "<lora:waves:1>". Single round brackets are a person's own. Its plain text is returned as it is.
    """
    tags = _TAG.findall(text)
    if tags:
        text = " ".join(_TAG.sub(" ", text).split())
    pieces: list[_Piece] = []
    opened: list[int] = []
    weighted = False
    at = 0
    for bracket in _BRACKET.finditer(text):
        if at < bracket.start():
            pieces.append(_Piece(text[at : bracket.start()]))
        at = bracket.end()
        if bracket[0] in "([":
            opened.append(len(pieces))
            pieces.append(_Piece(bracket[0]))
        elif not opened or pieces[opened[-1]].text != _CLOSES[bracket[0]]:
            opened.clear()
            pieces.append(_Piece(bracket[0]))
        else:
            start = opened.pop()
            within = pieces[start + 1 :]
            is_link = bracket[0] == "]" and text.startswith("(", at)
            closed = _Piece(f"[{''.join(one.text for one in within)}]") if is_link else _closed(bracket[0], within)
            weighted = weighted or closed.inside == closed.text
            pieces[start:] = [closed]
    pieces.append(_Piece(text[at:]))
    return Plain("".join(piece.text for piece in pieces), tuple(tags), weighted)


def _closed(bracket: str, within: list[_Piece]) -> _Piece:
    """Return a pair of brackets as one piece: without them, where they are a weight."""
    text = "".join(piece.text for piece in within)
    only = within[0].inside if len(within) == 1 else None
    if OPTION.search(text):
        # brackets of two options, or of the prompt and of one
        return _Piece(f"{_CLOSES[bracket]}{text}{bracket}")
    if bracket == "]":
        if not _LETTER.search(text):
            return _Piece(f"[{text}]")
        scheduled = _SCHEDULED.fullmatch(text)
        words = " ".join(filter(None, scheduled.groups())) if scheduled else text
        return _Piece(words, words)
    if only is not None:
        return _Piece(only, only)
    weight = _WEIGHTED.fullmatch(text)
    if weight and _LETTER.search(weight[1]):
        return _Piece(weight[1], weight[1])
    return _Piece(f"({text})", text)


def parts(prompt: str) -> tuple[str, str, bool]:
    """Return a prompt that is weighted in parts, as in "waves::2 fog::-0.5", as its words, what should not appear, and
    whether there were weights.
    """
    wanted: list[str] = []
    unwanted: list[str] = []
    found = _PARTS.split(prompt)
    # each part is followed by its weight; the last one has none
    for part, weight in zip(found[::2], [*found[1::2], None], strict=True):
        (unwanted if weight and weight.startswith("-") else wanted).append(part.strip())
    return " ".join(filter(None, wanted)), ", ".join(filter(None, unwanted)), len(found) > 1


def without_lines(text: str) -> tuple[str, list[str]]:
    """Return a text with its lines "Negative prompt: ..." and "Steps: 20, CFG scale: 7, ..." as options, and the
    settings of the latter that there is no option for.
    """
    left_out: list[str] = []

    def written(line: re.Match[str]) -> str:
        known: list[str] = []
        for setting in line[1].split(", "):
            name, _, value = setting.partition(": ")
            option = _SETTINGS.get(name.strip().lower())
            if option and re.fullmatch(r"[\w.:x-]+", value.strip()):
                known.append(f" --{option} {value.strip()}")
            else:
                left_out.append(setting.strip())
        return "".join(known)

    text = _SETTINGS_LINE.sub(written, text)
    return _NEGATIVE_LINE.sub(" --negative_prompt ", text), left_out
