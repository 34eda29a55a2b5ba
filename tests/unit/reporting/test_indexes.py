"""Which look-ups an index in the order of bytes serves, of tables and beneath views."""

from typing import Any

import pytest

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.expected_indexes import INDEXES, LOOK_UPS
from tickiti_query.reporting.indexes import LOOKED_UP, Beneath, find_unserved, read_index_state, read_indexes

BY_EMAIL = 'CREATE INDEX by_mail ON reporting.users USING btree (lower(email) COLLATE "C")'
VIEW = " SELECT people.mail AS email,\n    people.id\n   FROM people;"


class Catalogue:
    """PostgreSQL's catalogue, as far as it is read."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self._rows = list(rows)
        self.asked: list[Statement] = []

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return self._rows


def test_indexes_are_read_with_the_tables_that_they_are_on() -> None:
    rows = [("users", None, 7, "users", "by_mail", False, BY_EMAIL), ("teams", VIEW, 8, "groups", None, None, None)]
    there = read_indexes(Catalogue(*rows), ["users", "teams", "tickets"])
    assert there["users"].oids == {7}
    assert (there["users"].names, there["users"].whole) == ({"by_mail"}, there["users"].every)
    assert (there["teams"].view, there["teams"].tables, there["teams"].names) == (VIEW, {"groups"}, set())
    assert there["tickets"] == Beneath()


@pytest.mark.parametrize(
    ("rows", "served"),
    [
        ([("users", None, 7, "users", "by_mail", False, BY_EMAIL)], True),
        ([("users", None, 7, "users", "by_mail", False, BY_EMAIL.replace(' COLLATE "C"', ""))], False),
        ([("users", None, 7, "users", "reporting_users_email_bytes", False, "CREATE INDEX x ON users (id)")], False),
        ([("users", VIEW, 7, "people", "by_mail", False, BY_EMAIL.replace("(email)", "((mail)::text)"))], True),
        ([("users", VIEW, 7, "people", "by_mail", False, BY_EMAIL)], False),
        ([("users", VIEW, 7, "people", "reporting_users_email_bytes", False, "CREATE INDEX x ON y (id)")], True),
        ([], False),
    ],
)
def test_a_look_up_is_served_by_an_index_of_its_form(rows: list[tuple[Any, ...]], served: bool) -> None:
    there = read_indexes(Catalogue(*rows), ["users"])["users"]
    assert find_unserved("users", there) == (set() if served else {"lower(u.email)"})


def test_each_look_up_is_of_one_relation() -> None:
    assert sorted(expression for expressions in LOOKED_UP.values() for expression in expressions) == sorted(LOOK_UPS)
    for relation, expressions in LOOKED_UP.items():
        assert {INDEXES[name][0] for each in expressions for name in LOOK_UPS[each]} == {relation}


def test_the_state_of_no_tables_is_not_asked_for() -> None:
    catalogue = Catalogue(("{1,2}",))
    assert (read_index_state(catalogue, ()), catalogue.asked) == ("", [])
    assert read_index_state(catalogue, (7,)) == "{1,2}"
