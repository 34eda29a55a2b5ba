"""The truth: a small world whose two tickets carry a number that only grows, and the right answer to each question.

A writer commits the next number every tenth of a second; an observer reads from the standby itself which number it
shows. An answer must be the oracle's list for one number, no older than what the standby showed before the request
came, and no newer than what had been written when the answer ended.
"""

import contextlib
import re
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import psycopg2

from demo.postgres import PostgresServer
from tests.oracle.evaluator import Answer, evaluate
from tests.oracle.example import ANN, BOB, MINE, ROOT, a_perspective
from tests.oracle.values import World
from tests.support.difference import find_difference
from tests.support.interleavings import make_start, secret_of

NUMBERED = (1, 4)  # the ids of the tickets; one commit gives both the same number
WRITE_SECONDS = 0.1
OBSERVE_SECONDS = 0.02
SLOW = 51  # a perspective that reads a relation whose reading may be made to take time
EDITH = 5  # may not log in
NEXT = "UPDATE reporting.tickets SET subject = %s WHERE id IN %s"
SHOWN = f"SELECT subject FROM reporting.tickets WHERE id = {NUMBERED[0]}"


@dataclass(frozen=True, slots=True)
class Question:
    """A user and a body to ask with; without a user, nobody that may ask."""

    user_id: int | None
    token: str
    body: dict[str, Any] = field(hash=False)


SLOW_QUESTION = Question(ANN, secret_of(ANN), {"perspective_id": SLOW})
QUESTIONS = (
    Question(ANN, secret_of(ANN), {}),
    Question(ANN, secret_of(ANN), {"perspective_id": MINE}),
    Question(BOB, secret_of(BOB), {"search_object": {"criteria": [{"mode": "subject", "tokens": ["number"]}]}}),
    Question(ROOT, f"{ROOT}|{secret_of(ROOT)}", {"row_limit": 6}),
    Question(None, secret_of(EDITH), {}),
    SLOW_QUESTION,
    Question(None, "nobody's", {}),
)
UNAUTHENTICATED = Answer(401, "unauthenticated")


def name_number(number: int) -> str:
    """The subject that a ticket with this number has."""
    return f"number {number}"


def make_numbered(number: int) -> World:
    """The world at a number."""
    world = make_start()
    for ticket in world["tickets"]:
        if ticket["id"] in NUMBERED:
            ticket["subject"] = name_number(number)
    world["perspectives"].append(a_perspective(SLOW, "Slow"))
    world["perspective_conditions"] = [
        {"perspective_id": MINE, "position": 0, "field": "subject", "operator": "contains", "value": "NUMBER"}
    ]
    world["perspective_columns"] = [
        {"perspective_id": MINE, "position": 0, "field": "participants"},
        {"perspective_id": SLOW, "position": 0, "field": "watchlists"},
    ]
    return world


@lru_cache(maxsize=4096)
def expect(question: Question, number: int) -> Answer:
    """Return the oracle's answer to a question at a number."""
    if question.user_id is None:
        return UNAUTHENTICATED
    return evaluate(make_numbered(number), question.user_id, question.body)


def connect_writer(primary: PostgresServer) -> Any:
    """A connection in autocommit whose commits wait for no standby: a fault of it would be a pause of theirs."""
    return primary.connect(options="-c synchronous_commit=local")


class Repeated(threading.Thread):
    """Does its work again and again, on a connection that is opened anew after every fault of the server's."""

    def __init__(self, connect: Callable[[], Any], pause: float) -> None:
        super().__init__(daemon=True)
        self._connect = connect
        self._pause = pause
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(self._pause):
            try:
                with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
                    while not self._ended.wait(self._pause):
                        self.work(cursor)
            except psycopg2.Error:
                self.lose()

    def work(self, cursor: Any) -> None:
        raise NotImplementedError

    def lose(self) -> None:
        """The server has failed."""

    def stop(self) -> None:
        self._ended.set()
        self.join()


class Writer(Repeated):
    """Commits the next number; `begun` has the moment at which each commit began."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__(lambda: connect_writer(primary), WRITE_SECONDS)
        self.begun: list[float] = [time.monotonic()]
        self._may_write = threading.Lock()

    def work(self, cursor: Any) -> None:
        with self._may_write:
            number = len(self.begun)
            self.begun.append(time.monotonic())
            cursor.execute(NEXT, (name_number(number), NUMBERED))

    @contextlib.contextmanager
    def paused(self) -> Any:
        """Nothing is written while the block runs."""
        with self._may_write:
            yield

    def newest(self, moment: float) -> int:
        """The greatest number that may have been committed by this moment."""
        return bisect_right(self.begun, moment) - 1


class Observer(Repeated):
    """Reads the number that a standby shows; a server that was lost may come back at an earlier moment."""

    def __init__(self, standby: PostgresServer) -> None:
        options = "-c statement_timeout=500 -c application_name=observer"
        super().__init__(lambda: standby.connect(options=options), OBSERVE_SECONDS)
        self._ended_at: list[float] = [0.0]
        self._numbers: list[int] = [0]

    def work(self, cursor: Any) -> None:
        cursor.execute(SHOWN)
        self._note(int(cursor.fetchone()[0].split()[1]))

    def lose(self) -> None:
        self._note(0)

    def _note(self, number: int) -> None:
        self._numbers.append(number)
        self._ended_at.append(time.monotonic())

    def oldest(self, moment: float) -> int:
        """The number that the standby had shown by this moment."""
        return self._numbers[bisect_right(self._ended_at, moment) - 1]


class Truth:
    """Says what is wrong with rows that were answered; `observers` watch the standbys that may have answered."""

    def __init__(self, writer: Writer, *observers: Observer) -> None:
        self.writer = writer
        self._observers = observers

    def find_fault(
        self, question: Question, began: float, ended: float, status: int, found: Any, headers: Any
    ) -> str | None:
        """One sentence on what is not true in an answer, or None."""
        numbers = {int(number) for number in re.findall(r"number (\d+)", str(found))}
        if question.user_id is not None and len(numbers) != 1:
            return f"one number, and not {sorted(numbers)}, is true at any moment"
        number = numbers.pop() if numbers else 0
        oldest = min(observer.oldest(began) for observer in self._observers)
        newest = self.writer.newest(ended)
        if question.user_id is not None and not oldest <= number <= newest:
            return f"number {number} is not between {oldest} and {newest}"
        return find_difference(expect(question, number), status, found, headers)
