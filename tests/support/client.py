"""A client of the whole app over a fake replica, with the log that the app writes."""

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

import app as composition
from config.log import JsonFormatter
from config.settings import Settings
from tests.support.fake_replica import FakeReplica

PATH = "/api/v1/tickets/query"
TOKEN = "Bearer 1|reader"


class Client:
    """The app over a fake replica, and what it logs."""

    def __init__(self, app: Flask, replica: FakeReplica, log: io.StringIO) -> None:
        self.app = app
        self.replica = replica
        self._log = log

    def ask(self, body: Any = None, *, token: str | None = TOKEN, method: str = "POST", path: str = PATH,
            raw: bytes | None = None, content_type: str | None = "application/json",
            headers: dict[str, str] | None = None, address: str = "203.0.113.9") -> TestResponse:  # fmt: skip
        sent = {**({"Authorization": token} if token else {}), **(headers or {})}
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self.app.test_client().open(
            path,
            method=method,
            data=data,
            content_type=content_type,
            headers=sent,
            environ_overrides={"REMOTE_ADDR": address},
        )

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.getvalue().splitlines()]

    @property
    def log_text(self) -> str:
        return self._log.getvalue()


@contextlib.contextmanager
def open_client(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[Client]:
    """The app with these settings, and its log."""
    replica = FakeReplica()
    monkeypatch.setattr(composition, "Replica", lambda target, **_: replica)
    app = composition.create_service(Settings(replica_url="postgresql://nobody@/nothing", **settings)).app
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("tickiti_query")
    logger.addHandler(handler)
    yield Client(app, replica, log)
    logger.removeHandler(handler)


def check_error(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Every error has one shape, and is JSON."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/json; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = json.loads(response.data)
    assert list(body) == ["ok", "error", "message"] + (["errors"] if status == 422 else [])
    assert (body["ok"], body["error"]) == (False, code)
    assert body["message"].endswith(".")
    assert "Traceback" not in response.text
    assert response.headers["X-Request-ID"]
    return body
