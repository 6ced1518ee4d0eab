"""What a call wants a message to be. Everything is checked as the platform does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wire_doubles.discord import components, embeds, mentions
from wire_doubles.discord.attachments import Attachment, File
from wire_doubles.discord.errors import empty_message, invalid_body, too_large, too_long
from wire_doubles.discord.messages import COMPONENTS_V2, EPHEMERAL, SILENT, SUPPRESS_EMBEDS, Message
from wire_doubles.multipart import Upload

if TYPE_CHECKING:
    from wire_doubles.discord.channels import Channel
    from wire_doubles.discord.world import World

Wire = dict[str, Any]

MAX_CONTENT, MAX_FILES, MAX_NONCE = 2000, 10, 25
SETTABLE = EPHEMERAL | SUPPRESS_EMBEDS | SILENT | COMPONENTS_V2


@dataclass
class Content:
    """What is None was not said, and stays as it is in an edit."""

    text: str | None
    embeds: list[Wire] | None
    components: list[Wire] | None
    attachments: list[Attachment] | None
    allowed: Wire | None
    flags: int
    nonce: str | None
    tts: bool

    def standing(self, message: Message | None) -> tuple[object, object, object, object]:
        """Text, embeds, attachments and components after it."""
        return (
            self.text if self.text is not None or message is None else message.content,
            self.embeds if self.embeds is not None or message is None else message.embeds,
            self.attachments if self.attachments is not None or message is None else message.attachments,
            self.components if self.components is not None or message is None else message.components,
        )

    def write(self, message: Message) -> None:
        if self.text is not None:
            message.content = self.text
        if self.embeds is not None:
            message.embeds = self.embeds
        if self.components is not None:
            message.components = self.components
        if self.attachments is not None:
            message.attachments = self.attachments
        # once a message is made of parts it stays so
        message.flags |= self.flags & COMPONENTS_V2


def content_of(
    world: World,
    fields: Wire,
    uploads: dict[int, Upload],
    *,
    channel: Channel,
    limit: int,
    ephemeral: bool = False,
    editing: Message | None = None,
) -> Content:
    """`limit` in bytes an attachment. Raises 50035, 40005, and 50006 for what would be an empty message."""
    text = fields.get("content")
    if text is not None and not isinstance(text, str):
        raise invalid_body("content", "STRING_TYPE_CONVERT", "Could not interpret value as string.")
    if text is not None and len(text) > MAX_CONTENT:
        raise too_long("content", MAX_CONTENT)
    flags = int(fields.get("flags") or 0) & SETTABLE
    mentions.check(fields.get("allowed_mentions"))
    nonce = fields.get("nonce")
    if nonce is not None and len(str(nonce)) > MAX_NONCE:
        raise too_long("nonce", MAX_NONCE)
    files = _attachments(world, fields, uploads, channel, limit, ephemeral, editing)
    standing = files if files is not None else (editing.attachments if editing else [])
    names = {each.name: world.cdn.url(each) for each in standing}
    v2 = bool(flags & COMPONENTS_V2) or bool(editing and editing.flags & COMPONENTS_V2)
    made = Content(
        text="" if "content" in fields and text is None else text and text.strip(),
        embeds=embeds.checked(fields["embeds"] or [], names) if "embeds" in fields else None,
        components=components.checked(fields["components"] or [], v2=v2) if "components" in fields else None,
        attachments=files,
        allowed=fields.get("allowed_mentions"),
        flags=flags,
        nonce=None if nonce is None else str(nonce),
        tts=bool(fields.get("tts")),
    )
    if v2 and any(made.standing(editing)[:2]):
        raise invalid_body("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "Not with these parts")
    if editing is None:
        if not any(made.standing(None)) and not fields.get("sticker_ids"):
            raise empty_message()
    elif not (any(made.standing(editing)) or editing.stickers):
        raise empty_message()
    return made


def _attachments(
    world: World,
    fields: Wire,
    uploads: dict[int, Upload],
    channel: Channel,
    limit: int,
    ephemeral: bool,
    editing: Message | None,
) -> list[Attachment] | None:
    """`attachments` says which of those there are stay, and tells about the new ones by their number."""
    before = {each.id: each for each in editing.attachments} if editing else {}
    if "attachments" not in fields and not uploads:
        return None
    kept: list[Attachment] = []
    told: dict[int, Wire] = {}
    if "attachments" in fields:
        for number, entry in enumerate(fields["attachments"] or []):
            id = int(entry["id"])
            if id in before:
                kept.append(before[id])
            elif id in uploads:
                told[id] = entry
            else:
                at = f"attachments.{number}.id"
                raise invalid_body(at, "ATTACHMENT_NOT_FOUND", f"Attachment data for id {id} not found")
    else:
        kept = list(before.values())
    if len(kept) + len(uploads) > MAX_FILES:
        raise invalid_body("attachments", "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FILES} or fewer in length.")
    if any(len(upload.data) > limit for upload in uploads.values()):
        raise too_large()
    for number, upload in sorted(uploads.items()):
        entry = told.get(number, {})
        file = File(upload.data, str(entry.get("filename") or upload.name), description=entry.get("description"))
        kept.append(world.keep(file, channel.id, ephemeral=ephemeral))
    return kept
