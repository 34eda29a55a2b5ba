"""The memory of a worker over a million requests."""

from __future__ import annotations

import io
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import app as composition
from bench.memory_entries import read_resident
from bench.memory_replica import FakeReplica
from config.settings import Settings

GROWTH_ALLOWED = 0.03


def stay_flat(requests: int, questions: int) -> bool:
    """Ask the whole app, and watch this process's size; whether it stayed flat after the first tenth."""
    with (
        mock.patch.object(composition, "Replica", FakeReplica),
        mock.patch("sys.stderr", Path(os.devnull).open("w")),
    ):
        flask = composition.create_service(
            Settings(replica_url="postgresql://nowhere", rate_limit=None, log_level="warning")
        ).app
        step = max(requests // 10, 1)
        print(f"\n{requests:,} requests with {questions:,} distinct questions, a commit in 5,000")
        environments = make_environments(questions)
        sizes, began, hits = [], time.perf_counter(), 0
        for number in range(1, requests + 1):
            hits += ask(flask.wsgi_app, next(environments))
            if number % step == 0:
                sizes.append(read_resident())
                rate = number / (time.perf_counter() - began)
                print(
                    f"{number:>10,}  RSS {sizes[-1] / 2**20:>7.1f} MiB  hits {hits / number:.0%}  {rate:,.0f}/s",
                    flush=True,
                )
    growth = sizes[-1] / sizes[0] - 1
    flat = growth <= GROWTH_ALLOWED
    print(f"Growth after the first tenth: {growth:+.1%}, at most {GROWTH_ALLOWED:.0%}: {'yes' if flat else 'NO'}")
    return flat


def make_environments(questions: int) -> Iterator[dict[str, Any]]:
    """WSGI requests for ever: half of them for the hundredth part that is asked most, by fifty users."""
    chance = random.Random(7)
    while True:
        i = chance.randrange(questions // 100 if chance.random() < 0.5 else questions)
        body = b'{"search_object": {"criteria": [{"mode": "subject", "tokens": ["word %d"]}]}}' % i
        yield {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/api/v1/tickets/query",
            "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8080",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost:8080",
            "HTTP_AUTHORIZATION": f"Bearer {1 + i % 50}|secret{i % 50}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


def ask(wsgi: Callable[..., Any], environ: dict[str, Any]) -> bool:
    """One request through the app; whether it was a hit. RuntimeError where it was not answered."""
    told: list[Any] = []
    answer = wsgi(environ, lambda status, headers, _=None: told.extend((status, dict(headers))))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if told[0] != "200 OK":
        raise RuntimeError(told[0])
    return "; hit" in str(told[1].get("Cache-Status"))
