"""The headers of the answers, as the OpenAPI document describes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Header:
    """A header: its name, its values, one of them, and its meaning. `always`: each answer that names it has it."""

    name: str
    schema: Mapping[str, Any]
    example: str | int | bool
    meaning: str
    always: bool = True

    def describe(self) -> dict[str, Any]:
        """Return the header in the words of OpenAPI."""
        return {"description": self.meaning, "required": self.always, "schema": self.schema, "example": self.example}


def match(pattern: str) -> Mapping[str, Any]:
    """Return the schema of the texts that a pattern matches from end to end."""
    return {"type": "string", "pattern": f"^{pattern}$"}


DURATION = "[a-z]+;dur=[0-9]+[.][0-9]+"
REQUEST_ID = Header(
    "X-Request-ID",
    match("[A-Za-z0-9._-]{1,128}"),
    "4f1c2b9d6a7e4d0c8f3a5b6c7d8e9f01",
    "The request's name: the caller's, if it is 1 to 128 of A-Z a-z 0-9 . _ -, or a new one; also in the log.",
)
CACHE_CONTROL = Header(
    "Cache-Control",
    {"type": "string", "enum": ["private, no-cache", "no-store"]},
    "no-store",
    "`private, no-cache` with rows, `no-store` with an error: no shared cache keeps an answer.",
)
COMMON_HEADERS = (
    REQUEST_ID,
    CACHE_CONTROL,
    Header(
        "Server-Timing",
        match(f"{DURATION}(, {DURATION})*"),
        "cache;dur=0.412, auth;dur=0.018, sql;dur=3.907",
        "Milliseconds: `cache` (the proof, and waiting for an equal request), `auth`, `sql`.",
        always=False,
    ),
    Header("RateLimit-Limit", COUNT, 600, "Requests a window; absent without a rate limit.", always=False),
    Header("RateLimit-Remaining", COUNT, 599, "Requests that are left; absent without a rate limit.", always=False),
    Header("RateLimit-Reset", COUNT, 42, "Seconds until the next window; absent without a rate limit.", always=False),
)
ROW_HEADERS = (
    Header("X-Row-Count", COUNT, 1, "The number of rows."),
    Header("X-Truncated", {"type": "boolean"}, False, "`true` when more tickets matched than `row_limit`."),
    Header(
        "Cache-Status",
        match("tickiti-query; (hit; ttl=[0-9]+|fwd=miss(; stored)?|fwd=bypass)"),
        "tickiti-query; hit; ttl=29",
        "RFC 9211: a hit, or how the request went on to the replica.",
    ),
    Header(
        "X-Data-As-Of",
        {"type": "string", "format": "date-time"},
        "2026-05-02T11:30:48.000005Z",
        "Commit time of the newest replicated transaction that the answer reflects; absent where there is none.",
        always=False,
    ),
    Header(
        "X-Ignored-Params",
        TEXT,
        "page,search_object.sort",
        "Unknown fields of the body, which are ignored: dotted paths, percent-encoded, comma-separated; after 2 KiB"
        " the rest is `...`. Absent when there are none.",
        always=False,
    ),
)
ERROR_HEADERS = {
    "WWW-Authenticate": Header(
        "WWW-Authenticate", {"type": "string", "enum": ["Bearer"]}, "Bearer", "The scheme of the token."
    ),
    "Allow": Header("Allow", TEXT, "POST", "The methods that this address answers."),
    "Retry-After": Header("Retry-After", COUNT, 2, "Seconds after which the request is worth sending again."),
}


def describe_headers() -> dict[str, Any]:
    """Return each header once, by name, for the document's components."""
    return {header.name: header.describe() for header in (*COMMON_HEADERS, *ROW_HEADERS, *ERROR_HEADERS.values())}
