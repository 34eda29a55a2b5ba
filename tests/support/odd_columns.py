"""The contract's relations as views whose columns have other types, over tables that have the contract's."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import create_service
from config.settings import Settings
from demo.loading import READER, create_reader, create_schema
from demo.postgres import PostgresServer
from tests.oracle.values import World
from tests.support.difference import Comparison, make_tokens
from tickiti_query.reporting.contract import RELATIONS

SCHEMA = "odd"
TABLES = "odd_tables"  # the schema of the tables beneath
TIME, FLAG = "timestamp without time zone", "boolean"
WHOLE_SECONDS = "CAST({0} AS timestamp(0))"
NUMBERS = ("bigint", "integer", "smallint")
TEXTS = ("text", "character varying")
# the contract's type, or `relation.column` -> the SQL of a value of another type, `{0}` for the column
Kind = Mapping[str, str]

DOMAINS = {
    **dict.fromkeys(TEXTS, "CAST({0} AS public.some_text)"),
    **{number: f"CAST({{0}} AS public.some_{number})" for number in NUMBERS},
    FLAG: "CAST({0} AS public.some_boolean)",
    TIME: "CAST({0} AS public.some_timestamp)",
    "date": "CAST({0} AS public.some_date)",
    "jsonb": "CAST({0} AS public.some_jsonb)",
}
MAKE_DOMAINS = """
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
CREATE DOMAIN public.some_text AS text;
CREATE DOMAIN public.some_varchar AS varchar(200);
CREATE DOMAIN public.short_varchar AS public.some_varchar CHECK (length(VALUE) < 190);
CREATE DOMAIN public.some_citext AS public.citext;
CREATE DOMAIN public.some_bigint AS bigint;
CREATE DOMAIN public.some_integer AS integer;
CREATE DOMAIN public.some_smallint AS smallint;
CREATE DOMAIN public.some_numeric AS numeric;
CREATE DOMAIN public.some_boolean AS boolean;
CREATE DOMAIN public.some_timestamp AS timestamp;
CREATE DOMAIN public.some_timestamptz AS timestamptz;
CREATE DOMAIN public.some_date AS date;
CREATE DOMAIN public.some_jsonb AS jsonb;
CREATE DOMAIN public.some_json AS json;
"""
DROP_DOMAINS = "; ".join(
    f"DROP DOMAIN IF EXISTS public.{name} CASCADE"
    for name in (
        "short_varchar", "some_text", "some_varchar", "some_citext", "some_bigint", "some_integer", "some_smallint",
        "some_numeric", "some_boolean", "caseless_text", "some_timestamp", "some_timestamptz",
        "some_date", "some_jsonb", "some_json",
    )
)  # fmt: skip
ZONED = "({0} AT TIME ZONE 'UTC')"
KINDS: Mapping[str, Kind] = {
    "domains": DOMAINS,
    "domains over domains and over other types": {
        **dict.fromkeys(TEXTS, "CAST({0} AS public.short_varchar)"),
        **dict.fromkeys(NUMBERS, "CAST({0} AS public.some_numeric)"),
        TIME: "CAST({0} AT TIME ZONE 'UTC' AS public.some_timestamptz)",
        "jsonb": "CAST({0} AS public.some_json)",
    },
    "char(n), integers, times with a zone, json": {
        **dict.fromkeys(TEXTS, "CAST({0} AS character(190))"),
        **dict.fromkeys(NUMBERS, "CAST({0} AS integer)"),
        TIME: ZONED,
        "date": "CAST({0} AS timestamp)",
        "jsonb": "CAST(CAST({0} AS text) AS json)",
    },
    "varchar(n), numeric, numbers for flags": {
        **dict.fromkeys(TEXTS, "CAST({0} AS character varying(190))"),
        **dict.fromkeys(NUMBERS, "CAST({0} AS numeric(24, 2))"),
        FLAG: "CAST(CAST({0} AS integer) AS smallint)",
        "date": "(CAST({0} AS timestamp) AT TIME ZONE 'UTC')",
        "jsonb": "CAST({0} AS text)",
    },
    "citext, floating numbers": {
        **dict.fromkeys(TEXTS, "CAST({0} AS public.citext)"),
        **dict.fromkeys(NUMBERS, "CAST({0} AS double precision)"),
        TIME: WHOLE_SECONDS,
        "jsonb": "CAST({0} AS character varying)",
    },
    "domains over citext, small integers": {
        **dict.fromkeys(TEXTS, "CAST({0} AS public.some_citext)"),
        **dict.fromkeys(NUMBERS, "CAST({0} AS smallint)"),
        "tickets.number": "CAST({0} AS integer)",
    },
    "enums": {"text": "CAST({0} AS public.some_enum)"},
    "names": {"text": "CAST({0} AS name)"},
}
MAKE_COLLATIONS = """
CREATE COLLATION IF NOT EXISTS public.caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN public.caseless_text AS text COLLATE public.caseless;
"""
COLLATED: Mapping[str, Kind] = {
    "a collation without case": dict.fromkeys(TEXTS, "({0} COLLATE public.caseless)"),
    "a domain with a collation": dict.fromkeys(TEXTS, "CAST({0} AS public.caseless_text)"),
    "bytes": dict.fromkeys(TEXTS, '({0} COLLATE "C")'),
    "Turkish": dict.fromkeys(TEXTS, '({0} COLLATE "tr-x-icu")'),
    "several": {
        **dict.fromkeys(TEXTS, '({0} COLLATE "tr-x-icu")'),
        "users.email": '({0} COLLATE "C")',
        "users.name": "({0} COLLATE public.caseless)",
        "tickets.assigned_to_email": "({0} COLLATE public.caseless)",
        "tickets.originator_email": "CAST({0} AS public.citext) COLLATE public.caseless",
        "ticket_queues.name": "CAST({0} COLLATE public.caseless AS character(60))",
        "watchlists.name": "CAST({0} AS name)",
    },
}


@dataclass
class OddComparison(Comparison):
    """A comparison over views whose columns have other types; `number` is that of their kind."""

    kind: Kind = field(default_factory=dict)
    number: int = 0

    def trim(self, world: World) -> World:
        """The world without what the columns do not keep: blanks at the end of texts, fractions of seconds."""

        def keep(value: Any) -> Any:
            if isinstance(value, str):
                return value.rstrip(" ")
            is_cut = isinstance(value, datetime) and self.kind.get(TIME) == WHOLE_SECONDS
            return value.replace(microsecond=0) if is_cut else value

        return {
            relation: [{name: keep(value) for name, value in row.items()} for row in rows]
            for relation, rows in world.items()
        }

    def load(self, world: World) -> None:
        rows = itertools.chain(make_tokens(world), *world.values())
        labels = {value for row in rows for value in row.values() if isinstance(value, str) and len(value) < 64}
        self.primary.rollback()
        self.primary.autocommit = True
        with self.primary.cursor() as cursor:
            cursor.execute("SELECT enumlabel FROM pg_enum")
            for label in sorted(labels - {label for (label,) in cursor.fetchall()}):
                cursor.execute("ALTER TYPE public.some_enum ADD VALUE %s", (label,))
        self.primary.autocommit = False
        super().load(world)


def write_views(kind: Kind) -> str:
    """The statements that make the views."""
    views = []
    for relation, columns in RELATIONS.items():
        listed = [
            f"{kind.get(f'{relation}.{name}', kind.get(wanted, '{0}')).format(name)} AS {name}"
            for name, wanted in columns.items()
        ]
        views.append(f"CREATE VIEW {SCHEMA}.{relation} AS SELECT {', '.join(listed)} FROM {TABLES}.{relation}")
    return "; ".join(views)


@contextmanager
def open_odd_comparison(
    primary: PostgresServer, standby: PostgresServer, kind: Kind, preparation: str = ""
) -> Iterator[OddComparison]:
    """A comparison over views of one kind. `preparation` is SQL that comes first."""
    connection: Any = primary.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"{DROP_DOMAINS}; DROP TYPE IF EXISTS public.some_enum CASCADE")
        cursor.execute(
            f"{MAKE_DOMAINS}; {preparation}; CREATE TYPE public.some_enum AS ENUM (); CREATE SCHEMA {SCHEMA}"
        )
    connection.autocommit = False
    create_schema(connection, TABLES)
    with connection, connection.cursor() as cursor:
        cursor.execute(write_views(kind))
    create_reader(connection, SCHEMA)
    url = standby.url_for(READER)
    settings = Settings(replica_url=url, replica_schema=SCHEMA, cache_ttl_seconds=0, rate_limit=None)
    try:
        yield OddComparison(create_service(settings).app.test_client(), connection, TABLES, kind)
    finally:
        connection.rollback()
        with connection, connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {SCHEMA}, {TABLES} CASCADE")
            cursor.execute(f"{DROP_DOMAINS}; DROP TYPE public.some_enum CASCADE")
        connection.close()
