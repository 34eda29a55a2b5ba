"""Texts that a database cannot hold become NULL, and bytes that are no character U+FFFD; UTF-8 pays nothing for it."""

from typing import Any

import pytest
from psycopg2 import errors
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS, AsIs

from tickiti_query.model.statement import Statement
from tickiti_query.replica.encoding import Repertoire, adapt_binds, find_replacing_codec

TEXT = Statement("", (("text", "caf\u00e9"), ("number", 7), ("plain", "ascii"), ("list", ("\u00e9", "\u20ac", "a"))))


class Connection:
    """A connection to a database whose encoding is Latin-1, as far as texts are asked about."""

    def __init__(self, encoding: str | None = "LATIN1", *, is_inside: bool = False, client: str = "UTF8") -> None:
        self.repertoire = Repertoire(encoding)
        self.encoding = client
        self.asked: list[str] = []
        self.info = self
        self.transaction_status = TRANSACTION_STATUS_INTRANS if is_inside else TRANSACTION_STATUS_IDLE

    def cursor(self) -> "Connection":
        return self

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, sql: str, values: Any = ()) -> None:
        self.asked.append(sql)
        if any("\u20ac" in str(text) or "e282ac" in str(text) for value in values for text in value):
            raise errors.UntranslatableCharacter


def test_what_the_database_lacks_is_sent_as_null() -> None:
    connection = Connection()
    expected = {"text": "caf\u00e9", "number": 7, "plain": "ascii", "list": ["\u00e9", None, "a"]}
    assert adapt_binds(connection, TEXT) == expected
    assert connection.asked == ["SELECT %s"] * 4  # all together, then each
    assert adapt_binds(connection, TEXT) == expected
    assert len(connection.asked) == 4


def test_a_transaction_goes_on_after_a_text_that_is_lacking() -> None:
    connection = Connection(is_inside=True)
    adapt_binds(connection, Statement("", (("text", "\u20ac"),)))
    assert connection.asked == ["SAVEPOINT texts", "SELECT %s", "ROLLBACK TO SAVEPOINT texts"] * 2


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII", None])
def test_a_database_that_takes_all_is_not_asked(encoding: str | None) -> None:
    connection = Connection(encoding)
    assert adapt_binds(connection, TEXT)["list"] == ["\u00e9", "\u20ac", "a"]
    assert connection.asked == []


def test_texts_are_converted_by_the_server_where_it_converts_nothing_by_itself() -> None:
    found = adapt_binds(Connection(client="LATIN1"), TEXT)
    assert isinstance(found["text"], AsIs)
    assert str(found["text"]) == r"convert_from('\x636166c3a9', 'UTF8')"
    assert (found["plain"], found["list"][1:]) == ("ascii", [None, "a"])


def test_what_is_no_character_is_replaced() -> None:
    codec = find_replacing_codec("replacing_utf_8")
    assert codec is not None
    assert codec.decode(b"caf\xe9 \xc3\xa9") == ("caf\ufffd \u00e9", 7)
    assert find_replacing_codec("utf_8") is None
