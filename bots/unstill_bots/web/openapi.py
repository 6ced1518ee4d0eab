"""The API's description, made from the one schema of options: OpenAPI 3.1."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from unstill_bots.delivery.message import Phase
from unstill_bots.web.problems import CODES
from unstill_config.catalog import Catalog
from unstill_queue.contract.options import OPTIONS, Option

JsonSchema = dict[str, Any]

KINDS = {"int": "integer", "float": "number", "text": "string", "flag": "boolean", "choice": "string"}


def openapi(catalog: Catalog, base: str, most: int) -> dict[str, Any]:
    """Return the description of the API at `base`, whose bodies have at most `most` bytes."""
    options = {option.name: _schema(option, catalog) for option in OPTIONS}
    form = {"picture": {"type": "string", "format": "binary"}, "prompt": {"type": "string"}, **options}
    body = {
        "type": "object",
        "additionalProperties": False,
        "required": ["images"],
        "properties": {
            "images": {
                "type": "array",
                "minItems": 1,
                "maxItems": 20,
                "items": {"type": "string", "description": "A picture in base64, or as a data URL."},
            },
            "prompt": {"type": "string", "description": "The words, and options typed among them."},
            "options": {"type": "object", "additionalProperties": False, "properties": options},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unstill",
            "version": version("unstill-bots"),
            "description": f"A photo and a few words become a short clip. A body has at most {most} bytes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{}, {"token": []}, {"cookie": []}],
        "paths": _paths(body, form),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made on the page, under For programs."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "unstill"},
            },
            "parameters": {"id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
            "schemas": _schemas(),
            "responses": {
                "Problem": {
                    "description": "It was not done.",
                    "content": {"application/problem+json": {"schema": _ref("Problem")}},
                }
            },
        },
    }


def _schema(option: Option, catalog: Catalog) -> JsonSchema:
    schema: JsonSchema = {"type": KINDS[option.type], "description": option.help}
    if option.type == "choice":
        schema["enum"] = list(option.choices_in(catalog))
    if option.least is not None:
        schema["minimum"] = option.least
    if option.most is not None:
        schema["maximum"] = option.most
    return schema


def _paths(body: JsonSchema, form: JsonSchema) -> dict[str, Any]:
    pictures = {**form, "picture": {"type": "array", "items": form["picture"]}}
    one = {"parameters": [{"$ref": "#/components/parameters/id"}]}
    return {
        "/clips": {
            "post": {
                "operationId": "create_clip",
                "summary": "Ask for a clip of each picture.",
                "parameters": [
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "schema": {"type": "string", "maxLength": 200},
                        "description": "A request that is sent again under its key is one request.",
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": body},
                        "multipart/form-data": {
                            "schema": {"type": "object", "required": ["picture"], "properties": pictures}
                        },
                    },
                },
                "responses": {
                    "202": _answers("It is written down and will be answered.", "Clip"),
                    **_problems(400, 413, 415, 422, 503),
                },
            },
            "get": {
                "operationId": "list_clips",
                "summary": "List your clips, the newest first.",
                "responses": {"200": _answers("The last 200.", "Clips"), **_problems(503)},
            },
        },
        "/clips/{id}": {
            **one,
            "get": {
                "operationId": "get_clip",
                "summary": "Say how far a clip is.",
                "responses": {"200": _answers("What is so now.", "Clip"), **_problems(404, 503)},
            },
            "delete": {
                "operationId": "delete_clip",
                "summary": "End it if it is under way, else delete it.",
                "responses": {"204": {"description": "Done."}, **_problems(404, 503)},
            },
        },
        "/clips/{id}/events": {
            **one,
            "get": {
                "operationId": "clip_events",
                "summary": "Follow a clip by server-sent events named clip, until it is over.",
                "responses": {
                    "200": {
                        "description": "Each event's data is a Clip.",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **_problems(404, 503),
                },
            },
        },
        "/clips/{id}/clip.mp4": {**one, "get": _file("get_video", "Load the clip, whole or by a range.", "video/mp4")},
        "/clips/{id}/poster.jpg": {**one, "get": _file("get_poster", "Load a still of it.", "image/jpeg")},
        "/clips/{id}/recipe": {
            **one,
            "get": {
                "operationId": "get_recipe",
                "summary": "Say how a clip was made.",
                "responses": {"200": _object("Its parameters by name."), **_problems(404, 503)},
            },
        },
        **{
            f"/{name}": {
                "get": {
                    "operationId": f"list_{name}" if name != "status" else "get_status",
                    "summary": summary,
                    "responses": {"200": _object(summary), **_problems(503)},
                }
            }
            for name, summary in (
                ("options", "The options that a model which is served reads."),
                ("models", "The models that are served now."),
                ("presets", "The presets."),
                ("status", "How busy it is."),
            )
        },
        "/healthz": {
            "get": {
                "operationId": "get_health",
                "summary": "Whether the page and the queue's server answer.",
                "security": [],
                "responses": {"200": _object("They do."), **_problems(503)},
            }
        },
    }


def _schemas() -> dict[str, JsonSchema]:
    number = {"type": ["number", "null"]}
    return {
        "Clip": {
            "type": "object",
            "required": ["id", "state", "text", "links"],
            "properties": {
                "id": {"type": "string"},
                "ids": {"type": "array", "items": {"type": "string"}, "description": "Of several pictures."},
                "state": {"type": "string", "enum": [phase.value for phase in Phase]},
                "text": {"type": "string", "description": "What a person reads, in the language asked for."},
                "refused": {"type": "string", "description": "Why some of the pictures are not taken."},
                "share": {**number, "description": "The part that is rendered, from 0 to 1."},
                "ready_at": {**number, "description": "Seconds since the epoch."},
                "created_at": {**number, "description": "Seconds since the epoch."},
                "code": {"type": ["string", "null"], "description": "Why there is no clip."},
                "notes": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "Codes of what was done otherwise than asked, each with its parameters.",
                },
                "clip": {"oneOf": [_ref("Video"), {"type": "null"}]},
                "links": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "Video": {
            "type": "object",
            "required": ["size", "width", "height", "duration", "name"],
            "properties": {
                "size": {"type": "integer", "description": "Bytes."},
                "width": {"type": "integer"},
                "height": {"type": "integer"},
                "duration": {"type": "number", "description": "Seconds."},
                "fps": {"type": "number", "description": "Frames a second."},
                "synthetic": {"type": "boolean", "description": "Whether a trained model made the pixels."},
                "render_seconds": {"type": "number", "description": "Seconds that the render took."},
                "name": {"type": "string"},
                "alt": {"type": "string"},
            },
        },
        "Clips": {
            "type": "object",
            "required": ["clips"],
            "properties": {"clips": {"type": "array", "items": _ref("Clip")}},
        },
        "Problem": {
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status", "code", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "code": {"type": "string", "enum": list(CODES)},
                "detail": {"type": "string", "description": "A sentence for a person."},
            },
        },
    }


def _ref(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answers(what: str, schema: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": _ref(schema)}}}


def _object(what: str) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": {"type": "object"}}}}


def _file(operation: str, summary: str, kind: str) -> dict[str, Any]:
    content = {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {
            "200": {"description": "The file.", **content},
            "206": {"description": "A range of it.", **content},
            **_problems(404, 503),
        },
    }


def _problems(*statuses: int) -> dict[str, Any]:
    # any of these may come of a login or of the server behind
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in sorted({401, 403, *statuses})}
