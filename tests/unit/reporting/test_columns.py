"""The catalogue's facts about the contract's relations, and the parts that are missing."""

from typing import Any

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.columns import (
    COLUMNS,
    STATE,
    ReplicaColumn,
    ReplicaRelation,
    find_missing,
    read_relations,
    read_state,
)
from tickiti_query.reporting.contract import RELATIONS

TEXT = (True, "text", False, "text", "S", True, None, True)


class Catalogue:
    """PostgreSQL's catalogue, as far as it is read."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        return {STATE.sql: [("1/2",)], COLUMNS: self._rows}[statement.sql]


def make_complete() -> dict[str, ReplicaRelation]:
    return {
        relation: ReplicaRelation("r", {name: ReplicaColumn(wanted) for name, wanted in columns.items()})
        for relation, columns in RELATIONS.items()
    }


def test_relations_are_read_with_all_that_decides_on_their_columns() -> None:
    nick = (True, "reporting.nick(20)", True, "character varying", "S", True, "de-x-icu", False)
    rows = [("teams", "v", "name", *TEXT), ("teams", "v", "nick", *nick), ("users", "r", "name", *TEXT)]
    assert read_relations(Catalogue(rows)) == {
        "teams": ReplicaRelation(
            "v",
            {
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
        ),
        "users": ReplicaRelation("r", {"name": ReplicaColumn("text", base="text", category="S")}),
    }


def test_the_state_is_a_text() -> None:
    assert read_state(Catalogue([])) == "1/2"


def test_nothing_is_missing_of_what_is_complete() -> None:
    assert find_missing(make_complete()) == []


def test_what_is_missing_or_not_readable_is_named() -> None:
    relations = make_complete()
    del relations["teams"]
    relations["users"] = ReplicaRelation("r", {"id": ReplicaColumn("bigint", readable=False)})
    relations["tickets"] = ReplicaRelation(
        "r",
        {
            name: ReplicaColumn("text", readable=name != "subject")
            for name in RELATIONS["tickets"]
            if name != "resolution"
        },
    )
    assert find_missing(relations) == ["users", "teams", "tickets.subject", "tickets.resolution"]
