"""Parsing of bodies: bytes become a TicketQuery, or an error that names the field."""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import quote

from cachetools import LRUCache, cached
from marshmallow import Schema, ValidationError

from schemas.ticket_query import TicketQuerySchema, find_ignored
from tickiti_query.model.errors import MalformedJson, UnsupportedMediaType, ValidationFailed
from tickiti_query.model.perspective import Criterion, Selector, TicketQuery
from tickiti_query.model.statement import UNCLEAN, read_json

MOST_NAMED = 20
REMEMBERED_BYTES = 4 * 1024 * 1024  # of parsed bodies, as estimated by the two numbers below
BYTES_PER_BODY, BYTES_PER_BODY_BYTE = 1000, 8

# The way to a value in a JSON document, its last step first: what lies deep shares the way with its neighbours.
JsonPath = tuple["JsonPath | None", str | int]


def make_body_parser(default_row_limit: int, max_row_limit: int) -> Callable[[bytes | None, str], TicketQuery]:
    """Return `parse_body` with an install's limits. It remembers what it has parsed: pollers repeat themselves."""
    parse = partial(parse_body, TicketQuerySchema(max_row_limit=max_row_limit), default_row_limit)
    remembered: LRUCache[Any, TicketQuery] = LRUCache(
        REMEMBERED_BYTES, getsizeof=lambda query: BYTES_PER_BODY + BYTES_PER_BODY_BYTE * query.size
    )
    return cached(remembered, lock=threading.Lock())(parse)


def parse_body(schema: Schema, default_row_limit: int, raw: bytes | None, content_type: str) -> TicketQuery:
    """Return the query of a body; All for an empty one.

    Raises MalformedJson for a body that did not come to its end (None), then UnsupportedMediaType, MalformedJson
    and ValidationFailed.
    """
    if raw is None:
        raise MalformedJson("The body could not be read to its end.")
    if not raw:
        return TicketQuery(row_limit=default_row_limit, size=len(content_type))
    if content_type.partition(";")[0].strip(" \t").lower() != "application/json":
        raise UnsupportedMediaType
    document = read_document(raw)
    try:
        loaded = schema.load(document)
    except ValidationError as fault:
        raise ValidationFailed(dict(flatten(fault.messages))) from None
    search = loaded.get("search_object", {})
    by_id = loaded.get("perspective_id")
    return TicketQuery(
        Selector(search.get("search_perspective_id") if by_id is None else by_id, search.get("search_perspective")),
        tuple(
            Criterion(each["mode"], tuple(each["tokens"]), each["match"], f"search_object.criteria.{place}")
            for place, each in enumerate(search.get("criteria", ()))
        ),
        loaded.get("row_limit", default_row_limit),
        tuple(quote(".".join(path), safe="") for path in find_ignored(document)),
        len(raw) + len(content_type),
    )


def read_document(raw: bytes) -> Any:
    """Return the JSON value in a body. .NET and PowerShell begin a text with a byte order mark, which is passed over.

    Raises MalformedJson, and ValidationFailed where a string, a name included, holds a NUL or half a surrogate pair:
    PostgreSQL has no text with a NUL, and UTF-8 has no lone surrogate, so that no ticket could match. The first few
    are named: a body of 64 KiB can hold thousands of them, each at the end of a long path.
    """
    try:
        document = read_json(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    except ValueError:
        raise MalformedJson from None
    paths = (path for path, text in walk_strings(document) if UNCLEAN.search(text))
    errors = {
        write_path(path).encode("utf-8", "replace").decode(): ["Must not hold a NUL character or a lone surrogate."]
        for path in islice(paths, MOST_NAMED)
    }
    if errors:
        raise ValidationFailed(errors)
    return document


def walk_strings(document: Any) -> Iterator[tuple[JsonPath | None, str]]:
    """Yield every string in a JSON value with its path; a name counts as a string at its own path."""
    waiting: list[tuple[JsonPath | None, Any]] = [(None, document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            yield from (((path, name), name) for name in value)
            waiting.extend(((path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((path, place), inner) for place, inner in enumerate(value))


def write_path(path: JsonPath | None) -> str:
    """Return the steps of a path with dots between them; the body itself has an empty path."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(str(step))
    return ".".join(reversed(steps))


def flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Yield marshmallow's nested messages by dotted path; a message about an object stands at the object's path."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from flatten(inner, path if name == "_schema" else (*path, str(name)))
    else:
        yield ".".join(path), list(messages)
