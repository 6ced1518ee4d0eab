"""Long texts, as the messages that a platform takes."""

from __future__ import annotations


def split(text: str, most: int) -> list[str]:
    """Into messages of at most `most` characters, between paragraphs or lines where it can be."""
    parts = []
    while len(text) > most:
        cut = max(text.rfind("\n\n", 0, most), 0) or max(text.rfind("\n", 0, most), 0) or most
        parts.append(text[:cut])
        text = text[cut:].lstrip("\n")
    return [*parts, text] if text or not parts else parts
