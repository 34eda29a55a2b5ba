"""The steps that build the bench world; here are those of its people and its words."""

from __future__ import annotations

from bench.world import (
    ALL_SEEING_USER,
    COMMON_WORD,
    QUEUES,
    SENTENCES,
    STAFF,
    TEAMS,
    TINY_QUEUE,
    TINY_USER,
    WORDS,
    Step,
    draw,
    draw_skewed,
)
from bench.world_satellites import list_satellites
from bench.world_tickets import list_tickets


def list_steps(tickets: int) -> list[Step]:
    """The whole build, in order, for an empty reporting schema on the search path."""
    return [*_list_people(tickets), *_list_words(), *list_tickets(tickets), *list_satellites(tickets)]


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
