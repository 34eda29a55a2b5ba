"""A source that gives the contract's relations with the contract's types, whatever types the replica has for them.

This is the one place where a column of another type or collation is converted. Where a relation has such a column, a
statement that reads it begins with a WITH that stands in for the relation. PostgreSQL writes it into the statement, so
all other columns keep their indexes. A relation without such columns is read as it is.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tickiti_query.model.errors import ReplicaUnavailable
from tickiti_query.model.statement import Row, Source, Statement
from tickiti_query.reporting.columns import ReplicaColumn, ReplicaRelation, read_relations, read_state, write_guard
from tickiti_query.reporting.contract import RELATIONS
from tickiti_query.reporting.expected_indexes import INDEXES, LOOK_UPS
from tickiti_query.reporting.indexes import find_unserved, read_index_state, read_indexes

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
LOOKED_UP = sorted({INDEXES[name][0] for names in LOOK_UPS.values() for name in names})
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
    "date": {
        "date": "{0}",
        TIME: "CAST({0} AS date)",
        TIME_WITH_ZONE: "CAST({0} AT TIME ZONE 'UTC' AS date)",
    },
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
    """The stand-ins of the relations that need one, and a sentence for each column that is `unfit`.

    `unserved` is what texts are looked up by that no index in the order of bytes serves. `tables` are the oids of the
    tables beneath `views`, and `index_state` tells whether their indexes have changed.
    """

    stand_ins: Mapping[str, str]
    unfit: tuple[str, ...] = ()
    unserved: frozenset[str] = frozenset()
    views: frozenset[str] = frozenset()
    tables: tuple[int, ...] = ()
    index_state: str = ""

    def fit(self, statement: Statement, relations: Iterable[str]) -> Statement:
        """Return a statement that reads these relations, over the relations as they are."""
        sql = statement.sql
        for expression in self.unserved:
            sql = sql.replace(f"{expression}{BY_BYTES} =", f"{expression} =")
            sql = sql.replace(f"{expression}{BY_BYTES} IN", f"{expression} IN")
        if needed := [self.stand_ins[relation] for relation in relations if relation in self.stand_ins]:
            sql = f"WITH {COMMA.join(needed)}\n{sql}"
        return statement if sql is statement.sql else replace(statement, sql=sql)


def read_conversion(source: Source) -> Conversion:
    """Return the conversion of the relations that the replica has."""
    relations = read_relations(source)
    conversion = make_conversion(relations)
    beneath = read_indexes(source, LOOKED_UP)
    views = frozenset(name for name, there in relations.items() if there.kind == "v")
    tables = tuple(sorted(oid for name, there in beneath.items() if name in views for oid in there.oids))
    return replace(
        conversion,
        unserved=find_unserved(beneath),
        views=views,
        tables=tables,
        index_state=read_index_state(source, tables),
    )


def make_conversion(relations: Mapping[str, ReplicaRelation]) -> Conversion:
    """Return the conversion of the relations that the replica has."""
    stand_ins = {}
    for relation, there in relations.items():
        columns = [(name, sql) for name, sql, _ in convert_all(relation, there)]
        if any(sql is not None for _, sql in columns):
            listed = ", ".join(name if sql is None else f"{sql} AS {name}" for name, sql in columns)
            stand_ins[relation] = f"{relation} AS NOT MATERIALIZED (SELECT {listed} FROM {relation})"
    return Conversion(stand_ins, tuple(find_unfit(relations)))


class ContractSource:
    """A source of the contract's relations, in one snapshot."""

    def __init__(self, source: Source, conversion: Conversion) -> None:
        self._source = source
        self._conversion = conversion
        self._used: set[str] = set()

    def fetch(self, statement: Statement) -> list[Row]:
        """Return all rows of a statement over the contract's relations."""
        return self._source.fetch(self.fit(statement))

    def fit(self, statement: Statement) -> Statement:
        """Return the statement over the relations as they are."""
        used = [name for name in dict.fromkeys(READ.findall(statement.sql)) if name in RELATIONS]
        self._used.update(used)
        return self._conversion.fit(statement, used)

    @property
    def guard(self) -> Statement:
        """The statement whose rows are the same as long as all statements so far fit the relations that they read."""
        return write_guard(self._used, LOOKED_UP, self._conversion.views, self._conversion.tables)


class ContractSources:
    """Opens contract sources. What was found of relations is remembered until they change. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._conversions: dict[str, Conversion] = {}

    def open(self, source: Source, transaction: Source) -> ContractSource:
        """Return a contract source over `source`. What the relations are is read from its `transaction`.

        Raise ReplicaUnavailable where a column of theirs cannot be converted.
        """
        state = read_state(transaction)
        with self._lock:
            conversion = self._conversions.get(state)
        if conversion is None or conversion.index_state != read_index_state(transaction, conversion.tables):
            conversion = read_conversion(transaction)
            with self._lock:
                self._conversions[state] = conversion
                if len(self._conversions) > MOST_STATES:
                    self._conversions.pop(next(iter(self._conversions)))
        if conversion.unfit:
            raise ReplicaUnavailable(check="contract", reason=f"{'; '.join(conversion.unfit)}.")
        return ContractSource(source, conversion)
