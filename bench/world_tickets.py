"""The tickets of the bench world, and their responses."""

from __future__ import annotations

from bench.world import (
    QUEUES,
    RARE_WORD,
    RESPONSES_PER_TICKET,
    SCARCE_WORD,
    SENTENCES,
    STAFF,
    TEAMS,
    TINY_QUEUE,
    Step,
    draw,
    draw_skewed,
    draw_unit,
)


def list_tickets(tickets: int) -> list[Step]:
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
