"""Pieces of SELECT and ORDER BY that several fields share."""

from tickiti_query.field import Key
from tickiti_query.matching import Fragment
from tickiti_query.predicate import Viewpoint


def fixed(sql: str) -> Fragment:
    """SQL that is the same for everybody."""
    return lambda _view: sql


def text_key(expression: str, *, nullable: bool = False, by_queue: bool = False) -> Key:
    """Text orders by its folded form, byte by byte, the same on every machine."""
    return Key(fixed(f'lower({expression}) COLLATE "C"'), nullable, by_queue=by_queue)


def moment_column(expression: str) -> Fragment:
    """A time as `YYYY-MM-DD HH:MM:SS`."""
    return fixed(f"to_char({expression}, 'YYYY-MM-DD HH24:MI:SS')")


def list_column(value: str, source: Fragment) -> Fragment:
    """A list, sorted by the folded value, then by the value; empty rather than null."""

    def write(view: Viewpoint) -> str:
        return (
            f'ARRAY(SELECT {value} {source(view)} ORDER BY lower({value}) COLLATE "C", {value} COLLATE "C")'
        )

    return write


def user_name(email: str) -> Fragment:
    """The name of the user with this e-mail address, or null."""
    return fixed(f"(SELECT u.name FROM users u WHERE lower(u.email) = lower({email}) ORDER BY u.id LIMIT 1)")
