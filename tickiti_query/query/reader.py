"""Reading for a request: its token, its perspective and its rows, in one snapshot."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from tickiti_query.cache.snapshot import Server, Snapshot, SnapshotId, Validator, confirm, read_snapshot_id
from tickiti_query.catalogue.predicate import Key, ResolvedNames
from tickiti_query.compiler import compile_with_names
from tickiti_query.compiler.rules import read_criteria
from tickiti_query.model.errors import QueryError
from tickiti_query.model.perspective import Perspective, Selector
from tickiti_query.model.request import Deadline
from tickiti_query.model.statement import Row, Source, Statement
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials
from tickiti_query.query.cached_plan import CachedPlan, PlanCache, RecordingSource, write_plan_statement
from tickiti_query.query.request import Request, RequestTrace

T = TypeVar("T")
OF_DEFINITIONS = "42"  # the class of SQLSTATEs of a statement that does not fit what it reads
Authorize = Callable[[AuthenticatedToken, str], Actor]  # the token and the caller's address


class SnapshotSource(Source, Protocol):
    """One snapshot of one server."""

    server: Server


class FittingSource(Source, Protocol):
    """The contract's relations in one snapshot."""

    def fit(self, statement: Statement) -> Statement:
        """Return the statement over the relations as the replica has them."""
        ...

    @property
    def guard(self) -> Statement:
        """The statement whose rows are the same as long as all statements so far fit the relations that they read."""
        ...


class ReadOnlyReplica(Protocol):
    """The replica, as far as requests read it. Every method raises ReplicaUnavailable and QueryTimeout."""

    def read(self, work: Callable[[SnapshotSource], T], deadline: Deadline) -> T:
        """Return what `work` makes of one snapshot."""
        ...

    def ask(self, statement: Statement, deadline: Deadline) -> tuple[Server, list[Row]]:
        """Return the server and the rows of a statement that is asked again and again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The rows of one snapshot of one server; they may be one more than were asked for.

    `validator` proves them from now on; None where nothing does.
    """

    server: Server
    snapshot_id: SnapshotId
    validator: Validator | None
    plan: CachedPlan
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads for requests.

    `open_contract` takes a source of look-ups and its transaction. `remember_valid_token` is called with each token
    that the replica has.
    """

    replica: ReadOnlyReplica
    open_contract: Callable[[Source, Source], FittingSource]
    find_token: Callable[[Source, Credentials], AuthenticatedToken]
    authorize: Authorize
    find_perspective: Callable[[Source, Selector, Actor], Perspective]
    resolve: Callable[[Source, Iterable[Key]], ResolvedNames]
    plans: PlanCache
    remember_valid_token: Callable[[str | None], None] = lambda _token: None

    def has_plan(self, request: Request) -> bool:
        """Return True where an equal request has left a cached plan."""
        return self.plans.get(request.key) is not None

    def read(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> Reading:
        """Return the rows for a request, read after `snapshot`. Raises QueryError: who may ask comes before what."""
        return self._read_by_plan(request, trace, snapshot) or self._read_anew(request, trace, snapshot)

    def _read_by_plan(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> Reading | None:
        """Return the rows of the request's cached plan; None without a plan, or where a precondition has changed."""
        plan = self.plans.get(request.key)
        if plan is None:
            return None
        with trace.measure("sql"):
            try:
                reading = self._run_plan(plan, snapshot, request.deadline)
            except QueryError as error:
                if not (error.facts or {}).get("sqlstate", "").startswith(OF_DEFINITIONS):
                    raise
                reading = None  # the plan was made for the relations as they were
        if reading is None:
            self.plans.drop(request.key)
            return None
        if reading.validator != plan.validator:
            self.plans.put(request.key, replace(plan, validator=reading.validator))
        # Only now is it known that the replica still has the token.
        with trace.measure("auth"):
            trace.user_id = plan.token.actor.user.id
            self.authorize(plan.token, request.address)
        trace.perspective_id = plan.perspective_id
        return reading

    def _run_plan(self, plan: CachedPlan, snapshot: Snapshot, deadline: Deadline) -> Reading | None:
        """Return the rows: by the unchecked statement while the plan's snapshot is current, else by the checked one."""
        if plan.validator is not None and plan.validator == snapshot.validator:
            reading = self._ask(plan, plan.unchecked, snapshot, deadline)
            if reading is not None and reading.validator == plan.validator:
                return reading
        return self._ask(plan, plan.checked, snapshot, deadline)

    def _ask(self, plan: CachedPlan, statement: Statement, snapshot: Snapshot, deadline: Deadline) -> Reading | None:
        server, rows = self.replica.ask(statement, deadline)
        parsed = plan.parse_rows(rows)
        if parsed is None:
            return None
        snapshot_id, page = parsed
        validator = confirm(snapshot, server, snapshot_id)
        return Reading(server=server, snapshot_id=snapshot_id, validator=validator, plan=plan, rows=page)

    def _read_anew(self, request: Request, trace: RequestTrace, snapshot: Snapshot) -> Reading:
        """Return the rows, read step by step in one transaction, and keep the plan that this makes."""

        def work(transaction: SnapshotSource) -> Reading:
            return self._read_steps(transaction, request, trace, snapshot)

        reading = self.replica.read(work, request.deadline)
        self.plans.put(request.key, reading.plan)
        return reading

    def _read_steps(
        self, transaction: SnapshotSource, request: Request, trace: RequestTrace, snapshot: Snapshot
    ) -> Reading:
        recorder = RecordingSource(transaction)
        with trace.measure("auth"):
            snapshot_id = read_snapshot_id(transaction)
            source = self.open_contract(recorder, transaction)
            token = self.find_token(source, request.credentials)
            self.remember_valid_token(request.credentials.fingerprint)
            trace.user_id = token.actor.user.id
            actor = self.authorize(token, request.address)
        query = request.query
        searches = read_criteria(query.criteria)
        with trace.measure("sql"):
            perspective = self.find_perspective(source, query.selector, actor)
            trace.perspective_id = perspective.id
            page, _ = compile_with_names(perspective, searches, actor, query.row_limit, partial(self.resolve, source))
            page = source.fit(page)
            rows = transaction.fetch(page)
            recorder.fetch(source.guard)
        validator = confirm(snapshot, transaction.server, snapshot_id)
        checked = write_plan_statement(page, recorder.preconditions)
        unchecked = write_plan_statement(page, ())
        plan = CachedPlan(
            token=token,
            size=request.size + checked.size + unchecked.size,
            query=query,
            perspective_id=perspective.id,
            columns=page.columns,
            checked=checked,
            unchecked=unchecked,
            validator=validator,
        )
        return Reading(server=transaction.server, snapshot_id=snapshot_id, validator=validator, plan=plan, rows=rows)
