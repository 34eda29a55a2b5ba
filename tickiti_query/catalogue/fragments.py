"""Pieces of SELECT and ORDER BY that several fields share."""

from tickiti_query.catalogue import relations
from tickiti_query.catalogue.field import Column, Key, Kind
from tickiti_query.catalogue.matching import Fragment
from tickiti_query.catalogue.predicate import CompileContext, Predicate


def fixed(sql: str) -> Fragment:
    """Return a fragment whose SQL is the same in every context."""
    return lambda _context: sql


def text_key(expression: str, *, nullable: bool = False, by_queue: bool = False) -> Key:
    """Return the key of a text: its folded form, byte by byte, the same on every machine."""
    return Key(fixed(f'lower({expression}) COLLATE "C"'), nullable, by_queue=by_queue)


def number_column(expression: str, example: int) -> Column:
    """Return the column of a whole number."""
    return Column(fixed(expression), Kind.INTEGER, example)


def text_column(expression: str, example: str, *, nullable: bool = False, choices: tuple[str, ...] = ()) -> Column:
    """Return the column of a text."""
    return Column(fixed(expression), Kind.TEXT, example, nullable, choices)


def moment_column(expression: str, example: str, *, nullable: bool = False) -> Column:
    """Return the column of a time as `YYYY-MM-DD HH:MM:SS`."""
    return Column(fixed(write_moment(expression)), Kind.MOMENT, example, nullable)


def write_moment(expression: str) -> str:
    """Write a time as text, in a session whose DateStyle is ISO. to_char would take twice the time."""
    return f"CAST(date_trunc('second', {expression}) AS text)"


def list_values(value: str, source: Fragment) -> Fragment:
    """Return the fragment of a list, sorted by the folded value, then by the value. It is empty rather than null."""

    def write(context: CompileContext) -> str:
        return f'ARRAY(SELECT {value} {source(context)} ORDER BY lower({value}) COLLATE "C", {value} COLLATE "C")'

    return write


def name_column(email: str, example: str) -> Column:
    """Return the column of the name of the user with this e-mail address, or null."""
    sql = f"(SELECT u.name FROM users u WHERE lower(u.email) = lower({email}) ORDER BY u.id LIMIT 1)"
    return text_column(sql, example, nullable=True)


def show_responses(context: CompileContext) -> str:
    """Write the number of responses that the acting user may see."""
    return f"json_build_object('responses', (SELECT count(*) {relations.visible_responses(context)}))"


def show_last_read(context: CompileContext) -> str:
    """Write the time when the subject user last read the ticket, as text, or NULL."""
    return write_moment(relations.select_last_read(context))


def show_reading(context: CompileContext) -> str:
    """Write the time when the subject user last read the ticket, and the time since when there is something to read."""
    since = write_moment("COALESCE(t.last_response_at, t.created_at)")
    return f"json_build_object('last read', {show_last_read(context)}, 'last response or creation', {since})"


def show_attention(context: CompileContext) -> str:
    """Write a list of facts: that the ticket is closed, and each cause why it needs the subject user's attention."""
    facts = {"closed": Predicate("t.status = 'closed'"), **relations.find_causes(context)}
    words = ", ".join(f"CASE WHEN {fact.sql} THEN '{word}' END" for word, fact in facts.items())
    return f"array_remove(ARRAY[{words}], NULL)"
