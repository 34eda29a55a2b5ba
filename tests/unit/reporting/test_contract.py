"""The relations of the contract are the same in every file that writes them down.

The files are read as text, each statement by a pattern that fits all of it, so that what is not understood is a
failure. tests/integration/test_views.py asks PostgreSQL for the types of the views that deploy/ makes.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from demo.loading import read_ddl
from tickiti_query.reporting.contract import CONTRACT_VERSION, NULLABLE, RELATIONS

# version -> digest of the relations; a new version is a new line
DIGESTS = {1: "36a633154f63fbde"}
VIEWS = (Path(__file__).parents[3] / "deploy" / "reporting_views.sql").read_text("utf-8")
TYPES = {
    "varchar(64)": "character varying",
    "timestamp": "timestamp without time zone",
    "timestamp(0)": "timestamp without time zone",
}
VIEW = r'CREATE OR REPLACE VIEW :"schema"\.(\w+) AS\nSELECT ([^;]+)\nFROM :(\w+)(?:\nWHERE [^;]+)?;'
VIEW_COLUMN = r"CAST\(:(\w+) AS ([a-z]+(?:\(\d+\))?)\) AS (\w+)"
TABLE = r"CREATE TABLE (\w+) \(\n([^;]+)\n\);"
TABLE_COLUMN = r"(\w+) +([a-z]+(?:\(\d+\))?)(?: +(?:PRIMARY KEY|NOT NULL|UNIQUE|DEFAULT (?:'\w+'|\w+)))*"


def match(pattern: str, text: str) -> tuple[str, ...]:
    """The groups of a pattern that fits the whole text."""
    found = re.fullmatch(pattern, text)
    assert found, text
    return found.groups()


def name_type(spelled: str) -> str:
    return TYPES.get(spelled, spelled)


def list_views() -> Iterator[tuple[str, dict[str, str]]]:
    """Each view, and its columns with their types."""
    views = re.findall(VIEW, VIEWS)
    assert len(views) == VIEWS.count("CREATE OR REPLACE VIEW")
    for relation, columns, table in views:
        assert table == relation
        parts = [match(VIEW_COLUMN, column) for column in re.split(r",\n +", columns)]
        assert [variable for variable, _, _ in parts] == [f"{relation}_{name}" for _, _, name in parts]
        yield relation, {name: name_type(spelled) for _, spelled, name in parts}


def list_tables() -> Iterator[tuple[str, dict[str, str]]]:
    """Each table of the demo, and its columns with their types."""
    text = re.sub(r" *--.*", "", read_ddl())
    tables = re.findall(TABLE, text)
    assert len(tables) == text.count("CREATE ")
    for relation, columns in tables:
        lines = [line.strip() for line in columns.split(",\n")]
        parts = [match(TABLE_COLUMN, line) for line in lines if not line.startswith("PRIMARY KEY (")]
        yield relation, {name: name_type(spelled) for name, spelled in parts}


def test_the_views_give_the_contracts_columns_and_types() -> None:
    assert dict(list_views()) == RELATIONS


def test_the_views_read_what_is_named_at_the_top() -> None:
    top = VIEWS.partition("-- End of the assumed names")[0]
    names = set(re.findall(r"^\\set (\w+) ", top, re.MULTILINE)) - {"ON_ERROR_STOP"}
    columns = {f"{relation}_{column}" for relation, columns in RELATIONS.items() for column in columns}
    of_tokens = {"user_model", "personal_access_tokens_tokenable_type"}
    assert names == {*RELATIONS, *columns, *of_tokens}


def test_the_owner_of_the_views_may_read_each_table() -> None:
    [granted] = re.findall(r"GRANT SELECT ON\n([^;]+)\nTO", VIEWS)
    assert re.findall(r":(\w+)", granted) == list(RELATIONS)


def test_the_demo_has_the_contracts_tables() -> None:
    assert dict(list_tables()) == RELATIONS


def test_the_demo_forbids_the_nulls_that_the_contract_does_not_have() -> None:
    nullable = {relation: set[str]() for relation in RELATIONS}
    for relation, columns in re.findall(TABLE, re.sub(r" *--.*", "", read_ddl())):
        for line in columns.split(",\n"):
            if "NOT NULL" not in line and "PRIMARY KEY" not in line:
                nullable[relation].add(line.split()[0])
    assert nullable == NULLABLE


def digest_relations() -> str:
    return hashlib.sha256(json.dumps(RELATIONS, sort_keys=True).encode()).hexdigest()[:16]


def test_a_change_of_the_relations_raises_the_version() -> None:
    assert (max(DIGESTS), DIGESTS[CONTRACT_VERSION]) == (CONTRACT_VERSION, digest_relations())
    assert len(set(DIGESTS.values())) == len(DIGESTS)
