"""Reading for a request: its token, its perspective and its rows, in one snapshot, and the body that rows become."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

from tickiti_query.admission.capacity import Reservation
from tickiti_query.cache.snapshot import SNAPSHOT_ID, Snapshot, SnapshotId, parse_snapshot_id
from tickiti_query.catalogue.predicate import Name, Names
from tickiti_query.compiler.page import compile_query
from tickiti_query.compiler.rules import read_criteria
from tickiti_query.model.errors import Overloaded, QueryError
from tickiti_query.model.perspective import Perspective, Selector
from tickiti_query.model.request import Answer, Request, RequestTrace
from tickiti_query.model.statement import Row, Source
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials
from tickiti_query.query.cached_plan import CachedPlan, PlanCache, parse_plan_rows, write_plan_statement
from tickiti_query.query.collector import FIRST_ROWS, Collector, count_rows
from tickiti_query.replica.execution import Transaction
from tickiti_query.replica.replica import Replica
from tickiti_query.reporting.contract_source import ContractSource
from tickiti_query.reporting.perspectives import find_perspective, resolve
from tickiti_query.reporting.tokens import find_token

OF_DEFINITIONS = "42"  # the class of SQLSTATEs of a statement that does not fit what it reads
Authorize = Callable[[AuthenticatedToken, str], Actor]  # the token and the caller's address


@dataclass(frozen=True, slots=True)
class Miss:
    """A request for which the cache has no answer that `snapshot` proves, and the plan of an equal one before it."""

    request: Request
    trace: RequestTrace
    snapshot: Snapshot
    plan: CachedPlan | None


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer, and the token that it is for, as they were in one snapshot of one server.

    `validator` proves them from now on; None where nothing does. `is_provable`: a snapshot id can prove such an
    answer, so that a run under way is new enough for others. `is_stored`: the answer is in the cache.
    """

    answer: Answer
    token: AuthenticatedToken
    snapshot_id: SnapshotId
    validator: SnapshotId | None
    is_provable: bool = True
    is_stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads for requests. `remember_valid_token` is called with the digest of each token that the replica has."""

    replica: Replica
    open_contract: Callable[[Source], ContractSource]
    authorize: Authorize
    plans: PlanCache
    remember_valid_token: Callable[[str], None] = lambda _digest: None
    find_token: Callable[[Source, Credentials], AuthenticatedToken] = find_token
    find_perspective: Callable[[Source, Selector, Actor], Perspective] = find_perspective
    resolve: Callable[[Source, Iterable[Name]], Names] = resolve

    def read(self, miss: Miss, reservation: Reservation) -> Reading:
        """Return the answer to a request. Raises QueryError: errors of the token come before those of the body.

        The reservation is at least as large as what is there of the answer.
        """
        plan = miss.plan or self.plans.get(miss.request.key)  # an equal request may have left one while this one waited
        if plan is not None:
            reading = self._read_by_plan(plan, miss, reservation)
            if reading is not None:
                return reading
            self.plans.drop(miss.request.key)
        return self.replica.read(partial(self._read_steps, miss, reservation), miss.request.deadline)

    def _read_by_plan(self, plan: CachedPlan, miss: Miss, reservation: Reservation) -> Reading | None:
        """Return the answer by the request's cached plan; None where a precondition has changed."""
        reservation.expect(plan.expected_bytes)
        try:
            if plan.is_small:
                return self._read_at_once(plan, miss, reservation)
            read = partial(self._read_parts, plan, miss, reservation)
            return self.replica.read(read, miss.request.deadline)
        except QueryError as error:
            if not (error.facts or {}).get("sqlstate", "").startswith(OF_DEFINITIONS):
                raise
            return None  # the plan was made for the relations as they were

    def _read_at_once(self, plan: CachedPlan, miss: Miss, reservation: Reservation) -> Reading | None:
        """Return the answer in one round trip: by the unchecked statement while the plan's snapshot is current."""
        deadline, found = miss.request.deadline, None
        miss.trace.stages.append(("sql", perf_counter()))
        if plan.validator == miss.snapshot.snapshot_id:
            found = parse_plan_rows(*self.replica.ask(plan.unchecked, deadline))
        if found is None or found[0] != plan.validator:
            found = parse_plan_rows(*self.replica.ask(plan.checked, deadline))
        collector = Collector(plan.columns, plan.query.row_limit, reservation, miss.trace)
        return self._answer_by_plan(plan, miss, collector, found)

    def _read_parts(
        self, plan: CachedPlan, miss: Miss, reservation: Reservation, source: Transaction
    ) -> Reading | None:
        """Return the answer, of which each part is fetched when the one before it is text."""
        collector = Collector(plan.columns, plan.query.row_limit, reservation, miss.trace)
        miss.trace.stages.append(("sql", perf_counter()))
        found = parse_plan_rows(source.server, collector.open(source, plan.checked, 1 + count_rows(plan.bytes_a_row)))
        return self._answer_by_plan(plan, miss, collector, found)

    def _answer_by_plan(
        self, plan: CachedPlan, miss: Miss, collector: Collector, found: tuple[SnapshotId, Sequence[Row]] | None
    ) -> Reading | None:
        """Return the answer, where the plan's token lets the caller in; None where the plan does not hold any more."""
        trace = miss.trace
        trace.stages.append((None, perf_counter()))
        if found is None:
            return None
        trace.stages.append(("auth", perf_counter()))
        trace.user_id = plan.token.actor.user.id
        self.authorize(plan.token, miss.request.address)
        trace.stages.append((None, perf_counter()))
        trace.perspective_id = plan.perspective_id
        return self._collect(plan, miss, collector, *found)

    def _read_steps(self, miss: Miss, reservation: Reservation, transaction: Transaction) -> Reading:
        """Return the answer, read step by step in one transaction, and keep the plan that this makes."""
        request, trace = miss.request, miss.trace
        trace.stages.append(("auth", perf_counter()))
        [(text,)] = transaction.fetch(SNAPSHOT_ID)
        snapshot_id = parse_snapshot_id(transaction.server, text)
        source = self.open_contract(transaction)
        token = self.find_token(source, request.credentials)
        self.remember_valid_token(request.credentials.digest)
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
        collector = Collector(page.columns, query.row_limit, reservation, trace)
        rows = collector.open(transaction, page, FIRST_ROWS)
        source.fetch(source.guard)
        trace.stages.append((None, perf_counter()))
        checked, unchecked = write_plan_statement(page, source.preconditions), write_plan_statement(page, ())
        size = checked.size + unchecked.size + query.size
        plan = CachedPlan(token, size, query, perspective.id, page.columns, checked, unchecked, source.is_provable)
        return self._collect(plan, miss, collector, snapshot_id, rows)

    def _collect(
        self, plan: CachedPlan, miss: Miss, collector: Collector, snapshot_id: SnapshotId, rows: Sequence[Row]
    ) -> Reading:
        """Return the answer whose first rows these are, and keep the plan, also of an answer that is too large."""
        try:
            collector.add_all(rows)
        except Overloaded:
            self.plans.put(miss.request.key, replace(plan, rows=collector.rows, body_bytes=collector.size))
            raise
        body, shown = collector.finish(), miss.snapshot.snapshot_id
        # The snapshot was read before the rows. Where they are of an equal one, what proves it proves them.
        validator = miss.snapshot.validator if plan.is_provable and snapshot_id == shown else None
        if not plan.is_like(validator, collector.rows, len(body)):
            plan = replace(plan, validator=validator, rows=collector.rows, body_bytes=len(body))
            self.plans.put(miss.request.key, plan)
        collector.reservation.grow(len(body))
        # A statement that waited for a lock tells the replay time after it, though its snapshot is from before; then
        # the earlier time of an equal snapshot is right.
        is_same = (snapshot_id.server, snapshot_id.position) == (shown.server, shown.position)
        as_of = (shown if is_same else snapshot_id).replayed_at
        answer = Answer(body, collector.rows, collector.truncated, plan.perspective_id, as_of)
        return Reading(answer, plan.token, snapshot_id, validator, plan.is_provable)
