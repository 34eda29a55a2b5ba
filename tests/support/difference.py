"""Asks the service and the oracle the same question, and says where they differ."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from app import create_service
from config.settings import Settings
from demo.loading import READER, create_reader, create_schema, load_world
from demo.pair import Pair
from tests.oracle.evaluator import Answer, World, evaluate
from tests.oracle.scenario import describe_scenario
from tests.support.servers import clear_world

SCHEMA = "difference"


def secret_of(user_id: int) -> str:
    """The secret of the token that a user has in every world."""
    return f"secret-of-{user_id}"


def make_tokens(world: World) -> list[dict[str, Any]]:
    """A token for every active user."""
    return [
        {
            "id": user["id"],
            "tokenable_id": user["id"],
            "token": hashlib.sha256(secret_of(user["id"]).encode()).hexdigest(),
            "abilities": '["tickets:read"]',
        }
        for user in world["users"]
        if user["is_active"]
    ]


@dataclass
class Comparison:
    """The service over a schema of its own on the pair, and the world that is in it."""

    client: FlaskClient
    primary: Any
    schema: str = SCHEMA

    def load(self, world: World) -> None:
        """Replace the world; it is on the standby when this returns."""
        clear_world(self.primary, self.schema)
        responses = [{**row, "id": number} for number, row in enumerate(world["responses"], 1)]
        filled = {**world, "personal_access_tokens": make_tokens(world), "responses": responses}
        load_world(self.primary, filled, self.schema)

    def ask(self, user_id: int, body: Any) -> tuple[int, dict[str, Any], Any]:
        """The service's status, JSON and headers."""
        reply = self.client.post(
            "/api/v1/tickets/query",
            data=json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret_of(user_id)}"},
        )
        return reply.status_code, json.loads(reply.data), reply.headers

    def compare(self, world: World, user_id: int, body: Any) -> None:
        """AssertionError, with the case told as a scenario, where the service and the oracle differ.

        What has rows is asked twice: read step by step, and by what that came to.
        """
        expected = evaluate(world, user_id, body)
        for _ in range(2 if expected.status == 200 else 1):
            status, found, headers = self.ask(user_id, body)
            difference = find_difference(expected, status, found, headers)
            assert difference is None, f"{difference}\n\n{describe_scenario(world, user_id, body)}"


def find_difference(expected: Answer, status: int, found: dict[str, Any], headers: Any) -> str | None:
    """One sentence on the first difference, or None."""
    if status != expected.status:
        return f"expected {expected.status} {expected.code}, found {status} {found}"
    if status != 200:
        # Half a surrogate pair cannot be written in UTF-8: in an answer it is a question mark.
        fields = {path.encode("utf-8", "replace").decode() for path in expected.error_fields}
        named = found.get("errors", {}).keys()
        # Wrong shapes are told first, alone; wrong meanings when all shapes are right.
        if found["error"] == expected.code and named <= fields and bool(named) == bool(fields):
            return None
        return f"expected {expected.code} {expected.error_fields}, found {found}"
    if found != {"ok": True, "data": expected.rows}:
        return f"expected rows {expected.rows}\nfound {found}"
    names = [list(row) for row in found["data"]]
    if names != [list(row) for row in expected.rows]:
        return f"the order of columns is {names}"
    if headers["X-Truncated"] != str(expected.truncated).lower() or headers["X-Row-Count"] != str(len(expected.rows)):
        return f"expected truncated {expected.truncated}, found {headers}"
    return None


@contextmanager
def open_comparison(pair: Pair) -> Iterator[Comparison]:
    """A comparison over an empty schema on the pair."""
    primary = pair.primary.connect()
    primary.autocommit = False
    create_schema(primary, SCHEMA)
    create_reader(primary, SCHEMA)
    url = pair.standby.url_for(READER)
    settings = Settings(replica_url=url, replica_schema=SCHEMA, cache_ttl_seconds=0, rate_limit=None)
    app = create_service(settings).app
    try:
        yield Comparison(app.test_client(), primary)
    finally:
        primary.rollback()
        with primary, primary.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        primary.close()
