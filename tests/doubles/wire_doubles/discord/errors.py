"""What the platform answers instead of doing what it was asked: an HTTP status, a code, its words."""

from __future__ import annotations

from typing import Any

Wire = dict[str, Any]


class ApiError(Exception):
    """`code` 0 is for refusals that have none of their own; `errors` says which field is wrong."""

    def __init__(self, status: int, code: int, message: str, errors: Wire | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        super().__init__(f"{status} {code} {message}")

    def wire(self) -> Wire:
        answer: Wire = {"message": self.message, "code": self.code}
        if self.errors:
            answer["errors"] = self.errors
        return answer


class RateLimited(ApiError):
    """`scope` is user, shared or global, as in X-RateLimit-Scope; `retry_after` in seconds."""

    def __init__(self, retry_after: float, scope: str) -> None:
        self.retry_after = retry_after
        self.scope = scope
        super().__init__(429, 0, "You are being rate limited.")

    def wire(self) -> Wire:
        return {
            "message": self.message, "retry_after": round(self.retry_after, 3),
            "global": self.scope == "global", "code": 0,
        }  # fmt: skip


def unauthorized() -> ApiError:
    return ApiError(401, 0, "401: Unauthorized")


def not_found() -> ApiError:
    return ApiError(404, 0, "404: Not Found")


def unknown_application() -> ApiError:
    return ApiError(404, 10002, "Unknown Application")


def unknown_channel() -> ApiError:
    return ApiError(404, 10003, "Unknown Channel")


def unknown_guild() -> ApiError:
    return ApiError(404, 10004, "Unknown Guild")


def unknown_member() -> ApiError:
    return ApiError(404, 10007, "Unknown Member")


def unknown_message() -> ApiError:
    return ApiError(404, 10008, "Unknown Message")


def unknown_user() -> ApiError:
    return ApiError(404, 10013, "Unknown User")


def unknown_emoji() -> ApiError:
    return ApiError(400, 10014, "Unknown Emoji")


def unknown_webhook() -> ApiError:
    return ApiError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> ApiError:
    return ApiError(404, 10062, "Unknown interaction")


def unknown_command() -> ApiError:
    return ApiError(404, 10063, "Unknown application command")


def too_fast_here() -> ApiError:
    """A channel's slow mode."""
    return ApiError(429, 20028, "The write action you are performing on the channel has hit the write rate limit")


def too_many_commands_today() -> ApiError:
    return ApiError(400, 30034, "Maximum number of daily application command creates has been reached (200)")


def too_large() -> ApiError:
    return ApiError(413, 40005, "Request entity too large")


def already_acknowledged() -> ApiError:
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def too_many_followups() -> ApiError:
    return ApiError(400, 40094, "This interaction has reached the maximum number of follow up messages.")


def missing_access() -> ApiError:
    return ApiError(403, 50001, "Missing Access")


def not_yours() -> ApiError:
    return ApiError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> ApiError:
    return ApiError(400, 50006, "Cannot send an empty message")


def cannot_message_user() -> ApiError:
    return ApiError(403, 50007, "Cannot send messages to this user")


def no_mutual_guild() -> ApiError:
    """In the same words, but another code: the bot and this person share nothing."""
    return ApiError(403, 50278, "Cannot send messages to this user")


def unforeseen() -> ApiError:
    """With a code that is in no documentation."""
    return ApiError(403, 349999, "Something new")


def wrong_channel_type() -> ApiError:
    return ApiError(400, 50024, "Cannot execute action on this channel type")


def missing_permissions() -> ApiError:
    return ApiError(403, 50013, "Missing Permissions")


def invalid_webhook_token() -> ApiError:
    return ApiError(401, 50027, "Invalid Webhook Token")


def invalid_body(path: str, code: str, message: str) -> ApiError:
    """`path` is dotted: embeds.0.title."""
    errors: Wire = {"_errors": [{"code": code, "message": message}]}
    for name in reversed(path.split(".")):
        errors = {name: errors}
    return ApiError(400, 50035, "Invalid Form Body", errors)


def too_long(path: str, most: int) -> ApiError:
    return invalid_body(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


def bad_length(path: str, least: int, most: int) -> ApiError:
    return invalid_body(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")


def required(path: str) -> ApiError:
    return invalid_body(path, "BASE_TYPE_REQUIRED", "This field is required")


def file_too_large() -> ApiError:
    """What avatars and stickers are refused with."""
    return ApiError(400, 50045, "File uploaded exceeds the maximum size")


def not_json() -> ApiError:
    return ApiError(400, 50109, "The request body contains invalid JSON.")


def archived_thread() -> ApiError:
    return ApiError(400, 50083, "Thread is archived")


def locked_thread() -> ApiError:
    return ApiError(403, 160005, "Thread is locked")


def too_many_edits() -> ApiError:
    return ApiError(429, 30046, "Maximum number of edits to messages older than 1 hour reached. Try again later")


def internal() -> ApiError:
    return ApiError(500, 0, "500: Internal Server Error")


def bad_gateway() -> ApiError:
    return ApiError(502, 0, "502: Bad Gateway")


def unavailable() -> ApiError:
    return ApiError(503, 0, "503: Service Unavailable")


def overloaded() -> ApiError:
    return ApiError(503, 130000, "API resource is currently overloaded. Try again a little later.")


def no_history_to_reply() -> ApiError:
    return ApiError(400, 160002, "Cannot reply without permission to read message history")
