"""What a cached answer costs beside its bytes, and whether a worker's memory stays flat: `python -m bench.memory`.

Everything runs in this process, without a database: a stand-in for the replica gives the rows.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import app as composition
from config.settings import Settings
from tickiti_query.cache.cache import OVERHEAD_BYTES, Cache
from tickiti_query.cache.snapshot import SNAPSHOT_ID, Server, Snapshot, Validator
from tickiti_query.model.actor import Actor, User
from tickiti_query.model.answer import Answer
from tickiti_query.model.deadline import Deadline
from tickiti_query.model.search import Criterion, Selector, TicketQuery
from tickiti_query.model.statement import Statement
from tickiti_query.model.token import AuthenticatedToken, Credentials
from tickiti_query.reporting.tokens import digest_secret

ENTRIES = 10_000
PAYLOAD_BYTES = 20_000
GROWTH_ALLOWED = 0.03
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SERVER = Server(1, 7_500_000_000_000_000_000, 18)


def main() -> int:
    """Read the command line, and measure both."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    add = parser.add_argument
    add("--requests", type=int, default=1_000_000, help="%(default)s; 0 leaves this part out")
    add("--questions", type=int, default=10_000, help="distinct ones among them (%(default)s)")
    add("--entries", type=int, default=ENTRIES, help="for the cost of one (%(default)s)")
    options = parser.parse_args()
    print_costs(options.entries)
    flat = not options.requests or stay_flat(options.requests, options.questions)
    return 0 if flat else 1


# --- the cost of an entry --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """How large the parts of a key and of what proves it are."""

    title: str
    criteria: int = 1
    tokens: int = 1
    letters: int = 12
    queues: int = 20
    running: int = 0


SHAPES = (
    Shape("a plain list", criteria=0),
    Shape("a search for a word"),
    Shape("four criteria, many queues", criteria=4, tokens=3, queues=200),
    Shape("a hundred transactions running", running=100),
    Shape("the widest proof: a thousand running", running=1000),
    Shape("the largest body: 64 KiB of criteria", criteria=20, tokens=6, letters=500),
)


def print_costs(entries: int) -> None:
    """Measured bytes beside the payload, by the interpreter's own count and by a process's size."""
    print(f"Bytes of an entry beside its payload; counted as OVERHEAD_BYTES = {OVERHEAD_BYTES}")
    print(f"{'':<40}{'token':>10}{'answer':>10}{'answer, RSS':>14}")
    for shape in SHAPES:
        large = shape.letters > 100 or shape.running
        number = max(entries // 10, 100) if large else entries
        token = run_alone(measure_entries, shape, number, store_token, read_traced)
        answer = run_alone(measure_entries, shape, number, store_answer, read_traced) - PAYLOAD_BYTES
        resident = run_alone(measure_entries, shape, number, store_answer, read_resident) - PAYLOAD_BYTES
        print(f"{shape.title:<40}{token:>10,.0f}{answer:>10,.0f}{resident:>14,.0f}", flush=True)


def run_alone(work: Callable[..., float], *arguments: Any) -> float:
    """What `work` makes in a process of its own, whose memory nobody has used before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measure_entries(
    shape: Shape, number: int, store: Callable[[Cache, Shape, int], None], read_size: Callable[[], int]
) -> float:
    """Bytes of one entry, its payload included."""
    cache = Cache(ttl_seconds=3600, max_bytes=2**40, exact=True)
    store(cache, shape, 0)
    if read_size is read_traced:
        tracemalloc.start()
    gc.collect()
    before = read_size()
    for i in range(1, number + 1):
        store(cache, shape, i)
    gc.collect()
    return (read_size() - before) / number


def read_traced() -> int:
    """Bytes that Python's allocators hold."""
    return tracemalloc.get_traced_memory()[0]


def read_resident() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def store_token(cache: Cache, shape: Shape, i: int) -> None:
    """Keep a token as a miss does."""
    actor = make_actor(shape, i)
    created = datetime(2026, 1, 1, 8, i % 60)  # noqa: DTZ001 - Laravel's wall clock
    token = AuthenticatedToken(actor, frozenset([f"tickets:read{i}"[:12]]), None, None, created)
    cache.store(Credentials(digest_secret(str(i)), i + 1000), token, 0, make_validator(shape, i), cache.now())


def store_answer(cache: Cache, shape: Shape, i: int) -> None:
    """Keep an answer as a miss does: nothing in it is shared with another entry's."""
    criteria = tuple(
        Criterion("subject"[:7], tuple(make_word(shape.letters) for _ in range(shape.tokens)), path=make_word(24))
        for _ in range(shape.criteria)
    )
    query = TicketQuery(Selector(id=i + 1000), criteria, 100)
    answer = Answer(os.urandom(PAYLOAD_BYTES), 100, True, i + 1000, datetime.now(UTC))
    cache.store((make_actor(shape, i), query), answer, len(answer.body), make_validator(shape, i), cache.now())


def make_actor(shape: Shape, i: int) -> Actor:
    """A user whose queues have ids beyond the small numbers that Python shares."""
    return Actor(User(i + 1000, f"somebody.{i}@example.org"), True, tuple(range(10_000 + i, 10_000 + i + shape.queues)))


def make_validator(shape: Shape, i: int) -> Validator:
    """A proof of its own for each entry, as on a replica where every miss sees another state."""
    first = 10_000_000 + i
    position = f"{first}:{first + shape.running}: 2026-01-01 08:00:00.{i:06d}+00 t"
    return Validator(SERVER, position, ",".join(str(first + n) for n in range(shape.running)))


def make_word(letters: int) -> str:
    return random.getrandbits(4 * letters).to_bytes(2 * letters // 4 + letters, "big").hex()[-letters:]


# --- a worker over a million requests --------------------------------------------------------------------


class FakeReplica:
    """The replica's place in the composition: rows without a database, and a commit now and then."""

    longest_read_seconds = 6.0

    def __init__(self, *_: object, **__: object) -> None:
        self.transactions = 1000
        self.asked = 0
        row: tuple[Any, ...] = (
            123456,
            223456,
            "open",
            "Returns",
            "20",
            "Sole came off after two runs, order " + "9" * 30,
        )
        row += ("staff1@example.org", "customer1@example.com", "2026-05-01 10:11:12", "2026-05-02 10:11:12")
        self.rows = [row] * 101

    @property
    def position(self) -> str:
        return f"{self.transactions}:{self.transactions}: 2026-01-01 08:00:00+00 t"

    def observe(self, _deadline: Deadline, *, with_lag: bool) -> Snapshot:
        self.asked += 1
        if self.asked % 5000 == 0:
            self.transactions += 1
        return Snapshot(SERVER, self.position, "", datetime.now(UTC), 0.0 if with_lag else None)

    def read(self, work: Callable[[Any], Any], _deadline: Deadline) -> Any:
        return work(FakeSnapshot(self))

    def ask(self, _statement: Statement, _deadline: Deadline) -> tuple[Server, list[tuple[Any, ...]]]:
        """A recipe holds until the next commit but one: what it gives, or that it has changed."""
        if self.asked % 2:
            return SERVER, [(None,) * (len(self.rows[0]) + 1)]
        return SERVER, [(*self.rows[0], f"/{self.position}/"), *((*row, None) for row in self.rows)]

    def leave(self) -> None:
        """There is no other server to go to."""


class FakeSnapshot:
    """Answers the service's statements by what they select from."""

    server = SERVER

    def __init__(self, replica: FakeReplica) -> None:
        self._replica = replica

    def fetch(self, statement: Statement) -> list[tuple[Any, ...]]:
        binds = statement.binds
        if statement == SNAPSHOT_ID:
            return [(f"/{self._replica.position}/",)]
        if "personal_access_tokens" in statement.sql:
            user = int(str(binds["id"]))
            who = (user, f"staff{user}@example.org", True, True, False, [1, 2, 3, user])
            return [("(the row as text)", binds["digest"], '["tickets:read"]', None, None, None, *who)]
        if "FROM perspectives p" in statement.sql:
            return [("(1,All)", 1, "All", None, None, None, [], [], [])]
        return self._replica.rows


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


if __name__ == "__main__":
    sys.exit(main())
