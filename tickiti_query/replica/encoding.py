"""Databases in another encoding than UTF-8: texts that they cannot hold, and bytes that are no character there.

A server converts what is sent, and refuses a statement for one character that its database's encoding lacks. No row
can have such a text, so NULL is sent in its place, which equals nothing and is a part of nothing. What is read is
converted too, and refused for one byte that stands for no character; then the bytes are decoded here.
"""

import codecs
from collections.abc import Iterable
from functools import cache
from itertools import chain
from typing import Any

from cachetools import LRUCache
from psycopg2 import errors, extensions

from tickiti_query.model.statement import Bind, Statement

COMPLETE = {None, "UTF8", "SQL_ASCII"}  # in SQL_ASCII a database takes any bytes as they come
SENDING_AS_IT_IS = {"UTF8", "SQLASCII"}  # encodings of a client, as psycopg2 spells them
MOST_REMEMBERED = 2000  # texts of a connection, each of which was asked about once
REPLACING = "replacing_"  # codecs that decode what is no character to U+FFFD


class Repertoire:
    """The texts that the database of a connection can hold. Every database has the characters of ASCII."""

    def __init__(self, encoding: str | None) -> None:
        self.is_complete = encoding in COMPLETE
        # The encoding of a client for which the server converts nothing.
        self.unconverted = "SQL_ASCII" if self.is_complete else str(encoding)
        self._lacking: LRUCache[str, bool] = LRUCache(MOST_REMEMBERED)

    def find_lacking(self, connection: Any, values: Iterable[Bind]) -> frozenset[str]:
        """Return the texts among the values that the database cannot hold. Ask it of each text once."""
        if self.is_complete:
            return frozenset()
        every = chain.from_iterable(value if isinstance(value, tuple) else (value,) for value in values)
        texts = {text for text in every if isinstance(text, str) and not text.isascii()}
        known = {text: self._lacking[text] for text in texts if text in self._lacking}
        unknown = list(texts - known.keys())
        if unknown:
            holds_all = can_hold(connection, unknown)
            found = {text: not holds_all and not can_hold(connection, [text]) for text in unknown}
            known |= found
            self._lacking.update(found)
        return frozenset(text for text, is_lacking in known.items() if is_lacking)


def adapt_binds(connection: Any, statement: Statement) -> dict[str, Any]:
    """Return the binds of a statement as psycopg2 takes them. May ask the server which texts its database can hold."""
    lacking = connection.repertoire.find_lacking(connection, [value for _, value in statement.params])
    return {name: adapt_bind(connection, value, lacking) for name, value in statement.params}


def adapt_bind(connection: Any, value: Bind, lacking: frozenset[str]) -> Any:
    """Return a value as psycopg2 takes it: a tuple becomes a list, which is an array in SQL, and what lacks NULL."""
    if isinstance(value, tuple):
        return [adapt_bind(connection, each, lacking) for each in value]
    if not isinstance(value, str) or value.isascii():
        return value
    if value in lacking:
        return None
    if connection.encoding in SENDING_AS_IT_IS:
        return value
    return extensions.AsIs(f"convert_from('\\x{value.encode().hex()}', 'UTF8')")


def can_hold(connection: Any, texts: list[str]) -> bool:
    """Return True where the database can hold all of the texts. The transaction that there may be goes on."""
    is_inside = connection.info.transaction_status == extensions.TRANSACTION_STATUS_INTRANS
    with connection.cursor() as cursor:
        if is_inside:
            cursor.execute("SAVEPOINT texts")
        try:
            cursor.execute("SELECT %s", [adapt_bind(connection, tuple(texts), frozenset())])
        except errors.UntranslatableCharacter:
            if is_inside:
                cursor.execute("ROLLBACK TO SAVEPOINT texts")
            return False
    return True


def find_replacing_codec(name: str) -> codecs.CodecInfo | None:
    """Return a codec that decodes as another one does, with U+FFFD for what is no character."""
    if not name.startswith(REPLACING):
        return None
    codec = codecs.lookup(name.removeprefix(REPLACING))
    return codecs.CodecInfo(codec.encode, lambda data, _errors="replace": codec.decode(data, "replace"), name=name)


@cache
def install_replacing_codecs() -> None:
    """Let psycopg2 decode every encoding but UTF-8 with U+FFFD for what is no character; SQL_ASCII counts as UTF-8."""
    codecs.register(find_replacing_codec)
    extensions.encodings["SQLASCII"] = extensions.encodings["SQL_ASCII"] = "utf_8"
    for name, codec in extensions.encodings.items():
        if name not in {"UTF8", "UNICODE"}:
            extensions.encodings[name] = f"{REPLACING}{codec}"
