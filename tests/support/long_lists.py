"""Lists whose rows are long: tickets with many participants, and the perspective that shows them."""

import contextlib
from collections.abc import Iterator

from demo.pair import Pair

NEWEST = "(SELECT id FROM reporting.tickets WHERE deleted_at IS NULL ORDER BY updated_at DESC, id LIMIT %s)"


@contextlib.contextmanager
def add_participants(
    pair: Pair, tickets: int, participants: int, letters: int = 12, perspective: int = 9900
) -> Iterator[int]:
    """Give tickets participants, whose addresses have `letters` before the @, and yield the perspective's id."""
    domain = f"@long-{perspective}.example"
    execute = pair.primary.execute
    execute(
        "INSERT INTO reporting.ticket_participants (ticket_id, email)"
        f" SELECT t.id, repeat('x', %s) || n || %s FROM {NEWEST} t, generate_series(1, %s) n",
        (letters, domain, tickets, participants),
    )
    execute(
        "INSERT INTO reporting.perspectives (id, name, is_builtin, shared) VALUES (%s, %s, true, true)",
        (perspective, f"Long lists {perspective}"),
    )
    execute("INSERT INTO reporting.perspective_columns VALUES (%s, 1, 'participants')", (perspective,))
    execute("ANALYZE reporting.ticket_participants")
    pair.wait_replayed(60)
    try:
        yield perspective
    finally:
        execute("DELETE FROM reporting.perspective_columns WHERE perspective_id = %s", (perspective,))
        execute("DELETE FROM reporting.perspectives WHERE id = %s", (perspective,))
        execute("DELETE FROM reporting.ticket_participants WHERE email LIKE %s", (f"%{domain}",))
