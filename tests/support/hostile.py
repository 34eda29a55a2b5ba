"""Hostile bytes that strangers send, and the shape that every answer to them has all the same."""

import json
from collections.abc import Mapping
from typing import Any

# Each would do something, or show more, where it is taken for a part of a statement, a pattern or a path.
PAYLOADS = (
    "' OR '1'='1",
    "'; DROP TABLE tickets; --",
    "x' UNION SELECT token FROM personal_access_tokens --",
    "1) OR (1=1",
    "tickets.id) OR TRUE --",
    "id; SELECT pg_sleep(9)",
    "$$ || pg_sleep(9) || $$",
    '"; RESET ROLE; --',
    "\\' OR TRUE --",
    "E'\\x27'",
    ":id",
    "%(id)s %s %%",
    "$1",
    "{0}{id!r}",
    "%",
    "_%\\",
    "/* */ TRUE",
    "open'\u2019\u02bc\uff07",
    "\u202e\ufeff\u200b",
    "line\nline\r\tline",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
)

# status -> the codes that go with it
CODES: Mapping[int, set[str]] = {
    400: {"malformed_json"},
    401: {"unauthenticated"},
    403: {"forbidden"},
    404: {"not_found"},
    405: {"method_not_allowed"},
    413: {"payload_too_large"},
    415: {"unsupported_media_type"},
    422: {"validation_failed"},
    429: {"rate_limited"},
    501: {"unsupported_perspective"},
}
LONGEST_ERROR = 2 * 1024 * 1024


def check_shape(status: int, headers: Any, body: bytes) -> None:
    """AssertionError where an answer of a sound service is none of the contract's."""
    assert headers["Content-Type"] == "application/json; charset=utf-8", headers
    assert headers["Cache-Control"] == ("private, no-cache" if status == 200 else "no-store"), headers
    assert headers["X-Request-ID"]
    document: dict[str, Any] = json.loads(body)
    if status == 200:
        assert list(document) == ["ok", "data"]
        assert document["ok"] is True
        return
    assert status in CODES, (status, body[:300])
    assert list(document) == ["ok", "error", "message"] + ["errors"] * (status == 422)
    assert document["ok"] is False
    assert document["error"] in CODES[status]
    assert len(body) <= LONGEST_ERROR
