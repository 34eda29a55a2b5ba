"""Rows become the bytes of a body."""

from collections.abc import Sequence
from typing import Any

import orjson


def render_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    """The body of a 200: `{"ok": true, "data": [row, …]}`, each row an object with its columns in order."""
    rendered = orjson.dumps({"ok": True, "data": [dict(zip(columns, row)) for row in rows]})  # noqa: B905  hot
    # orjson's buffer is up to twice as large as what is in it, and an answer may be kept: a copy is exactly as large.
    return bytes(memoryview(rendered))
