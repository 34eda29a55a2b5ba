"""A statement as a script that a person can paste into psql: its binds as `\\set` lines, then its text."""

from tickiti_query.model.statement import Bind, Statement


def write_script(statement: Statement) -> str:
    """Return the script, in which psql puts the values where the text says `:name`."""
    lines = [f"\\set {name} {quote_for_set(write_literal(value))}" for name, value in statement.params]
    return "\n".join([*lines, f"{statement.sql.strip()};", ""])


def write_literal(value: Bind) -> str:
    """Return a value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, tuple):
        return f"ARRAY[{', '.join(write_literal(each) for each in value)}]"
    if isinstance(value, int):
        return str(value)
    quoted = "'" + value.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in quoted else quoted


def quote_for_set(text: str) -> str:
    """Return a text as psql's `\\set` takes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"
