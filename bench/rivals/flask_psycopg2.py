"""The rival of a first day's work: Flask, a psycopg2 connection a thread, two statements a request, jsonify."""

import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from typing import Any

import psycopg2
from flask import Flask, Response, abort, jsonify, request
from psycopg2.extras import RealDictCursor

from bench.rivals.questions import ABILITIES, WHO, read_questions

QUESTIONS = {number: (question, question.name_binds()) for number, question in read_questions().items()}
WHO_SQL = WHO.format(digest="%s")
OPTIONS = " ".join(
    f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in json.loads(os.environ["BENCH_SESSION"]).items()
)

app = Flask(__name__)
app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
app.json.compact = True  # type: ignore[attr-defined]
app.json.ensure_ascii = False  # type: ignore[attr-defined]
local = threading.local()


def connect() -> Any:
    """This thread's connection."""
    if not hasattr(local, "connection"):
        local.connection = psycopg2.connect(os.environ["BENCH_REPLICA_URL"], options=OPTIONS)
        local.connection.autocommit = True
    return local.connection


@app.post("/api/v1/tickets/query")
def query_tickets() -> Response:
    """Find the user who asks, then return the rows."""
    number, _, secret = request.headers.get("Authorization", "").removeprefix("Bearer ").rpartition("|")
    body = request.get_json(silent=True) or {}
    question, sql = QUESTIONS[body["perspective_id"]]
    row_limit = body.get("row_limit", 100)
    with connect().cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(WHO_SQL, (hashlib.sha256(secret.encode()).hexdigest(),))
        who = cursor.fetchone()
        check_who(who, number)
        cursor.execute(sql, question.fill(who["queues"], row_limit))
        rows = cursor.fetchall()
    return jsonify(ok=True, data=rows[:row_limit])


def check_who(who: Any, number: str) -> None:
    """401 or 403 unless the token opens this door now."""
    if who is None or not who["is_active"] or (number and who["id"] != int(number)):
        abort(401)
    if who["expires_at"] is not None and who["expires_at"] < datetime.now(UTC).replace(tzinfo=None):
        abort(401)
    if ABILITIES.isdisjoint(json.loads(who["abilities"] or "[]")):
        abort(403)
