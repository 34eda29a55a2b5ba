"""Readiness, which decides whether requests may be sent to this process, and the operations port that tells of it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from tickiti_query.model.errors import JSON_CONTENT_TYPE, QueryError, ReplicaUnavailable
from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.columns import convert_relations, find_changed_collations, find_missing, read_relations
from tickiti_query.reporting.contract import READ_BY_ALL, write_row_reading
from tickiti_query.reporting.rights import find_powers

METHODS = ["GET", "HEAD"]
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNASKED_SECONDS = 30.0  # how old the last check may be before the worker makes one by itself

log = logging.getLogger("tickiti_query.health")

# Reading a row of each relation ends after this time, and then says nothing: requests read other rows, by indexes.
SET_READING_TIME = """
SELECT set_config('statement_timeout', CAST(LEAST(CAST(setting AS integer), 500) AS text), TRUE)
FROM pg_settings WHERE name = 'statement_timeout'"""
# SQLSTATE classes of what concerns a moment, or some rows: other lists may well be read.
OF_SOME = {"08", "21", "22", "23", "40", "53", "55P03", "57", "58", "XX"}


def inspect_replica(source: Source) -> tuple[list[str], list[str], list[str]]:
    """Return what the contract lacks or has in another type, why the role could write, and the changed collations."""
    relations = read_relations(source)
    missing = find_missing(relations)
    faults = [f"Not there, or not readable: {', '.join(missing)}"] if missing else []
    _, unfit = convert_relations(relations)
    return [*faults, *unfit], find_powers(source), find_changed_collations(source)


class Readiness:
    """The readiness checks by their names: `replica`, `standby`, `lag`, `contract`, `role`.

    The log has a line whenever another check fails than before, or the same for another reason. Collations that have
    changed fail no check: `changed_collations` and the log name them.
    """

    CHECKS = ("replica", "standby", "lag", "contract", "role")

    def __init__(
        self,
        prove: Callable[[], Any],
        read: Callable[[Callable[[Any], Any]], Any],
        observe_checks: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._prove = prove
        self._read = read
        self._observe_checks = observe_checks
        self._logged_fault: tuple[str, str] | None = None  # the check that failed, and why, as the log has it
        self._logged_changes: list[str] = []
        self.changed_collations: list[str] | None = None  # as of the last check; None where it did not come so far
        self._checked_at = float("-inf")
        self._reading = threading.Lock()  # a worker has one connection for all checks, and the pool makes no check wait

    def keep_checking(self, unasked_seconds: float = UNASKED_SECONDS) -> None:
        """Check now, and whenever the last check is older than `unasked_seconds`; never returns.

        So metrics and log stay true where no probe asks, as beside Tickiti.
        """
        while True:
            while (rest := self._checked_at + unasked_seconds - time.monotonic()) > 0:
                time.sleep(rest)
            try:
                self.check()
            except Exception:  # an unforeseen error must not end the checks
                log.exception("unforeseen error")

    def check(self) -> Mapping[str, str]:
        """Return for each check `ok` or a sentence that says what is wrong; `unknown` behind the first that fails."""
        self._checked_at = time.monotonic()
        self.changed_collations = None
        fault = self._find_fault()
        checks = dict.fromkeys(self.CHECKS, "ok")
        if fault is not None:
            failed, reason = fault
            behind = self.CHECKS[self.CHECKS.index(failed) + 1 :]
            checks |= {failed: reason, **dict.fromkeys(behind, "unknown")}
        self._log_changes(fault)
        self._observe_checks(checks)
        return checks

    def _log_changes(self, fault: tuple[str, str] | None) -> None:
        if fault != self._logged_fault:
            self._logged_fault = fault
            if fault is None:
                log.warning("ready again")
            else:
                log.error("not ready", extra={"facts": {"check": fault[0], "reason": fault[1]}})
        changed = self.changed_collations
        if changed is not None and changed != self._logged_changes:
            self._logged_changes = changed
            if changed:
                log.warning("collations have changed", extra={"facts": {"reason": "; ".join(changed)}})
            else:
                log.warning("collations are as they were")

    def _find_fault(self) -> tuple[str, str] | None:
        """Return the first check that fails, and a sentence that says why; None where all is well."""
        try:
            self._prove()
            with self._reading:
                faults, powers, self.changed_collations = self._read(inspect_replica)
                unreadable = None if faults else self._find_unreadable()
        except ReplicaUnavailable as fault:
            return fault.check, fault.reason
        except QueryError as fault:
            return "replica", fault.message
        if faults:
            return "contract", f"{'; '.join(faults)}."
        if unreadable:
            return "contract", f"Cannot be read: {unreadable}."
        return ("role", f"The role of TICKITI_REPLICA_URL could write: it {'; '.join(powers)}.") if powers else None

    def _find_unreadable(self) -> str | None:
        """Return the relation that no request can read, with the SQLSTATE; None where all can be read."""
        if self._try_to_read(READ_BY_ALL) is None:
            return None
        states = ((relation, self._try_to_read((relation,))) for relation in READ_BY_ALL)
        return next((f"{relation} (SQLSTATE {state})" for relation, state in states if state is not None), None)

    def _try_to_read(self, relations: Sequence[str]) -> str | None:
        """Return the SQLSTATE with which none of a relation's rows can be read. Raise what concerns the replica."""

        def read_a_row_of_each(source: Source) -> None:
            source.fetch(Statement(SET_READING_TIME))
            source.fetch(Statement(write_row_reading(relations)))

        try:
            self._read(read_a_row_of_each)
        except QueryError as error:
            state = (error.facts or {}).get("sqlstate")
            if state is None:
                raise
            return None if OF_SOME & {state, state[:2]} else state
        return None


def make_admin_app(readiness: Readiness, render_metrics: Callable[[], bytes]) -> Flask:
    """Return the app of the operations port: GET /livez, /readyz and /metrics."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False

    def answer(status: int, **facts: Any) -> Response:
        return Response(msgspec.json.encode(facts), status, content_type=JSON_CONTENT_TYPE)

    @app.get("/livez")
    def report_liveness() -> Response:
        return answer(200, ok=True)

    @app.get("/readyz")
    def report_readiness() -> Response:
        checks = readiness.check()
        ok = all(word == "ok" for word in checks.values())
        warnings = readiness.changed_collations
        return answer(200 if ok else 503, ok=ok, checks=checks, **({"warnings": warnings} if warnings else {}))

    @app.get("/metrics")
    def report_metrics() -> Response:
        return Response(render_metrics(), content_type=METRICS_TYPE)

    @app.errorhandler(Exception)
    def report_error(error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            log.error("unforeseen error", exc_info=error)
            return answer(500, ok=False)
        if request.method not in METHODS:
            return answer(405, ok=False, methods=METHODS)
        return answer(404, ok=False, paths=["/livez", "/metrics", "/readyz"])

    @app.after_request
    def forbid_storing(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    return app
