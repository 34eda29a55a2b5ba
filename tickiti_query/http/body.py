"""Parsing of bodies: bytes become a TicketQuery, or an error that names the field."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from cachetools import LRUCache
from marshmallow import ValidationError

from schemas.ticket_query import TicketQuerySchema, find_ignored
from tickiti_query.model.errors import MalformedJson, UnsupportedMediaType, ValidationFailed
from tickiti_query.model.json_text import read_json
from tickiti_query.model.perspective import Criterion, Selector, TicketQuery

MOST_NAMED = 20
UNCLEAN = re.compile("[\0\ud800-\udfff]")
REMEMBERED_BYTES = 4 * 1024 * 1024  # of parsed bodies, as estimated by the two numbers below
BYTES_PER_BODY, BYTES_PER_BODY_BYTE = 1000, 8


# The way to a value in a JSON document, its last step first: what lies deep shares the way with its neighbours.
Path = tuple["Path | None", str | int]


def make_body_parser(default_row_limit: int, max_row_limit: int) -> Callable[[bytes | None, str], TicketQuery]:
    """Return `parse_body(raw_body, content_type) -> TicketQuery`, with an install's limits.

    It raises MalformedJson for a body that did not come to its end (None), then UnsupportedMediaType, MalformedJson and
    ValidationFailed. An empty body asks for All. It remembers parsed bodies: pollers repeat themselves.
    """
    schema = TicketQuerySchema(max_row_limit=max_row_limit)
    remembered: LRUCache[tuple[bytes, str], tuple[TicketQuery, int]] = LRUCache(
        REMEMBERED_BYTES, getsizeof=lambda entry: entry[1]
    )
    lock = threading.Lock()

    def parse_body(raw: bytes | None, content_type: str) -> TicketQuery:
        if raw is None:
            raise MalformedJson("The body could not be read to its end.")
        if not raw:
            return TicketQuery(row_limit=default_row_limit)
        key = (raw, content_type)
        with lock:
            found = remembered.get(key)
        if found is not None:
            return found[0]
        query = parse_document(raw, content_type)
        with lock:
            remembered[key] = (query, BYTES_PER_BODY + BYTES_PER_BODY_BYTE * len(raw))
        return query

    def parse_document(raw: bytes, content_type: str) -> TicketQuery:
        if content_type.partition(";")[0].strip(" \t").lower() != "application/json":
            raise UnsupportedMediaType
        document = read_document(raw)
        refuse_characters(document)
        try:
            loaded = schema.load(document)
        except ValidationError as fault:
            raise ValidationFailed(dict(flatten(fault.messages))) from None
        search = loaded.get("search_object", {})
        by_id = loaded.get("perspective_id")
        return TicketQuery(
            selector=Selector(
                id=search.get("search_perspective_id") if by_id is None else by_id,
                name=search.get("search_perspective"),
            ),
            criteria=tuple(
                Criterion(
                    mode=criterion["mode"],
                    tokens=tuple(criterion["tokens"]),
                    match=criterion["match"],
                    path=f"search_object.criteria.{place}",
                )
                for place, criterion in enumerate(search.get("criteria", ()))
            ),
            row_limit=loaded.get("row_limit", default_row_limit),
            ignored=tuple(quote(".".join(path), safe="") for path in find_ignored(document)),
        )

    return parse_body


def read_document(raw: bytes) -> Any:
    """Return the JSON value in a body. Raises MalformedJson.

    .NET and PowerShell begin a text with a byte order mark, which is passed over.
    """
    try:
        return read_json(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    except ValueError:
        raise MalformedJson from None


def refuse_characters(document: Any) -> None:
    """Raise ValidationFailed where a string, a name included, holds a NUL or half a surrogate pair.

    PostgreSQL has no text with a NUL, and UTF-8 has no lone surrogate: no ticket could match either. The first few
    are named: a body of 64 KiB can hold thousands of them, each at the end of a long path.
    """
    paths = (path for path, text in walk_strings(document) if UNCLEAN.search(text))
    errors = {
        write_path(path).encode("utf-8", "replace").decode(): ["Must not hold a NUL character or a lone surrogate."]
        for path in islice(paths, MOST_NAMED)
    }
    if errors:
        raise ValidationFailed(errors)


def walk_strings(document: Any) -> Iterator[tuple[Path | None, str]]:
    """Yield every string in a JSON value with its path; a name counts as a string at its own path."""
    waiting: list[tuple[Path | None, Any]] = [(None, document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, Mapping):
            yield from (((path, name), name) for name in value)
            waiting.extend(((path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((path, place), inner) for place, inner in enumerate(value))


def write_path(path: Path | None) -> str:
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
