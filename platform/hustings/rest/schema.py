"""What the schema says of every operation alike: its problems, its headers, its token."""

from collections.abc import Iterator
from typing import Any, Final

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme

from hustings.rest.problems import PROBLEM_JSON
from studies.api.writes import KEY_HEADER

Json = dict[str, Any]

PROBLEM: Final[Json] = {
    "type": "object",
    "description": "What went wrong, after RFC 9457.",
    "required": ["type", "title", "status", "detail", "instance", "errors"],
    "properties": {
        "type": {"type": "string", "description": "`about:blank`: the status says what kind."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What to tell a person."},
        "instance": {"type": "string", "description": "The path that was asked."},
        "errors": {
            "type": "object",
            "description": "Sentences by the parameter, field or header that is to blame; by "
            "`study`, why it does not allow what was asked.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
# Statuses that every operation may answer with, and those of writes.
PROBLEMS: Final = {
    "400": "A parameter, field or header can't be understood; `errors` says which.",
    "401": "The token is not known or has expired, or one is needed.",
    "403": "The token or its user may not do this.",
    "404": "There is no such thing, or it is not for you to see.",
    "405": "This address has no such method.",
    "406": "It is not told in any of the media types that were asked for.",
    "429": "Too many requests in this minute: Retry-After says how many seconds to wait.",
    "5XX": "It broke off. Nothing was done.",
}
PROBLEMS_OF_WRITES: Final = {
    "409": "The study does not allow it as it stands, or the same request is under way.",
    "415": "The body is not JSON.",
    "422": "The Idempotency-Key came with another request before.",
}
NUMBER: Final[Json] = {"schema": {"type": "integer", "minimum": 0}}
HEADERS: Final[Json] = {
    "RateLimit-Limit": NUMBER | {"description": "Requests that this minute allows."},
    "RateLimit-Remaining": NUMBER | {"description": "Those that are left of them."},
    "RateLimit-Reset": NUMBER | {"description": "Seconds until the next minute."},
}
ETAG: Final[Json] = {"ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."}}
REPLAYED: Final[Json] = {
    "Idempotent-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "Where the answer is that of an earlier request with the same key.",
    }
}
KEY: Final[Json] = {
    "name": KEY_HEADER,
    "in": "header",
    "required": True,
    "description": "New for each write, as a UUID. The same request with the same key within a "
    "day is done once, and answered alike.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!#-~]+$"},
}
METHODS: Final = ("get", "post")
LARGEST_OF_A_COLUMN: Final = 2**15 - 1


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """How the schema describes our tokens."""

    target_class = "hustings.rest.tokens.TokenAuthentication"
    name = "token"


def describe_answers(result: Json, **_more: object) -> Json:
    """Add to each operation what it answers besides: a hook of drf-spectacular."""
    _forget_columns(result)
    result["components"]["schemas"]["Problem"] = PROBLEM
    for path, method, operation in _operations(result):
        told = dict(PROBLEMS)
        if method == "post":
            operation.setdefault("parameters", []).append(KEY)
            told |= PROBLEMS_OF_WRITES
        if "{" not in path:
            del told["404"]
        for answer in operation["responses"].values():
            added = HEADERS | (REPLAYED if method == "post" else ETAG)
            answer["headers"] = answer.get("headers", {}) | added
        if method == "get":
            unchanged = "You have it already: the ETag is that of If-None-Match."
            operation["responses"]["304"] = {"description": unchanged}
        for status, description in told.items():
            operation["responses"][status] = _problem(description)
    return result


def _forget_columns(part: Any) -> None:
    """Drop how large a number a column may hold, which differs between databases."""
    if isinstance(part, list):
        for each in part:
            _forget_columns(each)
    if not isinstance(part, dict):
        return
    for bound in ("minimum", "maximum"):
        if isinstance(part.get(bound), int) and abs(part[bound]) >= LARGEST_OF_A_COLUMN:
            del part[bound]
    if part.get("format") == "int64":
        del part["format"]
    for each in part.values():
        _forget_columns(each)


def _operations(result: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in result["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _problem(description: str) -> Json:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_JSON: {"schema": schema}}}
