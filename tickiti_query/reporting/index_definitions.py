"""Definitions of indexes, in one spelling, and in the names of the table beneath a view."""

import re
from collections.abc import Iterable, Mapping

CASTS_QUALIFIERS_AND_MARKS = re.compile(r'::(text|character varying|integer)|\w+\.(?=gin_trgm_ops)|[\s()"]')


def normalize(definition: str) -> str:
    """Return a definition in one spelling, from ours or from PostgreSQL's own with its casts and parentheses."""
    columns = definition.rpartition("USING ")[2].removeprefix("btree ")
    return CASTS_QUALIFIERS_AND_MARKS.sub("", columns)


def read_view(definition: str, tables: Iterable[str]) -> Mapping[str, str]:
    """Return the expressions over the tables beneath, by the columns of a view as pg_get_viewdef() writes it."""
    columns, _, _ = definition.strip().removeprefix("SELECT ").partition("\n   FROM ")
    spellings = [re.escape(name) for table in tables for name in (table, f'"{table}"')]
    qualifiers = re.compile(rf'(?<![\w"])(?:{"|".join(spellings)})\.')
    found = {}
    for column in columns.split(",\n"):
        expression, is_named, name = qualifiers.sub("", column).strip().rpartition(" AS ")
        found[name.strip('"')] = expression if is_named else name
    return found


def translate(definition: str, columns: Mapping[str, str]) -> str:
    """Return a definition over a view's columns as one over the expressions beneath it; what is in quotes stays."""
    return re.sub(r"'[^']*'|\w+", lambda word: f"({columns[word[0]]})" if word[0] in columns else word[0], definition)
