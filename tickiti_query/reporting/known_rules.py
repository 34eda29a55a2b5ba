"""The view rules that were read, remembered by the state of the relations and of what is beneath them."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tickiti_query.model.statement import Row, Source, Statement
from tickiti_query.reporting.view_rules import ViewRules, read_view_rules, write_state

MOST_REMEMBERED = 8  # of each server behind the URL, before and after a migration


@dataclass(frozen=True, slots=True)
class RulesAsRead:
    """View rules, and the state of what is beneath the relations as it was then."""

    rules: ViewRules
    beneath: tuple[Row, ...]

    def are_current(self, source: Source) -> bool:
        """Return True where nothing has changed beneath; that of tables alone is a part of their own state."""
        return self.rules.is_plain or tuple(source.fetch(write_state(self.rules))) == self.beneath


class KnownRules:
    """The rules by the states of the relations. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, RulesAsRead] = {}

    def find(self, state: str, source: Source) -> ViewRules:
        """Return the rules of the relations in a state, read again where anything beneath has changed."""
        with self._lock:
            known = self._known.get(state)
        if known is None or not known.are_current(source):
            rules = read_view_rules(source)
            known = RulesAsRead(rules, tuple(source.fetch(write_state(rules))))
            with self._lock:
                self._known[state] = known
                if len(self._known) > MOST_REMEMBERED:
                    self._known.pop(next(iter(self._known)))
        return known.rules


def add_rules(guard: Statement, rules: ViewRules, relations: Iterable[str]) -> Statement:
    """Return a guard that gives another value also after a change of the rules of these relations."""
    beneath = write_state(rules, relations)
    return replace(guard, sql=f"{guard.sql},\n       ({beneath.sql})", params=beneath.params)
