"""The API's description, made from the one schema of options: OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from unstill_bots.web.openapi_schemas import JsonSchema, of_option, ref, schemas
from unstill_bots.web.uploads import FILES_MOST, OF
from unstill_config.catalog import Catalog
from unstill_config.version import VERSION
from unstill_queue.contract.options import LAST_IMAGE, OPTIONS

JSON = "application/json"
ANYWHERE = (401, 421, 500, 503)
"""The statuses of problems that are no operation's own: who asks, under which name, and the server behind."""


def openapi(catalog: Catalog, base: str, most: int) -> dict[str, Any]:
    """Return the description of the API at `base`, whose bodies have at most `most` bytes."""
    options = {option.name: of_option(option, catalog) for option in OPTIONS if not option.apart}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Unstill",
            "version": VERSION,
            "description": f"A photo and a few words become a short clip. A body has at most {most} bytes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{}, {"token": []}, {"cookie": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made on the page, under For programs."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "unstill"},
            },
            "parameters": {
                "id": {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                    "description": "The clip's id.",
                }
            },
            "schemas": {**schemas(), **_bodies(options)},
            "responses": {
                "Problem": {
                    "description": "It was not done.",
                    "content": {"application/problem+json": {"schema": ref("Problem")}},
                }
            },
        },
    }


def _bodies(options: JsonSchema) -> dict[str, JsonSchema]:
    prompt = {"type": "string", "description": "The words, and options typed among them."}
    picture = {"type": "string", "format": "binary", "description": "A picture's file."}
    pictures = {"type": "array", "items": picture, "description": f"The pictures, at most {FILES_MOST}."}
    encoded = {"type": "string", "description": "A picture in base64, or as a data URL."}
    older = {
        "type": "string",
        "description": "The id of a clip of yours, without a picture: another clip of its picture, or with the option "
        "extend one that goes on from its end.",
    }
    ends = "The picture with which each clip ends, where the model has the ability last_image."
    return {
        "ClipForm": {
            "type": "object",
            "description": "A request as a form: each picture a file, each option a field. Without a picture it is one "
            "of words alone, where a model has the ability text_to_video.",
            "additionalProperties": False,
            "properties": {
                "picture": pictures,
                LAST_IMAGE: {**picture, "description": ends},
                "prompt": prompt,
                OF: older,
                **options,
            },
        },
        "ClipRequest": {
            "type": "object",
            "description": "A request in JSON. Without images it is one of words alone, where a model has the ability "
            "text_to_video.",
            "additionalProperties": False,
            "properties": {
                "images": {
                    "type": "array",
                    "maxItems": FILES_MOST,
                    "items": encoded,
                    "description": f"The pictures, at most {FILES_MOST}.",
                },
                LAST_IMAGE: {"type": "string", "description": f"{ends} In base64, or as a data URL."},
                "prompt": prompt,
                OF: older,
                "options": ref("ClipOptions"),
            },
        },
        "ClipOptions": {
            "type": "object",
            "description": "Options by their names.",
            "additionalProperties": False,
            "properties": options,
        },
    }


def _paths() -> dict[str, Any]:
    one = {"parameters": [{"$ref": "#/components/parameters/id"}]}
    return {
        "/clips": {
            "post": {
                "operationId": "create_clip",
                "summary": "Ask for a clip of each picture, or of words alone.",
                "parameters": [
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "schema": {"type": "string", "maxLength": 200},
                        "description": "A request that is sent again under its key is one request. Another one under "
                        "the same key is refused.",
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        JSON: {"schema": ref("ClipRequest")},
                        "multipart/form-data": {"schema": ref("ClipForm")},
                    },
                },
                "responses": {
                    "202": _answers("It is written down and will be answered.", "Clip"),
                    **_problems(400, 403, 408, 413, 415, 422, 429),
                },
            },
            "get": _reads("list_clips", "List your clips, the newest first.", "Clips"),
        },
        "/clips/{id}": {
            **one,
            "get": _reads("get_clip", "Say how far a clip is.", "Clip", 404),
            "delete": {
                "operationId": "delete_clip",
                "summary": "End it if it is under way, else delete it.",
                "responses": {"204": {"description": "Done."}, **_problems(403, 404)},
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
                    **_problems(404, 429),
                },
            },
        },
        "/clips/{id}/clip.mp4": {
            **one,
            "get": _file("get_video", "Load the clip, whole or by a range.", "video/mp4", ranges=True),
        },
        "/clips/{id}/poster.jpg": {**one, "get": _file("get_poster", "Load a still of it.", "image/jpeg")},
        "/clips/{id}/recipe": {**one, "get": _reads("get_recipe", "Say how a clip was made.", "Recipe", 404)},
        "/options": {"get": _reads("list_options", "List the options that a served model reads.", "Options")},
        "/models": {"get": _reads("list_models", "List the models that are served now.", "Models")},
        "/presets": {"get": _reads("list_presets", "List the presets.", "Presets")},
        "/status": {"get": _reads("get_status", "Say how busy it is.", "Status")},
        "/healthz": {
            "get": {**_reads("get_health", "Say whether page and queue answer.", "Health"), "security": []},
        },
    }


def _reads(operation: str, summary: str, schema: str, *statuses: int) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": _answers("What is so now.", schema), **_problems(*statuses)},
    }


def _answers(what: str, schema: str) -> dict[str, Any]:
    return {"description": what, "content": {JSON: {"schema": ref(schema)}}}


def _file(operation: str, summary: str, kind: str, *, ranges: bool = False) -> dict[str, Any]:
    content = {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}
    ranged = {
        "206": {"description": "A range of it.", **content},
        "304": {"description": "It is the one that If-None-Match names."},
        "416": {"description": "There is no such range in it."},
    }
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": "The file.", **content}, **(ranged if ranges else {}), **_problems(404)},
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in sorted({*ANYWHERE, *statuses})}
