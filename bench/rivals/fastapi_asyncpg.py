"""The rival: a hand-written FastAPI endpoint over asyncpg, which asks the replica each time and is quick at it.

Two prepared statements a request, on one connection of a pool; no model between the wire and the view, and
orjson's bytes go out as they are. It knows its three statements by heart: no perspective is read or compiled.
"""

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, HTTPException, Request, Response

from bench.rivals.questions import ABILITIES, WHO, read_questions

QUESTIONS = {number: (question, *question.number_binds()) for number, question in read_questions().items()}
WHO_SQL = WHO.format(digest="$1")
POOL_SIZE = 16


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that goes back into the pool without a round trip: nothing here leaves anything to reset."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


@asynccontextmanager
async def open_pool(app: FastAPI) -> AsyncIterator[None]:
    """All connections from the start; asyncpg prepares each statement once a connection, and keeps it."""
    async with asyncpg.create_pool(
        os.environ["BENCH_REPLICA_URL"],
        min_size=POOL_SIZE,
        max_size=POOL_SIZE,
        connection_class=Connection,
        max_inactive_connection_lifetime=0,
        max_cached_statement_lifetime=0,
        server_settings=orjson.loads(os.environ["BENCH_SESSION"]),
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=open_pool, openapi_url=None)


@app.post("/api/v1/tickets/query", response_model=None)  # type: ignore[untyped-decorator]
async def query_tickets(request: Request) -> Response:
    """Find the user who asks, then return the rows."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    number, _, secret = token.rpartition("|")
    if scheme.lower() != "bearer" or not secret:
        raise HTTPException(401)
    body = orjson.loads(await request.body() or b"{}")
    question, sql, names = QUESTIONS[body["perspective_id"]]
    row_limit = body.get("row_limit", 100)
    async with request.app.state.pool.acquire() as connection:
        who = await connection.fetchrow(WHO_SQL, hashlib.sha256(secret.encode()).hexdigest())
        check_who(who, number, request)
        values = question.fill(who["queues"], row_limit)
        rows = await connection.fetch(sql, *[values[name] for name in names])
    shown = rows[:row_limit]
    return Response(
        orjson.dumps({"ok": True, "data": [dict(row) for row in shown]}),
        media_type="application/json",
        headers={"X-Row-Count": str(len(shown)), "X-Truncated": "true" if len(rows) > row_limit else "false"},
    )


def check_who(who: Any, number: str, request: Request) -> None:
    """401 or 403 unless the token opens this door, now and from here."""
    if who is None or not who["is_active"] or (number and who["id"] != int(number)):
        raise HTTPException(401)
    if who["expires_at"] is not None and who["expires_at"] < datetime.now(UTC).replace(tzinfo=None):
        raise HTTPException(401)
    if ABILITIES.isdisjoint(orjson.loads(who["abilities"] or "[]")):
        raise HTTPException(403)
    if who["allowed_ip"] is not None:
        address = ip_address(request.client.host)
        if not any(address in ip_network(each.strip()) for each in who["allowed_ip"].split(",")):
            raise HTTPException(403)
