"""The bench world as set-based SQL: every value is a hash of its row's number, so two builds are equal.

`{tickets}` is the number of tickets; ids run with creation time, as they do in a real installation.
"""

from __future__ import annotations

from dataclasses import dataclass

QUEUES = 20
TINY_QUEUE = 20  # about one ticket in ten thousand
STAFF = 200
TINY_USER = 200  # sees the tiny queue alone
ALL_SEEING_USER = 201
HEAVY_USER = 1  # has read every twentieth ticket
TEAMS = 20
WATCHLISTS = 100
TAGS = 200
WORDS = 4000
SENTENCES = 20000
RESPONSES_PER_TICKET = 3

RARE_WORD = "zyxoglypt"  # in one response in a hundred thousand
SCARCE_WORD = "quetzalith"  # in one response in a thousand
COMMON_WORD = "invoice"  # in about one response in four


@dataclass(frozen=True)
class Step:
    """One statement of the build and the words of its progress line."""

    title: str
    sql: str


def draw(key: str, seed: int, bound: int) -> str:
    """SQL for a whole number from 0 to bound - 1, a hash of `key` and `seed`."""
    return f"(hashint8extended({key}, {seed}) & 1073741823) % {bound}"


def draw_unit(key: str, seed: int) -> str:
    """SQL for a number from 0 up to 1, a hash of `key` and `seed`."""
    return f"((hashint8extended({key}, {seed}) & 1073741823) / 1073741824.0::float8)"


def draw_skewed(key: str, seed: int, bound: int, power: float) -> str:
    """SQL for a whole number from 0 to bound - 1, small ones more often the greater `power` is."""
    return f"floor({bound} * power({draw_unit(key, seed)}, {power}))::int"


def list_steps(tickets: int) -> list[Step]:
    """The whole build, in order, for an empty reporting schema on the search path."""
    return [*_list_people(tickets), *_list_words(), *_list_tickets(tickets), *_list_satellites(tickets)]


def _list_people(tickets: int) -> list[Step]:
    customers = max(tickets // 50, 100)
    return [
        Step(
            "staff and customers",
            f"""
            INSERT INTO users
            SELECT i, 'Staff ' || i, CASE WHEN i % 10 = 0 THEN 'Staff' ELSE 'staff' END || i || '@example.org',
                   true, true, i = {ALL_SEEING_USER}
            FROM generate_series(1, {ALL_SEEING_USER}) i
            UNION ALL
            SELECT 1000 + i, 'Customer ' || i, 'customer' || i || '@example.com', false, true, false
            FROM generate_series(1, {customers}) i
            """,
        ),
        Step(
            "queues",
            f"""
            INSERT INTO ticket_queues
            SELECT i, CASE WHEN i = {TINY_QUEUE} THEN 'Archive of oddities' ELSE 'Queue ' || i END, i = 19
            FROM generate_series(1, {QUEUES}) i
            """,
        ),
        Step(
            "queue permissions",
            f"""
            INSERT INTO queue_permissions
            SELECT u, 1 + (u + k * 4) % 19, true, false, false, u % 4 = 0 AND k = 0
            FROM generate_series(1, {STAFF} - 1) u, generate_series(0, 4) k
            UNION ALL
            SELECT {TINY_USER}, {TINY_QUEUE}, true, false, false, true
            UNION ALL
            SELECT {TINY_USER}, 1, false, false, false, false
            """,
        ),
        Step("teams", f"INSERT INTO teams SELECT i, 'Team ' || i FROM generate_series(1, {TEAMS}) i"),
        Step(
            "team members",
            f"""
            INSERT INTO team_members
            SELECT 1 + (u + k * 7) % {TEAMS}, u
            FROM generate_series(1, {STAFF}) u, generate_series(0, u % 2) k
            """,
        ),
    ]


def _list_words() -> list[Step]:
    """Words of syllables, Zipf-like in sentences; the sentences are then shared out to the responses."""
    syllables = "'{ba,ce,di,fo,gu,ka,le,mi,no,pu,ra,se,ti,vo,zu,sha,ster,ing,ter,men,pro,con}'::text[]"
    picks = " || ".join(
        f"(CASE WHEN i >> {5 * k} > 0 OR {k} < 2 THEN ({syllables})[1 + ({draw('i', 20 + k, 22)})] ELSE '' END)"
        for k in range(4)
    )
    return [
        Step(
            "words",
            f"""
            CREATE TEMP TABLE word AS
            SELECT i, CASE WHEN i = 3 THEN '{COMMON_WORD}' ELSE {picks} END AS word
            FROM generate_series(0, {WORDS} - 1) i
            """,
        ),
        Step(
            "sentences",
            f"""
            CREATE TEMP TABLE sentence AS
            SELECT s AS i, string_agg(CASE WHEN w = 0 THEN initcap(word) ELSE word END, ' ' ORDER BY w) || '.' AS text
            FROM generate_series(0, {SENTENCES} - 1) s, generate_series(0, 9) w
            JOIN LATERAL (SELECT {draw_skewed("s * 10 + w", 30, WORDS, 2.0)} AS i) pick ON true
            JOIN word USING (i)
            GROUP BY s
            """,
        ),
        Step("statistics of the words", "ANALYZE word, sentence"),
    ]


def _list_tickets(tickets: int) -> list[Step]:
    span = f"(timestamp '2020-01-01' + (i * (6.0 * 365 * 86400 / {tickets})) * interval '1 second')"
    young = f"i > {tickets} * 0.97"
    return [
        Step(
            f"tickets: {tickets:,}",
            f"""
            INSERT INTO tickets
            SELECT i, 100000 + i, subject, status, priority, queue_id,
                   CASE WHEN who < 0.10 THEN NULL
                        WHEN who < 0.25 THEN 'team:' || 1 + {draw("i", 7, TEAMS)}
                        ELSE CASE WHEN i % 50 = 0 THEN 'Staff' ELSE 'staff' END
                             || 1 + {draw_skewed("i", 8, STAFF, 1.5)} || '@example.org' END,
                   'customer' || 1 + {draw_skewed("i", 9, max(tickets // 50, 100), 1.3)} || '@example.com',
                   CASE WHEN status = 'closed' THEN
                        (ARRAY['Solved', 'Duplicate', 'No answer', 'Spam', NULL])[1 + {draw_skewed("i", 10, 5, 1.5)}]
                        END,
                   CASE WHEN status = 'on-hold' THEN (created + interval '1 day' * (10 + i % 60))::date END,
                   CASE WHEN i % 3 = 0 THEN 'customer' || 1 + i % 100 || '@example.com'
                        ELSE 'staff' || 1 + i % {STAFF} || '@example.org' END,
                   CASE WHEN i % 20 > 0 THEN created + life * 0.9 END,
                   {RESPONSES_PER_TICKET}, {draw("i", 11, 500)} = 0, created, created + life,
                   CASE WHEN {draw("i", 12, 100)} = 0 THEN created + life END
            FROM (
                SELECT i, date_trunc('second', {span}) AS created,
                       interval '1 second' * floor(40 * 86400 * power({draw_unit("i", 1)}, 4)) AS life,
                       CASE WHEN {draw("i", 2, 10000)} = 0 THEN {TINY_QUEUE}
                            ELSE 1 + {draw_skewed("i", 3, QUEUES - 1, 1.7)} END AS queue_id,
                       (CASE WHEN {young} THEN ARRAY['open', 'open', 'open', 'closed', 'on-hold']
                             ELSE array_fill('closed'::text, ARRAY[48]) || ARRAY['open', 'on-hold'] END
                       )[1 + {draw("i", 4, 1000)} % CASE WHEN {young} THEN 5 ELSE 50 END] AS status,
                       (ARRAY[10, 20, 20, 20, 20, 20, 20, 20, 30, 30])[1 + {draw("i", 5, 10)}]
                       + CASE WHEN {draw("i", 13, 1000)} = 0 THEN 10 ELSE 0 END AS priority,
                       {draw_unit("i", 6)} AS who,
                       {draw("i", 14, SENTENCES)} AS s
                FROM generate_series(1::bigint, {tickets}) i
            ) drawn
            JOIN LATERAL (
                SELECT substr(text, 1, 50) || ' ' || i
                       || CASE WHEN i % 100000 = 77 THEN ' {RARE_WORD}' WHEN i % 1000 = 7 THEN ' {SCARCE_WORD}'
                               ELSE '' END AS subject
                FROM sentence WHERE sentence.i = s
            ) wording ON true
            ORDER BY i
            """,
        ),
        Step(
            f"responses: {tickets * RESPONSES_PER_TICKET:,}",
            f"""
            INSERT INTO responses
            SELECT r, ticket_id,
                   one.text || ' ' || two.text || ' ' || three.text || ' ' || four.text
                   || CASE WHEN r % 100000 = 99 THEN ' {RARE_WORD}' WHEN r % 1000 = 9 THEN ' {SCARCE_WORD}'
                           ELSE '' END,
                   nth = 2 AND ticket_id % 2 = 0,
                   'staff' || 1 + r % {STAFF} || '@example.org',
                   created_at + (updated_at - created_at) * nth / 3.0,
                   CASE WHEN {draw("r", 40, 100)} = 0 THEN updated_at END
            FROM (
                SELECT (t.id - 1) * {RESPONSES_PER_TICKET} + nth AS r, t.id AS ticket_id, nth, created_at, updated_at
                FROM tickets t, generate_series(1, {RESPONSES_PER_TICKET}) nth
                WHERE t.id BETWEEN {{low}} AND {{high}}
            ) drawn
            JOIN sentence one ON one.i = {draw("r", 41, SENTENCES)}
            JOIN sentence two ON two.i = {draw("r", 42, SENTENCES)}
            JOIN sentence three ON three.i = {draw("r", 43, SENTENCES)}
            JOIN sentence four ON four.i = {draw("r", 44, SENTENCES)}
            ORDER BY r
            """,
        ),
    ]


def _list_satellites(tickets: int) -> list[Step]:
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
