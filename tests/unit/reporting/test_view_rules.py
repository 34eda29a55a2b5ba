"""The trees of views' rules are read by a positive list: what is not on it is named."""

from typing import Any

import pytest

from tickiti_query.model.statement import Statement
from tickiti_query.reporting.view_rules import (
    RelationReads,
    ViewRules,
    is_settled,
    read_trees,
    read_view_rules,
)

OWN = 20_000
TREE = "({QUERY :rtable ({RANGETBLENTRY :relid 20001 :relkind r}) :targetList ({TARGETENTRY :expr %s :resname x})})"


def test_a_tree_names_relations_functions_and_types() -> None:
    call = "{FUNCEXPR :funcid 870 :args ({OPEXPR :opno 96 :opfuncid 65 :args ({COERCEVIAIO :arg {VAR} :resulttype 1082"
    tree = TREE % f"{call} :resultcollid 0}})}}"
    assert read_trees(OWN, "v", False, "x", [tree], [20_002]) == RelationReads(
        is_table=False,
        relations=frozenset({20_001, 20_002}),
        functions=frozenset({870, 65}),
        inputs=frozenset({1082}),
    )


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("{SQLVALUEFUNCTION :op 0 :type 1082}", ("CURRENT_DATE",)),
        ("{SQLVALUEFUNCTION :op 8 :type 1114}", ("LOCALTIMESTAMP",)),
        ("{SQLVALUEFUNCTION :op 10 :type 19}", ()),
        ("{XMLEXPR :op 1}", ("an expression XMLEXPR",)),
        (r"{CONST :resname \{XMLEXPR\ :x}", ()),
    ],
)
def test_an_expression_that_is_not_known_is_named(node: str, words: tuple[str, ...]) -> None:
    assert read_trees(OWN, "v", False, "x", [TREE % node], []).unstored == words


@pytest.mark.parametrize(
    ("oid", "kind", "words"),
    [
        (OWN, "r", ()),
        (OWN, "p", ()),
        (OWN, "m", ()),
        (OWN, "f", ("the foreign table x",)),
        (OWN, "S", ("the sequence x",)),
        (1259, "r", ("the catalogue x",)),
        (12_000, "v", ("the catalogue x",)),
    ],
)
def test_relations_are_stored_or_not(oid: int, kind: str, words: tuple[str, ...]) -> None:
    assert read_trees(oid, kind, False, "x", [], []).unstored == words


def test_a_table_that_may_have_partitions_or_policies_is_no_plain_one() -> None:
    assert read_trees(OWN, "r", False, "x", [], []).is_table
    assert not read_trees(OWN, "r", True, "x", [], []).is_table
    assert not read_trees(OWN, "v", False, "x", [], []).is_table


@pytest.mark.parametrize(
    ("oid", "name", "volatility", "expected"),
    [
        (870, "lower", "i", True),
        (3058, "concat", "s", True),
        (2027, "timestamp", "s", True),
        (1299, "now", "s", False),
        (1386, "age", "s", False),
        (1598, "random", "v", False),
        (OWN, "public.pure", "i", True),
        (OWN, "public.concat", "s", False),
        (OWN, "concat", "s", False),
        (OWN, "public.wild", "v", False),
    ],
)
def test_a_function_is_settled_or_not(oid: int, name: str, volatility: str, expected: bool) -> None:
    assert is_settled(oid, name, volatility) is expected


class Answers:
    """A source that gives prepared rows, one list for each statement."""

    def __init__(self, *answers: list[tuple[Any, ...]]) -> None:
        self._answers = list(answers)

    def fetch(self, _statement: Statement) -> list[tuple[Any, ...]]:
        return self._answers.pop(0)


def test_a_relation_that_has_gone_ends_the_search() -> None:
    source = Answers([("teams", OWN)], [(OWN, "v", False, "x", [TREE % "{VAR}"], [])], [])
    assert read_view_rules(source) == ViewRules({}, {"teams": {OWN}}, (), is_plain=False)


def test_relations_that_read_one_another_are_read_once() -> None:
    around = [(20_001, "v", False, "y", [TREE % "{VAR}"], [OWN])]
    source = Answers([("teams", OWN)], [(OWN, "v", False, "x", [TREE % "{VAR}"], [])], around)
    assert read_view_rules(source).relations == {"teams": {OWN, 20_001}}
