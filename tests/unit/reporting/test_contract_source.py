"""A statement over relations with other types begins with what stands in for them; any other is left as it is."""

from typing import Any

import pytest

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.statement import Precondition, Statement
from tickiti_query.reporting.columns import COLUMNS, STATE, ReplicaColumn, write_guard
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.contract_source import (
    MOST_STATES,
    ContractSources,
    UnfitColumnError,
    convert,
    is_relabelled,
)
from tickiti_query.reporting.known_rules import add_rules
from tickiti_query.reporting.view_rules import ViewRules

TEXT = ReplicaColumn("text", base="text", category="S")
CATEGORIES = {"text": "S", "character varying": "S", "boolean": "B", "jsonb": "U"}


def make_column(base: str, category: str = "N", **facts: Any) -> ReplicaColumn:
    return ReplicaColumn(base, base=base, category=category, **facts)


ICU = {"collation": "de-x-icu"}
CASELESS = {"collation": "caseless", "is_deterministic": False}


@pytest.mark.parametrize(
    ("wanted", "there", "sql"),
    [
        # as they are
        ("text", TEXT, None),
        ("text", make_column("character varying", "S"), None),
        ("bigint", make_column("integer"), None),
        ("smallint", make_column("bigint"), None),
        ("boolean", make_column("boolean", "B"), None),
        ("jsonb", make_column("jsonb", "U"), None),
        # texts
        ("text", make_column("text", "S", is_domain=True), "CAST(x AS text)"),
        ("text", make_column("character", "S"), "CAST(x AS text)"),
        ("text", make_column("public.citext", "S", is_built_in=False), "CAST(x AS text)"),
        ("text", make_column("reporting.status", "E", is_built_in=False), "CAST(x AS text)"),
        ("text", make_column("json", "U"), "CAST(x AS text)"),
        ("text", make_column("inet", "I"), "CAST(x AS text)"),
        ("text", make_column("text", "S", **ICU), 'x COLLATE "default"'),
        ("character varying", make_column("name", "S", collation="C"), 'CAST(x AS text) COLLATE "default"'),
        # numbers
        ("bigint", make_column("bigint", is_domain=True), "CAST(x AS bigint)"),
        (
            "integer",
            make_column("numeric"),
            "CASE WHEN x >= -9223372036854775808 AND x < 9223372036854775808 THEN CAST(x AS bigint) END",
        ),
        ("bigint", make_column("oid"), "CAST(x AS bigint)"),
        # the others
        ("boolean", make_column("smallint"), "(x <> 0)"),
        ("boolean", make_column("boolean", "B", is_domain=True), "CAST(x AS boolean)"),
        ("timestamp without time zone", make_column("timestamp with time zone", "D"), "(x AT TIME ZONE 'UTC')"),
        ("date", make_column("timestamp without time zone", "D"), "CAST(x AS date)"),
        ("jsonb", make_column("json", "U"), "CAST(x AS text)"),
        ("jsonb", make_column("text", "S"), "CAST(x AS text)"),
    ],
)
def test_a_column_is_converted_only_where_it_is_not_the_contracts(
    wanted: str, there: ReplicaColumn, sql: str | None
) -> None:
    assert convert("x", wanted, there) == sql


@pytest.mark.parametrize(("facts", "sql"), [(ICU, None), (CASELESS, 'x COLLATE "default"')])
def test_what_is_only_compared_to_the_letter_keeps_a_collation_that_does_so(
    facts: dict[str, Any], sql: str | None
) -> None:
    assert convert("x", "text", make_column("text", "S", **facts), is_exact=True) == sql


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("text", make_column("bytea", "U")),
        ("text", make_column("text[]", "A")),
        ("bigint", make_column("text", "S")),
        ("bigint", make_column("money")),
        ("boolean", make_column("text", "S")),
        ("timestamp without time zone", make_column("text", "S")),
        ("date", make_column("integer")),
        ("jsonb", make_column("bytea", "U")),
    ],
)
def test_what_no_conversion_is_sure_for_is_refused(wanted: str, there: ReplicaColumn) -> None:
    with pytest.raises(UnfitColumnError, match=r"^is .+; the contract says "):
        convert("x", wanted, there)


def test_a_domain_is_another_name_for_a_type() -> None:
    assert is_relabelled("text", make_column("character varying", "S", is_domain=True))
    assert is_relabelled("bigint", make_column("integer", is_domain=True))
    assert is_relabelled("date", make_column("date", "D", is_domain=True))
    assert not is_relabelled("text", make_column("character", "S"))
    assert not is_relabelled("text", make_column("text", "S", **ICU))


class Catalogue:
    """A replica whose relations have the contract's types, but for those that a test changes."""

    def __init__(self, **odd: tuple[Any, ...]) -> None:
        self.odd = odd  # by relation and column, with two underscores between
        self.state = "1"
        self.asked: list[str] = []

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        self.asked.append(statement.sql)
        if statement == STATE:
            return [(self.state,)]
        return list(self.list_columns()) if statement.sql == COLUMNS else []

    def list_columns(self) -> Any:
        for relation, columns in RELATIONS.items():
            for name, wanted in columns.items():
                plain = (True, wanted, False, wanted, CATEGORIES.get(wanted, "N"), True, None, True)
                yield relation, "r", name, *self.odd.get(f"{relation}__{name}", plain)

    def fit(self, sources: ContractSources, sql: str) -> str:
        return sources.open(self).fit(Statement(sql)).sql


CHAR = (True, "character(9)", False, "character", "S", True, None, True)
BYTES = (True, "bytea", False, "bytea", "U", True, None, True)
NOTHING = ViewRules({}, {}, (), is_plain=True)
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


def test_the_guard_is_of_all_relations_that_were_read() -> None:
    catalogue = Catalogue()
    contract = ContractSources().open(catalogue)
    contract.fetch(Statement("SELECT 1 FROM users u JOIN team_members m ON m.user_id = u.id, (SELECT 1 FROM keys) k"))
    contract.fit(Statement(LIST))
    used = ["team_members", "ticket_queues", "tickets", "users"]
    assert contract.guard == add_rules(write_guard(used), NOTHING, used)
    assert contract.guard.sql.count("AS regclass") == 4


def test_the_indexes_of_what_texts_are_looked_up_in_count_too() -> None:
    catalogue = Catalogue()
    contract = ContractSources().open(catalogue)
    fitted = contract.fit(Statement("SELECT 1 FROM users u WHERE lower(u.email) COLLATE \"C\" = 'a'"))
    assert fitted.sql == "SELECT 1 FROM users u WHERE lower(u.email) = 'a'"  # it has no index
    assert contract.guard == add_rules(write_guard(["users"], ["users"]), NOTHING, ["users"])
    assert contract.guard.sql.count("AS regclass") == 2


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


def count_readings(states: list[str]) -> int:
    sources, catalogue = ContractSources(), Catalogue()
    for catalogue.state in states:
        sources.open(catalogue)
    return catalogue.asked.count(COLUMNS)


def test_relations_are_read_again_where_they_have_changed_and_not_before() -> None:
    assert count_readings(["a", "a", "b", "a"]) == 2
    others = [str(number) for number in range(MOST_STATES)]
    assert count_readings(["a", *others, *others, "a"]) == 1 + MOST_STATES + 1  # the first was forgotten


def test_a_column_that_cannot_be_converted_is_named_for_operators() -> None:
    odd = Catalogue(tickets__subject=BYTES)
    with pytest.raises(ReplicaUnavailable) as refused:
        odd.fit(ContractSources(), LIST)
    assert refused.value.check == "contract"
    assert refused.value.reason == "tickets.subject is bytea; the contract says text."
    assert "subject" not in refused.value.message
