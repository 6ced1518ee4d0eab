"""What the API sends, as JSON Schema: one schema a value, each field described."""

from __future__ import annotations

from typing import Any

from unstill_bots.delivery.message import Phase
from unstill_bots.web.problems import CODES
from unstill_config.catalog import Catalog
from unstill_queue.contract.codes import FAILURES
from unstill_queue.contract.options import Option

JsonSchema = dict[str, Any]

KINDS = {"int": "integer", "float": "number", "text": "string", "flag": "boolean", "choice": "string"}


def ref(name: str) -> JsonSchema:
    """Return what stands for one of `schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def of_option(option: Option, catalog: Catalog) -> JsonSchema:
    """Return the schema of an option's value."""
    schema: JsonSchema = {"type": KINDS[option.type], "description": option.help}
    if option.type == "flag" and option.choices:
        schema |= {"type": ["boolean", "string"], "examples": [True, *option.choices]}
    if option.type == "choice":
        # more is understood, as in a chat, and taken for the nearest
        schema["examples"] = list(option.choices_in(catalog))
    if option.least is not None:
        schema["minimum"] = option.least
    if option.most is not None:
        schema["maximum"] = option.most
    return schema


def _text(description: str, **more: Any) -> JsonSchema:
    return {"type": "string", "description": description, **more}


def _number(description: str, *, whole: bool = False, null: bool = False) -> JsonSchema:
    kind = "integer" if whole else "number"
    return {"type": [kind, "null"] if null else kind, "description": description}


def _flag(description: str) -> JsonSchema:
    return {"type": "boolean", "description": description}


def _list(description: str, items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items, "description": description}


def _object(description: str, properties: JsonSchema, optional: tuple[str, ...] = ()) -> JsonSchema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


STRING = {"type": "string"}
ANY_VALUE = {"type": ["string", "number", "boolean", "null"]}


def schemas() -> dict[str, JsonSchema]:
    """Return the schemas by name."""
    return {
        "Clip": _clip(),
        "Links": _object(
            "Where the rest of a clip is, as paths.",
            {
                "self": _text("The clip itself."),
                "events": _text("Its changes, as server-sent events."),
                "poster": _text("A still of it, or the picture."),
                "clip": _text("The file, once there is one."),
                "recipe": _text("How it was made, once it is."),
            },
            ("clip", "recipe"),
        ),
        "Video": _object(
            "A clip's file.",
            {
                "size": _number("Bytes.", whole=True),
                "width": _number("Pixels.", whole=True),
                "height": _number("Pixels.", whole=True),
                "duration": _number("Seconds."),
                "fps": _number("Frames a second."),
                "synthetic": _flag("Whether it has pixels that no camera took."),
                "filled": _flag("Whether these are only what the photo hides, filled in from what is around it."),
                "render_seconds": _number("Seconds that the render took."),
                "name": _text("What the file is called when it is saved."),
                "alt": _text("What it shows, for those who do not see it."),
            },
            ("fps", "synthetic", "filled", "render_seconds"),
        ),
        "Clips": _object("Clips, the newest first.", {"clips": _list("The last 200.", ref("Clip"))}),
        "Recipe": {
            "type": "object",
            "description": "How a clip was made: `made_by` is AI or camera, the rest are parameters by their names.",
            "required": ["made_by", "model", "prompt", "seed"],
            "properties": {
                "made_by": _text("Who made the pixels, or said where they go.", enum=["AI", "camera"]),
                "filled": _flag("Whether what the photo hides was filled in, and AI only judged its depth."),
                "model": _text("The model's name."),
                "prompt": _text("What the model was given: the words without their options, or what was made of them."),
                "own_words": _text("The person's words, where a language model made the prompt of them."),
                "seed": _number("The number that the model's chance began with.", whole=True),
                "before": _list("The parameters of the pieces before the last one.", {"type": "object"}),
            },
            "additionalProperties": True,
        },
        "Options": _object("Options.", {"options": _list("Those that a served model reads.", ref("Option"))}),
        "Option": _object(
            "An option of a request.",
            {
                "name": _text("Its name, in JSON as in a form."),
                "type": _text("What its value is.", enum=list(KINDS)),
                "help": _text("What it does, in the language asked for."),
                "takes": _text("What it takes, in the language asked for."),
                "choices": _list("The values that there are.", STRING),
                "resolutions": _list("The resolutions that there are.", {"type": "integer"}),
                "minimum": _number("The least value."),
                "maximum": _number("The greatest value."),
                "unit": _text("What a number counts."),
            },
            ("choices", "resolutions", "minimum", "maximum", "unit"),
        ),
        "Models": _object("Models.", {"models": _list("Those that are served now.", ref("Model"))}),
        "Model": _object(
            "A model.",
            {
                "name": _text("What the option model takes."),
                "title": _text("What people call it."),
                "synthetic": _flag("Whether it makes pixels that no camera took."),
                "filled": _flag("Whether these are only what the photo hides, filled in from what is around it."),
                "abilities": _list("The names of what it reads of a request.", STRING),
                "licence": _text("The licence that it comes under."),
                "default": _flag("Whether it is taken where none is named."),
                "served": _flag("Whether an engine has it now."),
            },
        ),
        "Presets": _object("Presets.", {"presets": _list("All of them.", ref("Preset"))}),
        "Preset": _object(
            "Options under one name.",
            {
                "name": _text("What the option preset takes."),
                "title": _text("What people call it, in the language asked for."),
                "help": _text("What it is for, in the language asked for."),
                "values": {
                    "type": "object",
                    "description": "The options that it sets, for the model that is taken where none is named.",
                    "additionalProperties": ANY_VALUE,
                },
            },
        ),
        "Status": _object(
            "How busy it is.",
            {
                "engines": _number("Engines that are alive.", whole=True),
                "jobs": _number("Clips that wait or are made, of everybody.", whole=True),
                "text": _text("The same for people, in the language asked for."),
            },
        ),
        "Health": _object("Page and queue answer.", {"status": _text("Always ok.", enum=["ok"])}),
        "Problem": _object(
            "Why something was not done, by RFC 9457.",
            {
                "type": _text("Where its code is described."),
                "title": _text("The status in words."),
                "status": _number("The status of HTTP.", whole=True),
                "code": _text("The reason, the same in all languages and versions.", enum=list(CODES)),
                "detail": _text("A sentence for a person, in the language asked for."),
                "fields": _list("The names of the fields or options that are wrong.", STRING),
            },
            ("fields",),
        ),
    }


def _clip() -> JsonSchema:
    return _object(
        "A request, and the clip that it becomes.",
        {
            "id": _text("Its name."),
            "ids": _list("The names of all clips of a request with several pictures.", STRING),
            "state": _text("How far it is; the last three are ends.", enum=[phase.value for phase in Phase]),
            "text": _text("What a person reads, in the language asked for."),
            "refused": _text("Why some of the pictures are not taken."),
            "refused_code": _text("The code of that.", enum=list(CODES)),
            "share": _number("The part that is rendered, from 0 to 1.", null=True),
            "ready_at": _number("When it will be ready, in seconds since the epoch.", null=True),
            "created_at": _number("When it was asked for, in seconds since the epoch.", null=True),
            "code": {
                "type": ["string", "null"],
                "enum": [*FAILURES, None],
                "description": "Why there is no clip, where it failed.",
            },
            "notes": _list("Codes of what was done otherwise than asked, each with its parameters.", STRING),
            "clip": {"oneOf": [ref("Video"), {"type": "null"}], "description": "The file, once there is one."},
            "links": ref("Links"),
        },
        ("ids", "refused", "refused_code"),
    )
