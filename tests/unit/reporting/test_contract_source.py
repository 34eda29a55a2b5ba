"""A statement over relations with other types begins with what stands in for them; any other is left as it is.

What is beneath the relations is read once for each state of theirs, and again after a change beneath.
"""

import re
from dataclasses import replace
from typing import Any

import pytest

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.statement import Precondition, Statement
from tickiti_query.reporting.columns import COLUMNS_THERE
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.contract_source import (
    BENEATH,
    CONTRACT_STATE,
    MOST_STATES,
    ContractSource,
    ContractSources,
    RelationsAsRead,
    write_state_beneath,
)
from tickiti_query.reporting.view_rules import FUNCTIONS, NAMED, RULES, ViewRules

CATEGORIES = {"text": "S", "character varying": "S", "boolean": "B", "jsonb": "U"}


class Catalogue:
    """A replica whose relations have the contract's types, but for those that a test changes."""

    def __init__(self, **odd: tuple[Any, ...]) -> None:
        self.odd = odd  # by relation and column, with two underscores between
        self.state = "1"
        self.asked: list[str] = []

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        self.asked.append(statement.sql)
        if statement == CONTRACT_STATE:
            return [(self.state,)]
        return list(self.list_columns()) if statement.sql == COLUMNS_THERE else []

    def list_columns(self) -> Any:
        for relation, columns in RELATIONS.items():
            for name, wanted in columns.items():
                plain = (True, wanted, False, wanted, CATEGORIES.get(wanted, "N"), True, None, True)
                yield relation, name, *self.odd.get(f"{relation}__{name}", plain)

    def fit(self, sources: ContractSources, sql: str) -> str:
        return sources.open(self).fit(Statement(sql)).sql


CHAR = (True, "character(9)", False, "character", "S", True, None, True)
BYTES = (True, "bytea", False, "bytea", "U", True, None, True)
LIST = "SELECT t.id FROM tickets t JOIN ticket_queues q ON q.id = t.queue_id"


def test_a_statement_over_the_contracts_types_is_left_as_it_is() -> None:
    assert Catalogue().fit(ContractSources(), LIST) == LIST


def test_a_relation_is_stood_in_for_where_it_is_read() -> None:
    odd = Catalogue(teams__name=CHAR, ticket_queues__name=CHAR, watchlists__name=CHAR)
    stand_in = "ticket_queues AS NOT MATERIALIZED (SELECT id, CAST(name AS text) AS name, is_parked FROM ticket_queues)"
    assert odd.fit(ContractSources(), LIST) == f"WITH {stand_in}\n{LIST}"
    assert odd.fit(ContractSources(), "SELECT 1 FROM tickets") == "SELECT 1 FROM tickets"
    both = odd.fit(ContractSources(), "SELECT 1 FROM teams JOIN watchlists w ON TRUE")
    assert both.count(" AS NOT MATERIALIZED (") == 2


def list_guarded(guard: Statement) -> list[list[str]]:
    """The relations whose columns a guard tells of, those whose indexes, and those whose definitions."""
    arrays = re.findall(r"ARRAY\[(.*?)\]", guard.sql)
    return [re.findall(r"CAST\('?(\w+)'? AS regclass\)", array) for array in arrays]


def test_the_guard_is_of_all_relations_that_were_read() -> None:
    contract = ContractSources().open(Catalogue())
    contract.fetch(Statement("SELECT 1 FROM users u JOIN team_members m ON m.user_id = u.id, (SELECT 1 FROM keys) k"))
    contract.fit(Statement(LIST))
    assert list_guarded(contract.guard) == [["team_members", "ticket_queues", "tickets", "users"], []]
    assert contract.guard.params == (("relations", ()),)


def test_the_indexes_of_what_texts_are_looked_up_in_count_too() -> None:
    contract = ContractSources().open(Catalogue())
    fitted = contract.fit(Statement("SELECT 1 FROM users u WHERE lower(u.email) COLLATE \"C\" = 'a'"))
    assert fitted.sql == "SELECT 1 FROM users u WHERE lower(u.email) = 'a'"  # it has no index
    assert list_guarded(contract.guard) == [["users"], ["users"]]


def test_the_guard_tells_of_what_is_beneath_views_too() -> None:
    rules = ViewRules({}, {"teams": {OWN}, "users": {4}}, (5,), is_plain=False)
    contract = ContractSource(Catalogue(), RelationsAsRead({}, (), rules, ()))
    contract.fit(Statement("SELECT 1 FROM teams"))
    assert list_guarded(contract.guard) == [["teams"], [], ["teams"]]
    assert contract.guard.sql.endswith(f",\n       ({BENEATH})")
    assert contract.guard.params == (("relations", (OWN,)), ("functions", (5,)))


def test_the_state_is_of_all_that_the_rules_rest_on() -> None:
    rules = ViewRules({}, {"teams": {2, 1}, "users": {4}}, (3,), is_plain=False)
    assert write_state_beneath(rules).params == (("relations", (1, 2, 4)), ("functions", (3,)))
    assert write_state_beneath(rules, ["users", "tickets"]).params == (("relations", (4,)), ("functions", (3,)))
    plain = write_state_beneath(replace(rules, is_plain=True), ["users"])
    assert plain.params == (("relations", (4,)),)
    assert "pg_rewrite" not in plain.sql


class Queues(Catalogue):
    """Two rows besides, each behind its text, for whatever asks for this."""

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        if not statement.sql.startswith("SELECT CAST(x AS text), x.* FROM (\n"):
            return super().fetch(statement)
        assert statement.sql.endswith(f"{LIST}\n) x")
        return [("(1,ann)", 1, "ann"), ("(2,)", 2, None)]


def test_a_look_up_is_fitted_and_recorded_with_the_texts_of_its_rows() -> None:
    contract = ContractSources().open(Queues(ticket_queues__name=CHAR))
    look_up = Statement(LIST, is_repeated=True)
    assert contract.fetch(look_up) == [(1, "ann"), (2, None)]
    assert contract.preconditions == [Precondition(contract.fit(look_up), ("(1,ann)", "(2,)"))]
    assert contract.fit(look_up).sql.startswith("WITH ticket_queues AS ")


OWN = 20_000
CLOCK = ["({FUNCEXPR :funcid 1299 :args <>})"]


class Views(Catalogue):
    """A replica whose teams are a view or a table."""

    def __init__(self, kind: str = "v") -> None:
        super().__init__()
        self.kind = kind
        self.trees: list[str] = []
        self.beneath = "1"

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        answers: dict[str, list[tuple[Any, ...]]] = {
            NAMED.sql: [("teams", OWN)],
            RULES: [(OWN, self.kind, False, "x", self.trees, [])],
            FUNCTIONS: [(1299, 1299, "now", "s")],
            BENEATH: [(self.beneath,)],
        }
        return super().fetch(statement) or answers.get(statement.sql, [])

    def is_provable(self, sources: ContractSources) -> bool:
        contract = sources.open(self)
        contract.fit(Statement("SELECT 1 FROM teams"))
        return contract.is_provable

    @property
    def readings(self) -> int:
        return self.asked.count(NAMED.sql)


def test_a_change_beneath_is_read_though_the_relations_are_in_the_same_state() -> None:
    views, sources = Views(), ContractSources()
    assert [views.is_provable(sources) for _ in range(2)] == [True, True]
    assert views.readings == 1
    views.trees, views.beneath = CLOCK, "2"
    assert not views.is_provable(sources)
    assert views.readings == 2


def test_beneath_tables_is_nothing_that_their_own_state_does_not_tell() -> None:
    tables, sources = Views("r"), ContractSources()
    assert tables.is_provable(sources)
    tables.beneath = "2"
    assert tables.is_provable(sources)
    assert tables.readings == 1


def count_readings(states: list[str]) -> tuple[int, int]:
    """The number of readings of the relations, and of what is beneath them."""
    sources, views = ContractSources(), Views()
    for views.state in states:
        sources.open(views)
    return views.asked.count(COLUMNS_THERE), views.readings


def test_relations_are_read_again_where_they_have_changed_and_not_before() -> None:
    assert count_readings(["a", "a", "b", "a"]) == (2, 2)
    others = [str(number) for number in range(MOST_STATES)]
    again = 1 + MOST_STATES + 1  # the first was forgotten
    assert count_readings(["a", *others, *others, "a"]) == (again, again)


def test_a_column_that_cannot_be_converted_is_named_for_operators() -> None:
    odd = Catalogue(tickets__subject=BYTES)
    with pytest.raises(ReplicaUnavailable) as refused:
        odd.fit(ContractSources(), LIST)
    assert refused.value.check == "contract"
    assert refused.value.reason == "tickets.subject is bytea; the contract says text."
    assert "subject" not in refused.value.message
