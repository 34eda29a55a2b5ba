"""Every encoding of a database: what it lacks is found nowhere, and a byte that is no character is shown as U+FFFD."""

import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, extensions

from app import create_service
from config.settings import Settings
from demo.loading import READER, create_reader, create_schema
from demo.pair import Pair
from tests.oracle.example import ANN, MINE, a_perspective, make_world
from tests.oracle.values import World
from tests.support.difference import SCHEMA, Comparison
from tests.support.pooler import PGBOUNCER, Pooler
from tickiti_query.cli import main
from tickiti_query.replica.encoding import install_replacing_codecs

# Each encoding of a database that PostgreSQL converts to UTF-8, with a word that it can hold.
EAST_ASIAN = {"EUC_JP": "日本", "EUC_JIS_2004": "日本", "EUC_CN": "中文", "EUC_TW": "中文", "EUC_KR": "한국"}
OF_ONE_BYTE = (
    *(f"LATIN{number}" for number in range(1, 11)),
    *(f"ISO_8859_{number}" for number in range(5, 9)),
    *(f"WIN{number}" for number in (866, 874, *range(1250, 1259))),
    *("KOI8R", "KOI8U"),
)
LACKED = "😀"


def find_word(encoding: str) -> str:
    """Two letters beyond ASCII; none of them has another case, for the database folds ASCII alone."""
    if encoding in EAST_ASIAN:
        return EAST_ASIAN[encoding]
    high = bytes(range(0x80, 0x100)).decode(extensions.encodings[encoding].removeprefix("replacing_"), "ignore")
    return "".join(letter for letter in high if letter.isprintable() and letter.lower() == letter.upper())[:2]


def make_plain_world(word: str) -> World:
    """The world of the examples in ASCII, with the word in each text of a ticket."""
    plain = json.dumps(make_world(), ensure_ascii=False, default=str).translate(str.maketrans("Éé", "Ee"))
    world: World = json.loads(plain)
    for relation, rows in make_world().items():
        for row, source in zip(world[relation], rows, strict=True):
            row |= {name: value for name, value in source.items() if not isinstance(value, str)}
    ticket = world["tickets"][0]
    ticket |= dict.fromkeys(("subject", "resolution"), f"a {word} b")
    world["ticket_queues"][0]["name"] = word
    world["watchlists"][0]["name"] = word
    world["ticket_hashtags"][0]["tag"] = word
    world["responses"][0]["plain_text"] = f"x{word}y"
    ticket["originator_email"] = f"{word}@x.io"
    world["ticket_participants"][0]["email"] = f"{word}@x.io"
    for place, (field, operator, value) in enumerate(list_conditions(word)):
        world["perspectives"].append(a_perspective(100 + place, f"{word} {place}"))
        row = {"perspective_id": 100 + place, "position": 0, "field": field, "operator": operator, "value": value}
        world["perspective_conditions"].append(row)
    return world


def list_conditions(word: str) -> Iterator[tuple[str, str, Any]]:
    for field in ("subject", "content", "originator", "participant", "hashtag", "queue", "watchlist", "resolution"):
        address = "@x.io" if field in ("originator", "participant") else ""
        for operator in ("contains", "does not contain") if field == "content" else ("is", "is not"):
            yield field, operator, f"{word}{address}"
            yield field, operator, f"{LACKED}{address}"
            yield field, operator, [f"{LACKED}{address}", f"{word}{address}"]
    for operator in ("contains", "does not contain"):
        yield "subject", operator, word
        yield "subject", operator, [LACKED, "plate"]
        yield "originator", operator, f"{word}{LACKED}"
    yield "assignee", "is not", [f"{LACKED}@x.io", "me"]
    yield "for_attention", "is", True


def list_bodies(word: str) -> Iterator[Any]:
    yield {}
    for name in (LACKED, word, f"{word} 0", f"{word}{LACKED}", "All"):
        yield {"search_object": {"search_perspective": name}}
    for mode in ("subject", "content", "subject_content", "assigned", "participant", "raised", "hashtag", "queue"):
        for tokens in ([word, LACKED, "\u00a6"], [f"{word}@x.io", f"{LACKED}@x.io"]):
            for match in ("all", "any"):
                yield {"search_object": {"criteria": [{"mode": mode, "tokens": tokens, "match": match}]}}


def list_few_bodies(word: str) -> Iterator[Any]:
    yield {}
    for name in (LACKED, word, f"{word} 0"):
        yield {"search_object": {"search_perspective": name}}
    for mode in ("subject_content", "raised", "queue"):
        yield {"search_object": {"criteria": [{"mode": mode, "tokens": [word, LACKED], "match": "any"}]}}


def make_url(pair: Pair, database: str) -> str:
    return pair.standby.url_for(READER, database)


@contextlib.contextmanager
def open_database(pair: Pair, encoding: str) -> Iterator[Comparison]:
    """The service over a database of this encoding, with the contract's tables; a definition is json as it came."""
    name = f"in_{encoding.lower()}"
    locale = "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    pair.primary.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' {locale} TEMPLATE template0")
    try:
        primary = psycopg2.connect(pair.primary.url_for("postgres", name), client_encoding="UTF8")
        try:
            create_schema(primary, SCHEMA)
            create_reader(primary, SCHEMA)
            with primary, primary.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {SCHEMA}.perspective_conditions ALTER value TYPE json")
            yield Comparison(open_client(make_url(pair, name)), primary)
        finally:
            primary.close()
    finally:
        pair.primary.execute(f"DROP DATABASE {name} (FORCE)")


def open_client(url: str, **settings: Any) -> Any:
    given = Settings(replica_url=url, replica_schema=SCHEMA, cache_ttl_seconds=0, rate_limit=None, **settings)
    return create_service(given).app.test_client()


@pytest.mark.parametrize("encoding", ["LATIN1", "EUC_JP"])
def test_what_an_encoding_lacks_is_found_nowhere(pair: Pair, encoding: str) -> None:
    word = find_word(encoding)
    world = make_plain_world(word)
    with open_database(pair, encoding) as comparison:
        comparison.load(world)
        for body in list_bodies(word):
            comparison.compare(world, ANN, body)
        for perspective in world["perspectives"]:
            comparison.compare(world, ANN, {"perspective_id": perspective["id"]})


@pytest.mark.parametrize("encoding", [*OF_ONE_BYTE, *EAST_ASIAN])
def test_each_encoding_is_read(pair: Pair, encoding: str) -> None:
    word = find_word(encoding)
    world = make_plain_world(word)
    with open_database(pair, encoding) as comparison:
        comparison.load(world)
        for body in list_few_bodies(word):
            comparison.compare(world, ANN, body)


def test_each_byte_is_decoded_as_the_server_converts_it(pair: Pair) -> None:
    install_replacing_codecs()
    with contextlib.closing(pair.standby.connect()) as connection, connection.cursor() as cursor:
        for encoding in OF_ONE_BYTE:
            codec = extensions.encodings[encoding]
            for byte in range(0x80, 0x100):
                try:
                    cursor.execute("SELECT convert_from(%s, %s)", (bytes([byte]), encoding))
                    [(character,)] = cursor.fetchall()
                except errors.UntranslatableCharacter:
                    character = "\ufffd"
                assert bytes([byte]).decode(codec) == character, (encoding, byte)


def spoil(comparison: Comparison, byte: str) -> None:
    """Put a byte that is no character into a text of each relation."""
    columns = {
        "tickets": "subject originator_email resolution last_responder_email",
        "responses": "plain_text",
        "ticket_participants": "email",
        "ticket_hashtags": "tag",
        "ticket_queues": "name",
        "watchlists": "name",
        "teams": "name",
        "users": "name",
        "perspectives": "name",
    }
    with comparison.primary, comparison.primary.cursor() as cursor:
        cursor.execute(f"SET search_path = {SCHEMA}; SET LOCAL client_encoding = 'SQL_ASCII'")
        for relation, names in columns.items():
            key = "ticket_id" if relation.startswith("ticket_") and relation != "ticket_queues" else "id"
            for name in names.split():
                cursor.execute(f"UPDATE {relation} SET {name} = E'\\x{byte} ' || {name} WHERE {key} = 1")


# A byte that stands for nothing there, in encodings that have one.
@pytest.mark.parametrize(
    ("encoding", "byte"),
    [("SQL_ASCII", "e9"), ("WIN1252", "81"), ("WIN1255", "d9"), ("ISO_8859_7", "ae"), ("LATIN3", "a5")],
)
def test_a_byte_that_is_no_character_is_shown_and_disturbs_nobody(pair: Pair, encoding: str, byte: str) -> None:
    word = "é" if encoding == "SQL_ASCII" else find_word(encoding)
    world = make_plain_world(word)
    with open_database(pair, encoding) as comparison:
        comparison.load(world)
        spoil(comparison, byte)
        for row in (world["tickets"][0], world["responses"][0], world["responses"][1]):
            for name in ("subject", "originator_email", "resolution", "last_responder_email", "plain_text"):
                if row.get(name) is not None:
                    row[name] = f"\ufffd {row[name]}"
        for relation in ("ticket_queues", "watchlists", "teams", "users", "perspectives"):
            for row in world[relation]:
                row["name"] = f"\ufffd {row['name']}" if row["id"] == 1 else row["name"]
        for relation, name in (("ticket_participants", "email"), ("ticket_hashtags", "tag")):
            for row in world[relation]:
                row[name] = f"\ufffd {row[name]}" if row["ticket_id"] == 1 else row[name]
        status, found, _ = comparison.ask(ANN, {})
        assert status == 200
        assert [row["subject"] for row in found["data"] if row["ticket_id"] == 1] == [f"\ufffd a {word} b"]
        for body in list_few_bodies(word):
            comparison.compare(world, ANN, body)
        for perspective in world["perspectives"]:
            comparison.compare(world, ANN, {"perspective_id": perspective["id"]})


@pytest.mark.skipif(PGBOUNCER is None, reason="needs pgbouncer")
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252"])
def test_it_is_so_behind_a_pooler(pair: Pair, encoding: str, tmp_path: Any) -> None:
    word = "é"
    world = make_plain_world(word)
    with open_database(pair, encoding) as comparison:
        comparison.load(world)
        database = f"in_{encoding.lower()}"
        with Pooler(tmp_path / "pooler", pair.standby, sessions=2, database=database) as pooler:
            comparison.client = open_client(pooler.url, pooler="transaction")
            for body in list_few_bodies(word):
                comparison.compare(world, ANN, body)
            if encoding != "LATIN1":
                spoil(comparison, "81")
                status, found, _ = comparison.ask(ANN, {"perspective_id": MINE})
                assert status == 200
                assert f"\ufffd a {word} b" in [row["subject"] for row in found["data"]]


def test_check_names_the_encoding(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TICKITI_REPLICA_SCHEMA", SCHEMA)
    for encoding, level in (("SQL_ASCII", "warning"), ("LATIN1", "ok")):
        with open_database(pair, encoding):
            monkeypatch.setenv("TICKITI_REPLICA_URL", make_url(pair, f"in_{encoding.lower()}"))
            main(["check"])
        [line] = [line for line in capsys.readouterr().out.splitlines() if encoding in line]
        assert line.startswith(level)


@pytest.mark.parametrize(("encoding", "byte"), [("SQL_ASCII", "e9"), ("WIN1252", "81")])
def test_a_byte_late_in_a_long_list_is_shown_too(pair: Pair, encoding: str, byte: str) -> None:
    world = make_plain_world("é")
    first = world["tickets"][0]
    texts = {"subject": "é" + "x" * 2000}
    world["tickets"] += [{**first, **texts, "id": number, "number": number} for number in range(1000, 3000)]
    for ticket in world["tickets"][1:]:
        ticket["updated_at"] = first["updated_at"] + timedelta(days=1)
    with open_database(pair, encoding) as comparison:
        comparison.load(world)
        spoil(comparison, byte)
        for _ in range(2):
            status, found, _ = comparison.ask(ANN, {"row_limit": 5000})
            assert status == 200
            assert found["data"][-1]["subject"] == "\ufffd a é b"
            assert found["data"][0]["subject"].startswith("éx")
