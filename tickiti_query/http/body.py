"""Reading a request's body: from bytes to a TicketQuery, or to what is wrong with it."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

from marshmallow import ValidationError

from schemas.ticket_query import TicketQuerySchema, find_ignored
from tickiti_query.model.errors import MalformedJson, UnsupportedMediaType, ValidationFailed
from tickiti_query.model.json_text import read_json
from tickiti_query.model.search import Criterion, Selector, TicketQuery

MOST_NAMED = 20
UNCLEAN = re.compile("[\0\ud800-\udfff]")
LONGEST_REMEMBERED = 1024  # pollers send the same few bytes again and again; reading them is a pure function


# The way to a value in a JSON document, its last step first: what lies deep shares the way with its neighbours.
Path = tuple["Path | None", str | int]


def make_body_reader(default_row_limit: int, max_row_limit: int) -> Callable[[bytes, str], TicketQuery]:
    """`read_body(raw, content_type) -> TicketQuery`, with an install's limits.

    Raises, in this order, UnsupportedMediaType, MalformedJson, ValidationFailed. An empty body asks for All.
    """
    schema = TicketQuerySchema(max_row_limit=max_row_limit)

    def read_body(raw: bytes, content_type: str) -> TicketQuery:
        if not raw:
            return TicketQuery(row_limit=default_row_limit)
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

    @lru_cache(maxsize=1024)
    def read_short_body(raw: bytes, content_type: str) -> TicketQuery:
        return read_body(raw, content_type)

    def remember_short_bodies(raw: bytes, content_type: str) -> TicketQuery:
        short = len(raw) + len(content_type) <= LONGEST_REMEMBERED
        return read_short_body(raw, content_type) if short else read_body(raw, content_type)

    return remember_short_bodies


def read_document(raw: bytes) -> Any:
    """The JSON value in a body."""
    try:
        return read_json(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedJson("The body is not UTF-8.") from None
    except ValueError:
        raise MalformedJson from None


def refuse_characters(document: Any) -> None:
    """ValidationFailed where a string, a name included, holds a NUL or half a surrogate pair.

    PostgreSQL has no text with a NUL, and UTF-8 has no lone surrogate: no ticket could match either. The first few
    are named: a body of 64 KiB can hold thousands of them, each at the end of a long path.
    """
    paths = (path for path, text in walk_strings(document) if UNCLEAN.search(text))
    errors = {
        write_path(path).encode("utf-8", "replace").decode(): [
            "Must not hold a NUL character or a lone surrogate."
        ]
        for path in islice(paths, MOST_NAMED)
    }
    if errors:
        raise ValidationFailed(errors)


def walk_strings(document: Any) -> Iterator[tuple[Path | None, str]]:
    """Every string in a JSON value, with the path to it; a name counts as a string at its own path."""
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
    """The steps of a path, with dots between them; the body itself has an empty one."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(str(step))
    return ".".join(reversed(steps))


def flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """marshmallow's nested messages by dotted path; what is wrong with an object itself stands at its path."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from flatten(inner, path if name == "_schema" else (*path, str(name)))
    else:
        yield ".".join(path), list(messages)
