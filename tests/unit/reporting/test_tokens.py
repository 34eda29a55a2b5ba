"""Sanctum's rules: what a row grants."""

import hashlib
from typing import Any

import pytest

from tickiti_query.model.errors import Unauthenticated
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import (
    Actor,
    AuthenticatedToken,
    Credentials,
    User,
    read_credentials,
)
from tickiti_query.reporting.tokens import find_token, read_abilities

ACTOR = Actor(User(7, "priya@shop.example"), is_staff=True, queues=(1, 2))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("latin-1")).hexdigest()


ABILITIES: list[tuple[str | None, set[str]]] = [
    ('["tickets:read"]', {"tickets:read"}),
    ('["a", "*"]', {"a", "*"}),
    ("[]", set()),
    (None, set()),
    ("", set()),
    ("null", set()),
    ('"*"', set()),
    ('{"*": true}', set()),
    ('["*", 1]', set()),
    ('[["*"]]', set()),
    ("*", set()),
    ('["*"', set()),
    ("[" * 100_000, set()),
]


class Rows:
    """A source that gives the same rows to every statement, and keeps the statements."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.rows = list(rows)
        self.asked: list[Statement] = []

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        self.asked.append(statement)
        return self.rows


def make_row(*, token: str = digest("secret"), active: bool = True, sees_all: bool = False) -> tuple[Any, ...]:
    return (
        token,
        '["*"]',
        None,
        None,
        None,
        7,
        "priya@shop.example",
        True,
        active,
        sees_all,
        [1, 2],
    )


def test_a_row_becomes_a_token_and_its_owner() -> None:
    source = Rows(make_row())
    token = find_token(source, Credentials(digest("secret"), 14))
    assert token == AuthenticatedToken(ACTOR, frozenset("*"), None, None, None)
    assert dict(source.asked[0].params) == {"digest": digest("secret"), "id": 14}
    token = find_token(Rows(make_row(sees_all=True)), Credentials(digest("secret")))
    assert token.actor.queues is None


@pytest.mark.parametrize("rows", [[], [make_row(active=False)], [make_row(token=digest("other"))]])
def test_no_row_an_inactive_owner_and_another_digest_are_refused_alike(rows: list[tuple[Any, ...]]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        find_token(Rows(*rows), Credentials(digest("secret"), 14))
    assert refused.value.message == Unauthenticated.default_message


def test_credentials_that_nobody_has_ask_the_same_question() -> None:
    sources = [Rows(), Rows()]
    for source, header in zip(sources, [None, "Bearer 14|wrong"], strict=True):
        with pytest.raises(Unauthenticated):
            find_token(source, read_credentials(header))
    assert [len(source.asked) for source in sources] == [1, 1]
    assert sources[0].asked[0].sql == sources[1].asked[0].sql


@pytest.mark.parametrize(("text", "abilities"), ABILITIES)
def test_abilities_are_a_json_array_of_strings_and_else_none(text: str | None, abilities: set[str]) -> None:
    assert read_abilities(text) == abilities
