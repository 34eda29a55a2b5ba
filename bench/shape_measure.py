"""Measuring a statement: the median of warm runs, what it read, and how."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg2

from tickiti_query.model.statement import Statement
from tickiti_query.replica.connection import Target, connect
from tickiti_query.replica.encoding import adapt_binds
from tickiti_query.replica.execution import ReplicaConnection, deadline_from_now, to_pyformat

LONGEST_MS = 10_000  # twice what the service allows a statement
RUN_SECONDS = 24 * 3600.0  # for all that a run measures on one connection
ROUNDS = 5
MORE_ROUNDS = 8
SLOW_MS, VERY_SLOW_MS = 200.0, 1000.0  # from here on fewer rounds are enough
PATIENCE, PATIENCE_MS = 2.0, 500.0  # a rival is given up where it takes so many times longer, and so much
GOAL = 1.5
NOTICEABLE_MS = 0.5  # smaller differences are noise
EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "


@dataclass(frozen=True)
class Measured:
    """The figures of a statement. `plan`: the ways into the relations, from the top of the plan down."""

    ms: float
    planning_ms: float
    buffers: int
    rows: int
    plan: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """A statement of the compiler's and the best of its rivals; None where it has none, or none ended in time."""

    ours: Measured | None
    best: Measured | None = None
    best_sql: str = ""
    differs: bool = False

    @property
    def ratio(self) -> float | None:
        return self.ours.ms / self.best.ms if self.ours and self.best else None

    @property
    def is_behind(self) -> bool:
        """Return whether the goal is missed by more than noise."""
        return bool(self.best and is_worse(self.ours.ms if self.ours else LONGEST_MS, self.best.ms))


def count_rounds(ms: float) -> int:
    """Return the number of rounds for a statement that took so long."""
    return ROUNDS if ms <= SLOW_MS else 2 if ms <= VERY_SLOW_MS else 0


def is_worse(ms: float, than_ms: float) -> bool:
    """Beyond the goal, and more than noise."""
    return ms > GOAL * than_ms and ms - than_ms > NOTICEABLE_MS


class Session:
    """A connection that is set up as the service sets up its own."""

    def __init__(self, url: str, schema: str) -> None:
        target = Target(url, schema, LONGEST_MS)
        self._connection: ReplicaConnection = connect(target.list_hosts(), deadline_from_now(RUN_SECONDS))

    def close(self) -> None:
        self._connection.close()

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        """All rows of a statement."""
        return self._connection.run(statement)

    def fill_in(self, statement: Statement) -> str:
        """The statement with its values in place, as psycopg2 sends it."""
        with self._connection.cursor() as cursor:
            text: bytes = cursor.mogrify(to_pyformat(statement.sql), adapt_binds(self._connection, statement))
            return text.decode()

    def compare(self, ours: str, rivals: Sequence[str]) -> Compared:
        """Time a statement beside its rivals, in turns."""
        warm = self._warm_up(ours, LONGEST_MS)
        if warm is None:
            ended = [(sql, found[1]) for sql in rivals if (found := self._warm_up(sql, LONGEST_MS // 5))]
            sql, best = min(ended, key=lambda each: each[1].ms, default=("", None))
            return Compared(None, best, sql)
        rows, first = warm
        running = {ours: [first]}
        for rival in dict.fromkeys(rivals):
            found = self._warm_up(rival, int(PATIENCE * first.ms + PATIENCE_MS))
            if found is not None and rival != ours:
                if found[0] != rows:
                    return Compared(first, best_sql=rival, differs=True)
                running[rival] = [found[1]]
        self._run_in_turns(running, count_rounds(first.ms))
        compared = pick_best(ours, running)
        if compared.is_behind and first.ms <= SLOW_MS:
            running = {sql: running[sql] for sql in (ours, compared.best_sql)}
            self._run_in_turns(running, MORE_ROUNDS)
            compared = pick_best(ours, running)
        return compared

    def time(self, sql: str) -> Measured | None:
        """One statement alone."""
        return self.compare(sql, ()).ours

    def _run_in_turns(self, running: dict[str, list[Measured]], rounds: int) -> None:
        for _ in range(rounds):
            for sql, measured in running.items():
                measured.append(self._explain(sql))

    def _warm_up(self, sql: str, timeout_ms: int) -> tuple[list[tuple[Any, ...]], Measured] | None:
        """The rows, and a first measurement; None where it takes too long."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {timeout_ms}")
            try:
                cursor.execute(sql)
                return cursor.fetchall(), self._explain(sql)
            except psycopg2.errors.QueryCanceled:
                return None
            finally:
                cursor.execute("SET statement_timeout = 0")

    def _explain(self, sql: str) -> Measured:
        with self._connection.cursor() as cursor:
            cursor.execute(EXPLAIN + sql)
            [(told,)] = cursor.fetchall()
        [report] = json.loads(told) if isinstance(told, str) else told
        plan = report["Plan"]
        return Measured(
            ms=report["Execution Time"],
            planning_ms=report["Planning Time"],
            buffers=plan["Shared Hit Blocks"] + plan["Shared Read Blocks"],
            rows=int(plan["Actual Rows"]),
            plan=tuple(dict.fromkeys(list_ways(plan))),
        )


def pick_best(ours: str, running: dict[str, list[Measured]]) -> Compared:
    """The medians of ours and of the fastest rival."""
    medians = {sql: take_median(measured) for sql, measured in running.items()}
    rivals = {sql: measured for sql, measured in medians.items() if sql != ours}
    if not rivals:
        return Compared(medians[ours])
    best = min(rivals, key=lambda sql: rivals[sql].ms)
    return Compared(medians[ours], rivals[best], best)


def take_median(measured: Sequence[Measured]) -> Measured:
    """The last one, with the median times of all."""
    last = measured[-1]
    return Measured(
        ms=median(each.ms for each in measured),
        planning_ms=median(each.planning_ms for each in measured),
        buffers=last.buffers,
        rows=last.rows,
        plan=last.plan,
    )


def list_ways(node: dict[str, Any]) -> Iterator[str]:
    """Sorts, and how each relation is come at, from the top down."""
    kind = node["Node Type"]
    if kind in {"Sort", "Incremental Sort", "BitmapOr", "BitmapAnd", "Hash Join", "Merge Join"}:
        yield kind.lower()
    elif "Index Name" in node:
        yield node["Index Name"]
    elif kind == "Seq Scan" and node["Relation Name"] != "ticket_queues":
        yield f"all {node['Relation Name']}"
    for child in node.get("Plans", ()):
        yield from list_ways(child)
