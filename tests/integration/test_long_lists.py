"""Lists whose answers are megabytes: they stay within the memory of the pod, and are whole or an error."""

import contextlib
import http.client
import json
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from demo.loading import READER
from demo.pair import Pair
from tests.support.hasty import PATIENT
from tests.support.long_lists import add_participants
from tests.support.memory_limits import limit_memory, read_manifest_limit, sum_memory
from tests.support.metrics_page import scrape
from tests.support.running import COMMAND, SECONDS, Running, wait_until
from tests.support.shop import PATH, PRIYA, TOM, open_shop
from tickiti_query.model.statement import Row, Statement
from tickiti_query.replica.connection import Target
from tickiti_query.replica.execution import Transaction, deadline_from_now
from tickiti_query.replica.replica import Replica

MIB = 2**20
TICKETS = 1000
PIECE = 64 * 1024


class LongAnswer:
    """An answer whose head has come. `slowly`: the kernel takes little of the body before it is read."""

    def __init__(self, running: Running, token: str, *, slowly: bool = False, **body: int) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)
        self._link.sock = socket.socket()
        if slowly:
            self._link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self._link.sock.settimeout(SECONDS)
        self._link.sock.connect(("127.0.0.1", running.port))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._link.request("POST", PATH, json.dumps(body), headers)
        self._response = self._link.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers
        self.length = int(self.headers["Content-Length"])

    def read(self, size: int | None = None) -> bytes:
        """Return the next bytes, or all that are left. Raises IncompleteRead where the answer is cut."""
        return self._response.read(size)

    def close(self) -> None:
        self._response.close()
        self._link.close()

    def read_json(self) -> Any:
        """Return the whole body."""
        body = self.read()
        self.close()
        assert len(body) == self.length
        return json.loads(body)


@pytest.fixture(scope="module")
def perspective(shop_pair: Pair) -> Iterator[int]:
    """The id of a perspective whose 1,000 rows are 8 MB."""
    with add_participants(shop_pair, TICKETS, participants=3, letters=2700) as number:
        yield number


@contextlib.contextmanager
def serve(pair: Pair, log: Path, command: list[str], **settings: str) -> Iterator[Running]:
    url, settings = pair.standby.url_for(READER), {"TICKITI_STATEMENT_TIMEOUT_MS": "60000", **settings}
    running = Running(url, log, *PATIENT, command=command, **settings)
    try:
        wait_until(running.is_up)
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def running(shop_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serve(shop_pair, tmp_path_factory.mktemp("long") / "log", COMMAND, TICKITI_WORKERS="1") as started:
        yield started


def count_bytes(running: Running) -> float:
    """Return the bytes of answers under way."""
    return scrape(running).sum("answer_bytes")


@pytest.mark.alone
def test_callers_of_long_lists_end_nobody_elses_answers(shop_pair: Pair, perspective: int, tmp_path: Path) -> None:
    """Two workers in the memory of the manifest: eight callers of one token, and another user's short lists."""
    most, ended = read_manifest_limit(), threading.Event()

    def ask_long(running: Running, number: int) -> Counter[int]:
        statuses = Counter[int]()
        for turn in range(2):
            answer = LongAnswer(running, TOM, perspective_id=perspective, row_limit=TICKETS - number - 8 * turn)
            statuses[answer.status] += 1
            assert answer.read_json()["ok"] is (answer.status == 200)
        return statuses

    def ask_short(running: Running) -> Counter[int]:
        statuses = Counter[int]()
        while not ended.is_set():
            statuses[running.ask(PRIYA)[0]] += 1
        return statuses

    with limit_memory(most) as limit:
        command = limit.wrap(COMMAND) if limit else COMMAND
        with serve(shop_pair, tmp_path / "log", command, TICKITI_WORKERS="2") as running:
            workers = running.list_workers()
            with ThreadPoolExecutor(9) as threads:
                short = threads.submit(ask_short, running)
                try:
                    long_ = sum(threads.map(lambda number: ask_long(running, number), range(8)), Counter[int]())
                finally:
                    ended.set()
            assert set(short.result()) == {200}
            assert long_[200] > 0
            assert set(long_) <= {200, 503}
            assert running.list_workers() == workers
            if limit is None:
                assert sum_memory([running.process.pid, *workers]) <= most
            else:
                assert limit.kills == 0
        if limit is not None:
            wait_until(lambda: not limit.processes)


def test_an_answer_that_nobody_reads_counts_until_it_is_sent(running: Running, perspective: int) -> None:
    """One caller may have half of the budget with large answers, which is four of them; a fifth is refused."""
    refused_before = scrape(running).sum("shed_total", where="memory")
    unread: list[LongAnswer] = []
    while len(unread) < 8:
        answer = LongAnswer(running, TOM, slowly=True, perspective_id=perspective, row_limit=TICKETS - len(unread))
        if answer.status != 200:
            break
        unread.append(answer)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.read_json()["error"] == "overloaded"
    assert 2 <= len(unread) <= 4
    assert count_bytes(running) > 2 * 8 * MIB
    assert scrape(running).sum("shed_total", where="memory") > refused_before
    assert running.ask(TOM)[0] == 200  # the caller's short lists go on, and those of others
    assert running.ask(PRIYA)[0] == 200
    for number, answer in enumerate(unread):
        assert len(answer.read_json()["data"]) == TICKETS - number
    wait_until(lambda: count_bytes(running) == 0)
    again = LongAnswer(running, TOM, perspective_id=perspective, row_limit=TICKETS - len(unread))
    assert len(again.read_json()["data"]) == TICKETS - len(unread)


def test_an_answer_whose_client_goes_away_counts_no_more(running: Running, perspective: int) -> None:
    answer = LongAnswer(running, TOM, slowly=True, perspective_id=perspective, row_limit=TICKETS)
    assert answer.read(PIECE)
    assert count_bytes(running) > 0
    answer.close()
    wait_until(lambda: count_bytes(running) == 0)


@pytest.mark.alone
def test_an_answer_of_100_megabytes_is_whole_and_one_that_is_cut_is_seen_to_be_short(
    shop_pair: Pair, tmp_path: Path
) -> None:
    """The client stops reading until the worker waits for it; then it goes on, or the worker is killed."""
    settings = {"TICKITI_WORKERS": "1", "TICKITI_ANSWERS_MAX_BYTES": str(1024 * MIB)}
    with (
        add_participants(shop_pair, TICKETS, participants=3, letters=33_500, perspective=9901) as number,
        serve(shop_pair, tmp_path / "log", COMMAND, **settings) as running,
    ):
        [worker] = running.list_workers()
        for is_killed in (False, True):
            answer = LongAnswer(running, TOM, slowly=True, perspective_id=number, row_limit=TICKETS)
            assert (answer.status, answer.length > 100 * 10**6) == (200, True)
            begin = answer.read(PIECE)
            wait_until(lambda: count_bytes(running) > 100 * 10**6)
            if is_killed:
                os.kill(worker, signal.SIGKILL)
                with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                    answer.read()
                answer.close()
            else:
                rest = answer.read()
                answer.close()
                assert len(begin) + len(rest) == answer.length
                assert len(json.loads(begin + rest)["data"]) == TICKETS


def test_an_answer_larger_than_a_quarter_of_the_cache_is_not_kept(shop_pair: Pair, perspective: int) -> None:
    shop = open_shop(shop_pair, cache_max_bytes=16 * MIB)
    body = {"perspective_id": perspective, "row_limit": TICKETS}
    statuses = [shop.ask(TOM, body).headers["Cache-Status"] for _ in range(2)]
    assert statuses == ["tickiti-query; fwd=miss"] * 2
    body["row_limit"] = TICKETS // 4
    statuses = [shop.ask(TOM, body).headers["Cache-Status"].partition("; ttl")[0] for _ in range(2)]
    assert statuses == ["tickiti-query; fwd=miss; stored", "tickiti-query; hit"]


def test_rows_that_come_in_parts_are_of_one_snapshot(shop_pair: Pair) -> None:
    statement = Statement("SELECT id, name FROM teams WHERE id > :least ORDER BY id", (("least", 9700),))
    add = "INSERT INTO reporting.teams (id, name) SELECT n, 'Team ' || n FROM generate_series(%s, %s) n"
    shop_pair.primary.execute(add, (9701, 9704))
    replica = Replica(Target(shop_pair.standby.url_for(READER), "reporting", 5000), connections=1)

    def work(transaction: Transaction) -> list[list[Row]]:
        parts = [transaction.open(statement, 2)]
        shop_pair.primary.execute(add, (9705, 9706))
        shop_pair.primary.execute("UPDATE reporting.teams SET name = 'Other' WHERE id > 9700")
        return [*parts, transaction.fetch_more(1), transaction.fetch_more(5), transaction.fetch_more(5)]

    try:
        parts = replica.read(work, deadline_from_now(SECONDS))
        assert [[row[0] for row in part] for part in parts] == [[9701, 9702], [9703], [9704], []]
        assert {row[1] for part in parts for row in part} == {f"Team {number}" for number in range(9701, 9705)}
    finally:
        shop_pair.primary.execute("DELETE FROM reporting.teams WHERE id > 9700")
        replica.close()
