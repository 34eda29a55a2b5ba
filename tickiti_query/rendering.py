"""Rows become the bytes of a body."""

from collections.abc import Sequence
from typing import Any

import orjson


def render_rows(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    """The body of a 200: `{"ok": true, "data": [row, …]}`, each row an object with its columns in order."""
    return orjson.dumps({"ok": True, "data": [dict(zip(columns, row, strict=True)) for row in rows]})
