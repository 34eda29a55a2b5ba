"""The questions that the benches under load ask, the same for everybody, and how many ask them at once."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from http.client import HTTPException

from bench.load_world import INDEXED, SCENARIOS, TOKEN
from bench.rivals.targets import LoadError, Reply, Target, ask

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
PAGE = 100
MANY_ROWS = 5000
TRIES = 5
QUESTIONS = 16  # of as many different lengths, around that of a page


@dataclass(frozen=True)
class Case:
    """One target under one load: the same question again and again, or several in turn."""

    perspective_id: int
    target: str
    clients: int
    questions: int = 1

    @property
    def scenario(self) -> str:
        """The list, and what is asked for of it."""
        return SCENARIOS[self.perspective_id] + f"; {self.questions} questions in turn" * (self.questions > 1)

    def write_bodies(self) -> list[str]:
        """The bodies of its questions."""
        first = PAGE - (self.questions - 1) // 2
        return [write_body(self.perspective_id, first + number) for number in range(self.questions)]


def write_body(perspective_id: int, row_limit: int = PAGE) -> str:
    """The request's body."""
    return json.dumps({"perspective_id": perspective_id, "row_limit": row_limit})


def ask_once(target: Target, perspective_id: int, row_limit: int = PAGE) -> Reply:
    """One answer; LoadError where it is none."""
    with contextlib.closing(target.connect()) as connection:
        try:
            reply = ask(connection, HEADERS, write_body(perspective_id, row_limit).encode())
        except (OSError, HTTPException) as fault:
            raise LoadError(f"{target.title} does not answer: {fault}") from fault
    if reply.status != 200:
        raise LoadError(f"{target.title} answered {reply.status}: {reply.body[:200]!r}")
    return reply


def check_hits(target: Target) -> None:
    """LoadError where a question that is asked again and again on one connection is never a hit."""
    question = write_body(INDEXED).encode()
    with contextlib.closing(target.connect()) as connection:
        told = [ask(connection, HEADERS, question).cache_status for _ in range(TRIES)]
    if not any("hit" in each for each in told):
        raise LoadError(f"{target.title} gives no hits: {told[-1]}")
