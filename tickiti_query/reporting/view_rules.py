"""The relations of the contract whose rows change without a transaction, so that no snapshot id proves an answer.

A positive list says which do not: tables, materialized views, views over them, and functions that are IMMUTABLE or
depend on a session's settings alone. A view's rule names all that it reads; pg_depend leaves out what is built in.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from tickiti_query.model.statement import Source, Statement
from tickiti_query.reporting.contract import NAMES

FIRST_OWN_OID = 16384  # lower ones are PostgreSQL's own
STORED = {"r", "p", "m", "v"}  # kinds of relation: tables, partitioned ones, materialized views, and views
KINDS = {"f": "the foreign table", "S": "the sequence"}
# The expressions that compute with what is in them, and with functions that they name.
EXPRESSIONS = """
AGGREF ALIAS ARRAYCOERCEEXPR ARRAYEXPR BOOLEANTEST BOOLEXPR CASEEXPR CASETESTEXPR CASEWHEN COALESCEEXPR COERCETODOMAIN
COERCEVIAIO COLLATEEXPR COMMONTABLEEXPR CONST CONVERTROWTYPEEXPR CTECYCLECLAUSE CTESEARCHCLAUSE DISTINCTEXPR FIELDSELECT
FROMEXPR FUNCEXPR GROUPINGFUNC GROUPINGSET JOINEXPR JSONCONSTRUCTOREXPR JSONFORMAT JSONISPREDICATE JSONRETURNING
MINMAXEXPR NAMEDARGEXPR NULLIFEXPR NULLTEST OPEXPR PARAM QUERY RANGETBLENTRY RANGETBLFUNCTION RANGETBLREF RELABELTYPE
ROWCOMPAREEXPR ROWEXPR ROWMARKCLAUSE RTEPERMISSIONINFO SCALARARRAYOPEXPR SETOPERATIONSTMT SORTGROUPCLAUSE
SQLVALUEFUNCTION SUBLINK SUBSCRIPTINGREF TABLESAMPLECLAUSE TARGETENTRY VAR WINDOWCLAUSE WINDOWFUNC
"""
NODES = frozenset(EXPRESSIONS.split())
# SQLVALUEFUNCTION's ops that read the clock; those beyond them name the user and the like, which a session keeps.
TIMES = ("CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")  # each also with a precision
CLOCKS = ("CURRENT_DATE", *(name for name in TIMES for _ in range(2)))
# Built-in functions that are STABLE, because they write or read by settings such as TimeZone, which the service sets.
BY_SETTINGS = re.compile(
    r"concat(_ws)?|textanycat|anytextcat|format|to_(char|date|timestamp|number)|array_to_string|enum_in"
    r"|quote_(literal|nullable)|(array|row)_to_json|to_jsonb?|jsonb?_build_(array|object)|jsonb?_(object_)?agg(_\w+)?"
    r"|timestamp(tz)?|date|time(tz)?|make_timestamptz|date_trunc|date_part|extract|timezone|overlaps|generate_series"
    r"|(date|timestamp(tz)?)_(eq|ne|lt|le|gt|ge|cmp)_(date|timestamp(tz)?)"
    r"|timestamptz_(pl|mi)_interval|interval_pl_timestamptz"
)
TAG = re.compile(r"(?<!\\)\{([A-Z_]+)")
VALUE = re.compile(r"(?<!\\)\{SQLVALUEFUNCTION :op (\d+)")
RELATION = re.compile(r"(?<!\S):relid (\d+)")
FUNCTION = re.compile(r"(?<!\S):(?:funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\d+)")
INPUT_OF = re.compile(r"(?<!\S):resulttype (\d+) :resultcollid")  # of a COERCEVIAIO: it reads a text as this type

NAMED = Statement(
    f"SELECT n, CAST(to_regclass(n) AS oid) FROM unnest(ARRAY[{NAMES}]) n WHERE to_regclass(n) IS NOT NULL"
)
# Trees: of a view's rule, and of row-level security. Others: what is read with a table, its partitions.
RULES = """
SELECT c.oid, CAST(c.relkind AS text), c.relrowsecurity OR c.relhassubclass,
       concat(NULLIF(n.nspname, 'pg_catalog') || '.', c.relname),
       ARRAY(SELECT CAST(w.ev_action AS text) FROM pg_rewrite w WHERE w.ev_class = c.oid AND c.relkind = 'v')
       || ARRAY(SELECT CAST(p.polqual AS text) FROM pg_policy p
                WHERE p.polrelid = c.oid AND c.relrowsecurity AND p.polcmd IN ('r', '*') AND p.polqual IS NOT NULL),
       ARRAY(SELECT CAST(i.inhrelid AS bigint) FROM pg_inherits i WHERE i.inhparent = c.oid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (CAST(:oids AS oid[]))
"""
INPUTS = "SELECT oid, CAST(typinput AS oid) FROM pg_type WHERE oid = ANY (CAST(:oids AS oid[]))"
# Each function with itself, and with those that a user-defined aggregate calls, which are not in the rule.
FUNCTIONS = f"""
SELECT c.oid, p.oid, concat(NULLIF(n.nspname, 'pg_catalog') || '.', p.proname), CAST(p.provolatile AS text)
FROM unnest(CAST(:oids AS oid[])) c (oid)
LEFT JOIN pg_aggregate a ON a.aggfnoid = c.oid AND c.oid >= {FIRST_OWN_OID}
JOIN pg_proc p ON p.oid = ANY (ARRAY[c.oid, CAST(a.aggtransfn AS oid), CAST(a.aggfinalfn AS oid)])
JOIN pg_namespace n ON n.oid = p.pronamespace
ORDER BY c.oid, p.oid <> c.oid, p.oid DESC
"""


@dataclass(frozen=True, slots=True)
class ViewRules:
    """The things beneath the contract's relations.

    `uncacheable` has the relations whose rows may change without a transaction, each with what it reads. `relations`
    has the oids that this rests on, by the names of the contract's relations; `functions` those of functions that are
    not PostgreSQL's own. `is_plain`: there is nothing but tables without partitions and row-level security.
    """

    uncacheable: Mapping[str, str]
    relations: Mapping[str, Set[int]]
    functions: tuple[int, ...]
    is_plain: bool


@dataclass(frozen=True, slots=True)
class RelationReads:
    """The things that one relation reads: relations, functions and types as oids, and `unstored` in words."""

    is_table: bool = True
    relations: frozenset[int] = frozenset()
    functions: frozenset[int] = frozenset()
    inputs: frozenset[int] = frozenset()
    unstored: tuple[str, ...] = ()


def read_view_rules(source: Source) -> ViewRules:
    """Return what is beneath the relations of the contract that are there."""
    roots = {name: int(oid) for name, oid in source.fetch(NAMED)}
    reads = read_all(source, roots.values())
    types = set[int]().union(*(each.inputs for each in reads.values()))
    inputs = {int(oid): int(function) for oid, function in fetch_about(source, INPUTS, types)}
    calls = {
        oid: sorted(each.functions | {inputs[type_] for type_ in each.inputs & inputs.keys()})
        for oid, each in reads.items()
    }
    functions = fetch_about(source, FUNCTIONS, set[int]().union(*calls.values()))
    unsettled: dict[int, list[str]] = defaultdict(list)
    for caller, oid, name, volatility in functions:
        if not is_settled(oid, name, volatility):
            unsettled[caller].append(f"{name}()")
    words = {
        oid: [*reads[oid].unstored, *(word for each in called for word in unsettled[each])]
        for oid, called in calls.items()
    }
    beneath = {name: find_beneath(oid, reads) for name, oid in roots.items()}
    found = {name: dict.fromkeys(word for oid in oids for word in words[oid]) for name, oids in beneath.items()}
    return ViewRules(
        uncacheable={name: ", ".join(unstored) for name, unstored in found.items() if unstored},
        relations={name: frozenset(oids) for name, oids in beneath.items()},
        functions=tuple(sorted({oid for _, oid, *_ in functions if oid >= FIRST_OWN_OID})),
        is_plain=all(each.is_table for each in reads.values()),
    )


def read_all(source: Source, oids: Iterable[int]) -> dict[int, RelationReads]:
    """Return what the relations read, and what all that they read does, by oid."""
    found: dict[int, RelationReads] = {}
    unread = set(oids)
    while unread:
        rows = fetch_about(source, RULES, unread)
        found |= {int(oid): read_trees(int(oid), *values) for oid, *values in rows}
        unread = set[int]().union(*(each.relations for each in found.values())) - found.keys() if rows else set()
    return found


def find_beneath(root: int, reads: Mapping[int, RelationReads]) -> list[int]:
    """Return the oids of a relation and of all that it leads to, each once."""
    found: dict[int, None] = {}
    waiting = [root]
    while waiting:
        oid = waiting.pop()
        if oid not in found and oid in reads:
            found[oid] = None
            waiting.extend(sorted(reads[oid].relations))
    return list(found)


def fetch_about(source: Source, sql: str, oids: Set[int]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement about these oids."""
    return source.fetch(Statement(sql, (("oids", tuple(sorted(oids))),))) if oids else []


def read_trees(
    oid: int, kind: str, is_special: bool, name: str, trees: Sequence[str], others: Sequence[int]
) -> RelationReads:
    """Return what a relation reads, by the trees of its expressions. PostgreSQL's own relations are not followed.

    `is_special`: it is a table that may have partitions or policies.
    """
    if kind not in STORED or oid < FIRST_OWN_OID:
        return RelationReads(is_table=False, unstored=(f"{KINDS.get(kind, 'the catalogue')} {name}",))
    tree = "\n".join(trees)
    clocks = [CLOCKS[int(op)] for op in VALUE.findall(tree) if int(op) < len(CLOCKS)]
    unknown = [f"an expression {tag}" for tag in TAG.findall(tree) if tag not in NODES]
    relations, functions, inputs = (
        frozenset(map(int, pattern.findall(tree))) - {0} for pattern in (RELATION, FUNCTION, INPUT_OF)
    )
    is_table = kind != "v" and not is_special
    return RelationReads(is_table, relations | frozenset(others), functions, inputs, (*clocks, *unknown))


def is_settled(oid: int, name: str, volatility: str) -> bool:
    """Return True for a function whose result depends on its arguments, and on the settings of a session, alone.

    `volatility` is PostgreSQL's letter.
    """
    by_settings = oid < FIRST_OWN_OID and volatility == "s" and BY_SETTINGS.fullmatch(name) is not None
    return volatility == "i" or by_settings
