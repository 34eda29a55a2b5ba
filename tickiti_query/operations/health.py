"""Readiness: the checks that decide whether requests may be sent to this process."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tickiti_query.model.errors import QueryError, ReplicaUnavailable
from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.collations import find_changed_collations
from tickiti_query.reporting.columns import find_missing, read_relations
from tickiti_query.reporting.contract import READ_BY_ALL, write_row_reading
from tickiti_query.reporting.contract_source import find_unfit

UNASKED_SECONDS = 30.0  # how old the last check may be before one is made that nobody asked for

log = logging.getLogger("tickiti_query.health")


# Reading a row of each relation ends after this time, and then says nothing: requests read other rows, by indexes.
SET_READING_TIME = """
SELECT set_config('statement_timeout', CAST(LEAST(CAST(setting AS integer), 500) AS text), TRUE)
FROM pg_settings WHERE name = 'statement_timeout'"""
# SQLSTATE classes of what concerns a moment, or some rows: other lists may well be read.
OF_SOME = {"08", "21", "22", "23", "40", "53", "55P03", "57", "58", "XX"}


def find_contract_faults(source: Source) -> list[str]:
    """Return a sentence for what is missing or not readable of the contract, and for each column of a wrong type."""
    relations = read_relations(source)
    missing = find_missing(relations)
    faults = [f"Not there, or not readable: {', '.join(missing)}"] if missing else []
    return [*faults, *find_unfit(relations)]


def read_rows(source: Source, relations: Iterable[str]) -> None:
    """Read a row of each of the relations, within a short time."""
    source.fetch(Statement(SET_READING_TIME))
    source.fetch(Statement(write_row_reading(relations)))


class Readiness:
    """The readiness checks by their names: `replica`, `standby`, `lag`, `contract`, `role`.

    `find_powers` says why the role that reads could write. The log is told whenever another check fails than before, or
    the same for another reason. Collations that have changed fail no check: `changed_collations` and the log name them.
    """

    CHECKS = ("replica", "standby", "lag", "contract", "role")

    def __init__(
        self,
        prove: Callable[[], Any],
        read: Callable[[Callable[[Any], Any]], Any],
        find_powers: Callable[[Source], list[str]],
        tell: Callable[[Mapping[str, str]], None] = lambda _checks: None,
    ) -> None:
        self._prove = prove
        self._read = read
        self._find_powers = find_powers
        self._tell = tell
        self._told: tuple[str, str] | None = None  # the check that failed, and why, as the log has it
        self._told_changed: list[str] = []
        self.changed_collations: list[str] | None = None  # as of the last check; None where it did not come so far
        self._checked_at = float("-inf")
        self._reading = threading.Lock()  # a worker has one connection for all checks, and the pool lets nobody wait

    def keep_checking(self, unasked_seconds: float = UNASKED_SECONDS) -> None:
        """Check now, and whenever nobody has asked for so long; never returns.

        So metrics and log stay true where no probe comes: beside Tickiti, or behind a proxy of one's own.
        """
        while True:
            rest = self._checked_at + unasked_seconds - time.monotonic()
            if rest > 0:
                time.sleep(rest)
                continue
            try:
                self.check()
            except Exception:  # what nobody foresaw must not be the last check
                log.exception("unforeseen error")

    def check(self) -> Mapping[str, str]:
        """Return for each check `ok` or a sentence that says what is wrong; `unknown` behind the first that fails."""
        self._checked_at = time.monotonic()
        checks = self._check()
        failed = next((name for name, word in checks.items() if word != "ok"), None)
        told = None if failed is None else (failed, checks[failed])
        if told != self._told:
            self._told = told
            if failed is None:
                log.warning("ready again")
            else:
                log.error("not ready", extra={"facts": {"check": failed, "reason": checks[failed]}})
        self._tell_changed()
        self._tell(checks)
        return checks

    def _tell_changed(self) -> None:
        """Tell the log of collations that sort in another way than they did when indexes were made."""
        changed = self.changed_collations
        if changed is None or changed == self._told_changed:
            return
        self._told_changed = changed
        if changed:
            log.warning("collations have changed", extra={"facts": {"reason": "; ".join(changed)}})
        else:
            log.warning("collations are as they were")

    def _check(self) -> Mapping[str, str]:
        self.changed_collations = None
        try:
            self._prove()
            with self._reading:
                faults, powers, changed = self._read(
                    lambda source: (
                        find_contract_faults(source),
                        self._find_powers(source),
                        find_changed_collations(source),
                    )
                )
                self.changed_collations = changed
                unreadable = None if faults else self._find_unreadable()
        except ReplicaUnavailable as fault:
            return self._name(fault.check, fault.reason)
        except QueryError as fault:
            return self._name("replica", fault.message)
        if faults:
            return self._name("contract", f"{'; '.join(faults)}.")
        if unreadable:
            return self._name("contract", f"Cannot be read: {unreadable}.")
        if powers:
            return self._name("role", f"The role of TICKITI_REPLICA_URL could write: it {'; '.join(powers)}.")
        return dict.fromkeys(self.CHECKS, "ok")

    def _find_unreadable(self) -> str | None:
        """Return the relation that no request can read, with the SQLSTATE; None where there is none such."""
        if self._try_to_read(READ_BY_ALL) is None:
            return None
        states = ((relation, self._try_to_read((relation,))) for relation in READ_BY_ALL)
        return next((f"{relation} (SQLSTATE {state})" for relation, state in states if state is not None), None)

    def _try_to_read(self, relations: Sequence[str]) -> str | None:
        """Return the SQLSTATE with which none of a relation's rows can be read. Raise what concerns the replica."""
        try:
            self._read(lambda source: read_rows(source, relations))
        except QueryError as error:
            state = (error.facts or {}).get("sqlstate")
            if state is None:
                raise
            return None if OF_SOME & {state, state[:2]} else state
        return None

    def _name(self, failed: str, message: str) -> Mapping[str, str]:
        place = self.CHECKS.index(failed)
        return {name: "ok" if i < place else message if i == place else "unknown" for i, name in enumerate(self.CHECKS)}
