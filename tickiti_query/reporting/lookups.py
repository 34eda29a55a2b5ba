"""The lookups that resolve names on the replica: all that a query needs, in one statement."""

from collections import defaultdict
from collections.abc import Iterable

from tickiti_query.catalogue.resolved_names import Key, Relation, ResolvedNames
from tickiti_query.model.numbers import BIGINT
from tickiti_query.model.source import Source
from tickiti_query.model.statement import Bind, Statement

FEW = 1000  # tickets that are read by themselves sooner than an index is followed until enough of them have come by

# relation -> (the type of its keys, the SELECT of key and value, whether values are ids)
LOOKUPS: dict[Relation, tuple[str, str, bool]] = {
    Relation.QUEUES_NAMED: ("text", "SELECT k.key, q.id FROM keys k JOIN ticket_queues q ON q.name = k.key", True),
    Relation.TEAMS_OF_EMAIL: (
        "text",
        """SELECT k.key, m.team_id
      FROM keys k JOIN users u ON lower(u.email) = lower(k.key) JOIN team_members m ON m.user_id = u.id""",
        True,
    ),
    Relation.MEMBERS_OF_TEAM: (
        "bigint",
        "SELECT k.key, u.email FROM keys k JOIN team_members m ON m.team_id = k.key JOIN users u ON u.id = m.user_id",
        False,
    ),
    Relation.INBOXES_OF_USER: (
        "bigint",
        "SELECT k.key, i.queue_id FROM keys k JOIN queue_permissions i ON i.user_id = k.key WHERE i.treat_as_inbox",
        True,
    ),
    Relation.WATCHLISTS_NAMED: ("text", "SELECT k.key, w.id FROM keys k JOIN watchlists w ON w.name = k.key", True),
    # That there are few: how many would be another answer after each change, and nothing that was read could be kept.
    Relation.FEW_PARTICIPATIONS: (
        "text",
        f"""SELECT k.key, k.key FROM keys k
      WHERE (SELECT count(*) FROM (SELECT FROM ticket_participants p WHERE lower(p.email) = lower(k.key)
                                   LIMIT {FEW + 1}) p) <= {FEW}""",
        False,
    ),
}


def resolve(source: Source, missing: Iterable[Key]) -> ResolvedNames:
    """Read what the missing names stand for, and return them resolved."""
    found: dict[Key, set[str | int]] = {key: set() for key in missing}
    keys: dict[Relation, list[str | int]] = defaultdict(list)
    for relation, key in sorted(found, key=str):
        if isinstance(key, str) or key in BIGINT:
            keys[relation].append(key)
    for name, key, value in source.fetch(write_lookup(keys)) if keys else ():
        relation = Relation(name)
        kind, _, are_ids = LOOKUPS[relation]
        found[relation, int(key) if kind == "bigint" else key].add(int(value) if are_ids else value)
    return ResolvedNames(
        {key: tuple(sorted(values, key=lambda value: (str(type(value)), value))) for key, values in found.items()}
    )


def write_lookup(keys: dict[Relation, list[str | int]]) -> Statement:
    """Write one SELECT for all relations that are asked. Its rows are (relation, key, value), all as text."""
    parts: list[str] = []
    binds: list[tuple[str, Bind]] = []
    for relation, wanted in keys.items():
        kind, select, _ = LOOKUPS[relation]
        parts.append(
            f"SELECT '{relation.value}', CAST(f.key AS text), CAST(f.value AS text)\n"
            f"FROM (WITH keys (key) AS (SELECT unnest(CAST(:{relation.value} AS {kind}[])))\n"
            f"      {select}) f (key, value)"
        )
        binds.append((relation.value, tuple(wanted)))
    return Statement("\nUNION ALL\n".join(parts), tuple(binds))
