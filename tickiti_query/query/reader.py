"""Reading for a request: its token, its perspective and its rows, in one snapshot, and the body that rows become."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Protocol, TypeVar

from tickiti_query.admission.memory_budget import Reservation
from tickiti_query.cache.snapshot import SNAPSHOT_ID, Server, Snapshot, SnapshotId, parse_snapshot_id
from tickiti_query.catalogue.predicate import Key, ResolvedNames
from tickiti_query.compiler.page import compile_query
from tickiti_query.compiler.rules import read_criteria
from tickiti_query.model.errors import Overloaded, QueryError
from tickiti_query.model.perspective import Perspective, Selector
from tickiti_query.model.request import Deadline, Request, RequestTrace
from tickiti_query.model.statement import Precondition, Row, Source, Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials
from tickiti_query.query.cached_plan import CachedPlan, PlanCache, write_plan_statement
from tickiti_query.query.collector import FIRST_ROWS, Collector, SnapshotSource

T = TypeVar("T")
OF_DEFINITIONS = "42"  # the class of SQLSTATEs of a statement that does not fit what it reads
Authorize = Callable[[AuthenticatedToken, str], Actor]  # the token and the caller's address


class FittingSource(Source, Protocol):
    """The contract's relations in one snapshot. `preconditions` has each look-up that was fetched, with its rows."""

    preconditions: list[Precondition]

    def fit(self, statement: Statement) -> Statement:
        """Return the statement over the relations as the replica has them."""

    @property
    def is_provable(self) -> bool:
        """True where a snapshot id proves what was read so far."""

    @property
    def guard(self) -> Statement:
        """The statement whose rows are the same as long as all statements so far fit the relations that they read."""


class ReadOnlyReplica(Protocol):
    """The replica, as far as requests read it. Every method raises ReplicaUnavailable and QueryTimeout."""

    def read(self, work: Callable[[SnapshotSource], T], deadline: Deadline) -> T:
        """Return what `work` makes of one snapshot."""
        ...

    def ask(self, statement: Statement, deadline: Deadline) -> tuple[Server, list[Row]]:
        """Return the server and the rows of a statement that is asked again and again."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer that one snapshot of one server gave; `truncated` where there are more rows than were asked for.

    `validator` proves it from now on; None where nothing does.
    """

    snapshot_id: SnapshotId
    validator: SnapshotId | None
    plan: CachedPlan
    body: bytes
    rows: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request that is read for, with the snapshot that it is read after and the memory that is reserved for it."""

    request: Request
    trace: RequestTrace
    snapshot: Snapshot
    reservation: Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads for requests. `remember_valid_token` is called with each token that the replica has."""

    replica: ReadOnlyReplica
    open_contract: Callable[[Source], FittingSource]
    find_token: Callable[[Source, Credentials], AuthenticatedToken]
    authorize: Authorize
    find_perspective: Callable[[Source, Selector, Actor], Perspective]
    resolve: Callable[[Source, Iterable[Key]], ResolvedNames]
    plans: PlanCache
    remember_valid_token: Callable[[str | None], None] = lambda _token: None

    def is_provable(self, request: Request) -> bool:
        """Return False where a snapshot id proves no answer to such a request, as far as is known."""
        plan = self.plans.get(request.key)
        return plan is None or plan.is_provable

    def has_plan(self, request: Request) -> bool:
        """Return True where an equal request has left a cached plan."""
        return self.plans.get(request.key) is not None

    def read(self, asked: ReadRequest) -> Reading:
        """Return the answer to a request. Raises QueryError: who may ask comes before what, and Overloaded comes last.

        The reservation is kept as large as what is there of the answer.
        """
        plan = self.plans.get(asked.request.key)
        if plan is not None:
            reading = self._read_by_plan(plan, asked)
            if reading is not None:
                return reading
            self.plans.drop(asked.request.key)
        return self.replica.read(lambda source: self._read_steps(source, asked), asked.request.deadline)

    def _read_by_plan(self, plan: CachedPlan, asked: ReadRequest) -> Reading | None:
        """Return the answer by the request's cached plan; None where a precondition has changed."""
        asked.reservation.expect(plan.expected_bytes)
        try:
            return self._read_at_once(plan, asked) if plan.is_small else self._read_parts(plan, asked)
        except QueryError as error:
            if not (error.facts or {}).get("sqlstate", "").startswith(OF_DEFINITIONS):
                raise
            return None  # the plan was made for the relations as they were

    def _read_at_once(self, plan: CachedPlan, asked: ReadRequest) -> Reading | None:
        """Return the answer by a plan, in one round trip; None where a precondition has changed."""
        asked.trace.stages.append(("sql", perf_counter()))
        found = self._run_plan(plan, asked)
        asked.trace.stages.append((None, perf_counter()))
        if found is None:
            return None
        snapshot_id, rows = found
        self._authorize(plan, asked)
        collector = Collector(plan.columns, plan.query.row_limit, asked.reservation, asked.trace)
        collector.add(rows)
        return self._finish(plan, asked, collector, snapshot_id)

    def _run_plan(self, plan: CachedPlan, asked: ReadRequest) -> tuple[SnapshotId, Sequence[Row]] | None:
        """Return the rows: by the unchecked statement while the plan's snapshot is current, else by the checked one."""
        snapshot, deadline = asked.snapshot, asked.request.deadline
        if plan.validator == snapshot.snapshot_id:
            found = plan.parse_rows(*self.replica.ask(plan.unchecked, deadline))
            if found is not None and found[0] == plan.validator:
                return found
        return plan.parse_rows(*self.replica.ask(plan.checked, deadline))

    def _read_parts(self, plan: CachedPlan, asked: ReadRequest) -> Reading | None:
        """Return the answer by a plan, in parts; None where a precondition has changed."""

        def work(source: SnapshotSource) -> Reading | None:
            collector = Collector(plan.columns, plan.query.row_limit, asked.reservation, asked.trace)
            count = plan.rows_a_part
            asked.trace.stages.append(("sql", perf_counter()))
            parsed = plan.parse_rows(source.server, collector.open(source, plan.checked, 1 + count))
            asked.trace.stages.append((None, perf_counter()))
            if parsed is None:
                return None
            snapshot_id, rows = parsed
            self._authorize(plan, asked)
            self._collect(collector, source, rows, count, plan, asked)
            return self._finish(plan, asked, collector, snapshot_id)

        return self.replica.read(work, asked.request.deadline)

    def _authorize(self, plan: CachedPlan, asked: ReadRequest) -> None:
        """Let the caller in by the plan's token, now that it is known that the replica still has it."""
        trace = asked.trace
        trace.stages.append(("auth", perf_counter()))
        trace.user_id = plan.token.actor.user.id
        self.authorize(plan.token, asked.request.address)
        trace.stages.append((None, perf_counter()))
        trace.perspective_id = plan.perspective_id

    def _read_steps(self, transaction: SnapshotSource, asked: ReadRequest) -> Reading:
        """Return the answer, read step by step in one transaction, and keep the plan that this makes."""
        request, trace = asked.request, asked.trace
        trace.stages.append(("auth", perf_counter()))
        [(text,)] = transaction.fetch(SNAPSHOT_ID)
        snapshot_id = parse_snapshot_id(transaction.server, text)
        source = self.open_contract(transaction)
        token = self.find_token(source, request.credentials)
        self.remember_valid_token(request.credentials.fingerprint)
        trace.user_id = token.actor.user.id
        actor = self.authorize(token, request.address)
        trace.stages.append((None, perf_counter()))
        query = request.query
        searches = read_criteria(query.criteria)
        trace.stages.append(("sql", perf_counter()))
        perspective = self.find_perspective(source, query.selector, actor)
        trace.perspective_id = perspective.id
        page, _ = compile_query(perspective, searches, actor, query.row_limit, partial(self.resolve, source))
        page = source.fit(page)
        collector = Collector(page.columns, query.row_limit, asked.reservation, trace)
        rows = collector.open(transaction, page, FIRST_ROWS)
        source.fetch(source.guard)
        trace.stages.append((None, perf_counter()))
        checked, unchecked = write_plan_statement(page, source.preconditions), write_plan_statement(page, ())
        size = request.size + checked.size + unchecked.size
        plan = CachedPlan(token, size, query, perspective.id, page.columns, checked, unchecked, source.is_provable)
        self._collect(collector, transaction, rows, FIRST_ROWS, plan, asked)
        return self._finish(plan, asked, collector, snapshot_id)

    def _collect(
        self,
        collector: Collector,
        source: SnapshotSource,
        rows: Sequence[Row],
        count: int,
        plan: CachedPlan,
        asked: ReadRequest,
    ) -> None:
        """Collect all rows. Keep the plan of an answer that is too large with its size up to there."""
        try:
            collector.add_all(source, rows, count)
        except Overloaded:
            self.plans.put(asked.request.key, replace(plan, rows=collector.rows, body_bytes=collector.size))
            raise

    def _finish(self, plan: CachedPlan, asked: ReadRequest, collector: Collector, snapshot_id: SnapshotId) -> Reading:
        """Return the answer that was collected, and keep the plan."""
        # The validator was read before the rows, and they are proved where they are of an equal snapshot.
        is_proved = plan.is_provable and snapshot_id == asked.snapshot.snapshot_id
        validator = asked.snapshot.validator if is_proved else None
        body, rows = collector.finish(), collector.rows
        if not plan.is_like(validator, rows, len(body)):
            plan = replace(plan, validator=validator, rows=rows, body_bytes=len(body))
            self.plans.put(asked.request.key, plan)
        asked.reservation.resize(len(body))
        return Reading(snapshot_id, validator, plan, body, rows, collector.truncated)
