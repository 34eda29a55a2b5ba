"""The body of a request, checked in full: everything that is answered with 422 is found here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .criteria import Criterion, read_criteria
from .values import MeaninglessValueError, is_integer, read_integer_or_digits
from .viewpoint import Viewpoint


@dataclass(frozen=True)
class Request:
    """A question; `perspective_id` and `perspective_name` are None where that selector is absent."""

    perspective_id: int | None
    perspective_name: str | None
    criteria: list[Criterion]
    row_limit: int


def is_clean(text: str) -> bool:
    """Neither NUL nor a lone surrogate."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def find_unclean(value: Any, path: str) -> Iterator[str]:
    """The paths of all strings that are not clean, keys and ignored fields included."""
    if isinstance(value, str) and not is_clean(value):
        yield path
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_unclean(item, f"{path}.{index}".lstrip("."))
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}".lstrip(".")
            if not is_clean(key):
                yield inner
            yield from find_unclean(item, inner)


def read_id(raw: Any, path: str, faults: set[str]) -> int | None:
    if raw is None:
        return None
    try:
        return read_integer_or_digits(raw)
    except MeaninglessValueError:
        faults.add(path)
        return None


def read_row_limit(raw: Any, default: int, highest: int, faults: set[str]) -> int:
    if raw is None:
        return default
    if not is_integer(raw) or not 1 <= raw <= highest:
        faults.add("row_limit")
        return default
    return int(raw)


def read_name(raw: Any, path: str, faults: set[str]) -> str | None:
    if raw is not None and not isinstance(raw, str):
        faults.add(path)
        return None
    return raw


def read_search_object(body: dict[str, Any], faults: set[str]) -> dict[str, Any]:
    raw = body.get("search_object")
    if raw is None:
        return {}
    if raw == []:
        return {}
    if not isinstance(raw, dict):
        faults.add("search_object")
        return {}
    return raw


def read_request(view: Viewpoint, body: Any, default_row_limit: int, max_row_limit: int) -> tuple[Request, set[str]]:
    """The request and the paths of its faults; with any fault the request is not to be used."""
    faults = set(find_unclean(body, ""))
    if not isinstance(body, dict):
        if body != []:
            faults.add("")
        body = {}
    search = read_search_object(body, faults)
    direct_id = read_id(body.get("perspective_id"), "perspective_id", faults)
    search_id = read_id(search.get("search_perspective_id"), "search_object.search_perspective_id", faults)
    request = Request(
        perspective_id=search_id if direct_id is None else direct_id,
        perspective_name=read_name(search.get("search_perspective"), "search_object.search_perspective", faults),
        criteria=read_criteria(view, search.get("criteria"), "search_object.criteria", faults),
        row_limit=read_row_limit(body.get("row_limit"), default_row_limit, max_row_limit, faults),
    )
    return request, faults
