"""The memory of a cached entry, beside the bytes of its payload."""

from __future__ import annotations

import gc
import hashlib
import os
import random
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.memory_replica import SERVER
from tickiti_query.cache.cache import OVERHEAD_BYTES, Cache
from tickiti_query.cache.snapshot import SnapshotId
from tickiti_query.model.perspective import Criterion, Selector, TicketQuery
from tickiti_query.model.request import Answer
from tickiti_query.model.token import Actor, AuthenticatedToken, Credentials, User

ENTRIES = 10_000
PAYLOAD_BYTES = 20_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Shape:
    """The sizes of the parts of a key and of its proof."""

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
    """Return the result of `work` in a process of its own, whose memory nobody has used before."""
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
    cache.store(
        Credentials(hashlib.sha256(b"%d" % i).hexdigest(), i + 1000), token, 0, make_validator(shape, i), cache.clock()
    )


def store_answer(cache: Cache, shape: Shape, i: int) -> None:
    """Keep an answer as a miss does: nothing in it is shared with another entry's."""
    criteria = tuple(
        Criterion("subject"[:7], tuple(make_word(shape.letters) for _ in range(shape.tokens)), path=make_word(24))
        for _ in range(shape.criteria)
    )
    query = TicketQuery(Selector(id=i + 1000), criteria, 100)
    answer = Answer(os.urandom(PAYLOAD_BYTES), 100, True, i + 1000, datetime.now(UTC))
    cache.store((make_actor(shape, i), query), answer, len(answer.body), make_validator(shape, i), cache.clock())


def make_actor(shape: Shape, i: int) -> Actor:
    """A user whose queues have ids beyond the small numbers that Python shares."""
    return Actor(User(i + 1000, f"somebody.{i}@example.org"), True, tuple(range(10_000 + i, 10_000 + i + shape.queues)))


def make_validator(shape: Shape, i: int) -> SnapshotId:
    """A proof of its own for each entry, as on a replica where every miss sees another state."""
    first = 10_000_000 + i
    position = f"{first}:{first + shape.running}: 2026-01-01 08:00:00.{i:06d}+00 t"
    return SnapshotId(SERVER, position, ",".join(str(first + n) for n in range(shape.running)))


def make_word(letters: int) -> str:
    return random.getrandbits(4 * letters).to_bytes(2 * letters // 4 + letters, "big").hex()[-letters:]
