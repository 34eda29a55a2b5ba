"""Bytes become a TicketQuery, or say what is wrong with them: media type first, then JSON, then meaning."""

import json
from typing import Any

import pytest

from tickiti_query.http.body import make_body_parser
from tickiti_query.model.errors import MalformedJson, UnsupportedMediaType, ValidationFailed
from tickiti_query.model.perspective import Criterion, Selector, TicketQuery

JSON = "application/json"
CRITERION = {"mode": "subject", "tokens": ["x"]}
read_body = make_body_parser(default_row_limit=100, max_row_limit=5000)


def read(document: Any) -> TicketQuery:
    return read_body(json.dumps(document).encode(), JSON)


def search(**fields: Any) -> dict[str, Any]:
    return {"search_object": fields}


def criteria(*items: Any) -> dict[str, Any]:
    return search(criteria=list(items))


def criterion(**fields: Any) -> dict[str, Any]:
    return criteria({**CRITERION, **fields})


READINGS: list[tuple[Any, TicketQuery]] = [
    ({}, TicketQuery()),
    ([], TicketQuery()),
    ({"search_object": []}, TicketQuery()),
    ({"perspective_id": None, "search_object": None, "row_limit": None}, TicketQuery()),
    (
        search(search_perspective=None, search_perspective_id=None, criteria=None),
        TicketQuery(),
    ),
    ({"perspective_id": 3}, TicketQuery(Selector(3))),
    ({"perspective_id": "3"}, TicketQuery(Selector(3))),
    ({"perspective_id": "003"}, TicketQuery(Selector(3))),
    ({"perspective_id": 0}, TicketQuery(Selector(0))),
    ({"perspective_id": -1}, TicketQuery(Selector(-1))),
    ({"perspective_id": 2**63 - 1}, TicketQuery(Selector(2**63 - 1))),
    ({"perspective_id": "9" * 5000}, TicketQuery(Selector(2**63))),
    (search(search_perspective_id="4"), TicketQuery(Selector(4))),
    (search(search_perspective="Inbox"), TicketQuery(Selector(None, "Inbox"))),
    (search(search_perspective=""), TicketQuery(Selector(None, ""))),
    (
        {"perspective_id": 3, **search(search_perspective_id=4, search_perspective="Inbox")},
        TicketQuery(Selector(3, "Inbox")),
    ),
    (search(search_perspective_id=4, search_perspective="Inbox"), TicketQuery(Selector(4, "Inbox"))),
    (
        {"perspective_id": 0, **search(search_perspective_id=4)},
        TicketQuery(Selector(0)),
    ),
    ({"row_limit": 1}, TicketQuery(row_limit=1)),
    ({"row_limit": 5000}, TicketQuery(row_limit=5000)),
    (criteria(CRITERION), TicketQuery(criteria=(Criterion("subject", ("x",)),))),
    (criterion(match="any"), TicketQuery(criteria=(Criterion("subject", ("x",), "any"),))),
    (criterion(match=None), TicketQuery(criteria=(Criterion("subject", ("x",)),))),
    (criterion(tokens=["x" * 500, 5]), TicketQuery(criteria=(Criterion("subject", ("x" * 500, 5)),))),
    (criteria(*[CRITERION] * 20), TicketQuery(criteria=(Criterion("subject", ("x",)),) * 20)),
]

WRONG: list[tuple[Any, set[str]]] = [
    ([[]], {""}),
    ("text", {""}),
    (3, {""}),
    (None, {""}),
    (True, {""}),
    ({"perspective_id": 3.0}, {"perspective_id"}),
    ({"perspective_id": True}, {"perspective_id"}),
    ({"perspective_id": ""}, {"perspective_id"}),
    ({"perspective_id": "-1"}, {"perspective_id"}),
    ({"perspective_id": " 3"}, {"perspective_id"}),
    ({"perspective_id": "3\n"}, {"perspective_id"}),
    ({"perspective_id": "٣"}, {"perspective_id"}),
    ({"perspective_id": [3]}, {"perspective_id"}),
    ({"perspective_id": {}}, {"perspective_id"}),
    ({"search_object": [{}]}, {"search_object"}),
    ({"search_object": "All"}, {"search_object"}),
    (search(search_perspective=3), {"search_object.search_perspective"}),
    (search(search_perspective=["All"]), {"search_object.search_perspective"}),
    (search(search_perspective_id=3.5), {"search_object.search_perspective_id"}),
    (search(search_perspective_id="three"), {"search_object.search_perspective_id"}),
    (search(criteria={}), {"search_object.criteria"}),
    (search(criteria="subject"), {"search_object.criteria"}),
    (criteria(*[CRITERION] * 21), {"search_object.criteria"}),
    (criteria(*[{**CRITERION, "tokens": ["x"] * 501}] * 2), {"search_object.criteria"}),
    (criteria("subject"), {"search_object.criteria.0"}),
    (criteria(None), {"search_object.criteria.0"}),
    (criteria(CRITERION, []), {"search_object.criteria.1"}),
    (criteria({}), {"search_object.criteria.0.mode", "search_object.criteria.0.tokens"}),
    (criterion(mode=None), {"search_object.criteria.0.mode"}),
    (criterion(mode=1), {"search_object.criteria.0.mode"}),
    (criterion(tokens=None), {"search_object.criteria.0.tokens"}),
    (criterion(tokens="x"), {"search_object.criteria.0.tokens"}),
    (criterion(tokens=[]), {"search_object.criteria.0.tokens"}),
    (criterion(tokens=["x", ""]), {"search_object.criteria.0.tokens.1"}),
    (criterion(tokens=["x" * 501]), {"search_object.criteria.0.tokens.0"}),
    (criterion(tokens=[None]), {"search_object.criteria.0.tokens.0"}),
    (criterion(tokens=[True]), {"search_object.criteria.0.tokens.0"}),
    (criterion(tokens=[1.5]), {"search_object.criteria.0.tokens.0"}),
    (criterion(tokens=[["x"]]), {"search_object.criteria.0.tokens.0"}),
    (criterion(match="ALL"), {"search_object.criteria.0.match"}),
    (criterion(match=""), {"search_object.criteria.0.match"}),
    (criterion(match=1), {"search_object.criteria.0.match"}),
    ({"row_limit": 0}, {"row_limit"}),
    ({"row_limit": -1}, {"row_limit"}),
    ({"row_limit": 5001}, {"row_limit"}),
    ({"row_limit": 10**30}, {"row_limit"}),
    ({"row_limit": "100"}, {"row_limit"}),
    ({"row_limit": 100.0}, {"row_limit"}),
    ({"row_limit": False}, {"row_limit"}),
    ({"perspective_id": "x", "row_limit": 0}, {"perspective_id", "row_limit"}),
    # a NUL, or half a surrogate pair, anywhere in a string
    (search(search_perspective="a\0"), {"search_object.search_perspective"}),
    (criterion(tokens=["\ud800"]), {"search_object.criteria.0.tokens.0"}),
    (criterion(tokens=["\udc00\ud800"]), {"search_object.criteria.0.tokens.0"}),
    ({"other": {"deep": ["fine", "a\0"]}}, {"other.deep.1"}),
    ({"other": {"\ud800": 1}}, {"other.?"}),
    ({"a\0": 1}, {"a\0"}),
    ("\0", {""}),
]

MALFORMED = [
    b"{",
    b" ",
    b"perspective_id=3",
    b"{'perspective_id': 3}",
    b'{"perspective_id": 3,}',
    b'{"perspective_id": 3} {}',
    b'{"perspective_id": 03}',
    b'{"row_limit": NaN}',
    b'{"other": Infinity}',
    b'{"other": -Infinity}',
    b'{"other": "a\nb"}',
    b'\xef\xbb\xbf\xef\xbb\xbf{"perspective_id": 3}',
    b"\xef\xbb\xbf",
    '{"other": "ü"}'.encode("latin-1"),
    '{"other": "ü"}'.encode("utf-16"),
    b'{"other": "\xed\xa0\x80"}',
    b"[" * 60_000,
    b'{"other":' * 7_000,
]

IGNORED: list[tuple[Any, tuple[str, ...]]] = [
    ({}, ()),
    ({"perspective_id": 1, "row_limit": 1, **criterion(match="all")}, ()),
    ({"page": 2, "other": None}, ("page", "other")),
    ({"page": {"size": 3}}, ("page",)),
    (search(sort="x", search_perspective="All"), ("search_object.sort",)),
    (criterion(fuzzy=True), ("search_object.criteria.0.fuzzy",)),
    (criteria(CRITERION, {**CRITERION, "z": 1}), ("search_object.criteria.1.z",)),
    ({"a b,c": 1}, ("a%20b%2Cc",)),
    ({"grün": 1, "\r\nX-Evil: 1": 1, "😀": 1}, ("gr%C3%BCn", "%0D%0AX-Evil%3A%201", "%F0%9F%98%80")),
    ({"": 1}, ("",)),
    ({"Perspective_ID": 1}, ("Perspective_ID",)),
]


@pytest.mark.parametrize(("document", "query"), READINGS)
def test_a_body_is_understood(document: Any, query: TicketQuery) -> None:
    assert read(document) == query


@pytest.mark.parametrize("content_type", ["", JSON, "text/plain"])
def test_no_body_asks_for_all_whatever_it_is_called(content_type: str) -> None:
    assert read_body(b"", content_type) == TicketQuery()


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON", f"{JSON}; charset=utf-8", f" {JSON} ;x"])
def test_json_is_recognised_by_its_media_type(content_type: str) -> None:
    assert read_body(b'{"perspective_id": 3}', content_type).selector == Selector(3)


@pytest.mark.parametrize(
    "content_type", ["", "text/json", "application/problem+json", "application/x-www-form-urlencoded", "json"]
)
def test_another_media_type_is_refused_before_the_body_is_read(content_type: str) -> None:
    for raw in (b"{}", b"{", b"\xff", b'{"row_limit": 0}'):
        with pytest.raises(UnsupportedMediaType):
            read_body(raw, content_type)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_body(b'\xef\xbb\xbf{"perspective_id": 3}', JSON) == TicketQuery(Selector(3))


@pytest.mark.parametrize("raw", MALFORMED)
def test_what_is_no_json_in_utf8_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        read_body(raw, JSON)


@pytest.mark.parametrize(("document", "paths"), WRONG)
def test_a_wrong_type_or_value_is_named_by_its_path(document: Any, paths: set[str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read(document)
    assert set(refused.value.errors) == paths
    for sentences in refused.value.errors.values():
        assert sentences
        assert all(sentence.endswith(".") for sentence in sentences)


def test_every_path_with_a_forbidden_character_is_named() -> None:
    with pytest.raises(ValidationFailed) as refused:
        read({"a\0": "b\0", "c": ["\ud800", {"d": "\0"}]})
    assert set(refused.value.errors) == {"a\0", "c.0", "c.1.d"}


def test_an_astral_character_is_no_lone_surrogate() -> None:
    assert read(search(search_perspective="🏃")).selector.name == "🏃"


@pytest.mark.parametrize(("document", "ignored"), IGNORED)
def test_unknown_fields_are_ignored_and_named(document: Any, ignored: tuple[str, ...]) -> None:
    assert read(document).ignored == ignored


def test_the_last_of_several_equal_names_counts() -> None:
    assert read_body(b'{"perspective_id": "x", "perspective_id": 3}', JSON).selector == Selector(3)


def test_numbers_of_thousands_of_digits_are_as_good_as_the_first_beyond_64_bits() -> None:
    digits = b"9" * 60_000
    query = read_body(b'{"perspective_id": %b, "other": -%b}' % (digits, digits), JSON)
    assert query.selector == Selector(2**63)
    assert read_body(b'{"other": 1e999, "more": 0.%b}' % digits, JSON) == TicketQuery()


def test_nesting_that_can_be_read_is_no_fault() -> None:
    depth = 200
    query = read_body(b'{"other":' + b"[" * depth + b"]" * depth + b"}", JSON)
    assert query.ignored == ("other",)


def test_an_install_has_its_own_limits() -> None:
    own = make_body_parser(default_row_limit=5, max_row_limit=10)
    assert own(b"", "").row_limit == 5
    assert own(b"{}", JSON).row_limit == 5
    assert own(b'{"row_limit": 10}', JSON).row_limit == 10
    with pytest.raises(ValidationFailed, match="see errors"):
        own(b'{"row_limit": 11}', JSON)
    assert read_body(b'{"row_limit": 11}', JSON).row_limit == 11


@pytest.mark.parametrize(("raw", "size"), [(b"{}", 18), (b"", 16)])
def test_the_size_is_of_the_body_and_its_media_type(raw: bytes, size: int) -> None:
    assert read_body(raw, JSON).size == size
