"""A source that gives the contract's relations with the contract's types, whatever types the replica has for them.

This is the one place where a column of another type or collation is converted. Where a relation has such a column, a
statement that reads it begins with a WITH that stands in for the relation. PostgreSQL writes it into the statement, so
all other columns keep their indexes. A relation without such columns is read as it is.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.statement import Precondition, Row, Source, Statement
from tickiti_query.reporting.columns import ReplicaColumn, ReplicaRelation, read_relations, read_state, write_guard
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.indexes import LOOKED_UP, LookUps, find_unserved, read_index_state, read_indexes
from tickiti_query.reporting.known_rules import KnownRules, add_rules
from tickiti_query.reporting.view_rules import ViewRules

TEXTS = {"text", "character varying"}
NUMBERS = {"smallint", "integer", "bigint"}
FRACTIONS = {"numeric", "real", "double precision"}
READ_AS_TEXT = {"json", "jsonb", "uuid", "inet", "cidr", '"char"', *NUMBERS}
TIME, TIME_WITH_ZONE = "timestamp without time zone", "timestamp with time zone"
# The columns of texts that are compared to the letter and never folded: any collation that is deterministic will do.
EXACT = {
    "personal_access_tokens.token",
    "personal_access_tokens.abilities",
    "personal_access_tokens.allowed_ip",
    "tickets.status",
    "perspectives.name",
    "perspective_conditions.field",
    "perspective_conditions.operator",
    "perspective_orders.field",
    "perspective_columns.field",
}
READ = re.compile(r"\b(?:FROM|JOIN) (\w+)")
COMMA = ",\n"
# Statements look texts up in the order of bytes, which no version of a library changes; where no index has it, in the
# database's own order, which an index of earlier days may have.
BY_BYTES = ' COLLATE "C"'
MOST_STATES = 8  # that are remembered: of each server behind the URL, before and after a migration


class UnfitColumnError(ValueError):
    """No conversion gives the contract's values; the message says what the column is, and what would be right."""


def convert(name: str, wanted: str, there: ReplicaColumn, *, is_exact: bool = False) -> str | None:
    """Return the SQL that gives a column with the contract's type and the database's collation; None for the column.

    Raise UnfitColumnError where there is none.
    """
    if wanted in TEXTS:
        converted = convert_to_text(name, there)
        is_alike = there.collation is None or (is_exact and there.is_deterministic)
        return converted if is_alike else f'{converted or name} COLLATE "default"'
    if wanted in NUMBERS:
        return convert_to_number(name, there)
    by_type = CONVERSIONS[wanted]
    if there.base not in by_type or not there.is_built_in:
        raise UnfitColumnError(f"is {there.type}; the contract says {wanted}")
    template = by_type[there.base]
    if template == "{0}" and not there.is_domain:
        return None
    return f"CAST({name} AS {there.base})" if template == "{0}" else template.format(name)


def is_relabelled(wanted: str, there: ReplicaColumn) -> bool:
    """Return True where a conversion changes nothing but the type's name, as of a domain: every index still serves."""
    families = [family for family in (TEXTS, NUMBERS, {wanted}) if wanted in family]
    return there.collation is None and there.base in families[0] and there.is_built_in


def convert_to_text(name: str, there: ReplicaColumn) -> str | None:
    """Return the SQL of a text: of strings of all kinds, enums, and some others that people keep texts in."""
    if there.base in TEXTS and not there.is_domain:
        return None
    if there.category in {"S", "E"} or (there.base in READ_AS_TEXT and there.is_built_in):
        return f"CAST({name} AS text)"
    raise UnfitColumnError(f"is {there.type}; the contract says text")


def convert_to_number(name: str, there: ReplicaColumn) -> str | None:
    """Return the SQL of a whole number. One beyond 64 bits is none."""
    if there.base in NUMBERS:
        return f"CAST({name} AS {there.base})" if there.is_domain else None
    if there.base in FRACTIONS:
        bounds = f"{name} >= -9223372036854775808 AND {name} < 9223372036854775808"
        return f"CASE WHEN {bounds} THEN CAST({name} AS bigint) END"
    if there.base == "oid":
        return f"CAST({name} AS bigint)"
    raise UnfitColumnError(f"is {there.type}; the contract says a whole number")


# the contract's type -> the type beneath -> the conversion, `{0}` for none
CONVERSIONS: Mapping[str, Mapping[str, str]] = {
    "boolean": {"boolean": "{0}"} | dict.fromkeys((*NUMBERS, "numeric"), "({0} <> 0)"),
    TIME: {TIME: "{0}", TIME_WITH_ZONE: "({0} AT TIME ZONE 'UTC')", "date": f"CAST({{0}} AS {TIME})"},
    "date": {"date": "{0}", TIME: "CAST({0} AS date)", TIME_WITH_ZONE: "CAST({0} AT TIME ZONE 'UTC' AS date)"},
    # It is read as a text, and so may be one.
    "jsonb": {"jsonb": "{0}"} | dict.fromkeys(("json", "text", "character varying", "character"), "CAST({0} AS text)"),
}


def convert_all(relation: str, there: ReplicaRelation) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield each column of the contract that is there, the SQL that converts it, and the reason why none does."""
    for name, wanted in RELATIONS[relation].items():
        if name in there.columns:
            try:
                subject = f"{relation}.{name}"
                yield name, convert(name, wanted, there.columns[name], is_exact=subject in EXACT), None
            except UnfitColumnError as error:
                yield name, None, str(error)


def find_unfit(relations: Mapping[str, ReplicaRelation]) -> list[str]:
    """Return a sentence for each column that no conversion makes the contract's."""
    return [
        f"{relation}.{name} {reason}"
        for relation, there in relations.items()
        for name, _, reason in convert_all(relation, there)
        if reason is not None
    ]


@dataclass(frozen=True, slots=True)
class Conversion:
    """The stand-ins of the relations that need one, the `views`, and a sentence for each column that is `unfit`."""

    stand_ins: Mapping[str, str]
    views: frozenset[str] = frozenset()
    unfit: tuple[str, ...] = ()


def make_conversion(relations: Mapping[str, ReplicaRelation]) -> Conversion:
    """Return the conversion of the relations that the replica has."""
    stand_ins = {}
    for relation, there in relations.items():
        columns = [(name, sql) for name, sql, _ in convert_all(relation, there)]
        if any(sql is not None for _, sql in columns):
            listed = ", ".join(name if sql is None else f"{sql} AS {name}" for name, sql in columns)
            stand_ins[relation] = f"{relation} AS NOT MATERIALIZED (SELECT {listed} FROM {relation})"
    views = frozenset(name for name, there in relations.items() if there.kind == "v")
    return Conversion(stand_ins, views, tuple(find_unfit(relations)))


class KnownRelations:
    """The relations in one state: their conversion, and the look-ups of those that somebody has read."""

    def __init__(self, conversion: Conversion) -> None:
        self.conversion = conversion
        self._look_ups: dict[str, LookUps] = {}

    def find_look_ups(self, relation: str, source: Source) -> LookUps:
        """Return the look-ups of a relation.

        To read what is beneath a relation waits for locks on it, so it is done for one that is read anyhow.
        """
        known = self._look_ups.get(relation)
        if known is None or known.state != read_index_state(source, known.tables):
            beneath = read_indexes(source, [relation])[relation]
            tables = tuple(sorted(beneath.oids)) if relation in self.conversion.views else ()
            known = LookUps(find_unserved(relation, beneath), tables, read_index_state(source, tables))
            self._look_ups[relation] = known
        return known


class ContractSource:
    """A source of the contract's relations, in the snapshot of a transaction.

    `preconditions` has each look-up that was fetched, with its rows.
    """

    def __init__(self, transaction: Source, known: KnownRelations, rules: ViewRules) -> None:
        self.preconditions: list[Precondition] = []
        self._transaction = transaction
        self._known = known
        self._rules = rules
        self._used: set[str] = set()
        self._look_ups: dict[str, LookUps] = {}

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
            for expression in LOOKED_UP.get(relation, ()):
                if f"{expression}{BY_BYTES}" in sql and expression in self._find_look_ups(relation).unserved:
                    sql = sql.replace(f"{expression}{BY_BYTES} =", f"{expression} =")
                    sql = sql.replace(f"{expression}{BY_BYTES} IN", f"{expression} IN")
        stand_ins = self._known.conversion.stand_ins
        if needed := [stand_ins[relation] for relation in used if relation in stand_ins]:
            sql = f"WITH {COMMA.join(needed)}\n{sql}"
        return statement if sql is statement.sql else replace(statement, sql=sql)

    def _find_look_ups(self, relation: str) -> LookUps:
        if relation not in self._look_ups:
            self._look_ups[relation] = self._known.find_look_ups(relation, self._transaction)
        return self._look_ups[relation]

    @property
    def guard(self) -> Statement:
        """The statement whose rows are the same as long as all statements so far fit the relations that they read."""
        tables = sorted({oid for look_ups in self._look_ups.values() for oid in look_ups.tables})
        guard = write_guard(self._used, self._look_ups, self._known.conversion.views, tables)
        return add_rules(guard, self._rules, self._used)

    @property
    def is_provable(self) -> bool:
        """True where a snapshot id proves what was read so far: all of it is stored in tables."""
        return self._used.isdisjoint(self._rules.uncacheable)


class ContractSources:
    """Opens contract sources. What was found of relations is remembered until they change. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, KnownRelations] = {}
        self._rules = KnownRules()

    def open(self, transaction: Source) -> ContractSource:
        """Return the contract's relations in the snapshot of a transaction.

        Raise ReplicaUnavailable where a column of theirs cannot be converted.
        """
        state = read_state(transaction)
        with self._lock:
            known = self._known.get(state)
        if known is None:
            known = KnownRelations(make_conversion(read_relations(transaction)))
            with self._lock:
                self._known[state] = known
                if len(self._known) > MOST_STATES:
                    self._known.pop(next(iter(self._known)))
        if known.conversion.unfit:
            raise ReplicaUnavailable(check="contract", reason=f"{'; '.join(known.conversion.unfit)}.")
        return ContractSource(transaction, known, self._rules.find(state, transaction))
