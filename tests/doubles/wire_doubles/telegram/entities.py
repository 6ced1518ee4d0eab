"""Which parts of a text are commands, mentions and formatting. Offsets are UTF-16 code units."""

from __future__ import annotations

import html
import re
from typing import Any

from wire_doubles.telegram.errors import bad_request

Entity = dict[str, Any]

_FOUND = re.compile(
    r"(?<![\w/@])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/@])"
    r"|(?<!\w)(?P<mention>@[A-Za-z][A-Za-z0-9_]{3,31})(?!\w)"
    r"|(?P<url>https?://[^\s<>]+)"
)
_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "a": "text_link", "tg-spoiler": "spoiler", "span": "spoiler", "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s+[\w-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*>")
_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_HREF = re.compile(r"href\s*=\s*[\"']?([^\"'\s>]*)")
_MARKS = {
    "*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "`": "code", "```": "pre", "||": "spoiler",
}  # fmt: skip
_MARK = re.compile(r"```|\|\||__|[*_~`]")
_LEGACY = ("*", "_", "`", "```")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]*)\)")
_RESERVED = "_*[]()~`>#+-=|{}.!"


def length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def find(text: str) -> list[Entity]:
    """What the platform finds by itself in what anybody writes."""
    return [
        {"type": hit.lastgroup, "offset": length(text[: hit.start()]), "length": length(hit.group())}
        for hit in _FOUND.finditer(text)
        if hit.lastgroup
    ]


def spoiler(text: str) -> Entity:
    """What covers a text, but for the command that it begins with."""
    begins = text.index(" ") + 1 if text.startswith("/") else 0
    return {"type": "spoiler", "offset": begins, "length": length(text) - begins}


def parse(text: str, mode: str) -> tuple[str, list[Entity]]:
    """The text without its tags, and what they said. Raises 400, "can't parse entities", and 400 for another mode."""
    match mode.lower():
        case "":
            return text, find(text)
        case "html":
            return _html(text)
        case "markdownv2":
            return _markdown(text, strict=True)
        case "markdown":
            return _markdown(text, strict=False)
    raise bad_request("unsupported parse_mode")


def _html(text: str) -> tuple[str, list[Entity]]:
    out, position = "", 0
    entities: list[Entity] = []
    open_tags: list[tuple[str, int, str]] = []
    while position < len(text):
        if text[position] != "<":
            end = text.find("<", position)
            end = len(text) if end < 0 else end
            out += _plain(text[position:end])
            position = end
            continue
        byte = len(text[:position].encode())
        tag = _TAG.match(text, position)
        if tag is None:
            name = re.match(r"</?([^\s>]*)", text[position:])
            raise _unparsable(f'Unsupported start tag "{name[1] if name else ""}" at byte offset {byte}')
        closing, name_of, attributes = tag[1], tag[2].lower(), tag[3]
        if closing:
            if not open_tags:
                raise _unparsable(f"Unexpected end tag at byte offset {byte}")
            opened, start, had = open_tags.pop()
            if opened != name_of:
                raise _unparsable(
                    f'Unmatched end tag at byte offset {byte}, expected "</{opened}>", found "</{name_of}>"'
                )
            entity: Entity = {"type": _TAGS[opened], "offset": start, "length": length(out) - start}
            if opened == "a" and (link := _HREF.search(had)):
                entity["url"] = _plain(link[1])
            entities.append(entity)
        elif name_of not in _TAGS:
            raise _unparsable(f'Unsupported start tag "{name_of}" at byte offset {byte}')
        else:
            open_tags.append((name_of, length(out), attributes))
        position = tag.end()
    if open_tags:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    return out, _sorted(out, entities)


def _plain(text: str) -> str:
    """Four named references and numeric ones are known; the rest stays as it is."""
    return _REFERENCE.sub(lambda hit: html.unescape(hit[0]), text)


def _markdown(text: str, *, strict: bool) -> tuple[str, list[Entity]]:
    out, position = "", 0
    entities: list[Entity] = []
    open_marks: list[tuple[str, int, int]] = []
    while position < len(text):
        byte = len(text[:position].encode())
        if text[position] == "\\" and text[position + 1 : position + 2] in tuple(_RESERVED + "\\"):
            out += text[position + 1]
            position += 2
            continue
        if link := _LINK.match(text, position):
            entities.append({"type": "text_link", "offset": length(out), "length": length(link[1]), "url": link[2]})
            out += link[1].replace("\\", "")
            position = link.end()
            continue
        mark = _MARK.match(text, position)
        inside_code = bool(open_marks) and open_marks[-1][0] in ("`", "```")
        if mark and not (inside_code and mark[0] != open_marks[-1][0]) and (strict or mark[0] in _LEGACY):
            if open_marks and open_marks[-1][0] == mark[0]:
                _, start, _ = open_marks.pop()
                entities.append({"type": _MARKS[mark[0]], "offset": start, "length": length(out) - start})
            else:
                open_marks.append((mark[0], length(out), byte))
            position = mark.end()
            continue
        if strict and text[position] in _RESERVED and not inside_code:
            raise _unparsable(f"Character '{text[position]}' is reserved and must be escaped with the preceding '\\'")
        out += text[position]
        position += 1
    if open_marks:
        mark_left, _, byte = open_marks[-1]
        raise _unparsable(f"Can't find end of {_MARKS[mark_left].capitalize()} entity at byte offset {byte}")
    return out, _sorted(out, entities)


def _sorted(text: str, entities: list[Entity]) -> list[Entity]:
    return sorted(find(text) + [e for e in entities if e["length"]], key=lambda e: (e["offset"], -e["length"]))


def _unparsable(why: str) -> Exception:
    return bad_request(f"can't parse entities: {why}")
