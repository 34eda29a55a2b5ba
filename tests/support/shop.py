"""The service over the demo shop, and what tests do with it: ask, change a row on the primary, probe."""

import contextlib
import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

from werkzeug.test import Client, TestResponse

from app import Service, create_service
from config.settings import Settings
from demo.loading import READER
from demo.pair import Pair
from demo.shop_seed import DEMO_TOKENS

PATH = "/api/v1/tickets/query"
PRIYA, TOM, MARCUS, BLUNT = (token.plain_text for token in DEMO_TOKENS)
READY = {"replica": "ok", "standby": "ok", "lag": "ok", "contract": "ok", "role": "ok"}  # what /readyz says
NEW_IDS = itertools.count(9000)


class Shop:
    """An app over a pair; every change that is made through it is undone by it."""

    def __init__(self, pair: Pair, service: Service) -> None:
        self.pair = pair
        self.app = service.app
        self._admin_app = service.admin_app

    def ask(
        self, token: str, body: Any = None, *, address: str = "203.0.113.9", forwarded: str | None = None
    ) -> TestResponse:
        """The answer to a body; `forwarded` is what proxies say of the caller's address."""
        headers = {"Authorization": f"Bearer {token}"}
        if forwarded is not None:
            headers["X-Forwarded-For"] = forwarded
        return self.app.test_client().post(
            PATH, json=body or {}, headers=headers, environ_overrides={"REMOTE_ADDR": address}
        )

    def list_rows(self, token: str, body: Any = None) -> list[dict[str, Any]]:
        """The rows of an answer that is a 200."""
        response = self.ask(token, body)
        assert response.status_code == 200, response.text
        rows: list[dict[str, Any]] = json.loads(response.data)["data"]
        return rows

    def probe(self, path: str = "/readyz") -> tuple[int, Any]:
        """Status and body of the operations port."""
        response = Client(self._admin_app).get(path)
        return response.status_code, json.loads(response.data)

    @contextlib.contextmanager
    def change(self, do: str, undo: str) -> Iterator[None]:
        """Run SQL on the primary, visible on the standby when this returns, and take it back."""
        self.pair.primary.execute(f"SET search_path = reporting; {do}")
        try:
            yield
        finally:
            self.pair.primary.execute(f"SET search_path = reporting; {undo}")

    @contextlib.contextmanager
    def add_row(self, relation: str, key: str = "id", **columns: Any) -> Iterator[None]:
        """A row more, as long as the block runs."""
        names = ", ".join(columns)
        places = ", ".join(["%s"] * len(columns))
        sql = f"INSERT INTO reporting.{relation} ({names}) VALUES ({places})"
        self.pair.primary.execute(sql, tuple(columns.values()))
        try:
            yield
        finally:
            delete = f"DELETE FROM reporting.{relation} WHERE {key} = %s"
            self.pair.primary.execute(delete, (columns[key],))

    @contextlib.contextmanager
    def add_token(self, **columns: Any) -> Iterator[tuple[int, str]]:
        """A token of Priya's that may read, or whatever `columns` say instead: its id and its secret."""
        number = next(NEW_IDS)
        secret = f"secret{number}"
        row = {
            "id": number,
            "tokenable_id": 1,
            "token": hashlib.sha256(secret.encode()).hexdigest(),
            "abilities": '["tickets:read"]',
            **columns,
        }
        with self.add_row("personal_access_tokens", **row):
            yield number, secret


def open_shop(pair: Pair, **settings: Any) -> Shop:
    """The service in this process over the pair's standby, without a rate limit, with settings of one's own."""
    given = {"replica_url": pair.standby.url_for(READER), "rate_limit": None, **settings}
    return Shop(pair, create_service(Settings(**given)))


@contextlib.contextmanager
def lock_relation(pair: Pair, relation: str = "tickets") -> Iterator[None]:
    """An exclusive lock on the primary, which the standby replays and every reader there waits for."""
    with contextlib.closing(pair.primary.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"BEGIN; LOCK TABLE reporting.{relation} IN ACCESS EXCLUSIVE MODE; SELECT pg_switch_wal()")
        pair.wait_replayed()
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
