"""View rules are read once for each state of the relations, and again after a change of what is beneath them."""

from typing import Any

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.known_rules import MOST_REMEMBERED, KnownRules, add_rules
from tickiti_query.reporting.view_rules import FUNCTIONS, NAMED, RULES, STATE_BENEATH, ViewRules

OWN = 20_000
CLOCK = ["({FUNCEXPR :funcid 1299 :args <>})"]


class Replica:
    """A replica whose teams are a view or a table."""

    def __init__(self, kind: str = "v") -> None:
        self.kind = kind
        self.trees: list[str] = []
        self.beneath = "1"
        self.readings = 0

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        if statement == NAMED:
            self.readings += 1
            return [("teams", OWN)]
        if statement.sql == RULES:
            return [(OWN, self.kind, False, "x", self.trees, [])]
        if statement.sql == FUNCTIONS:
            return [(1299, "now", "s", [])]
        return [(self.beneath,)] if statement.sql == STATE_BENEATH else [(None,)]


def test_rules_are_read_once_for_a_state() -> None:
    replica, known = Replica(), KnownRules()
    rules = [known.find(state, replica) for state in ("a", "a", "b", "a")]
    assert replica.readings == 2
    assert rules[0] is rules[1] is rules[3]


def test_a_change_beneath_is_read_though_the_relations_are_in_the_same_state() -> None:
    replica, known = Replica(), KnownRules()
    assert known.find("a", replica).uncacheable == {}
    replica.trees, replica.beneath = CLOCK, "2"
    assert known.find("a", replica).uncacheable == {"teams": "now()"}
    assert replica.readings == 2


def test_beneath_tables_is_nothing_that_their_own_state_does_not_tell() -> None:
    replica, known = Replica("r"), KnownRules()
    assert known.find("a", replica).is_plain
    replica.beneath = "2"
    known.find("a", replica)
    assert replica.readings == 1


def test_few_states_are_remembered() -> None:
    replica, known = Replica(), KnownRules()
    for number in range(MOST_REMEMBERED + 1):
        known.find(str(number), replica)
    known.find("0", replica)
    assert replica.readings == MOST_REMEMBERED + 2


def test_a_guard_tells_of_the_rules_too() -> None:
    guard = add_rules(Statement("SELECT 1"), ViewRules({}, {"teams": {OWN}}, (5,), is_plain=False), ["teams"])
    assert guard.sql.startswith("SELECT 1,\n       (\nSELECT concat_ws(")
    assert guard.params == (("relations", (OWN,)), ("functions", (5,)))
