"""A source that gives the contract's relations with the contract's types, whatever types the replica has for them.

Where a relation has a column of another type or collation, a statement that reads it begins with a WITH that stands in
for the relation. PostgreSQL writes it into the statement, so all other columns keep their indexes. A relation without
such columns is read as it is.
"""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cachetools import LRUCache

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.statement import Precondition, Row, Source, Statement
from tickiti_query.reporting.columns import convert_relations, read_relations
from tickiti_query.reporting.contract import NAMES, RELATIONS
from tickiti_query.reporting.expected_indexes import LOOK_UPS
from tickiti_query.reporting.indexes import find_unserved, read_indexes
from tickiti_query.reporting.view_rules import ViewRules, read_view_rules

# The relations that are more than tables.
SPECIAL = """SELECT array_agg(c.oid) FILTER (WHERE c.relkind = 'v' OR c.relrowsecurity OR c.relhassubclass)
        FROM pg_class c WHERE c.oid = ANY ({})"""
# Which relations our statements find by their names, which of them are special, and which transaction last wrote each
# of their columns, rules and indexes. The value means nothing by itself; it changes with each of these.
CONTRACT_STATE = Statement(
    f"""
SELECT concat_ws('/', r.oids,
       ({SPECIAL.format("r.oids")}),
       (SELECT array_agg(a.xmin) FROM pg_attribute a WHERE a.attrelid = ANY (r.oids) AND a.attnum > 0),
       (SELECT array_agg(w.xmin) FROM pg_rewrite w WHERE w.ev_class = ANY (r.oids)),
       (SELECT array_agg(i.xmin) FROM pg_index i WHERE i.indrelid = ANY (r.oids)))
FROM (SELECT ARRAY(SELECT CAST(to_regclass(n) AS oid) FROM unnest(ARRAY[{NAMES}]) n) AS oids) r
""",
    is_repeated=True,
)
# What the rules rest on: which relations beneath are special; and where there are such, the transactions that last
# wrote indexes, rules, policies, partitions and functions.
PLAIN_BENEATH = SPECIAL.format("CAST(:relations AS oid[])")
BENEATH = f"""SELECT concat_ws('/', ({PLAIN_BENEATH}),
       (SELECT array_agg(i.xmin) FROM pg_index i WHERE i.indrelid = ANY (CAST(:relations AS oid[]))),
       (SELECT array_agg(w.xmin) FROM pg_rewrite w WHERE w.ev_class = ANY (CAST(:relations AS oid[]))),
       (SELECT array_agg(p.xmin) FROM pg_policy p WHERE p.polrelid = ANY (CAST(:relations AS oid[]))),
       (SELECT array_agg(i.xmin) FROM pg_inherits i WHERE i.inhparent = ANY (CAST(:relations AS oid[]))),
       (SELECT array_agg(f.xmin) FROM pg_proc f WHERE f.oid = ANY (CAST(:functions AS oid[]))))"""
# The state of some relations, of the indexes of some of them, and of what is beneath, for a plan that needs no others.
# Where a relation gets another name, a prepared statement is planned again, and finds the one that has the name then.
GUARD = """
SELECT (SELECT array_agg(a.xmin) FROM pg_attribute a
        WHERE a.attrelid = ANY (CAST(ARRAY[{relations}] AS oid[])) AND a.attnum > 0),
       (SELECT array_agg(i.xmin) FROM pg_index i WHERE i.indrelid = ANY (CAST(ARRAY[{looked_up}] AS oid[]))){of_views},
       ({beneath})"""
OF_VIEWS = """,
       (SELECT array_agg(w.xmin) FROM pg_rewrite w WHERE w.ev_class = ANY (CAST(ARRAY[{}] AS oid[])))"""
READ = re.compile(r"\b(?:FROM|JOIN) (\w+)")
COMMA = ",\n"
# Statements look texts up in the order of bytes, which no version of a library changes; where no index has it, in the
# database's own order, which an index of earlier days may have.
BY_BYTES = ' COLLATE "C"'
MOST_STATES = 8  # that are remembered: of each server behind the URL, before and after a migration


def write_state_beneath(rules: ViewRules, names: Iterable[str] = RELATIONS) -> Statement:
    """Write the SELECT of a value that is another one after each change of what is beneath these relations."""
    relations = tuple(sorted(set[int]().union(*(rules.relations.get(name, ()) for name in names))))
    if rules.is_plain:
        return Statement(PLAIN_BENEATH, (("relations", relations),))
    return Statement(BENEATH, (("relations", relations), ("functions", rules.functions)))


@dataclass(frozen=True, slots=True)
class RelationsAsRead:
    """The relations as they were read: stand-ins, columns that are `unfit`, the rules, and the state beneath.

    `unserved` has the look-ups that no index in the order of bytes serves, by relations that texts were looked up in.
    """

    stand_ins: Mapping[str, str]
    unfit: Sequence[str]
    rules: ViewRules
    beneath: Sequence[Row]
    unserved: dict[str, frozenset[str]] = field(default_factory=dict)

    def is_current(self, source: Source) -> bool:
        """Return True where nothing has changed beneath. For tables and unfit columns, CONTRACT_STATE alone says so."""
        if self.rules.is_plain or self.unfit:
            return True
        return source.fetch(write_state_beneath(self.rules)) == self.beneath


class ContractSource:
    """A source of the contract's relations, in the snapshot of a transaction.

    `preconditions` has each look-up that was fetched, with its rows.
    """

    def __init__(self, transaction: Source, known: RelationsAsRead) -> None:
        self.preconditions: list[Precondition] = []
        self._transaction = transaction
        self._known = known
        self._used: set[str] = set()
        self._looked_up: set[str] = set()

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of a look-up over the contract's relations, and record it with their texts."""
        look_up = self.fit(statement)
        sql = f"SELECT CAST(x AS text), x.* FROM (\n{look_up.sql}\n) x"
        rows = self._transaction.fetch(replace(look_up, sql=sql))
        self.preconditions.append(Precondition(look_up, tuple(row[0] for row in rows)))
        return [row[1:] for row in rows]

    def fit(self, statement: Statement) -> Statement:
        """Return the statement over the relations as they are."""
        used = [name for name in dict.fromkeys(READ.findall(statement.sql)) if name in RELATIONS]
        self._used.update(used)
        sql = statement.sql
        for relation in used:
            for expression in LOOK_UPS.get(relation, ()):
                if f"{expression}{BY_BYTES}" in sql and expression in self._find_unserved(relation):
                    sql = sql.replace(f"{expression}{BY_BYTES} =", f"{expression} =")
                    sql = sql.replace(f"{expression}{BY_BYTES} IN", f"{expression} IN")
        stand_ins = self._known.stand_ins
        if needed := [stand_ins[relation] for relation in used if relation in stand_ins]:
            sql = f"WITH {COMMA.join(needed)}\n{sql}"
        return statement if sql is statement.sql else replace(statement, sql=sql)

    def _find_unserved(self, relation: str) -> frozenset[str]:
        """Return the look-ups without an index. Reading indexes waits for locks, as reading the relation does."""
        self._looked_up.add(relation)
        unserved = self._known.unserved
        if relation not in unserved:
            unserved[relation] = find_unserved(relation, read_indexes(self._transaction, [relation])[relation])
        return unserved[relation]

    @property
    def guard(self) -> Statement:
        """The statement whose rows are the same as long as all statements so far fit the relations that they read."""
        names = {relation: f"CAST('{relation}' AS regclass)" for relation in sorted(self._used)}
        relations, rules = ", ".join(names.values()), self._known.rules
        beneath = write_state_beneath(rules, self._used)
        sql = GUARD.format(
            relations=relations,
            looked_up=", ".join(names[relation] for relation in sorted(self._looked_up)),
            of_views="" if rules.is_plain else OF_VIEWS.format(relations),
            beneath=beneath.sql,
        )
        return Statement(sql, beneath.params)

    @property
    def is_provable(self) -> bool:
        """True where a snapshot id proves what was read so far: all of it is stored in tables."""
        return self._used.isdisjoint(self._known.rules.uncacheable)


class ContractSources:
    """Opens contract sources. What was read of relations is remembered until they change. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[str, RelationsAsRead] = LRUCache(MOST_STATES)

    def open(self, transaction: Source) -> ContractSource:
        """Return the contract's relations in the snapshot of a transaction.

        Raise ReplicaUnavailable where a column of theirs cannot be converted.
        """
        [(state,)] = transaction.fetch(CONTRACT_STATE)
        with self._lock:
            known = self._known.get(state)
        if known is None or not known.is_current(transaction):
            columns, rules = read_relations(transaction), read_view_rules(transaction)
            beneath = transaction.fetch(write_state_beneath(rules))
            known = RelationsAsRead(*convert_relations(columns), rules, beneath)
            with self._lock:
                self._known[state] = known
        if known.unfit:
            raise ReplicaUnavailable(check="contract", reason=f"{'; '.join(known.unfit)}.")
        return ContractSource(transaction, known)
