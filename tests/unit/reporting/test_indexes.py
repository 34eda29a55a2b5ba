"""Which look-ups an index in the order of bytes serves, of tables and beneath views, however it is spelled."""

from typing import Any

import pytest

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.expected_indexes import INDEXES, LOOK_UPS
from tickiti_query.reporting.indexes import Beneath, find_unserved, normalize, read_indexes, read_view, translate

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
    assert there["users"].tables == {7: "users"}
    assert (there["users"].names, there["users"].whole) == ({"by_mail"}, there["users"].every)
    assert (there["teams"].view, there["teams"].tables, there["teams"].names) == (VIEW, {8: "groups"}, set())
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


def test_each_look_up_has_indexes_of_its_relation() -> None:
    for relation, look_ups in LOOK_UPS.items():
        assert {INDEXES[name][0] for names in look_ups.values() for name in names} == {relation}


UTC = "(updated_at AT TIME ZONE 'UTC'::text)"
# as PostgreSQL 16 and later write it, and before, where each column has its table
NEW = """ SELECT id,
    (subject)::text AS subject,
    CASE
        WHEN is_draft THEN 'a, b AS c'::text
        ELSE status
    END AS status,
    ticket_queue_id AS queue_id,
    "position",
    ((updated_at AT TIME ZONE 'UTC'::text))::timestamp(0) without time zone AS updated_at
   FROM tickets
  WHERE (number > 0);"""
OLD = (
    NEW.replace(" id,", " tickets.id,")
    .replace("(subject)", "(tickets.subject)")
    .replace("is_draft", "tickets.is_draft")
    .replace("ELSE status", "ELSE tickets.status")
    .replace("ticket_queue_id AS", "tickets.ticket_queue_id AS")
    .replace('"position"', 'tickets."position"')
    .replace("((updated_at", "((tickets.updated_at")
)


@pytest.mark.parametrize("view", [NEW, OLD, OLD.replace("tickets.", '"tickets".')])
def test_the_columns_of_a_view_are_read(view: str) -> None:
    found = read_view(view, ["tickets"])
    assert list(found) == ["id", "subject", "status", "queue_id", "position", "updated_at"]
    assert found["queue_id"] == "ticket_queue_id"
    assert normalize(found["position"]) == "position"
    assert normalize(found["status"]) == "CASEWHENis_draftTHEN'a,bASc'ELSEstatusEND"


@pytest.mark.parametrize("view", [NEW, OLD])
@pytest.mark.parametrize(
    ("ours", "there"),
    [
        (
            "(updated_at DESC, id DESC, queue_id)",
            f"CREATE INDEX a ON t USING btree (({UTC}::timestamp(0) without time zone DESC, id DESC, ticket_queue_id)",
        ),
        (
            "USING gin (lower(subject) gin_trgm_ops)",
            "CREATE INDEX a ON public.tickets USING gin (lower((subject)::text) extensions.gin_trgm_ops)",
        ),
        (
            "(queue_id) WHERE subject <> 'status'",
            "CREATE INDEX a ON tickets USING btree (ticket_queue_id) WHERE ((subject)::text <> 'status'::text)",
        ),
    ],
)
def test_a_definition_is_found_in_the_tables_own_names(view: str, ours: str, there: str) -> None:
    assert normalize(translate(ours, read_view(view, ["tickets"]))) == normalize(there)


def test_an_index_on_another_type_is_another_one() -> None:
    columns = read_view(" SELECT (id)::bigint AS id\n   FROM tickets;", ["tickets"])
    assert normalize(translate("(id)", columns)) != normalize("CREATE INDEX a ON tickets USING btree (id)")
    assert normalize(translate("(id)", columns)) == normalize("CREATE INDEX a ON tickets USING btree (((id)::bigint))")
