"""The contract's columns as they are: what is missing, what is converted, and what sorts in another way."""

from typing import Any

import pytest

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.columns import (
    COLUMNS_THERE,
    SERVER_VERSION,
    ReplicaColumn,
    UnfitColumnError,
    convert,
    find_changed_collations,
    find_missing,
    is_relabelled,
    read_relations,
)
from tickiti_query.reporting.contract import RELATIONS

READ_AS_TEXT = (True, "text", False, "text", "S", True, None, True)


class Catalogue:
    """PostgreSQL's catalogue, as far as it is read."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        assert statement.sql == COLUMNS_THERE
        return self._rows


def make_complete() -> dict[str, dict[str, ReplicaColumn]]:
    return {
        relation: {name: ReplicaColumn(wanted) for name, wanted in columns.items()}
        for relation, columns in RELATIONS.items()
    }


def test_relations_are_read_with_all_that_decides_on_their_columns() -> None:
    nick = (True, "reporting.nick(20)", True, "character varying", "S", True, "de-x-icu", False)
    rows = [("teams", "name", *READ_AS_TEXT), ("teams", "nick", *nick), ("users", "name", *READ_AS_TEXT)]
    assert read_relations(Catalogue(rows)) == {
        "teams": {
            "name": ReplicaColumn("text", base="text", category="S"),
            "nick": ReplicaColumn(
                "reporting.nick(20)",
                is_domain=True,
                base="character varying",
                category="S",
                collation="de-x-icu",
                is_deterministic=False,
            ),
        },
        "users": {"name": ReplicaColumn("text", base="text", category="S")},
    }


def test_nothing_is_missing_of_what_is_complete() -> None:
    assert find_missing(make_complete()) == []


def test_what_is_missing_or_not_readable_is_named() -> None:
    relations = make_complete()
    del relations["teams"]
    relations["users"] = {"id": ReplicaColumn("bigint", readable=False)}
    relations["tickets"] = {
        name: ReplicaColumn("text", readable=name != "subject") for name in RELATIONS["tickets"] if name != "resolution"
    }
    assert find_missing(relations) == ["users", "teams", "tickets.subject", "tickets.resolution"]


TEXT = ReplicaColumn("text", base="text", category="S")


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


class Server:
    """A server of a version, with the versions of its collations."""

    def __init__(self, version: int, rows: list[tuple[str, str, str | None]]) -> None:
        self._answers: dict[str, list[tuple[Any, ...]]] = {SERVER_VERSION: [(version,)]}
        self._rows = rows
        self.asked = ""

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        if statement.sql in self._answers:
            return self._answers[statement.sql]
        self.asked = statement.sql
        return self._rows


def test_a_collation_counts_where_its_version_is_another_one() -> None:
    rows = [("database", "1", "2"), ('collation "de"', "1", "1"), ('collation "fr"', "1", None)]
    assert find_changed_collations(Server(180000, rows)) == [
        "the database was made with version 1 of its collation library, and the server has 2"
    ]


@pytest.mark.parametrize(("version", "asks"), [(130000, False), (140099, False), (150000, True), (180006, True)])
def test_the_databases_own_is_asked_for_where_it_has_a_version(version: int, asks: bool) -> None:
    server = Server(version, [])
    assert find_changed_collations(server) == []
    assert ("datcollversion" in server.asked) is asks
