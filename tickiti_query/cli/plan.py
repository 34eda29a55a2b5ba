"""A plan as EXPLAIN prints it: its scans, and a warning for each that takes longer the more tickets there are."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tickiti_query.catalogue.fields import FIELDS
from tickiti_query.cli.question import Question
from tickiti_query.cli.wording import describe_part
from tickiti_query.compiler.page import list_orders, read_keys, write_fragment
from tickiti_query.compiler.rules import read_rules
from tickiti_query.model.statement import Statement
from tickiti_query.replica.execution import Transaction

SCAN = re.compile(
    r"(?:^|-> +)(?:Parallel )?(?P<kind>Seq Scan|Index Scan|Index Only Scan|Bitmap Heap Scan)(?: Backward)?"
    r'(?: using (?P<index>"[^"]+"|\S+))? on (?P<relation>"[^"]+"|\S+)'
)
ACTUAL = re.compile(r"\(actual .*?rows=(?P<rows>[\d.]+) loops=(?P<loops>\d+)\)")
REMOVED = re.compile(r"^ +Rows Removed by (?:Filter|Index Recheck): (\d+)", re.MULTILINE)
FILTER = re.compile(r"^ +(?:Filter|Recheck Cond): (.*)", re.MULTILINE)
SORT = re.compile(r"(^|-> +)(Incremental )?Sort  \(")

GROWING = ("tickets", "responses", "ticket_participants", "ticket_hashtags", "watchlist_tickets", "ticket_user_states")
FEW_ROWS = 1_000  # a table this small is read as a whole whatever indexes it has
MANY_ROWS = 10_000
ADVICE = "deploy/reporting_indexes.sql has the indexes"

# The tables that grow with the tickets, and those beneath them where the contract's relations are views.
FIND_TABLES = """
SELECT b.relname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class b ON b.oid = c.oid
                OR b.oid IN (SELECT d.refobjid
                             FROM pg_rewrite r
                             JOIN pg_depend d ON d.objid = r.oid
                             WHERE r.ev_class = c.oid
                               AND d.classid = CAST('pg_rewrite' AS regclass)
                               AND d.refclassid = CAST('pg_class' AS regclass))
WHERE n.nspname = CAST(:schema AS text)
  AND c.relname = ANY (:relations)
  AND b.relkind IN ('r', 'p', 'm', 'f')
  AND NOT b.reltuples BETWEEN 0 AND CAST(:few AS real)
"""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of a relation. `read` counts its rows, the `removed` included; it is None where the plan was not run."""

    kind: str
    relation: str
    index: str | None
    conditions: str
    read: int | None
    removed: int
    was_executed: bool


def read_scans(plan: Sequence[str]) -> Iterator[Scan]:
    """Yield the scans of a plan, from its top down."""
    for head, *details in split_nodes(plan):
        found = SCAN.search(head)
        if found is None:
            continue
        actual = ACTUAL.search(head)
        text = "\n".join(details)
        removed = sum(map(int, REMOVED.findall(text)))
        loops = int(actual["loops"]) if actual else 0
        yield Scan(
            kind=found["kind"],
            relation=found["relation"].strip('"'),
            index=found["index"],
            conditions=" ".join(FILTER.findall(text)),
            read=round((float(actual["rows"]) + removed) * loops) if actual else None,
            removed=removed * loops,
            was_executed="(never executed)" not in head,
        )


def split_nodes(plan: Sequence[str]) -> list[list[str]]:
    """Return the lines of each node. Lines that belong to no node are one of their own."""
    nodes: list[list[str]] = []
    for line in plan:
        if not nodes or "->" in line or not line.startswith(" ") or re.match(r"\s+(SubPlan|InitPlan|CTE) ", line):
            nodes.append([])
        nodes[-1].append(line)
    return nodes


def has_sort(plan: Sequence[str]) -> bool:
    """Return True where rows are put in order after they have been read."""
    return any(map(SORT.search, plan))


def find_growing_tables(source: Transaction, schema: str) -> Mapping[str, str]:
    """Return the tables that grow with the tickets and are not small today, each with its relation of the contract."""
    binds = (("schema", schema), ("relations", GROWING), ("few", FEW_ROWS))
    return dict(source.fetch(Statement(FIND_TABLES, binds)))


def list_scan_warnings(plan: Sequence[str], question: Question, tables: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each scan that grows with its table."""
    enough = max(MANY_ROWS, 10 * question.query.row_limit)
    for scan in read_scans(plan):
        if scan.relation not in tables or not scan.was_executed:
            continue
        read = "" if scan.read is None else f", {scan.read:,} rows"
        causes = find_likely_parts(scan, tables[scan.relation], question, is_sorted=has_sort(plan))
        likely = f"; likely for {', '.join(causes)}" if causes else ""
        if scan.kind == "Seq Scan":
            yield f"reads all of {scan.relation}{read}{likely}. {ADVICE}."
        elif scan.read is not None and scan.read > enough:
            by = f" by {scan.index}" if scan.index else ""
            removed = f", and throws {scan.removed:,} of them away" if scan.removed else ""
            yield f"walks through {scan.relation}{by}{read}{removed}{likely}. {ADVICE}."


def find_likely_parts(scan: Scan, relation: str, question: Question, *, is_sorted: bool) -> list[str]:
    """Return the parts of the question that are about the scanned relation, as far as that can be told."""
    perspective = question.perspective
    context, every = read_rules(perspective, question.searches, question.actor, question.names)
    rules = [(describe_part(part), predicate.sql) for rule in every for part, predicate in rule.alternatives]
    orders = zip(list_orders(perspective), read_keys(perspective, context), strict=True)
    keys = [(f"the order by {order.field}", key.sql) for order, key in orders]
    if relation == "tickets":
        # Everything speaks of tickets: what counts is a rule whose columns are filtered by.
        filtered = set(re.findall(r"\w+", scan.conditions))
        found = [wording for wording, sql in rules if filtered & set(re.findall(r"\bt\.(\w+)", sql)) - {"id"}]
        return found + [wording for wording, _ in keys if is_sorted]
    own = [(f"the column {name}", FIELDS[name].column) for name in perspective.columns]
    columns = [(wording, write_fragment(column.sql, context)) for wording, column in own if column]
    aliases = set(re.findall(rf"\b{relation} (\w+)\b", question.statement.sql))
    return [wording for wording, sql in (*rules, *keys, *columns) if aliases & set(re.findall(r"\b(\w+)\.", sql))]
