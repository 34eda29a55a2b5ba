"""Bytes of strangers in body, headers and token, on both ways in: the short one of a hit, and the one through Flask."""

import gzip
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support.hostile import PAYLOADS, check_shape
from tests.support.shop import PATH, PRIYA, Shop

# `TICKITI_HOSTILE_CASES=50000 ./script/test tests/integration/test_hostile_bodies.py` is the longer run.
CASES = int(os.environ.get("TICKITI_HOSTILE_CASES", "300"))
JSON = "application/json"
KIB = 1024
NUL = '"\\u0000"'


def send(shop: Shop, path: str, raw: bytes, headers: dict[str, str]) -> TestResponse:
    return shop.app.test_client().post(
        path, data=raw, headers=headers, environ_overrides={"REMOTE_ADDR": "203.0.113.9"}
    )


def ask(shop: Shop, raw: bytes = b"", **headers: str) -> TestResponse:
    """The answer, which has one of the contract's shapes and is the same whichever way a request takes.

    A path with a slash behind it always goes through Flask; the other one does where there is no hit.
    """
    sent = {"Authorization": f"Bearer {PRIYA}", "Content-Type": JSON}
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    answers = [send(shop, path, raw, sent) for path in (PATH, PATH, f"{PATH}/")]
    for answer in answers:
        check_shape(answer.status_code, answer.headers, answer.data)
        assert (answer.status_code, answer.data) == (answers[0].status_code, answers[0].data)
    return answers[0]


def nest(text: str, depth: int) -> str:
    return "[" * depth + text + "]" * depth


def repeat(text: str, count: int) -> str:
    return ",".join([text] * count)


def search(criteria: str) -> str:
    return f'{{"search_object":{{"criteria":{criteria}}}}}'


BODIES: dict[str, tuple[str | bytes, int]] = {
    "nested as deep as it gets": ("[" * 64 * KIB, 400),
    "nested deeply, and sound": (nest("", 30_000), 400),
    "objects nested deeply": ('{"a":' * 9000 + "1" + "}" * 9000, 400),
    "nested, and no object": (nest("", 500), 422),
    "nested in a field nobody knows": (f'{{"a":{nest("", 500)}}}', 200),
    "deep, then wide": (f'{{"a":{nest(repeat("0", 31_000), 500)}}}', 200),
    "deep, then wide with texts": (nest(repeat('""', 20_000), 500), 422),
    "deep, then wide with NULs": (f'{{"a":{nest(repeat(NUL, 7000), 500)}}}', 422),
    "NULs below a long name": (f'{{"{"k" * 30_000}":[{repeat(NUL, 3500)}]}}', 422),
    "thousands of empty criteria": (search(f"[{repeat('{}', 21_000)}]"), 422),
    "thousands of criteria that are none": (search(f"[{repeat('0', 32_000)}]"), 422),
    "thousands of tokens that are none": (
        search(f'[{{"mode":"subject","tokens":[{repeat("[]", 20_000)}]}}]'),
        422,
    ),
    "thousands of names nobody knows": (
        f"{{{','.join(f'{chr(34)}{n}{chr(34)}:0' for n in range(7000))}}}",
        200,
    ),
    "a number of 60,000 digits": (f'{{"row_limit":{"9" * 60_000}}}', 422),
    "an id of 60,000 digits": (f'{{"perspective_id":"{"9" * 60_000}"}}', 404),
    "a negative id of 60,000 digits": (f'{{"perspective_id":-{"9" * 60_000}}}', 404),
    "a float beyond floats": ('{"row_limit":1e999999}', 422),
    "a float too small for floats": ('{"row_limit":1e-999999}', 422),
    "minus nought": ('{"row_limit":-0}', 422),
    "a whole float": ('{"row_limit":1.0}', 422),
    "NaN": ('{"row_limit":NaN}', 400),
    "Infinity": ('{"row_limit":-Infinity}', 400),
    "a name twice, the last one counts": ('{"row_limit":"x","row_limit":1}', 200),
    "a name twice, the last one is wrong": ('{"row_limit":1,"row_limit":"x"}', 422),
    "an object twice": ('{"search_object":{"criteria":0},"search_object":{}}', 200),
    "NUL, escaped, in a value": ('{"a":"\\u0000"}', 422),
    "NUL, escaped, in a name": ('{"\\u0000":1}', 422),
    "NUL as a byte": (b'{"a":"\0"}', 400),
    "NUL behind": (b"{}\0", 400),
    "half a surrogate pair": ('{"a":"\\ud800"}', 422),
    "the other half, in a name": ('{"\\udfff":1}', 422),
    "a surrogate pair": ('{"a":"\\ud83d\\ude42"}', 200),
    "surrogates as bytes": (b'{"a":"\xed\xa0\x80"}', 400),
    "overlong UTF-8": (b'{"a":"\xc0\xaf"}', 400),
    "Latin-1": (b'{"a":"\xe9"}', 400),
    "UTF-16": ("{}".encode("utf-16"), 400),
    "a byte order mark": (b"\xef\xbb\xbf{}", 200),
    "two byte order marks": (b"\xef\xbb\xbf\xef\xbb\xbf{}", 400),
    "a byte order mark alone": (b"\xef\xbb\xbf", 400),
    "a byte order mark behind": (b"{}\xef\xbb\xbf", 400),
    "UTF-16 with a byte order mark, little end first": (b"\xff\xfe{\0}\0", 400),
    "two documents": ("{}{}", 400),
    "a comment": ("{}//", 400),
    "single quotes": ("{'row_limit':1}", 400),
    "a line break in a text": ('{"a":"\n"}', 400),
    "white space alone": (" \n\t", 400),
    "64 KiB": ("{}" + " " * (64 * KIB - 2), 200),
    "64 KiB and a byte": ("{}" + " " * (64 * KIB - 1), 413),
    "4 KiB": ("{}" + " " * (4 * KIB - 2), 200),
    "4 KiB and a byte": ("{}" + " " * (4 * KIB - 1), 200),
    "a name from a prototype": ('{"__proto__":{"row_limit":1},"constructor":1}', 200),
    "gzip": (gzip.compress(b"{}"), 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_refused_or_read(shop: Shop, name: str) -> None:
    body, status = BODIES[name]
    assert ask(shop, body if isinstance(body, bytes) else body.encode()).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Encoding": "gzip"}, 200),  # nothing is ever unpacked: the bytes are the body
        ({"Content_Type": "application/json; charset=utf-16"}, 200),
        ({"Content_Type": "application/json;" + ";" * 5000}, 200),
        ({"Content_Type": "APPLICATION/JSON"}, 200),
        ({"Content_Type": "application/json, text/plain"}, 415),
        ({"Content_Type": "application/json\xa0"}, 415),
        ({"Content_Type": "text/json"}, 415),
        ({"Content_Type": ""}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "multipart/form-data; boundary=" + "x" * 5000}, 415),
        ({"Accept": "text/html"}, 200),
        ({"Range": "bytes=5-1"}, 200),
        ({"If_None_Match": "*"}, 200),
        ({"X_HTTP_Method_Override": "DELETE"}, 200),
        ({"Cookie": "session=" + "x" * 5000}, 200),
    ],
)
def test_a_hostile_header_changes_nothing_else(shop: Shop, headers: dict[str, str], status: int) -> None:
    assert ask(shop, b'{"row_limit": 1}', **headers).status_code == status


def test_a_host_that_is_no_name_is_of_no_interest(shop: Shop) -> None:
    assert ask(shop, Host="0..0").status_code == 200
    assert ask(shop, Host="0..0", Authorization="Bearer wrong").status_code == 401


def test_a_payload_in_any_header_is_text(shop: Shop) -> None:
    expected = ask(shop, b'{"row_limit": 2}').data
    for payload in PAYLOADS:
        text = payload.encode("ascii", "ignore").decode().translate({10: 32, 13: 32})
        for name in ("X_Request_ID", "X_Forwarded_For", "User_Agent", "Accept_Language", "If_Match"):
            assert ask(shop, b'{"row_limit": 2}', **{name: text}).data == expected
        assert ask(shop, b"{}", Authorization=f"Bearer {text}").status_code == 401
        assert ask(shop, b"{}", Authorization=f"Bearer 1|{text}").status_code == 401
        assert ask(shop, b"{}", Authorization=f"Bearer {PRIYA}x{text}").status_code == 401


WORDS = (
    "perspective_id", "search_object", "search_perspective", "search_perspective_id", "criteria", "mode", "tokens",
    "match", "row_limit", "subject", "content", "assigned", "ticket_number", "created_from", "watchlist", "any", "all",
    "me", "All", "2026-05-01", *PAYLOADS,
)  # fmt: skip
NUMBERS = (0, 1, -1, 5000, 5001, 2**31, 2**63 - 1, 2**63, -(2**63), 10**40, 1.5, -0.0)
TEXTS = st.sampled_from(WORDS) | st.text(st.characters(codec=None), max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
CRITERIA = st.lists(
    st.fixed_dictionaries(
        {"mode": TEXTS, "tokens": st.lists(TEXTS | st.sampled_from(NUMBERS), max_size=3)},
        optional={"match": TEXTS, "x": VALUES},
    ),
    max_size=3,
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "perspective_id": VALUES,
        "row_limit": VALUES,
        "search_object": VALUES
        | st.fixed_dictionaries(
            {}, optional={"search_perspective": TEXTS, "search_perspective_id": VALUES, "criteria": CRITERIA}
        ),
    },
)
BYTES = st.binary(max_size=80)
DOCUMENTS = (QUERIES | VALUES).map(lambda value: json.dumps(value).encode())
SPOILT = st.tuples(DOCUMENTS, st.integers(0, 400), BYTES).map(
    lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] :]
)
# What a header may hold once gunicorn has let it through: no control character but the tab.
HEADERS = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]) | st.just("\t"), max_size=60)
TOKENS = HEADERS.map(lambda text: f"Bearer {text}") | HEADERS.map(lambda text: f"bearer 1|{text}") | HEADERS


@settings(max_examples=CASES)
@given(raw=DOCUMENTS | SPOILT | BYTES)
def test_any_body_gets_an_answer_of_the_contract(shop: Shop, raw: bytes) -> None:
    ask(shop, raw)


@settings(max_examples=CASES)
@given(
    token=st.just(f"Bearer {PRIYA}") | TOKENS,
    content_type=st.just(JSON) | HEADERS,
    rest=st.dictionaries(
        st.sampled_from(["X_Request_ID", "X_Forwarded_For", "Content_Encoding", "Accept", "Host", "Expect"]),
        HEADERS,
    ),
    raw=st.just(b"{}") | BYTES,
)
def test_any_headers_get_an_answer_of_the_contract(
    shop: Shop, token: str, content_type: str, rest: dict[str, str], raw: bytes
) -> None:
    answer = ask(shop, raw, Authorization=token, Content_Type=content_type, **rest)
    if not token.endswith(PRIYA):
        assert answer.status_code == 401
