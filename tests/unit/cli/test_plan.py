"""Plans as PostgreSQL prints them, and the scans that are read out of them."""

from tickiti_query.cli.plan import Scan, has_sort, read_scans

MEASURED = """\
Limit  (cost=96.77..97.02 rows=101 width=229) (actual time=2.962..2.978 rows=101.00 loops=1)
  Buffers: shared hit=158
  ->  Sort  (cost=96.77..97.07 rows=118 width=229) (actual time=2.960..2.967 rows=101.00 loops=1)
        Sort Key: t.created_at, t.id DESC
        ->  Nested Loop  (cost=0.00..92.71 rows=118 width=229) (actual time=0.372..2.851 rows=107.00 loops=1)
              Join Filter: (q.id = t.queue_id)
              Rows Removed by Join Filter: 99
              ->  Index Scan using tickets_updated on tickets t  (cost=0.1..2) (actual time=1..2 rows=7 loops=1)
                    Filter: ((status = 'open'::text) AND (NOT EXISTS(SubPlan 1)))
                    Rows Removed by Filter: 4893
                    SubPlan 1
                      ->  Index Only Scan using "Odd index" on "Odd table"  (cost=0..1) (actual rows=0.50 loops=20)
                            Index Cond: (ticket_id = t.id)
                            Rows Removed by Filter: 2
              ->  Seq Scan on ticket_queues q  (cost=0..1 rows=1 width=17) (never executed)
                    Filter: (id = 1)
Planning Time: 0.782 ms
""".splitlines()
ESTIMATED = """\
Bitmap Heap Scan on responses r  (cost=0.00..323.20 rows=6 width=8)
  Recheck Cond: (lower(plain_text) ~~ '%carbon%'::text)
  ->  Bitmap Index Scan on responses_text_trgm  (cost=0.00..5.00 rows=6 width=0)
""".splitlines()


def test_each_scan_of_a_measured_plan_says_how_many_rows_it_read() -> None:
    conditions = "((status = 'open'::text) AND (NOT EXISTS(SubPlan 1)))"
    assert list(read_scans(MEASURED)) == [
        Scan("Index Scan", "tickets", "tickets_updated", conditions, 4900, 4893, was_executed=True),
        Scan("Index Only Scan", "Odd table", '"Odd index"', "", 50, 40, was_executed=True),
        Scan("Seq Scan", "ticket_queues", None, "(id = 1)", None, 0, was_executed=False),
    ]
    assert has_sort(MEASURED)


def test_a_plan_that_was_not_run_has_scans_without_rows() -> None:
    recheck = "(lower(plain_text) ~~ '%carbon%'::text)"
    assert list(read_scans(ESTIMATED)) == [
        Scan("Bitmap Heap Scan", "responses", None, recheck, None, 0, was_executed=True)
    ]
    assert not has_sort(ESTIMATED)
