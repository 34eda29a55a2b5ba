"""The relations around the tickets of the bench world, and its built-in perspectives."""

from __future__ import annotations

from bench.world import (
    ALL_SEEING_USER,
    HEAVY_USER,
    STAFF,
    TAGS,
    WATCHLISTS,
    Step,
    draw,
    draw_skewed,
    draw_unit,
)


def list_satellites(tickets: int) -> list[Step]:
    return [
        Step(
            "participants",
            f"""
            INSERT INTO ticket_participants
            SELECT id, originator_email FROM tickets
            UNION ALL
            SELECT id, 'staff' || 1 + {draw_skewed("id", 50, STAFF, 1.2)} || '@example.org'
            FROM tickets WHERE id % 10 > 2
            """,
        ),
        Step(
            "hashtags",
            f"""
            INSERT INTO ticket_hashtags
            SELECT id, CASE WHEN id % 7 = 0 THEN 'Tag' ELSE 'tag' END || {draw_skewed("id", 51, TAGS, 3)}
            FROM tickets WHERE {draw("id", 52, 10)} < 3
            UNION ALL
            SELECT id, 'Recall' FROM tickets WHERE id % 50000 = 123
            """,
        ),
        Step(
            "watchlists",
            f"""
            INSERT INTO watchlists
            SELECT w, 'Watchlist ' || w, 1 + w % {STAFF}, w % 10 = 0 FROM generate_series(1, {WATCHLISTS}) w
            """,
        ),
        Step(
            "watchlist tickets",
            f"""
            INSERT INTO watchlist_tickets
            SELECT DISTINCT ON (w, ticket) w, ticket, n
            FROM generate_series(1, {WATCHLISTS}) w,
                 LATERAL generate_series(1, 10 + (w % 10) * 500) n,
                 LATERAL (SELECT 1 + {draw("w * 10000 + n", 53, tickets)} AS ticket) drawn
            """,
        ),
        Step(
            "ticket user states",
            f"""
            INSERT INTO ticket_user_states
            SELECT DISTINCT ON (id, user_id) id, user_id,
                   CASE WHEN {draw("id", 54, 10)} > 0
                        THEN created_at + (updated_at - created_at) * 1.5 * {draw_unit("id", 55)} END,
                   {draw("id", 56, 100)} < 2,
                   CASE WHEN {draw("id", 57, 200)} = 0 THEN 1 ELSE 0 END
            FROM (
                SELECT t.*, 1 + {draw_skewed("id * 2 + k", 58, ALL_SEEING_USER, 1.5)} AS user_id
                FROM tickets t, generate_series(0, 1) k
                UNION ALL
                SELECT t.*, {HEAVY_USER} FROM tickets t WHERE id % 20 = 0
            ) drawn
            """,
        ),
        Step(
            "built-in perspectives",
            """
            INSERT INTO perspectives (id, name, is_builtin)
            VALUES (1, 'All', true), (2, 'Open', true), (3, 'For attention', true), (4, 'Mine', true),
                   (5, 'Unassigned', true), (6, 'Retained', true), (7, 'Participating', true),
                   (8, 'Recently read', true), (9, 'Unread', true), (10, 'Inbox', true), (11, 'On hold', true),
                   (12, 'Raised by me', true)
            """,
        ),
        Step(
            "their conditions",
            """
            INSERT INTO perspective_conditions
            VALUES (2, 1, 'status', 'is', '"open"'), (3, 1, 'for_attention', 'is', 'true'),
                   (4, 1, 'assignee', 'is', '"me"'), (4, 2, 'status', 'is not', '"closed"'),
                   (5, 1, 'assignee', 'is', '"Unassigned"'), (5, 2, 'status', 'is not', '"closed"'),
                   (6, 1, 'retained', 'is', 'true'), (7, 1, 'participating', 'is', 'true'),
                   (8, 1, 'recently_read', 'is', 'true'), (9, 1, 'unread', 'is', 'true'),
                   (9, 2, 'status', 'is not', '"closed"'), (10, 1, 'inbox', 'is', 'true'),
                   (11, 1, 'status', 'is', '"on-hold"'), (12, 1, 'originator', 'is', '"me"')
            """,
        ),
        Step(
            "their orders",
            "INSERT INTO perspective_orders VALUES (8, 1, 'last_read_at', false), (11, 1, 'on_hold_until', true)",
        ),
    ]
