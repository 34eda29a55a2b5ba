"""A plan as EXPLAIN prints it, read for the scans in it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SCAN = re.compile(
    r"(?:^|-> +)(?:Parallel )?(?P<kind>Seq Scan|Index Scan|Index Only Scan|Bitmap Heap Scan)(?: Backward)?"
    r'(?: using (?P<index>"[^"]+"|\S+))? on (?P<relation>"[^"]+"|\S+)'
)
ACTUAL = re.compile(r"\(actual .*?rows=(?P<rows>[\d.]+) loops=(?P<loops>\d+)\)")
REMOVED = re.compile(r"^ +Rows Removed by (?:Filter|Index Recheck): (\d+)")
FILTER = re.compile(r"^ +(?:Filter|Recheck Cond): (.*)")


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a relation. `read` counts rows of all loops, those thrown away included.

    It is None where the plan was not run; `removed` is what was thrown away, on an average for one loop.
    """

    kind: str
    relation: str
    index: str | None
    conditions: str
    read: int | None
    removed: int
    was_executed: bool


def read_scans(plan: Sequence[str]) -> Iterator[Scan]:
    """Yield the scans of a plan, from its top down."""
    for node in split_nodes(plan):
        found = SCAN.search(node[0])
        if found is None:
            continue
        actual = ACTUAL.search(node[0])
        removed = sum(int(line[1]) for line in map(REMOVED.search, node) if line)
        loops = int(actual["loops"]) if actual else 0
        yield Scan(
            kind=found["kind"],
            relation=found["relation"].strip('"'),
            index=found["index"],
            conditions=" ".join(line[1] for line in map(FILTER.search, node) if line),
            read=round((float(actual["rows"]) + removed) * loops) if actual else None,
            removed=removed * loops,
            was_executed="(never executed)" not in node[0],
        )


def split_nodes(plan: Sequence[str]) -> Iterator[list[str]]:
    """Yield the lines of each node. Lines that belong to no node are yielded as one that is none."""
    node: list[str] = []
    for line in plan:
        if "->" in line or not line.startswith(" ") or re.match(r"\s+(SubPlan|InitPlan|CTE) ", line):
            if node:
                yield node
            node = []
        node.append(line)
    if node:
        yield node


def has_sort(plan: Sequence[str]) -> bool:
    """Return True where rows are put in order after they have been read."""
    return any(re.search(r"(^|-> +)(Incremental )?Sort  \(", line) for line in plan)
